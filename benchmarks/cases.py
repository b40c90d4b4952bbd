"""Fixed inputs: masks from blank to noise and labels of nine classes, 256 pixels to 1080p."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SIZES = {"256": (256, 256), "512": (512, 512), "1080p": (1080, 1920)}
PATTERNS = ("blank", "solid", "blob", "noise")
MASKS = [(pattern, size) for size in SIZES for pattern in PATTERNS]


@cache
def mask(pattern: str, size: str) -> NDArray[np.uint8]:
    """Return a (H, W) mask of 0 and 1, C-contiguous; "blob" is the size and outline of a face."""
    shape = SIZES[size]
    if pattern == "noise":
        return (np.random.default_rng(0).random(shape) < 0.5).astype(np.uint8)
    if pattern == "blob":
        return (_distance(shape) < 0.75).astype(np.uint8)
    return np.full(shape, pattern == "solid", np.uint8)


@cache
def labels(size: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return prediction and target, (H, W) each, nine classes in rings that are slightly off."""
    target = np.minimum(_distance(SIZES[size]) * 6, 8).astype(np.uint8)
    return np.roll(target, (2, 3), (0, 1)), target


def _distance(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the distance from the centre, 1 at an outline with waves in it."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    y, x = (y - height / 2) / (0.48 * height), (x - width / 2) / (0.36 * height)
    outline = 1 + 0.05 * np.sin(9 * np.arctan2(y, x)) + 0.01 * np.sin(60 * np.arctan2(y, x))
    return np.hypot(y, x) / outline
