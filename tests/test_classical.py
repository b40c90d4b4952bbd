"""Classical methods find what is easy to find, always the same, in pictures of any size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceseg.classical import METHODS, Method, choose
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.evaluate import evaluate
from faceseg.records import open_source

SKIN, DARK, CLOTH = (205, 150, 125), (20, 50, 25), (60, 90, 170)
SIZES = [(8, 8), (1, 1), (1, 300), (300, 1), (31, 47), (333, 200)]
EVERY = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def _ellipse(height: int, width: int, centre: tuple[float, float], radii: tuple[float, float]):
    y, x = (np.mgrid[:height, :width] + 0.5) / np.reshape((height, width), (2, 1, 1))
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1


def _easy(task: str, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a face on a dark wall, or its mask, each of one colour with a little noise."""
    radii = (0.32, 0.42) if task == "mask" else (0.24, 0.34)
    face = _ellipse(height, width, (0.47, 0.53), radii)
    image = np.where(face[..., None], SKIN, DARK)
    truth = face
    if task == "mask":
        truth = face & (np.arange(height)[:, None] > 0.58 * height)
        image = np.where(truth[..., None], CLOTH, image)
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), truth


def _iou(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize("shape", [(256, 256), (301, 223), (64, 64), (700, 640)])
@EVERY
def test_finds_an_easy_subject(method: Method, shape: tuple[int, int]):
    image, truth = _easy(method.tasks[0], *shape)
    floor = {"ellipse": 0.75, "mask-ellipse": 0.3}
    assert _iou(method(image) > 0, truth) > floor.get(method.name, 0.9)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("value", [0, 128, 255, None])
@EVERY
def test_any_size_flat_or_noise(method: Method, shape: tuple[int, int], value: int | None):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    if value is not None:
        image[:] = value
    before = image.copy()
    mask = method(image)
    assert mask.shape == shape
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 1}
    np.testing.assert_array_equal(image, before)


@EVERY
def test_same_picture_same_mask(method: Method):
    image, _ = draw_portrait(np.random.default_rng(5), task=method.tasks[0], size=(160, 130))
    first = method(image)
    method(image[::-1].copy())  # leaves OpenCV's random numbers elsewhere
    np.testing.assert_array_equal(method(image), first)


@EVERY
def test_takes_views(method: Method):
    image, _ = draw_portrait(np.random.default_rng(6), task=method.tasks[0], size=(120, 100))
    wide = np.zeros((120, 200, 3), np.uint8)
    wide[:, ::2] = image
    np.testing.assert_array_equal(method(wide[:, ::2]), method(image))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_refuses_what_is_no_picture(image: np.ndarray):
    with pytest.raises(ValueError, match="expected \\(H, W, 3\\) uint8"):
        METHODS["otsu"](image)


def test_choose():
    assert [method.name for method in choose("face")] == [
        "ellipse", "threshold", "otsu", "skin-ycrcb", "skin-hsv", "canny", "kmeans", "grabcut",
    ]  # fmt: skip
    assert [method.name for method in choose("mask")] == [
        "mask-ellipse", "mask-colour", "mask-canny", "mask-kmeans", "mask-grabcut",
    ]  # fmt: skip
    assert {method.name for task in ("face", "mask") for method in choose(task)} == set(METHODS)
    with pytest.raises(InputError, match="task 'parse' has no classical methods"):
        choose("parse")


def test_grabcut_on_real_faces(real_data):
    source = open_source(real_data / "easyportrait" / "val_rle.csv")
    few = replace(source, records=source.records[:20])
    floor, grabcut = (evaluate(METHODS[name], few).scores["iou"] for name in ("ellipse", "grabcut"))
    assert grabcut > max(floor, 0.8)
