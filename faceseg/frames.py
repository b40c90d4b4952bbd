"""Whole frames: a first pass finds faces, a second looks at each of them from near.

A network works at one size, 256 x 256 say, so a small face in a FullHD frame reaches it as a few
pixels, and outlines are as coarse as that size. `whole_frames` wraps any segmenter: what it finds
in the whole picture is cut out with a margin and segmented again, at the cutting's resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
# Smaller squares have nothing to show, and a strip of 3 x 900 pixels would have hundreds of them.
_LEAST = 32

Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are exclusive


def whole_frames(
    segment: Callable[[Image], NDArray[Any]],
    *,
    margin: float = 1.3,
    levels: int = 1,
    smallest: float = 4e-4,
    whole: float = 0.8,
    largest: int = 1024,
    most: int = 32,
) -> Callable[[Image], Image]:
    """Return `segment` as a segmenter of whole frames.

    Parameters
    ----------
    segment
        Maps (H, W, 3) uint8 RGB to (H, W) uint8 class ids or to (C, H, W) float probabilities;
        class 0 is the background. `faceseg.predict.Predictor`, its ``probabilities``, and
        ``segment`` of `faceseg.segment.load_segmenter` are such.
    margin
        Side of the window that is cut out around a find, in longer sides of the find's box.
    levels
        1: the first pass sees the whole picture and, where that is far from square, overlapping
        squares of its shorter side. 2: and squares of half that side, for faces that are still
        too small; and so on by halves.
    smallest
        Finds of less than this share of what the first pass looked at are noise.
    whole
        A window of this share of the picture or more is not looked at again.
    largest
        Longer sides are reduced to this many pixels before `segment` sees them, which bounds
        memory and time; a few times the network's own size loses nothing.
    most
        As many finds, the largest first, are looked at; what else there is, is dropped.

    Returns
    -------
    callable
        Maps (H, W, 3) uint8 RGB to (H, W) uint8 class ids.

    Raises
    ------
    ValueError
        If an option is out of its range; from the callable, if a picture or what `segment` made
        of it has the wrong shape.

    Notes
    -----
    Where a window was looked at, what the second pass says there counts, and a find that it does
    not confirm is gone. A pixel of two windows is foreground if either says so; if both do, the
    class is that of the window around the larger find.
    """
    if not (margin >= 1 and levels >= 1 and 0 <= smallest < 1 and whole > 0):
        raise ValueError(
            f"margin {margin}, levels {levels}, smallest {smallest}, whole {whole}; expected "
            "margin and levels from 1 up, smallest from 0 to below 1, whole over 0"
        )
    if not (largest >= 1 and most >= 1):
        raise ValueError(f"largest {largest}, most {most}; expected 1 or more")

    def look(image: Image, box: Box) -> NDArray[Any]:
        """Segment a part of the picture, reduced to at most `largest`."""
        left, top, right, bottom = box
        part = image[top:bottom, left:right]
        scale = largest / max(part.shape[:2])
        if scale < 1:
            size = [max(1, round(side * scale)) for side in (right - left, bottom - top)]
            part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = segment(part)
        if found.shape[-2:] != part.shape[:2] or found.ndim not in (2, 3):
            raise ValueError(
                f"a picture of shape {part.shape} gave a mask of shape {found.shape}, expected "
                f"{part.shape[:2]} or (classes, {part.shape[0]}, {part.shape[1]})"
            )
        return found

    def run(image: Image) -> Image:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(
                f"image of shape {image.shape} and dtype {image.dtype}, expected (H, W, 3) uint8 "
                "with no empty axis"
            )
        height, width = image.shape[:2]
        everything = (0, 0, width, height)
        first = look(image, everything)
        boxes = _finds(first, everything, smallest)
        for tile in _tiles(height, width, levels):
            boxes += _finds(look(image, tile), tile, smallest)
        boxes = sorted(boxes, key=_area, reverse=True)[:most]
        windows = _windows(boxes, height, width, margin)
        mask = np.zeros((height, width), np.uint8)
        for window in windows:
            left, top, right, bottom = window
            part = mask[top:bottom, left:right]
            if _area(window) < whole * mask.size:
                found = _labels(look(image, window), part.shape)
            else:
                found = _labels(first, mask.shape)[top:bottom, left:right]
            np.copyto(part, found, where=part == 0)
        return mask

    return run


def _finds(found: NDArray[Any], box: Box, smallest: float) -> list[Box]:
    """Return the boxes of the connected parts of the foreground, in pixels of the picture."""
    foreground = (_labels(found, found.shape[-2:]) > 0).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(foreground)
    left, top, right, bottom = box
    x, y = (right - left) / foreground.shape[1], (bottom - top) / foreground.shape[0]
    return [
        (
            left + int(a * x), top + int(b * y),
            left + int(np.ceil((a + w) * x)), top + int(np.ceil((b + h) * y)),
        )
        for a, b, w, h, area in stats[1:]
        if area >= smallest * foreground.size
    ]  # fmt: skip


def _tiles(height: int, width: int, levels: int) -> Iterator[Box]:
    """Give overlapping squares of the shorter side, of a half of it, a quarter, ...

    Those of the shorter side only where the longer is half as long again: else they would show
    hardly more than the whole picture does.
    """
    shorter, longer = sorted((height, width))
    for level in range(levels):
        side = shorter >> level
        if side >= _LEAST and 2 * longer >= 3 * side:
            for top in _starts(height, side):
                for left in _starts(width, side):
                    yield left, top, left + side, top + side


def _starts(length: int, side: int) -> list[int]:
    """Return where as few squares as cover `length` begin that overlap by a third at least."""
    steps = int(np.ceil((length - side) / (side * 2 / 3)))
    return [round(i * (length - side) / steps) for i in range(steps + 1)] if steps else [0]


def _windows(boxes: list[Box], height: int, width: int, margin: float) -> list[Box]:
    """Return a window around each find; those that share half of the smaller one become one."""
    boxes = list(boxes)
    while True:
        windows = [_window(box, height, width, margin) for box in boxes]
        pair = next(
            (
                (i, j)
                for i, one in enumerate(windows)
                for j in range(i)
                if _shared(one, windows[j]) > 0.5 * min(_area(one), _area(windows[j]))
            ),
            None,
        )
        if pair is None:
            return windows
        i, j = pair
        one, other = boxes.pop(i), boxes[j]
        boxes[j] = (
            min(one[0], other[0]), min(one[1], other[1]),
            max(one[2], other[2]), max(one[3], other[3]),
        )  # fmt: skip


def _window(box: Box, height: int, width: int, margin: float) -> Box:
    """Return a square about the box's centre, moved into the picture, cut where it is larger."""
    left, top, right, bottom = box
    side = int(np.ceil(margin * max(right - left, bottom - top)))
    x = min(max((left + right - side) // 2, 0), max(width - side, 0))
    y = min(max((top + bottom - side) // 2, 0), max(height - side, 0))
    return x, y, min(x + side, width), min(y + side, height)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Box, other: Box) -> int:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)


def _labels(found: NDArray[Any], shape: tuple[int, ...]) -> Image:
    """Return class ids at `shape`, of class ids or probabilities at any size.

    Each class is enlarged on its own, as 0..1, and the highest wins: outlines of enlarged class
    ids would be steps.
    """
    if found.shape == shape:
        return np.asarray(found, np.uint8)
    planes = found if found.ndim == 3 else [found == c for c in range(int(found.max()) + 1)]
    labels = np.zeros(shape, np.uint8)
    best = np.full(shape, -np.inf, np.float32)
    for number, plane in enumerate(planes):
        share = np.asarray(plane, np.float32)
        if share.shape != shape:
            share = np.asarray(cv2.resize(share, shape[::-1], interpolation=cv2.INTER_LINEAR))
        better = share > best
        labels[better] = number
        np.maximum(best, share, out=best)
    return labels
