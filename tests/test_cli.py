"""The command line: help, errors in one line, training and scoring."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import faceseg
from faceseg.cli import build_parser, main
from faceseg.files import write_csv
from faceseg.images import write_png

TINY = [
    "--size", "32", "--width", "4", "--depth", "1", "--epochs", "1", "--workers", "0",
    "--device", "cpu", "--amp", "fp32", "--batch-size", "4",
]  # fmt: skip


def fails(capsys, *words) -> str:
    """Run a command that must fail, and return its one line."""
    try:
        status = main([str(word) for word in words])
    except SystemExit as exit_:
        status = exit_.code
    out, err = capsys.readouterr()
    assert status == 2, out + err
    lines = err.strip().splitlines()
    assert lines[-1].startswith("faceseg: error: ")
    assert "Traceback" not in err
    return lines[-1]


def _commands():
    commands = []

    def walk(parser, words):
        for action in parser._actions:
            if hasattr(action, "choices") and isinstance(action.choices, dict):
                for name, child in action.choices.items():
                    commands.append([*words, name])
                    walk(child, [*words, name])

    walk(build_parser(), [])
    return commands


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_help_has_examples_and_fits_80_columns(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_version_and_unknown_command(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"faceseg {faceseg.__version__}\n"
    assert "did you mean 'train'?" in fails(capsys, "trian")
    assert "--epochz" in fails(capsys, "train", "x", "--out", "y", "--epochz", "3")
    told = fails(capsys, "video", "clip.mp4", "--out", "seen.mp4", "mask-unet")
    assert "mask-unet; files and names stand together, before the options" in told


def test_train_then_eval(ellipses, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", str(ellipses), "--out", str(run), *TINY]) == 0
    out, err = capsys.readouterr()
    assert f"next: faceseg export {run}" in out
    assert "15 % of the groups are kept for validation" in err
    plan = json.loads((run / "run.json").read_text())
    assert plan["config"]["width"] == 4
    assert plan["data"] == str(ellipses)

    # A run is not trained over, and a finished one only scores again.
    assert "holds a run" in fails(capsys, "train", ellipses, "--out", run, *TINY)
    assert main(["train", "--resume", str(run)]) == 0
    assert "give it alone" in fails(capsys, "train", "--resume", run, "--epochs", "9")

    capsys.readouterr()
    scores = tmp_path / "scores"
    assert main(["eval", str(ellipses), str(run), "otsu", "--out", str(scores)]) == 0
    table = capsys.readouterr().out
    assert "otsu" in table
    rows = [line for line in table.splitlines() if not line.startswith(("next", "tables"))]
    assert max(map(len, rows)) <= 80
    assert main(["eval", str(ellipses), "otsu", "--frames"]) == 0
    assert ", whole frames in two passes\n" in capsys.readouterr().out
    rows = (scores / "scores.csv").read_text().splitlines()
    assert rows[0] == "model,iou,dice,pixel_accuracy,mean_image_iou,images"
    assert len(rows) == 3


def test_folds_and_print_config(ellipses, tmp_path, capsys):
    run = tmp_path / "folds"
    assert main(["train", str(ellipses), "--out", str(run), "--folds", "2", *TINY]) == 0
    out = capsys.readouterr().out
    assert "deviation" in out
    assert (run / "fold2" / "best.pt").exists()
    assert main(["train", "--resume", str(run)]) == 0
    capsys.readouterr()
    assert main(["train", "--print-config", "--model", "deeplabv3"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "deeplabv3"


def table(tmp_path, *rows, header=("image", "rle_mask", "height", "width")):
    write_png(tmp_path / "images" / "a.png", _black(4, 3))
    write_csv(tmp_path / "t.csv", header, rows)
    return tmp_path / "t.csv"


def _black(height, width):
    import numpy as np

    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3", "odd"),
        ("1 -2", "is -2"),
        ("0 2", "starts at 0"),
        ("1 4 2 3", "starts at 2"),
        ("10 9", "12"),
    ],
)
def test_bad_run_lengths_name_file_and_row(tmp_path, capsys, text, message):
    path = table(tmp_path, ["a", text, 4, 3])
    line = fails(capsys, "train", path, "--out", tmp_path / "run", *TINY)
    assert f"{path} row 2" in line
    assert message in line
    assert not (tmp_path / "run").exists()


def test_bad_sets_are_refused_before_anything_is_written(tmp_path, capsys, ellipses):
    run = tmp_path / "run"
    assert "nowhere" in fails(capsys, "train", tmp_path / "nowhere", "--out", run)
    path = table(tmp_path, ["a", "1 2", 4, 3], header=("image", "runs", "height", "width"))
    assert "rle_mask" in fails(capsys, "train", path, "--out", run)
    path = table(tmp_path)
    fails(capsys, "train", path, "--out", run)
    path = table(tmp_path, ["a", "1 2", 5, 3])
    assert "5x3" in fails(capsys, "eval", path, "otsu")
    assert "did you mean 'unet'?" in fails(
        capsys, "train", ellipses, "--out", run, "--model", "unett"
    )
    assert "neither a run folder" in fails(capsys, "eval", ellipses, "missing")
    assert "no run.json" in fails(capsys, "train", "--resume", tmp_path)
    assert "folds: 1 given" in fails(capsys, "train", ellipses, "--out", run, "--folds", "1")
    assert "expected numbers such as" in fails(
        capsys, "train", ellipses, "--out", run, "--classes", "a"
    )
    assert not run.exists()


def test_a_truncated_jpeg_is_named(tmp_path, capsys):
    import numpy as np

    from faceseg.images import write_jpeg

    photo = tmp_path / "images" / "a.jpg"
    write_jpeg(photo, np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    photo.write_bytes(photo.read_bytes()[:-600])
    write_csv(tmp_path / "t.csv", ["image", "rle_mask", "height", "width"], [["a", "1 2", 64, 64]])
    assert "a.jpg" in fails(capsys, "eval", tmp_path / "t.csv", "otsu")


def test_a_missing_package_names_its_extra(ellipses):
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from faceseg.cli import main\n"
        f"sys.exit(main(['train', {str(ellipses)!r}, '--out', 'run']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "faceseg: error: this command needs torch: in a clone of faceseg, pip install '.[train]'"
    )


@pytest.mark.parametrize(
    ("absent", "extras"),
    [
        (("torch", "onnxruntime"), "train,onnx"),
        (("torch",), "train"),
        (("onnxruntime",), "onnx"),
        (("tqdm",), "train,onnx"),
    ],
)
def test_the_demo_names_all_that_is_missing(absent, extras, tmp_path):
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r}))\n"
        "from faceseg.cli import main\n"
        "sys.exit(main(['demo', '--out', 'demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.strip().endswith(f"in a clone of faceseg, pip install '.[{extras}]'")
    assert list(tmp_path.iterdir()) == []


def test_resume_takes_no_other_flag(ellipses, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", str(ellipses), "--out", str(run), *TINY]) == 0
    for extra in (["--folds", "3"], ["--task", "mask"], ["--val", "x"], ["--init", "x"]):
        assert "give it alone" in fails(capsys, "train", "--resume", run, *extra)
    plan = json.loads((run / "run.json").read_text())
    for text, message in (
        ("{}", "without config, data"),
        ("null", "expected an object of settings"),
        (json.dumps({**plan, "config": None}), "config is None, expected an object"),
        (json.dumps({**plan, "config": {"size": None}}), "expected height and width"),
    ):
        (run / "run.json").write_text(text)
        assert message in fails(capsys, "train", "--resume", run)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--weights", "coco"], "--weights is a setting of deeplabv3, but the model is unet"),
        (["--model", "deeplabv3", "--width", "8"], "--width is a setting of unet"),
        (["--folds", "2", "--val", "x"], "give it without --val"),
        (["--folds", "99"], "99"),
        (["--lr", "nan"], "lr: nan given, expected a finite number"),
        (["--depth", "9", "--size", "32"], "depth: 9 halvings leave nothing"),
        (["--batch-size", "1", "--size", "16"], "batches of 2 or more"),
        (["--device", "cpu", "--amp", "fp16"], "fp16 asked for on the CPU"),
        (["--device", "tpu"], "expected auto, cpu, cuda"),
        (["--model", "deeplabv3", "--weights", "nowhere.pth"], "no such file"),
        (["--init", "nowhere.pt"], "no such checkpoint"),
    ],
)
def test_settings_that_cannot_work_leave_nothing_behind(ellipses, tmp_path, capsys, extra, message):
    run = tmp_path / "run"
    small = [] if "--size" in extra else ["--size", "32"]
    line = fails(capsys, "train", ellipses, "--out", run, "--workers", "0", *small, *extra)
    assert message in line
    assert not run.exists()


def test_a_run_resumes_from_any_folder(ellipses, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ellipses.parent)
    assert main(["train", ellipses.name, "--out", str(tmp_path / "run"), *TINY]) == 0
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--resume", "run"]) == 0


def test_other_bad_input_is_one_line(ellipses, tmp_path, capsys):
    assert "seed is -1" in fails(capsys, "data", "draw", "--out", tmp_path / "d", "--seed", "-1")
    assert "no such file" in fails(capsys, "eval", ellipses, "nowhere.pt")
    assert "did you mean 'grabcut'?" in fails(capsys, "eval", ellipses, "graabcut")
    assert "run on the CPU, cuda asked for" in fails(
        capsys, "predict", "otsu", ellipses.parent / "images", "--out", "x", "--device", "cuda"
    )
    (tmp_path / "file").write_text("")
    line = fails(capsys, "eval", ellipses, "otsu", "--out", tmp_path / "file" / "x")
    assert "file/x: not a directory" in line
    semicolons = tmp_path / "t.csv"
    semicolons.write_text("image;rle_mask\na;1 2\n")
    assert "semicolons" in fails(capsys, "eval", semicolons, "otsu")
    semicolons.write_text("image,rle,rle_mask\na,1 2,1 2\n")
    assert "name one by --rle-column" in fails(capsys, "eval", semicolons, "otsu")
    semicolons.write_text("image,rle_mask\n")
    assert main(["data", "check", str(semicolons)]) == 1
