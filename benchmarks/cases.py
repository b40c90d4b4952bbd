"""Fixed inputs: pools of distinct masks for each pattern and size, and labels of nine classes.

A pool keeps the branch predictor from learning one mask by heart. Everything is drawn from fixed
seeds, so every run and every contender has the same pixels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Shape = tuple[int, int]

SIZES: dict[str, Shape] = {"256": (256, 256), "512": (512, 512), "1080p": (1080, 1920)}
POOL = {"tiny": 48, "256": 48, "512": 16, "1080p": 8}
PATTERNS = {
    "ellipse": "one ellipse, its edge frayed by noise",
    "smooth": "the same ellipses with a clean edge",
    "sparse": "one pixel in 500, scattered",
    "noise": "half of the pixels, at random",
    "empty": "nothing",
    "full": "everything",
}
TINY: Shape = (4, 4)


def draw(pattern: str, shape: Shape, number: int) -> Mask:
    """Return mask `number` of a pattern: (H, W) of 0 and 1, C-contiguous."""
    rng = np.random.default_rng([number, *shape])
    if pattern == "noise":
        return (rng.random(shape) < 0.5).astype(np.uint8)
    if pattern == "sparse":
        return (rng.random(shape) < 0.002).astype(np.uint8)
    if pattern in ("ellipse", "smooth"):
        distance = _ellipse(shape, rng)
        if pattern == "ellipse":
            distance += rng.normal(0, 3 / min(shape), shape)
        return (distance < 1).astype(np.uint8)
    return np.full(shape, pattern == "full", np.uint8)


@cache
def pool(pattern: str, size: str) -> list[Mask]:
    """Return the masks of one pattern and size, each in memory of its own."""
    shape = TINY if size == "tiny" else SIZES[size]
    return [draw(pattern, shape, number) for number in range(POOL[size])]


@cache
def labels(size: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return prediction and target, (H, W) each, nine classes in rings that are slightly off."""
    target = np.minimum(_rings(SIZES[size]) * 6, 8).astype(np.uint8)
    return np.roll(target, (2, 3), (0, 1)), target


def _ellipse(shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the distance from a random ellipse's centre, 1 at its outline."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    y, x = y - height * rng.uniform(0.4, 0.6), x - width * rng.uniform(0.4, 0.6)
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    long, short = (height * rng.uniform(*limits) for limits in ((0.3, 0.48), (0.2, 0.35)))
    distance: NDArray[np.float64] = np.hypot(along / long, across / short)
    return distance


def _rings(shape: Shape) -> NDArray[np.float64]:
    """Return the distance from the centre, 1 at an outline with waves in it."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    y, x = (y - height / 2) / (0.48 * height), (x - width / 2) / (0.36 * height)
    outline = 1 + 0.05 * np.sin(9 * np.arctan2(y, x)) + 0.01 * np.sin(60 * np.arctan2(y, x))
    return np.hypot(y, x) / outline
