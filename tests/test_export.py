from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from faceseg.checkpoint import load_pipeline, save
from faceseg.config import Config
from faceseg.contract import CONFIG_KEY, ONNX_KEY, Contract
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.export import FORMATS, Format, export_model
from faceseg.export.torchscript import load_torchscript
from faceseg.export.verify import SHAPES, verify
from faceseg.images import write_png
from faceseg.models import build
from faceseg.models.pipeline import Pipeline
from faceseg.predict import Predictor

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

HOST = Path(__file__).parents[1] / "export" / "hosts" / "python" / "segment.py"


def test_files_are_named_verified_and_carry_one_contract(exported: Exports) -> None:
    assert exported.onnx.name == "face-unet.onnx"
    assert exported.torchscript.name == "face-unet.ts"
    _, from_torchscript = load_torchscript(exported.torchscript)
    contract = Predictor(exported.onnx, provider="cpu").contract
    assert contract == from_torchscript
    assert contract.classes == ("background", "face")
    assert contract.size == (64, 64)
    assert contract.terms == "drawn data"
    assert contract.probabilities


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 37, 91), (2, 200, 113), (1, 1, 1), (1, 5, 300)])
def test_every_size_and_batch_agrees_with_eager(
    exported: Exports, shape: tuple[int, int, int]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pipeline, _ = load_pipeline(exported.checkpoint, probabilities=True)
    with torch.inference_mode():
        mask, probabilities = (t.numpy() for t in pipeline(torch.from_numpy(images)))
    decided = abs(probabilities[:, 1] - 0.5) > 1e-3
    for form in FORMATS.values():
        outputs = form.open(exported.onnx.with_suffix(form.suffix))(images)
        assert np.array_equal(outputs[0][decided], mask[decided])
        np.testing.assert_allclose(outputs[1], probabilities, atol=1e-4)


def test_onnx_is_readable_by_old_runtimes_and_names_no_path(exported: Exports) -> None:
    model = onnx.load(exported.onnx)
    assert model.ir_version == 8
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert [p.key for p in model.metadata_props] == [ONNX_KEY, CONFIG_KEY]
    shape = model.graph.input[0].type.tensor_type.shape
    assert [d.dim_param or d.dim_value for d in shape.dim] == ["batch", "height", "width", 3]
    data = exported.onnx.read_bytes()
    for trace in (b"site-packages", b".py", os.fsencode(Path.cwd()), b"stack_trace"):
        assert trace not in data


def test_torchscript_names_no_path(exported: Exports) -> None:
    with zipfile.ZipFile(exported.torchscript) as archive:
        for name in archive.namelist():
            assert b"site-packages" not in archive.read(name)
            assert os.fsencode(Path.cwd()) not in archive.read(name)


def test_onnx_is_the_same_file_each_time(exported: Exports, tmp_path: Path) -> None:
    (again,) = export_model(
        exported.checkpoint, ["onnx"], tmp_path, probabilities=True, terms="drawn data"
    )
    assert again.path.read_bytes() == exported.onnx.read_bytes()
    assert again.verification.differing == 0
    assert again.verification.pixels > 100_000
    assert again.verification.classes == 2


def test_more_classes(tmp_path: Path) -> None:
    config = Config(width=4, depth=2, size=(64, 64), norm="group", attention=True)
    classes = ("background", "person", "skin", "brow", "eye")
    torch.manual_seed(0)
    weights = build(config, len(classes)).state_dict()
    save(tmp_path / "best.pt", config=config, task="parse", classes=classes, weights=weights)
    (written,) = export_model(tmp_path, ["onnx"], tmp_path)
    image = draw_portrait(np.random.default_rng(1), size=(90, 70))[0]
    mask = Predictor(written.path, provider="cpu")(image)
    assert mask.shape == (90, 70)
    assert mask.max() < len(classes)
    assert written.path.name == "parse-unet.onnx"


def test_unknown_format(exported: Exports, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'onx'; did you mean 'onnx'"):
        export_model(exported.checkpoint, ["onx"], tmp_path)


class _NotAntialiased(Pipeline):
    """The mistake that exports are made with: a resize of another rule."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.interpolate(self.normalise(images), size=self.size, mode="nearest")
        logits = F.interpolate(self.network(x), size=images.shape[1:3], mode="nearest")
        return logits.argmax(1).to(torch.uint8)


def test_a_file_that_disagrees_is_not_left_behind(
    exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = FORMATS["torchscript"].write

    def wrong(pipeline: Pipeline, contract: Contract, path: Path) -> None:
        write(_NotAntialiased(pipeline.network, pipeline.size), contract, path)

    form = Format(".ts", wrong, FORMATS["torchscript"].open)
    monkeypatch.setitem(FORMATS, "torchscript", form)
    with pytest.raises(InputError, match=r"not written: .* pixels differ from eager"):
        export_model(exported.checkpoint, ["torchscript"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_verify_names_wrong_forms(exported: Exports) -> None:
    pipeline, _ = load_pipeline(exported.checkpoint, probabilities=True)
    contract = replace(Predictor(exported.onnx, provider="cpu").contract, probabilities=False)

    def check(outputs: tuple[NDArray[np.generic], ...]) -> None:
        verify(pipeline, lambda images: outputs, contract, "a.onnx")

    mask = np.zeros(SHAPES[0], np.uint8)
    with pytest.raises(InputError, match=r"a\.onnx: not written: 2 outputs, not 1"):
        check((mask, mask))
    with pytest.raises(InputError, match=r"mask is int64 .* expected uint8"):
        check((mask.astype(np.int64),))
    with pytest.raises(InputError, match=r"mask is uint8 \(2, 2\), expected"):
        check((mask[0, :2, :2],))


def test_verify_refuses_nan(exported: Exports) -> None:
    pipeline, _ = load_pipeline(exported.checkpoint, probabilities=True)
    contract = Predictor(exported.onnx, provider="cpu").contract

    def broken(images: NDArray[np.uint8]) -> tuple[NDArray[np.generic], ...]:
        with torch.inference_mode():
            mask, probabilities = (t.numpy() for t in pipeline(torch.from_numpy(images)))
        return mask, probabilities * np.float32(np.nan)

    with pytest.raises(InputError, match="probabilities by at most nan"):
        verify(pipeline, broken, contract, "a.onnx")


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_a_broken_torchscript_file_is_named(
    exported: Exports, tmp_path: Path, content: bytes | None
) -> None:
    whole = exported.torchscript.read_bytes()
    path = tmp_path / "a.ts"
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(InputError, match=r"a\.ts: truncated or not a TorchScript file"):
        load_torchscript(path)
    with pytest.raises(InputError, match="no such file"):
        load_torchscript(tmp_path / "b.ts")


def test_a_foreign_torchscript_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    with pytest.warns(FutureWarning):
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(path))
    with pytest.raises(InputError, match="no faceseg contract"):
        load_torchscript(path)


def test_the_python_host_gives_the_same_mask(exported: Exports, tmp_path: Path) -> None:
    image = draw_portrait(np.random.default_rng(3), size=(120, 87))[0]
    write_png(tmp_path / "photo.png", image)
    command = [sys.executable, str(HOST), str(exported.onnx), "photo.png", "mask.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    assert np.array_equal(mask, 255 * Predictor(exported.onnx, provider="cpu")(image))
    assert done.stdout.split()[0] == "background"
    text = HOST.read_text()
    assert "import faceseg" not in text
    assert "from faceseg" not in text


def test_the_weights_are_named(exported: Exports) -> None:
    _, checkpoint = load_pipeline(exported.checkpoint)
    contract = Predictor(exported.onnx, provider="cpu").contract
    assert contract.weights_sha256 == checkpoint.sha256
