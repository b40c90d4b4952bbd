"""Whole frames, with segmenters whose network is a reduction to a few pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceseg.frames import whole_frames
from faceseg.metrics import confusion_matrix, iou

Image = NDArray[np.uint8]


class Coarse:
    """Finds what is red, at 64 x 64, and counts what it is asked."""

    def __init__(self, *, probabilities: bool = False) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.probabilities = probabilities

    def __call__(self, image: Image) -> NDArray[Any]:
        height, width = image.shape[:2]
        self.sizes.append((height, width))
        small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
        red = (small[..., 0] - small[..., 1]) / 255
        share = cv2.resize(red, (width, height), interpolation=cv2.INTER_LINEAR)
        if self.probabilities:
            return np.stack((1 - share, share))
        return (share > 0.5).astype(np.uint8)


def frame(height: int, width: int, *discs: tuple[int, int, int]) -> tuple[Image, Image]:
    """Return a black picture with red discs (x, y, radius) and its true mask."""
    truth = np.zeros((height, width), np.uint8)
    for x, y, radius in discs:
        cv2.circle(truth, (x, y), radius, 1, -1)
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = 255 * truth
    return image, truth


def score(mask: Image, truth: Image) -> float:
    return float(iou(confusion_matrix(mask, truth))[1])


@pytest.mark.parametrize("probabilities", [False, True])
def test_a_small_face_gets_a_fine_outline(probabilities: bool) -> None:
    image, truth = frame(1080, 1440, (1200, 300, 40))
    coarse = Coarse(probabilities=probabilities)
    mask = whole_frames(coarse)(image)
    assert mask.dtype == np.uint8
    assert len(coarse.sizes) == 2
    assert score(mask, truth) > 0.97 > 0.93 > score(Coarse()(image), truth)  # type: ignore[arg-type]


def test_several_faces_each_in_a_window() -> None:
    image, truth = frame(1080, 1440, (200, 200, 60), (900, 700, 150), (1370, 1000, 40))
    coarse = Coarse()
    assert score(whole_frames(coarse)(image), truth) > 0.97
    assert len(coarse.sizes) == 4


def test_neighbours_share_a_window() -> None:
    image, truth = frame(1080, 1440, (900, 500, 60), (1030, 500, 60))
    coarse = Coarse()
    assert score(whole_frames(coarse)(image), truth) > 0.95
    assert len(coarse.sizes) <= 3


def test_windows_that_overlap_keep_both_faces() -> None:
    image, truth = frame(1080, 1440, (600, 500, 100), (840, 500, 100))
    coarse = Coarse()
    assert score(whole_frames(coarse)(image), truth) > 0.97
    assert len(coarse.sizes) == 3


def test_nothing_found_is_an_empty_mask() -> None:
    coarse = Coarse()
    mask = whole_frames(coarse)(np.zeros((480, 640, 3), np.uint8))
    assert mask.shape == (480, 640)
    assert not mask.any()
    assert len(coarse.sizes) == 1


def test_what_the_second_pass_does_not_confirm_is_gone() -> None:
    image, truth = frame(1000, 1000, (300, 300, 80), (800, 800, 60))
    coarse = Coarse()

    def unsure(picture: Image) -> Image:
        """See nothing in the smaller of the two windows."""
        mask = np.asarray(coarse(picture), np.uint8)
        return np.zeros_like(mask) if max(picture.shape) < 180 else mask

    mask = whole_frames(unsure)(image)
    assert not mask[600:, 600:].any()
    assert score(mask[:600, :600], truth[:600, :600]) > 0.95


def test_noise_is_not_looked_at() -> None:
    def speck(picture: Image) -> Image:
        mask = np.zeros(picture.shape[:2], np.uint8)
        mask[10:12, 10:12] = 1
        return mask

    assert not whole_frames(speck)(np.zeros((400, 400, 3), np.uint8)).any()


@pytest.mark.parametrize("size", [(512, 512), (64, 64), (480, 640), (1, 1), (3, 900)])
def test_a_face_as_large_as_the_picture_is_segmented_once(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    image[size[0] // 8 : size[0] - size[0] // 8, size[1] // 8 : size[1] - size[1] // 8, 0] = 255
    coarse = Coarse()
    mask = whole_frames(coarse)(image)
    assert np.array_equal(mask, Coarse()(image))
    assert len(coarse.sizes) == 1


@pytest.mark.parametrize("size", [(3000, 4000), (4000, 3000)])
def test_no_picture_is_larger_than_agreed(size: tuple[int, int]) -> None:
    image, truth = frame(*size, (1500, 1500, 1000), (300, 300, 150))
    coarse = Coarse()
    mask = whole_frames(coarse, largest=512)(image)
    assert mask.shape == size
    assert max(max(seen) for seen in coarse.sizes) == 512
    assert score(mask, truth) > 0.97


def test_a_turned_frame_gives_a_turned_mask() -> None:
    image, _ = frame(600, 900, (300, 200, 50), (800, 500, 30))
    mask = whole_frames(Coarse())(image)
    turned = whole_frames(Coarse())(np.ascontiguousarray(np.rot90(image)))
    assert np.mean(turned != np.rot90(mask)) < 1e-3


def test_more_levels_find_smaller_faces() -> None:
    image, truth = frame(1080, 1440, (700, 300, 12))
    assert not whole_frames(Coarse())(image).any()
    assert score(whole_frames(Coarse(), levels=3)(image), truth) > 0.8


def test_a_long_frame_is_looked_at_in_squares_too() -> None:
    image, truth = frame(300, 900, (700, 100, 12))
    coarse = Coarse()
    assert score(whole_frames(coarse)(image), truth) > 0.95
    # The whole, four squares that overlap by a third, one window.
    assert coarse.sizes[:5] == [(300, 900)] + 4 * [(300, 300)]
    assert len(coarse.sizes) == 6


def test_only_the_largest_finds_are_looked_at() -> None:
    image, _ = frame(900, 900, (150, 150, 60), (700, 700, 40), (150, 700, 30))
    coarse = Coarse()
    mask = whole_frames(coarse, most=2)(image)
    assert len(coarse.sizes) == 3
    assert mask[:300, :300].any()
    assert mask[600:, 600:].any()
    assert not mask[600:, :300].any()


def test_class_ids_are_kept_and_enlarged_one_by_one() -> None:
    image, truth = frame(2400, 2400, (1200, 1200, 500))
    parts = truth * np.where(np.arange(2400) < 1200, np.uint8(3), np.uint8(7))
    image[..., 1] = 255 * (parts == 7)
    image[..., 2] = 255 * (parts > 0)

    def segment(picture: Image) -> Image:
        small = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA)
        ids = np.where(small[..., 2] < 128, 0, np.where(small[..., 1] < 128, 3, 7)).astype(np.uint8)
        return np.asarray(cv2.resize(ids, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST))

    mask = whole_frames(segment, largest=300)(image)
    assert set(np.unique(mask)) == {0, 3, 7}
    assert np.mean(mask != parts) < 0.02


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(image: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"image of shape .* expected \(H, W, 3\)"):
        whole_frames(Coarse())(image)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"gave a mask of shape \(8, 8\), expected \(9, 9\)"):
        whole_frames(lambda _: np.zeros((8, 8), np.uint8))(np.zeros((9, 9, 3), np.uint8))


@pytest.mark.parametrize(
    "option",
    [{"margin": 0.5}, {"levels": 0}, {"smallest": 1.0}, {"whole": 0}, {"largest": 0}, {"most": 0}],
)
def test_options_out_of_range(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(option))}.* expected"):
        whole_frames(Coarse(), **option)
