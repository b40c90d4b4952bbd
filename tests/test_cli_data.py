from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from faceseg.cli import main
from faceseg.images import write_jpeg, write_png


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    assert main(["data", "draw", "--out", str(tmp_path / "p"), "--n", "6", "--size", "64"]) == 0
    return tmp_path / "p"


def test_draw_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for task in ("face", "mask"):
        out = tmp_path / task
        draw = ["data", "draw", "--out", str(out), "--n", "5", "--size", "64", "--task", task]
        assert main(draw) == 0
        assert f"next: faceseg data check {out}" in capsys.readouterr().out
        assert main(["data", "check", str(out)]) == 0
        assert f"faceseg train {out} --task {task} --out runs/{task}" in capsys.readouterr().out
        assert main(["data", "check", *sorted(map(str, out.glob("*_rle.csv")))]) == 0
        assert "no defects; pairs: " in capsys.readouterr().out


def test_check_lists_defects_in_80_columns(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = next((portraits / "images" / "train").iterdir())
    image.write_bytes(image.read_bytes()[:700])
    label = next((portraits / "annotations" / "val").iterdir())
    write_png(label, np.full((64, 64), 37, np.uint8))
    with (portraits / "train_rle.csv").open("a") as stream:
        stream.write("nobody,1 2,64,64\n")
    capsys.readouterr()
    assert main(["data", "check", str(portraits), "--json", str(tmp_path / "d.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert lines[0].split() == ["file", "row", "problem"]
    assert any(image.name in line and "broken image" in line for line in lines)
    assert any(label.name in line and "label value 37" in line for line in lines)
    assert "2 defects in 2 files" in lines[-2]
    assert lines[-1].startswith("next: ")
    written = json.loads((tmp_path / "d.json").read_text())
    assert sum(written["pairs"].values()) == 6
    assert {Path(defect["file"]) for defect in written["defects"]} == {image, label}

    assert main(["data", "check", str(portraits / "train_rle.csv")]) == 1
    listed = capsys.readouterr().out
    assert "broken image" in listed
    assert "no image 'nobody'" in listed


def test_check_of_two_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jpeg(tmp_path / "a" / "x.jpg", np.zeros((8, 8, 3), np.uint8))
    write_png(tmp_path / "b" / "x.png", np.full((8, 8), 255, np.uint8))
    folders = ["--images", str(tmp_path / "a"), "--masks", str(tmp_path / "b")]
    assert main(["data", "check", str(tmp_path), *folders]) == 0
    assert "1 in train" in capsys.readouterr().out


def test_convert_there_and_back(portraits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, root = portraits / "train_rle.csv", portraits.parent
    rows = ["--order", "C", "--base", "0"]
    out_rows = ["--out-order", "C", "--out-base", "0"]
    steps = [
        [str(table), str(root / "m.json"), "--to", "coco"],
        [str(root / "m.json"), str(root / "m"), "--to", "png"],
        [str(root / "m"), str(root / "c.csv"), "--to", "kaggle", *out_rows],
        [str(root / "c.csv"), str(root / "back.csv"), "--to", "kaggle", *rows],
    ]
    for step in steps:
        assert main(["data", "convert", *step]) == 0
        assert "next: faceseg data " in capsys.readouterr().out
    assert sorted((root / "back.csv").read_text().split("\n")) == sorted(
        table.read_text().replace("\r", "").split("\n")
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "{}/none"], "none: no such file or folder"),
        (["check", "{}"], "none of the layouts known"),
        (["check", "{}/t.csv"], "no column for the run lengths"),
        (["check"], "the following arguments are required: DATA"),
        (["chek", "{}"], "did you mean 'check'"),
        (["convert", "{}/t.csv", "{}/o", "--to", "png"], "no column for the run lengths"),
        (["convert", "{}/t.csv", "{}/o", "--to", "pgn"], "did you mean 'png'"),
        (["convert", "{}/t.csv", "{}/o", "--to", "coco", "--out-base", "0"], "but OUT is coco"),
        (["convert", "{}/m", "{}/o", "--to", "coco", "--order", "C"], "but IN is png"),
        (["convert", "{}/m", "{}/o", "--to", "coco", "--classes", "a"], "expected numbers"),
        (["draw", "--out", "{}/m", "--n", "3"], "m"),
        (["draw", "--out", "{}/o", "--n", "0"], "0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (tmp_path / "t.csv").write_text("image,what\na,1 2\n")
    write_png(tmp_path / "m" / "a.png", np.zeros((4, 4), np.uint8))
    try:
        status = main(["data", *(argument.format(tmp_path) for argument in arguments)])
    except SystemExit as stop:
        status = int(stop.code or 0)
    lines = [line for line in capsys.readouterr().err.splitlines() if "faceseg: error" in line]
    assert status == 2
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("command", [[], ["draw"], ["check"], ["convert"]])
def test_help_has_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["data", *command, "--help"])
    assert "examples:\n  faceseg data " in capsys.readouterr().out
