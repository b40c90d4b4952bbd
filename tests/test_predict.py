from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest

import faceseg
from faceseg import images, predict, providers
from faceseg.contract import ONNX_KEY
from faceseg.errors import InputError
from faceseg.predict import Prediction, Predictor
from faceseg.rle import RLE

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


def _pictures(count: int, *, sizes: int = 1) -> list[np.ndarray]:
    shapes = [(40 + 8 * (i % sizes), 50, 3) for i in range(count)]
    return [RNG.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]


def test_a_picture_however_it_comes(predictor: Predictor, tmp_path: Path) -> None:
    (image,) = _pictures(1)
    path = tmp_path / "picture.png"
    images.write_png(path, image)
    expected = predictor(image)
    with path.open("rb") as stream:
        for given in (image, path, str(path), path.read_bytes(), bytearray(path.read_bytes()),
                      io.BytesIO(path.read_bytes()), stream):  # fmt: skip
            found = predictor.predict(given)
            assert isinstance(found, Prediction)
            assert np.array_equal(found.mask, expected)
    assert found.classes == ("background", "face")
    assert found.probabilities is not None
    np.testing.assert_array_equal(found.probabilities, predictor.probabilities(image))


def test_run_lengths_with_and_without_a_threshold(predictor: Predictor) -> None:
    found = predictor.predict(_pictures(1)[0])
    assert 0 < found.mask.mean() < 1
    assert found.rle() == RLE.from_mask(found.mask)
    assert found.rle(order="C") == RLE.from_mask(found.mask, order="C")
    assert found.rles() == {"face": found.rle()}
    for threshold in (0.3, 0.5, 0.8):
        assert found.rle(threshold=threshold) == RLE.from_mask(found.probability > threshold)
    assert Prediction(found.classes, found.mask, None).rle() == found.rle()
    with pytest.raises(InputError, match="export it with --probabilities"):
        Prediction(found.classes, found.mask, None).rle(threshold=0.5)


def test_several_classes() -> None:
    mask = np.array([[0, 1, 2], [2, 2, 0]], np.uint8)
    probabilities = np.stack([mask == c for c in range(4)]).astype(np.float32)
    found = Prediction(("background", "skin", "hair", "lips"), mask, probabilities)
    assert np.array_equal(found.probability, mask > 0)
    assert found.rle() == found.rle(threshold=0.5) == RLE.from_mask(mask > 0)
    assert {name: rle.area for name, rle in found.rles().items()} == {
        "skin": 1, "hair": 3, "lips": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("batch", "workers"), [(1, 0), (1, 2), (4, 1), (100, 3)])
def test_a_list_keeps_its_order(predictor: Predictor, batch: int, workers: int) -> None:
    given = _pictures(11, sizes=3)
    found = predictor.predict(given, batch=batch, workers=workers)
    assert len(found) == len(given)
    for image, prediction in zip(given, found, strict=True):
        assert np.array_equal(prediction.mask, predictor(image))
    assert predictor.predict([]) == []


def test_pictures_of_one_size_go_together(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, batches = predictor._run, []

    def counted(batch: np.ndarray, outputs: list[str]) -> list[np.ndarray]:
        batches.append(batch.shape[:2])
        return run(batch, outputs)

    monkeypatch.setattr(predictor, "_run", counted)
    predictor.predict(_pictures(8, sizes=2), batch=6)
    assert batches == [(3, 40), (3, 48), (1, 40), (1, 48)]


def test_a_broken_picture_is_told_in_its_turn(predictor: Predictor) -> None:
    image, other = _pictures(2)
    stream = predictor.stream([image, other, b"no picture", image])
    assert np.array_equal(next(stream).mask, predictor(image))
    assert np.array_equal(next(stream).mask, predictor(other))
    with pytest.raises(InputError, match=r"^pictures\[2\]: bytes: not an image in any known"):
        next(stream)
    with pytest.raises(InputError, match="batch 0, workers 2; expected"):
        predictor.stream([image], batch=0)
    with pytest.raises(InputError, match="batch 1, workers -1; expected"):
        predictor.predict([image], workers=-1)


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc/self/statm here")
def test_memory_stays_flat_over_a_stream(predictor: Predictor) -> None:
    taken = 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal taken
        for taken in range(1, 401):
            yield np.full((200, 200, 3), taken % 256, np.uint8)

    start = 0
    for done, found in enumerate(predictor.stream(frames(), workers=2)):
        assert taken - done <= 5
        assert found.mask.shape == (200, 200)
        start = _resident() if done == 100 else start
    assert done == 399
    # The 300 frames since are 36 MB, their results 108 MB.
    assert _resident() - start < 20e6


def test_threads_share_a_predictor(predictor: Predictor) -> None:
    given = _pictures(4, sizes=4)
    expected = [predictor(image) for image in given]
    wrong = []

    def work(first: int) -> None:
        for turn in range(first, first + 20):
            if not np.array_equal(predictor(given[turn % 4]), expected[turn % 4]):
                wrong.append(turn)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_file_for_one_size(exported: Exports, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    for axis, size in enumerate((1, 48, 40)):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = size
    onnx.save(model, tmp_path / "fixed.onnx")
    predictor = Predictor(tmp_path / "fixed.onnx", threads=1)
    image = np.zeros((48, 40, 3), np.uint8)
    assert predictor(image).shape == (48, 40)
    for other in (image[:40], np.stack([image, image])):
        with pytest.raises(InputError, match=r"this file takes \(1, 48, 40, 3\) alone; resize"):
            predictor(other)


def test_probabilities_that_are_not_there(exported: Exports, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    contract = json.loads(model.metadata_props[0].value)
    del contract["outputs"][1]
    onnx.helper.set_model_props(model, {ONNX_KEY: json.dumps(contract)})
    del model.graph.output[1]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(InputError, match="export it with --probabilities"):
        Predictor(tmp_path / "a.onnx").probabilities(np.zeros((8, 8, 3), np.uint8))


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

    def __init__(
        self, model: object, options: object, providers: list[str], provider_options: object = None
    ) -> None:
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
    monkeypatch.setattr(providers, "works", lambda provider: True)
    for asked in ("cuda", "auto"):
        with pytest.raises(InputError, match="did not start, ONNX Runtime fell back to CPUExec"):
            Predictor(exported.onnx, provider=asked)
    monkeypatch.setattr(providers, "works", lambda provider: False)
    assert Predictor(exported.onnx, provider="auto").provider == "CPUExecutionProvider"


def test_the_package_gives_the_predictor() -> None:
    assert faceseg.Predictor is Predictor


def test_imports_neither_torch_nor_pillow_nor_opencv() -> None:
    code = (
        "import sys, faceseg.predict;"
        "print([m for m in ('torch', 'PIL', 'cv2', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
