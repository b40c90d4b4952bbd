from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceseg import RLE
from faceseg.augment import augment, swap_table
from faceseg.config import Config

PARTS = ("background", "person", "skin", "left_brow", "right_brow", "left_eye", "right_eye")
GEOMETRY_ONLY = {"colour": 0, "degrade": 0}


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray]:
    """Return a picture that is white exactly where its mask is 1."""
    y, x = np.mgrid[:120, :90]
    mask = (((y - 50) / 30) ** 2 + ((x - 50) / 20) ** 2 <= 1).astype(np.uint8)
    return np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), mask


@pytest.mark.parametrize("seed", range(20))
def test_picture_and_mask_move_together(scene, seed):
    config = Config(size=(64, 64), rotate=45, **GEOMETRY_ONLY)
    image, mask = augment(np.random.default_rng(seed), *scene, config, swap_table(PARTS))
    assert image.shape == (64, 64, 3)
    assert mask.shape == (64, 64)
    # What was drawn in beyond the border has a random colour; leave it out of the comparison.
    white, black = (image == 255).all(axis=2), (image == 0).all(axis=2)
    assert mask[white].mean() > 0.99
    assert mask[black].mean() < 0.01
    assert white.sum() > 0


def test_a_mask_of_twice_the_size_lands_on_the_same_pixels(scene):
    # A JPEG may be read at reduced size, its run lengths are not.
    picture, mask = scene
    large = np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)
    config = Config(size=(64, 64), **GEOMETRY_ONLY)
    swap = swap_table(PARTS)
    for seed in range(5):
        small_mask = augment(np.random.default_rng(seed), picture, mask, config, swap)[1]
        large_mask = augment(np.random.default_rng(seed), picture, large, config, swap)[1]
        assert (small_mask != large_mask).mean() < 0.01


@pytest.mark.parametrize("order", ["F", "C"])
def test_run_lengths_give_the_sample_of_their_pixels(scene, order):
    picture, mask = scene
    swap = swap_table(PARTS)
    config = Config(size=(96, 80), zoom=1.1, **GEOMETRY_ONLY)
    rle = RLE.from_mask(mask, order=order)
    for seed in range(5):
        _, pixels = augment(np.random.default_rng(seed), picture, mask, config, swap)
        _, runs = augment(np.random.default_rng(seed), picture, rle, config, swap)
        assert np.array_equal(pixels, runs)


@pytest.mark.parametrize("size", [(24, 24), (16, 30), (20, 17)])
def test_run_lengths_read_at_reduced_size_are_not_shifted(scene, size):
    picture, mask = scene
    config = Config(size=size, rotate=45, **GEOMETRY_ONLY)
    large = np.repeat(np.repeat(mask, 3, axis=0), 3, axis=1)
    differ, shifts = [], []
    for seed in range(60):
        rng = [np.random.default_rng(seed) for _ in range(2)]
        pixels = augment(rng[0], picture, large, config, swap_table(PARTS))[1]
        runs = augment(rng[1], picture, RLE.from_mask(large), config, swap_table(PARTS))[1]
        differ.append((pixels != runs).mean())
        shifts.append(np.argwhere(runs).mean(axis=0) - np.argwhere(pixels).mean(axis=0))
    assert 0 < np.mean(differ) < 0.03
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.05


def test_mirroring_swaps_left_and_right(scene):
    picture = scene[0]
    mask = np.zeros((120, 90), np.uint8)
    mask[:, :45] = PARTS.index("left_eye")
    still = {"rotate": 0, "zoom": 1, "stretch": 1, "shift": 0, **GEOMETRY_ONLY}
    config = Config(size=(120, 90), flip=1.0, **still)
    image, moved = augment(np.random.default_rng(0), picture, mask, config, swap_table(PARTS))
    assert (image == picture[:, ::-1]).all()
    assert (moved[:, 45:] == PARTS.index("right_eye")).all()
    assert (moved[:, :45] == 0).all()


def test_without_strength_the_sample_is_the_picture(scene):
    still = {"flip": 0, "rotate": 0, "zoom": 1, "stretch": 1, "shift": 0, **GEOMETRY_ONLY}
    config = Config(size=(120, 90), **still)
    image, mask = augment(np.random.default_rng(0), *scene, config, swap_table(PARTS))
    assert (image == scene[0]).all()
    assert (mask == scene[1]).all()


def test_colour_changes_leave_the_mask_alone(scene):
    still = {"flip": 0, "rotate": 0, "zoom": 1, "stretch": 1, "shift": 0}
    config = Config(size=(120, 90), degrade=1.0, **still)
    grey = np.full_like(scene[0], 120)
    seen = set()
    for seed in range(12):
        image, mask = augment(
            np.random.default_rng(seed), grey, scene[1], config, swap_table(PARTS)
        )
        assert (mask == scene[1]).all()
        assert image.dtype == np.uint8
        seen.add(image.mean(axis=(0, 1)).round().astype(int).tobytes())
    assert len(seen) == 12


def test_swap_table_is_its_own_inverse():
    table = swap_table(PARTS)
    assert (table[table] == np.arange(256)).all()
    assert table[PARTS.index("left_brow")] == PARTS.index("right_brow")
    assert table[2] == 2


STILL = {"flip": 0, "rotate": 0, "zoom": 1, "stretch": 1, "shift": 0, **GEOMETRY_ONLY}


@pytest.mark.parametrize("seed", range(20))
def test_occlusion_changes_picture_and_mask_at_the_same_pixels(scene, seed):
    config = Config(size=(120, 90), occlude=1.0, **STILL)
    image, mask = augment(np.random.default_rng(seed), *scene, config, swap_table(PARTS))
    hidden = mask != scene[1]
    changed = (image != scene[0]).any(axis=2)
    assert 0 < hidden.sum() < 0.6 * scene[1].sum()
    assert (mask[hidden] == 0).all()
    # No texture is white, and the picture elsewhere is only ever shown where it is black.
    assert (changed | ~hidden).all()
    # What is hidden of the background needs no change of the mask; the rest is the smoothed edge.
    inside = scene[1] == 1
    assert (changed & inside & ~hidden).sum() <= 0.15 * inside.sum()


@pytest.mark.parametrize("seed", range(40))
def test_a_wider_scene_moves_picture_and_mask_together(scene, seed):
    # No swap: mirror images of the whole picture may surround it.
    picture, mask = scene
    picture = np.where(mask[..., None] == 1, picture, np.uint8((0, 0, 90)))
    config = Config(size=(64, 64), scene=1.0, **GEOMETRY_ONLY)
    swap = swap_table(("background", "face"))
    image, moved = augment(np.random.default_rng(seed), picture, mask, config, swap)
    again = augment(np.random.default_rng(seed), picture, RLE.from_mask(mask), config, swap)
    if not moved.any():
        # A sample without a face can be of colours drawn from where the face was.
        assert not again[1].any()
        return
    assert (again[0] == image).all()
    assert (again[1] != moved).mean() < 0.03
    # Drawn surroundings may be white, too, but where the mask is the picture is white.
    blue = (image == (0, 0, 90)).all(axis=2)
    assert moved[blue].sum() == 0
    inner = np.asarray(cv2.erode(moved, np.ones((5, 5), np.uint8)), bool)
    assert inner.sum() == 0 or (image[inner] > 150).mean() > 0.95


def test_wider_scenes_hold_small_faces_details_and_none(scene):
    config = Config(size=(64, 64), scene=1.0, **GEOMETRY_ONLY)
    shares = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        shares.append(augment(rng, *scene, config, swap_table(PARTS))[1].mean())
    share = np.array(shares)
    assert 0.05 < (share == 0).mean() < 0.4
    assert ((share > 0) & (share < 0.02)).mean() > 0.1
    assert (share > 0.5).mean() > 0.02


def test_occlusion_happens_as_often_as_asked(scene):
    swap = swap_table(PARTS)
    config = Config(size=(120, 90), occlude=0.4, **STILL)
    masks = [augment(np.random.default_rng(s), *scene, config, swap)[1] for s in range(200)]
    share = np.mean([(mask != scene[1]).any() for mask in masks])
    assert 0.3 < share < 0.5


def test_nothing_to_hide_is_left_alone(scene):
    config = Config(size=(120, 90), occlude=1.0, ignore_index=255, **STILL)
    for value in (0, 255):
        mask = np.full_like(scene[1], value)
        out = augment(np.random.default_rng(0), scene[0], mask, config, swap_table(PARTS))
        assert (out[0] == scene[0]).all()
        assert (out[1] == value).all()


def test_foreground_of_one_pixel_can_be_hidden(scene):
    config = Config(size=(120, 90), occlude=1.0, **STILL)
    mask = np.zeros_like(scene[1])
    mask[119, 89] = 1
    for seed in range(20):
        out = augment(np.random.default_rng(seed), scene[0], mask, config, swap_table(PARTS))
        assert set(np.unique(out[1])) <= {0, 1}


def test_the_same_seed_gives_the_same_sample(scene):
    config = Config(size=(64, 64), occlude=1.0, degrade=1.0)
    for seed in range(10):
        one, two = (
            augment(np.random.default_rng(seed), *scene, config, swap_table(PARTS))
            for _ in range(2)
        )
        assert (one[0] == two[0]).all()
        assert (one[1] == two[1]).all()


def test_ignored_pixels_move_as_labels_do(scene):
    mask = np.where(scene[1] == 1, 255, 0).astype(np.uint8)
    config = Config(size=(64, 64), rotate=45, ignore_index=255, **GEOMETRY_ONLY)
    swap = swap_table(PARTS)
    for seed in range(10):
        labels = augment(np.random.default_rng(seed), *scene, config, swap)[1]
        ignored = augment(np.random.default_rng(seed), scene[0], mask, config, swap)[1]
        assert (ignored == 255 * labels).all()


def test_degraded_pictures_keep_their_colours_or_lose_them_all():
    # Red and blue must not change places on the way to the file and back.
    image = np.full((64, 64, 3), 128, np.uint8)
    image[:, ::2] = (200, 60, 40)
    config = Config(size=(64, 64), **{**STILL, "degrade": 1.0})
    mask = np.zeros((64, 64), np.uint8)
    results = [
        augment(np.random.default_rng(s), image, mask, config, swap_table(PARTS))[0]
        for s in range(30)
    ]
    assert len({result.tobytes() for result in results}) > 8
    mean = image.mean(axis=(0, 1))
    coloured = [r for r in results if np.ptp(r.mean(axis=(0, 1))) > 10]
    assert 0.6 * len(results) < len(coloured) < len(results)
    for result in coloured:
        assert np.abs(result.mean(axis=(0, 1)) - mean).max() < 12
