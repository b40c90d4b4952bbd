from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest

from faceseg import predict
from faceseg.contract import ONNX_KEY
from faceseg.errors import InputError
from faceseg.predict import Predictor

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def predictor(exported: Exports) -> Predictor:
    return Predictor(exported.onnx, provider="cpu", threads=1)


def test_a_picture_and_a_batch(predictor: Predictor) -> None:
    images = RNG.integers(0, 256, (3, 50, 71, 3), dtype=np.uint8)
    masks = predictor(images)
    assert masks.shape == (3, 50, 71)
    assert masks.dtype == np.uint8
    assert np.array_equal(predictor(images[1]), masks[1])


def test_probabilities_go_with_the_mask(predictor: Predictor) -> None:
    image = RNG.integers(0, 256, (50, 71, 3), dtype=np.uint8)
    probabilities = predictor.probabilities(image)
    assert probabilities.shape == (2, 50, 71)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-6)
    assert np.array_equal(probabilities[1] > 0.5, predictor(image) == 1)


def test_memory_order_does_not_matter(predictor: Predictor) -> None:
    image = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    assert np.array_equal(predictor(np.asfortranarray(image)), predictor(image))
    flipped = predictor(image[:, ::-1])
    assert np.array_equal(flipped, predictor(image[:, ::-1].copy()))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((1, 1, 8, 8, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(predictor: Predictor, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"images of shape .* expected \(H, W, 3\)"):
        predictor(image)


def test_probabilities_that_are_not_there(exported: Exports, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    text = model.metadata_props[0].value
    start, end = text.index(', {"name": "probabilities"'), text.index('], "network_size"')
    onnx.helper.set_model_props(model, {ONNX_KEY: text[:start] + text[end:]})
    del model.graph.output[1]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(InputError, match="export it with --probabilities"):
        Predictor(tmp_path / "a.onnx").probabilities(np.zeros((8, 8, 3), np.uint8))


def test_files_that_are_no_model(exported: Exports, tmp_path: Path) -> None:
    whole = exported.onnx.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "folder.onnx").mkdir()
    foreign = onnx.load(exported.onnx)
    foreign.ClearField("metadata_props")
    onnx.save(foreign, tmp_path / "foreign.onnx")
    for name, message in [
        ("cut.onnx", "truncated or not an ONNX model"),
        ("text.onnx", "truncated or not an ONNX model"),
        ("empty.onnx", "truncated or not an ONNX model"),
        ("folder.onnx", "no such file"),
        ("none.onnx", "no such file"),
        ("best.pt", "expected an .onnx file; 'faceseg export' makes one"),
        ("foreign.onnx", "no faceseg contract"),
    ]:
        with pytest.raises(InputError, match=message) as caught:
            Predictor(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_auto_tells_what_it_chose(exported: Exports) -> None:
    predictor = Predictor(exported.onnx)
    assert predictor.provider == predictor.providers[0]
    assert predict.works(predictor.provider)


def test_unknown_providers_and_thread_counts(exported: Exports) -> None:
    with pytest.raises(InputError, match="unknown provider 'cdua'; did you mean 'cuda'"):
        Predictor(exported.onnx, provider="cdua")
    with pytest.raises(InputError, match="threads: 0 given"):
        Predictor(exported.onnx, threads=0)


def test_cuda_without_the_gpu_wheel(exported: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(InputError, match="this onnxruntime has no CUDAExecutionProvider"):
        Predictor(exported.onnx, provider="cuda")


class _FallsBack(onnxruntime.InferenceSession):  # type: ignore[misc]
    """What the GPU wheel does where CUDA does not start: nothing is raised, the CPU is used."""

    def __init__(self, model: object, options: object, providers: list[str]) -> None:
        super().__init__(model, options, providers=["CPUExecutionProvider"])


def test_cuda_that_falls_back_is_an_error(
    exported: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    monkeypatch.setattr(onnxruntime, "InferenceSession", _FallsBack)
    assert not predict.works("CUDAExecutionProvider")
    with pytest.raises(InputError, match="CUDAExecutionProvider does not start here"):
        Predictor(exported.onnx, provider="cuda")
    # The probe passes and the model's own session falls back: still no silent CPU.
    monkeypatch.setattr(predict, "works", lambda provider: True)
    for asked in ("cuda", "auto"):
        with pytest.raises(InputError, match="fell back to the CPU"):
            Predictor(exported.onnx, provider=asked)
    monkeypatch.setattr(predict, "works", lambda provider: False)
    assert Predictor(exported.onnx, provider="auto").provider == "CPUExecutionProvider"


def test_imports_neither_torch_nor_pillow_nor_opencv() -> None:
    code = (
        "import sys, faceseg.predict;"
        "print([m for m in ('torch', 'PIL', 'cv2', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
