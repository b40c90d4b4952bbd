"""A drawn portrait that moves before a wall that does not, with exact labels in each frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from faceseg.draw.background import draw_background
from faceseg.draw.portrait import draw_portrait

Image = npt.NDArray[np.uint8]


def draw_moving(
    rng: np.random.Generator,
    size: tuple[int, int],
    path: Sequence[tuple[float, float]],
    *,
    noise: float = 4.0,
) -> Iterator[tuple[Image, Image]]:
    """Draw a person who moves along a path, seen by a camera with noise.

    Parameters
    ----------
    rng
        Where all choices come from.
    size
        Height and width of the frames.
    path
        For each frame how far right and down the person stands from the middle, in pixels, in
        fractions, too.
    noise
        Standard deviation of the sensor's noise, in grey levels; it differs from frame to frame.

    Yields
    ------
    frame : ndarray
        (H, W, 3) uint8, RGB.
    face : ndarray
        (H, W) uint8, 1 in the face, else 0.
    """
    side = min(size)
    picture, labels = draw_portrait(rng, size=(side, side))
    wall = draw_background(rng, size).astype(np.float32)
    person = (labels > 0).astype(np.float32)
    face = (labels > 1).astype(np.float32)
    left, top = (size[1] - side) / 2, (size[0] - side) / 2
    for right, down in path:
        shift = np.array([[1, 0, left + right], [0, 1, top + down]], np.float32)
        share, found = (cv2.warpAffine(m, shift, size[::-1]) for m in (person, face))
        moved = cv2.warpAffine(picture, shift, size[::-1], borderMode=cv2.BORDER_REPLICATE)
        light = wall + share[..., None] * (moved.astype(np.float32) - wall)
        light += rng.normal(0, noise, light.shape).astype(np.float32)
        yield light.round().clip(0, 255).astype(np.uint8), (found >= 0.5).astype(np.uint8)
