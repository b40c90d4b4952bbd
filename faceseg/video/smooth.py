"""A steady mask: an average over time that holds only where the picture stands still."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

# Grey levels between the averaged picture and the frame, after a blur that takes sensor noise of
# 8 levels down to 1: below the first nothing has moved, from the second on the average starts anew.
_STILL, _MOVED = 3.0, 9.0


class Smoother:
    """Averages soft masks over frames, and forgets where something moved.

    The picture is averaged with the same weights as the mask. Where a frame differs from that
    average, the mask's average is of something that is no longer there, a ghost, and the frame's
    own mask takes its place.

    Parameters
    ----------
    keep
        Share of the past in each new average, 0 (none) up to, not including, 1.
    """

    def __init__(self, keep: float) -> None:
        self._keep = np.float32(keep)
        self._picture: Floats | None = None
        self._mask: Floats | None = None

    def __call__(self, picture: Image, soft: Image) -> Image:
        """Return the steady mask of the next frame.

        Parameters
        ----------
        picture
            (h, w, 3) uint8, the frame at the mask's size.
        soft
            (h, w) uint8, 0 background to 255 foreground.

        Returns
        -------
        ndarray
            (h, w) uint8.
        """
        if not self._keep:
            return soft
        # Half the size is enough to see motion in, at 2 ms instead of 11.
        half = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2))
        blurred = cv2.GaussianBlur(half, (0, 0), 1)
        seen = np.stack(cv2.split(blurred)).astype(np.float32)
        if self._picture is None or self._mask is None:
            self._picture, self._mask = seen, soft.astype(np.float32)
            return soft
        # The channel that differs most: skin before a wall of its brightness differs in colour.
        moved = np.abs(seen - self._picture).max(axis=0)
        gain = 1 - self._keep * (1 - np.clip((moved - _STILL) / (_MOVED - _STILL), 0, 1))
        self._picture += gain * (seen - self._picture)
        self._mask += cv2.resize(gain, soft.shape[::-1]) * (soft - self._mask)
        return np.asarray(np.rint(self._mask), np.uint8)
