"""Recipes that people copy, in NumPy, numba and OpenCV.

Each gives the same answer as ours for the same input, so that only time differs.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Shape = tuple[int, int]
Ints = NDArray[np.int64]


# --- mask to Kaggle text ----------------------------------------------------------------------


def numpy_to_kaggle(mask: Mask) -> str:
    """Return the text by the recipe that Kaggle's notebooks share."""
    pixels = np.concatenate([[0], mask.T.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(x) for x in runs)


def numpy_rows_to_kaggle(mask: Mask) -> str:
    """Return the text of the rows by the same recipe."""
    pixels = np.concatenate([[0], mask.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(x) for x in runs)


def lean_to_kaggle(pixels: Mask) -> str:
    """Return the text of a flat mask by the leanest NumPy there is."""
    padded = np.zeros(pixels.size + 2, np.uint8)
    padded[1:-1] = pixels
    runs = np.flatnonzero(padded[1:] != padded[:-1]) + 1
    runs[1::2] -= runs[::2]
    return " ".join(map(str, runs.tolist()))


@numba.njit(cache=True)
def _numba_runs(pixels: Mask) -> Ints:
    count, before = 0, 0
    for pixel in pixels:
        count += pixel != before
        before = pixel
    runs = np.empty(count + before, np.int64)
    at, before = 0, 0
    for i in range(pixels.size):
        if pixels[i] != before:
            runs[at] = i + 1 if before == 0 else i + 1 - runs[at - 1]
            before = pixels[i]
            at += 1
    if before:
        runs[at] = pixels.size + 1 - runs[at - 1]
    return runs


def numba_to_kaggle(pixels: Mask) -> str:
    """Return the text of a flat mask of 0 and 1; a compiled loop finds the runs."""
    return " ".join(map(str, _numba_runs(pixels).tolist()))


def counts_to_kaggle(counts: NDArray[np.uint32]) -> str:
    """Return the text of counts."""
    borders = np.cumsum(counts)
    starts, ends = borders[0::2], borders[1::2]
    pairs = np.empty((len(ends), 2), np.int64)
    pairs[:, 0] = starts[: len(ends)]
    pairs[:, 0] += 1
    np.subtract(ends, starts[: len(ends)], out=pairs[:, 1])
    return " ".join(map(str, pairs.ravel().tolist()))


# --- Kaggle text to mask ----------------------------------------------------------------------


def numpy_from_kaggle(text: str, shape: Shape) -> Mask:
    """Return the mask by the recipe that Kaggle's notebooks share: column-major memory."""
    return _numpy_fill(text, shape[0] * shape[1]).reshape(shape[::-1]).T


def numpy_rows_from_kaggle(text: str, shape: Shape) -> Mask:
    """Return the mask of a row-major text by the same recipe."""
    return _numpy_fill(text, shape[0] * shape[1]).reshape(shape)


def _numpy_fill(text: str, size: int) -> Mask:
    s = text.split()
    starts, lengths = (np.asarray(x, dtype=int) for x in (s[0::2], s[1::2]))
    starts -= 1
    pixels = np.zeros(size, np.uint8)
    for low, high in zip(starts, starts + lengths, strict=True):
        pixels[low:high] = 1
    return pixels


def lean_from_kaggle(text: str, size: int) -> Mask:
    """Return the pixels of a text by the leanest NumPy there is: borders, then a running sum."""
    numbers = np.fromstring(text, np.int64, sep=" ")
    starts = numbers[0::2] - 1
    pixels = np.zeros(size + 1, np.int8)
    pixels[starts] = 1
    pixels[starts + numbers[1::2]] -= 1
    return np.cumsum(pixels[:-1], dtype=np.int8).view(np.uint8)


@numba.njit(cache=True)
def _numba_fill(numbers: Ints, pixels: Mask) -> None:
    for i in range(0, numbers.size, 2):
        pixels[numbers[i] - 1 : numbers[i] - 1 + numbers[i + 1]] = 1


def numba_from_kaggle(text: str, size: int) -> Mask:
    """Return the pixels of a text; a compiled loop fills the runs."""
    pixels = np.zeros(size, np.uint8)
    _numba_fill(np.fromstring(text, np.int64, sep=" "), pixels)
    return pixels


def counts_from_kaggle(numbers: Ints, size: int) -> NDArray[np.uint32]:
    """Return the counts of the numbers of a text."""
    borders = np.empty(len(numbers) + 2, np.int64)
    borders[0], borders[-1] = 0, size
    borders[1:-1:2] = numbers[0::2] - 1
    borders[2:-1:2] = numbers[0::2] - 1 + numbers[1::2]
    counts = np.diff(borders)
    return (counts if counts[-1] or len(counts) == 1 else counts[:-1]).astype(np.uint32)


# --- mask to counts ---------------------------------------------------------------------------


def numpy_counts(pixels: Mask) -> NDArray[np.uint32]:
    """Return the counts of a flat mask, which is not empty."""
    borders = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    first = [0, 0] if pixels[0] else [0]
    return np.diff(np.concatenate([first, borders, [pixels.size]])).astype(np.uint32)


@numba.njit(cache=True)
def numba_counts(pixels: Mask) -> NDArray[np.uint32]:
    """Return the counts of a flat mask of 0 and 1."""
    runs, before = 1, 0
    for pixel in pixels:
        runs += pixel != before
        before = pixel
    counts = np.empty(runs, np.uint32)
    at, start, before = 0, 0, 0
    for i in range(pixels.size):
        if pixels[i] != before:
            counts[at] = i - start
            at, start, before = at + 1, i, pixels[i]
    counts[at] = pixels.size - start
    return counts


# --- OpenCV -----------------------------------------------------------------------------------


def cv2_nearest(mask: Mask, size: Shape) -> Mask:
    """Return a mask resized to (height, width); a column-major one is turned after, when small."""
    if mask.flags.c_contiguous:
        return np.asarray(cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST))
    small = cv2.resize(mask.T, size, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(np.asarray(small).T)
