"""Outlines against SciPy's distances, MONAI, and by hand."""

from __future__ import annotations

import doctest
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceseg import RLE, boundary

pytest.importorskip("cv2")

Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]
SCORES = (
    boundary.boundary_iou,
    boundary.boundary_f_score,
    boundary.hausdorff_95,
    boundary.average_surface_distance,
)


def surfaces(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the distances of each boundary to the other, from SciPy."""
    ndimage = pytest.importorskip("scipy.ndimage")
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    far = [ndimage.distance_transform_edt(~edge) for edge in edges]
    return [far[1][edges[0]], far[0][edges[1]]]


def expected(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> list[float]:
    """Return the four scores of masks that are not empty."""
    ndimage = pytest.importorskip("scipy.ndimage")
    diagonal = math.sqrt(a.shape[0] ** 2 + a.shape[1] ** 2)
    inwards = max(1, round(0.02 * diagonal))
    rims = []
    for mask in (a, b):
        # The chessboard distance to the background, outside of the picture included.
        far = ndimage.distance_transform_cdt(np.pad(mask, 1), "chessboard")[1:-1, 1:-1]
        rims.append(mask & (far <= inwards))
    there, back = surfaces(a, b)
    near = math.ceil(0.008 * diagonal)
    precision, recall = np.mean(there <= near), np.mean(back <= near)
    both = precision + recall
    return [
        (rims[0] & rims[1]).sum() / (rims[0] | rims[1]).sum(),
        2 * precision * recall / both if both else 0,
        max(np.percentile(there, 95), np.percentile(back, 95)),
        np.concatenate([there, back]).mean(),
    ]


def drawn() -> list[Masks]:
    """Return skin and hair of drawn faces, beside what a careless segmenter makes of them."""
    ndimage = pytest.importorskip("scipy.ndimage")
    from faceseg.draw import draw_portrait

    pairs = []
    for seed, size in enumerate([(256, 256), (200, 300), (64, 48)]):
        _, labels = draw_portrait(np.random.default_rng(seed), size=size)
        for label in (1, 2):
            target = labels == label
            moved = np.roll(target, (seed + 1, -2), axis=(0, 1))
            pairs.append((ndimage.binary_opening(moved, iterations=2), target))
    return [pair for pair in pairs if pair[0].any() and pair[1].any()]


def real(folder: Path) -> list[Masks]:
    """Return the face and the rest of a person of real pictures, next to coarser ones."""
    from faceseg.records import open_source

    source = open_source(folder / "easyportrait" / "val_rle.csv")
    pairs = []
    for record in source.records[:6]:
        target = source.mask(record) > 0
        small = RLE.from_mask(target).resize((target.shape[0] // 16, target.shape[1] // 16))
        pairs.append((small.resize(target.shape).decode() > 0, target))
    return pairs


def compare(pairs: list[Masks]) -> None:
    assert len(pairs) > 3
    for prediction, target in pairs:
        found = [score(prediction, target) for score in SCORES]
        np.testing.assert_allclose(found, expected(prediction, target), rtol=1e-12)
        assert all(type(value) is float for value in found)


def test_drawn_faces() -> None:
    compare(drawn())


def test_real_faces(real_data: Path) -> None:
    compare(real(real_data))


@given(strategies.same_shapes(2, 2), st.data())
@settings(max_examples=40)
def test_any_masks(masks: list[NDArray[np.bool_]], data: st.DataObject) -> None:
    a, b = masks
    given_a = data.draw(strategies.layouts(255 * a.astype(np.uint8)))
    given_b = data.draw(st.sampled_from([b, b.astype(np.int64), RLE.from_mask(b)]))
    found = [score(given_a, given_b) for score in SCORES]
    if a.any() and b.any():
        np.testing.assert_allclose(found, expected(a, b), rtol=1e-12)
        turned = [score(given_b, given_a) for score in SCORES]
        np.testing.assert_allclose(found, turned, rtol=1e-12)
    elif a.any() or b.any():
        assert found == [0, 0, math.inf, math.inf]
    else:
        assert np.isnan(found).all()
        assert [score(a, b, zero_division=0.5) for score in SCORES] == [0.5] * 4


def monai(prediction: NDArray[np.bool_], target: NDArray[np.bool_]) -> list[float]:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        peer = pytest.importorskip("monai.metrics")
        given_ = [torch.from_numpy(mask)[None, None] for mask in (prediction, target)]
        hausdorff = peer.HausdorffDistanceMetric(include_background=True, percentile=95)
        surface = peer.SurfaceDistanceMetric(include_background=True, symmetric=True)
        return [float(metric(*given_)) for metric in (hausdorff, surface)]


@pytest.mark.parametrize("kind", ["drawn", "real"])
def test_monai(kind: str, request: pytest.FixtureRequest) -> None:
    pairs = drawn() if kind == "drawn" else real(request.getfixturevalue("real_data"))
    for prediction, target in pairs:
        found = [score(prediction, target) for score in SCORES[2:]]
        np.testing.assert_allclose(found, monai(prediction, target), rtol=3e-7)


def test_equal_masks() -> None:
    for _, target in drawn():
        assert [score(target, target) for score in SCORES] == [1, 1, 0, 0]


def test_spacing_and_tolerance() -> None:
    mask = np.zeros((60, 80), bool)
    mask[20:40, 20:40] = True
    moved = np.roll(mask, 4, axis=1)
    for score in SCORES[2:]:
        assert score(moved, mask, spacing=0.25) == score(moved, mask) / 4
    assert boundary.hausdorff_95(moved, mask) == 4
    assert boundary.boundary_f_score(moved, mask, tolerance=4) == 1
    assert boundary.boundary_f_score(moved, mask, tolerance=3.9) < 1
    assert boundary.boundary_f_score(np.roll(mask, 39, axis=1), mask, tolerance=1) == 0
    # The whole of a small mask is near its outline, and IoU is that of the masks then.
    assert boundary.boundary_iou(moved, mask, dilation_ratio=0.2) == pytest.approx(16 / 24)


def test_the_edge_of_the_picture_is_an_outline() -> None:
    full = np.ones((9, 9), bool)
    smaller = np.pad(full[1:-1, 1:-1], 1)
    assert boundary.hausdorff_95(full, smaller) == math.sqrt(2)
    assert boundary.boundary_f_score(full, smaller, tolerance=1) == pytest.approx(2 / (1 + 32 / 28))
    dot = np.zeros((9, 9), bool)
    dot[4, 4] = True
    assert boundary.average_surface_distance(dot, dot) == 0
    assert boundary.boundary_f_score(full, dot, tolerance=3.9) == 0


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    for prediction, target in drawn()[:2]:
        tensors = torch.from_numpy(prediction), torch.from_numpy(target).long()
        for score in SCORES:
            assert score(*tensors) == score(prediction, target)


def test_all_of_the_foreground_is_near_its_outline() -> None:
    first, second = np.ones((30, 40), bool), np.eye(30, 40, dtype=bool)
    for ratio in (1, 100, 1e9, math.inf):
        assert boundary.boundary_iou(first, second, dilation_ratio=ratio) == 30 / 1200


def test_malformed_arguments() -> None:
    mask = np.ones((4, 5), bool)
    for score in SCORES:
        with pytest.raises(ValueError, match=r"shape \(4, 5\) and target \(5, 4\)"):
            score(mask, mask.T)
        with pytest.raises(ValueError, match=r"prediction has shape \(1, 4, 5\); expected \(h"):
            score(mask[None], mask[None])
        with pytest.raises(ValueError, match="target has dtype float64; expected bool or integer"):
            score(mask, mask.astype(float))
    bad: list[tuple[Any, str, float]] = [
        (boundary.boundary_iou, "dilation_ratio", 0),
        (boundary.boundary_f_score, "tolerance", -1),
        (boundary.hausdorff_95, "spacing", 0),
        (boundary.average_surface_distance, "spacing", math.inf),
    ]
    for score, name, value in bad:
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            score(mask, mask, **{name: value})


def test_doctests() -> None:
    result = doctest.testmod(boundary, extraglobs={"np": np})
    assert result.attempted > 1
    assert result.failed == 0
