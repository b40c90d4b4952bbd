from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceseg import RLE
from faceseg.cli import main
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.images import read_labels, write_jpeg, write_png
from faceseg.predict import Predictor

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for name, size in [("a", (60, 80)), ("b", (91, 47))]:
        write_png(folder / f"{name}.png", draw_portrait(rng, size=size)[0])
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_export(exported: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        capsys, "export", exported.checkpoint.parent, "--format", "torchscript", "--out", tmp_path
    )
    assert status == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["face-unet.json", "face-unet.ts"]
    assert "0 of " in out
    assert "checked in TorchScript" in out
    assert "pixels differ from eager" in out
    assert "next: faceseg predict" in out


def test_predict_writes_masks_overlays_and_rle(
    exported: Exports, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(
        capsys, "predict", exported.onnx, photos, "--out", tmp_path, "--save", "mask,overlay,rle"
    )
    assert status == 0
    assert "face-unet.onnx: background, face; on " in out
    assert "chosen automatically" in out
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [
        "mask/a.png", "mask/b.png", "overlay/a.jpg", "overlay/b.jpg", "rle.csv",
    ]  # fmt: skip
    with (tmp_path / "rle.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["image"], r["height"], r["width"]) for r in rows] == [
        ("a.png", "60", "80"), ("b.png", "91", "47"),
    ]  # fmt: skip
    for row, name in zip(rows, "ab", strict=True):
        mask = read_labels(tmp_path / "mask" / f"{name}.png")
        assert set(np.unique(mask)) <= {0, 255}
        decoded = RLE.from_kaggle(row["rle_mask"], mask.shape).decode()
        assert np.array_equal(decoded, mask // 255)


def test_checkpoint_torchscript_and_onnx_agree(
    exported: Exports, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = []
    for model in (exported.checkpoint.parent, exported.torchscript, exported.onnx):
        out = tmp_path / model.name
        assert run(capsys, "predict", model, photos / "*.png", "--out", out)[0] == 0
        masks.append(read_labels(out / "mask" / "b.png"))
    assert np.array_equal(masks[0], masks[1])
    assert np.mean(masks[0] != masks[2]) < 1e-3


def test_onnx_prediction_imports_no_torch(exported: Exports, photos: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from faceseg.cli import main;"
        f"status = main(['predict', {str(exported.onnx)!r}, {str(photos)!r},"
        f" '--out', {str(tmp_path)!r}]);"
        "sys.exit(status or ('torch' in sys.modules or 'cv2' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("size", [(64, 64), (4000, 3000)])
def test_predict_takes_whole_frames_of_any_size(
    exported: Exports, size: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_jpeg(tmp_path / "a.jpg", np.full((*size, 3), 90, np.uint8))
    for switch in ((), ("--frames",), ("--frames", "--levels", "2")):
        out = tmp_path / f"out{len(switch)}"
        status, said, _ = run(
            capsys, "predict", exported.onnx, tmp_path / "a.jpg", "--out", out, *switch
        )
        assert status == 0
        assert ("two passes" in said) == bool(switch)
        assert read_labels(out / "mask" / "a.png").shape == size


@pytest.mark.parametrize(
    ("switch", "message"),
    [
        (("--levels", "2"), "without --frames"),
        (("--frames", "--levels", "0"), "expected 1 or more"),
    ],
)
def test_levels_that_make_no_sense(
    switch: tuple[str, ...],
    message: str,
    exported: Exports,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, _, err = run(capsys, "predict", exported.onnx, photos, "--out", tmp_path, *switch)
    assert status == 2
    assert err.count("\n") == 1
    assert message in err


def test_predict_turns_and_takes_grey_pictures(
    exported: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, _ = draw_portrait(np.random.default_rng(6), size=(60, 80))
    grey = Image.fromarray(picture).convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "in").mkdir()
    grey.save(tmp_path / "in" / "plain.png")
    grey.rotate(90, expand=True).save(tmp_path / "in" / "turned.png", exif=exif)
    grey.convert("RGB").save(tmp_path / "in" / "rgb.png")
    assert run(capsys, "predict", exported.onnx, tmp_path / "in", "--out", tmp_path)[0] == 0
    plain, *others = (
        read_labels(tmp_path / "mask" / f"{name}.png") for name in ("plain", "turned", "rgb")
    )
    assert plain.shape == (60, 80)
    for mask in others:
        assert np.array_equal(mask, plain)


def test_a_file_that_is_no_image_is_named_before_anything_is_written(
    exported: Exports, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "c.png"
    bad.write_text("hello")
    status, _, err = run(capsys, "predict", exported.onnx, photos, bad, "--out", tmp_path / "out")
    assert status == 2
    assert err.count("\n") == 1
    assert f"{bad}: not an image" in err
    assert not (tmp_path / "out").exists()


def test_a_broken_image_keeps_what_is_done(
    exported: Exports, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (photos / "b.png").read_bytes()
    bad = tmp_path / "b.png"
    bad.write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    status, _, err = run(
        capsys, "predict", exported.onnx, photos / "a.png", bad, "--out", out, "--save", "mask,rle"
    )
    assert status == 2
    assert err.count("\n") == 1
    assert f"{bad}: " in err
    assert "1 of 2 pictures are done" in err
    assert (out / "mask" / "a.png").is_file()
    assert len((out / "rle.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.onnx", "{photos}"], "none.onnx: no such file"),
        (["{onnx}", "{photos}/none.png"], "none.png: no such file"),
        (["{onnx}", "{photos}", "--save", "maks"], "--save: unknown 'maks'; did you mean 'mask'"),
        (["{onnx}", "{photos}", "--device", "gpu"], "unknown provider 'gpu'"),
        (["{onnx}", "{photos}/a.png", "{other}/a.png"], "would replace those of"),
    ],
)
def test_predict_errors_are_one_line(
    exported: Exports,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    write_png(tmp_path / "a.png", np.zeros((20, 20, 3), np.uint8))
    known = {"onnx": exported.onnx, "photos": photos, "other": tmp_path}
    given = [argument.format(**known) for argument in arguments]
    status, _, err = run(capsys, "predict", *given, "--out", tmp_path / "out")
    assert status == 2
    assert message in err
    assert err.startswith("faceseg: error: ")
    assert err.count("\n") == 1


def test_benchmark(exported: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, plot = tmp_path / "times.json", tmp_path / "times.svg"
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(exported.onnx.read_bytes())
    status, out, err = run(
        capsys, "benchmark", exported.onnx, copy, "--runtimes", "onnx",
        "--size", "48x32", "--repeats", "2", "--threads", "1", "--json", path, "--plot", plot,
    )  # fmt: skip
    assert (status, err) == (0, "")
    told = out.split("\nwritten: ")
    assert max(map(len, told[0].splitlines())) <= 80
    assert told[1:] == [str(path), f"{plot}\n"]
    assert plot.read_text().startswith("<svg")
    result = json.loads(path.read_text())
    # Two files of one kind are told apart by their names.
    assert [row["name"] for row in result["rows"]] == ["face-unet.onnx", "copy.onnx"]
    assert {row["runtime"] for row in result["rows"]} == {"onnx"}
    assert result["size"] == [48, 32]
    assert result["versions"]["torch"]
    assert Predictor(exported.onnx).contract.weights_sha256 == result["weights_sha256"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{onnx}", "--runtimes", "cuda"], "which does not run on cpu; --device cuda has it"),
        (["{onnx}", "--runtimes", "onnx,tvm"], "runtimes: unknown 'tvm'"),
        (["{onnx}", "--plot", "times.gif"], "times.gif: expected a name that ends in .svg or .png"),
        (["face-unte"], "of a shipped model; did you mean 'face-unet'?"),
        (["nothing.onnx"], "nothing.onnx: no such file"),
    ],
)
def test_benchmark_refuses(
    exported: Exports, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    status, _, err = run(capsys, "benchmark", *(a.format(onnx=exported.onnx) for a in arguments))
    assert status == 2
    assert message in err
    assert err.startswith("faceseg: error: ")
    assert err.count("\n") == 1


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "info")
    assert status == 0
    assert "kernels" in out
    assert "usable with --device: cpu" in out
    assert out.splitlines()[-1] == "next: faceseg demo"


def test_info_in_a_light_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    status, out, _ = run(capsys, "info")
    assert status == 0
    assert "torch: not installed (in a clone of faceseg, pip install '.[train]')" in out
    assert out.splitlines()[-1] == (
        "next: in a clone of faceseg, pip install '.[train,onnx]'; then faceseg demo"
    )


def test_kernels_that_are_not_here_are_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faceseg", "info"],
        capture_output=True,
        text=True,
        env={**os.environ, "FACESEG_KERNELS": "altivec"},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("faceseg: error: FACESEG_KERNELS is 'altivec'; expected ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["export", "predict", "models", "benchmark", "info"])
def test_help_has_examples_and_fits_a_terminal(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    out = capsys.readouterr().out
    assert f"faceseg {command}" in out.partition("example")[2]
    assert max(map(len, out.splitlines())) <= 80


def test_files_of_one_size_and_logits_are_told_whatever_runs_them(
    exported: Exports, tmp_path: Path
) -> None:
    from faceseg.export import export_model
    from faceseg.segment import load_segmenter

    (fixed,) = export_model(exported.checkpoint, ["torchscript"], tmp_path, picture=(64, 64))
    segment = load_segmenter(str(fixed.path), device="cpu").segment
    assert segment(np.zeros((64, 64, 3), np.uint8)).shape == (64, 64)
    with pytest.raises(InputError, match=r"picture of \(72, 64\), this file takes \(64, 64\)"):
        segment(np.zeros((72, 64, 3), np.uint8))
    (bare,) = export_model(exported.checkpoint, ["torchscript"], tmp_path, logits=True)
    with pytest.raises(InputError, match="gives logits and no mask"):
        load_segmenter(str(bare.path), device="cpu")
