from __future__ import annotations

import numpy as np
import pytest

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
