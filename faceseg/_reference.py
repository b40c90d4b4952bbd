"""Each kernel in plain NumPy and Python: the definition of right.

Masks are arrays of two dimensions in which anything but zero is foreground; runs are of masks whose
pixels are read in the order `order`. The functions are for reading and for tests, and are slow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceseg._kernels import Fault

Counts: TypeAlias = NDArray[np.uint32]
Mask: TypeAlias = NDArray[np.bool_]
Order: TypeAlias = Literal["C", "F"]

MOST = 2**32 - 1
SPACE = b" \t\n\v\f\r"
DIGITS = b"0123456789"
MOST_GROUPS = 7
FINE = 5  # points of a polygon are rounded to fifths of a pixel


# --- pixels and runs ---------------------------------------------------------------------------


def encode(mask: NDArray[Any], order: Order = "F", threshold: float | None = None) -> Counts:
    """Return the runs of a mask, or of a picture's pixels over a threshold."""
    foreground = mask != 0 if threshold is None else mask.astype(np.float64) > threshold
    pixels = np.concatenate([[False], foreground.ravel(order=order)])
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    return np.diff(changes, prepend=0, append=mask.size).astype(np.uint32)


def decode(counts: Counts, shape: tuple[int, int], order: Order = "F") -> Mask:
    """Return the mask of runs."""
    return np.repeat(np.arange(counts.size) % 2 == 1, counts).reshape(shape, order=order)


def encode_labels(labels: NDArray[Any], order: Order = "F") -> dict[int, Counts]:
    """Return the runs of each label that occurs."""
    return {int(label): encode(labels == label, order) for label in np.unique(labels)}


def decode_labels(
    masks: Sequence[Mask], labels: Sequence[int], background: int, dtype: str
) -> NDArray[Any]:
    """Return the label of the last mask that holds each pixel; there is one mask or more."""
    result = np.full(masks[0].shape, background, dtype)
    for mask, label in zip(masks, labels, strict=True):
        result[mask] = label
    return result


def check_runs(counts: Counts, area: int) -> None:
    """Raise a `Fault` unless the runs are those of a mask of `area` pixels."""
    if not counts.size:
        raise Fault("no runs", 0, 0, area)
    end = 0
    for i, run in enumerate(counts.tolist()):
        end += run
        if i > 0 and run == 0:
            raise Fault("bad run", i, 0, 1)
        if end > area:
            raise Fault("too long", i, end, area)
    if end < area:
        raise Fault("too short", counts.size - 1, end, area)


def area(counts: Counts) -> int:
    """Add up the runs of ones."""
    return int(counts[1::2].sum(dtype=np.uint64))


# --- text and bits -----------------------------------------------------------------------------


def parse_kaggle(text: bytes, base: int, area: int) -> Counts:
    """Read the runs of a text "start length ..."."""
    counts: list[int] = []
    end = 0
    tokens = _tokens(text)
    for i in range(0, len(tokens), 2):
        start_at, start = _number(text, *tokens[i])
        if start < base:
            raise Fault("bad start", start_at, start, base)
        if start - base < end:
            raise Fault("overlap", start_at, start, end + base)
        if i + 1 == len(tokens):
            raise Fault("odd tokens", len(text), i + 1, i + 2)
        run_at, run = _number(text, *tokens[i + 1])
        if run < 1:
            raise Fault("bad run", run_at, run, 1)
        if start - base + run > area:
            raise Fault("too long", start_at, start - base + run, area)
        if counts and start - base == end:
            counts[-1] += run
        else:
            counts += [start - base - end, run]
        end = start - base + run
    if not counts or end < area:
        counts.append(area - end)
    return np.array(counts, np.uint32)


def write_kaggle(counts: Counts, base: int) -> bytes:
    """Write the runs as "start length ..."."""
    ends = np.cumsum(counts, dtype=np.uint64)
    starts = ends[:-1:2] + np.uint64(base)
    return b" ".join(b"%d %d" % pair for pair in zip(starts, counts[1::2], strict=True))


def parse_coco(text: bytes, area: int) -> Counts:
    """Read the runs of COCO's compressed text, which may be empty if the mask has no pixels."""
    if not text and not area:
        return np.zeros(1, np.uint32)
    counts: list[int] = []
    end = at = 0
    while at < len(text):
        first = at
        groups: list[int] = []
        more = True
        while more:
            if at == len(text):
                raise Fault("truncated", first, len(groups), len(groups) + 1)
            character = text[at]
            if not ord("0") <= character <= ord("o"):
                raise Fault("bad character", at, character, 0)
            if len(groups) == MOST_GROUPS:
                raise Fault("overlong", first, len(groups) + 1, MOST_GROUPS)
            groups.append((character - ord("0")) & 0x1F)
            more = bool((character - ord("0")) & 0x20)
            at += 1
        if len(groups) > 1 and groups[-1] == (0x1F if groups[-2] & 0x10 else 0):
            raise Fault("overlong", first, len(groups), len(groups) - 1)
        run = sum(group << 5 * i for i, group in enumerate(groups))
        if groups[-1] & 0x10:
            run -= 1 << 5 * len(groups)
        if len(counts) > 2:
            run += counts[-2]
        least = 1 if counts else 0
        if run < least:
            raise Fault("bad run", first, run, least)
        end += run
        if end > area:
            raise Fault("too long", first, end, area)
        counts.append(run)
    if not counts:
        raise Fault("no runs", 0, 0, area)
    if end < area:
        raise Fault("too short", len(text), end, area)
    return np.array(counts, np.uint32)


def write_coco(counts: Counts) -> bytes:
    """Write the runs as COCO's compressed text."""
    text = bytearray()
    runs = counts.tolist()
    for i, run in enumerate(runs):
        number = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            group = number & 0x1F
            number >>= 5
            more = number != (-1 if group & 0x10 else 0)
            text.append(ord("0") + group + 0x20 * more)
    return bytes(text)


def pack_bits(mask: NDArray[Any], order: Order, bitorder: Literal["big", "little"]) -> NDArray[Any]:
    """Return the pixels as bits."""
    return np.packbits(mask.ravel(order=order) != 0, bitorder=bitorder)


# --- sets, in runs: masks may be too large to make -----------------------------------------------


def merge(operation: Literal["and", "or", "xor", "minus"], a: Counts, b: Counts) -> Counts:
    """Return the runs of `a operation b`."""
    cuts, in_a, in_b = _pieces(a, b)
    inside = {"and": in_a & in_b, "or": in_a | in_b, "xor": in_a ^ in_b, "minus": in_a & ~in_b}
    colours = np.concatenate([[False], inside[operation]])
    changes = cuts[:-1][colours[1:] != colours[:-1]]
    return np.diff(np.concatenate([[0], changes, [cuts[-1]]])).astype(np.uint32)


def intersection(a: Counts, b: Counts) -> int:
    """Return the number of pixels that are foreground in both."""
    cuts, in_a, in_b = _pieces(a, b)
    return int(np.diff(cuts)[in_a & in_b].sum())


def complement(counts: Counts) -> Counts:
    """Return the runs of what is background."""
    if counts[0] or counts.size == 1:
        inverse = np.concatenate([np.zeros(1, np.uint32), counts])
        return inverse if counts.sum(dtype=np.uint64) else counts
    return counts[1:]


def _pieces(a: Counts, b: Counts) -> tuple[NDArray[np.int64], Mask, Mask]:
    """Return where runs of either end, from 0 on, and the colour of each piece between."""
    ends_a, ends_b = np.cumsum(a, dtype=np.int64), np.cumsum(b, dtype=np.int64)
    cuts = np.unique(np.concatenate([[0], ends_a, ends_b]))
    in_a = np.searchsorted(ends_a, cuts[:-1], side="right") % 2 == 1
    in_b = np.searchsorted(ends_b, cuts[:-1], side="right") % 2 == 1
    return cuts, in_a, in_b


# --- shapes, in pixels -------------------------------------------------------------------------


def bounding_box(mask: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the foreground, zeros if there is none."""
    rows, columns = np.nonzero(mask)
    if not rows.size:
        return 0, 0, 0, 0
    x, y = int(columns.min()), int(rows.min())
    return x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1


def centroid(mask: NDArray[Any]) -> tuple[float, float]:
    """Return the mean row and column of the foreground."""
    rows, columns = np.nonzero(mask)
    if not rows.size:
        return math.nan, math.nan
    return float(rows.mean()), float(columns.mean())


def crop(mask: NDArray[Any], top: int, left: int, height: int, width: int) -> Mask:
    """Return a window, which may reach beyond the mask: there is background."""
    result = np.zeros((height, width), bool)
    for row in range(max(0, -top), min(height, mask.shape[0] - top)):
        for column in range(max(0, -left), min(width, mask.shape[1] - left)):
            result[row, column] = mask[top + row, left + column]
    return result


def resize(mask: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return a mask of another size whose pixel i of n is pixel floor(i * m / n) of m."""
    rows, columns = (np.arange(n) * m // max(n, 1) for m, n in zip(mask.shape, shape, strict=True))
    return mask[np.ix_(rows, columns)]


def neighbours(mask: NDArray[Any], connectivity: int, outside: Any) -> list[NDArray[Any]]:
    """Return for each neighbour of a pixel, itself included, a picture of all those."""
    height, width = mask.shape
    padded = np.pad(mask, 1, constant_values=outside)
    return [
        padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if connectivity == 8 or not (dx and dy)
    ]


def boundary(mask: NDArray[Any], connectivity: int) -> Mask:
    """Return the foreground with background, or the edge of the image, among its neighbours."""
    foreground = mask != 0
    edge: Mask = foreground & ~np.logical_and.reduce(neighbours(foreground, connectivity, False))
    return edge


def components(mask: NDArray[Any], connectivity: int, order: Order = "F") -> list[Mask]:
    """Return the connected parts, in the order of their first pixels."""
    foreground = mask != 0
    labels = np.arange(mask.size).reshape(mask.shape, order=order)
    labels = np.where(foreground, labels, mask.size)
    while True:
        spread = np.minimum.reduce(neighbours(labels, connectivity, mask.size))
        spread = np.where(foreground, spread, mask.size)
        if (spread == labels).all():
            break
        labels = spread
    return [labels == label for label in np.unique(labels[foreground])]


def fill_polygon(points: ArrayLike, shape: tuple[int, int]) -> Mask:
    """Return the inside of a polygon of (x, y) points, by the rule of COCO's tools.

    The outline is walked in steps of a fifth of a pixel. Where it passes from one column of fifths
    to the next in the middle of a column of pixels, the column is toggled from there down, and on
    through all columns after it.
    """
    height, width = shape
    corners = np.trunc(FINE * np.asarray(points, np.float64).reshape(-1, 2) + 0.5).astype(int)
    if not len(corners) or not height * width:
        return np.zeros(shape, bool)
    ends = np.roll(corners, -1, axis=0)
    path = np.concatenate([_walk(a, b) for a, b in zip(corners, ends, strict=True)])
    before, after = path[:-1], path[1:]
    x = np.where(after[:, 0] < before[:, 0], after[:, 0], after[:, 0] - 1)
    x = (x + 0.5) / FINE - 0.5
    y = np.ceil(np.clip((np.minimum(before[:, 1], after[:, 1]) + 0.5) / FINE - 0.5, 0, height))
    passes = (after[:, 0] != before[:, 0]) & (x == np.floor(x)) & (x >= 0) & (x <= width - 1)
    toggles = (x[passes] * height + y[passes]).astype(int)
    odd = np.cumsum(np.bincount(toggles, minlength=height * width)) % 2 == 1
    inside: Mask = odd[: height * width].reshape(shape, order="F")
    return inside


def _walk(start: NDArray[Any], end: NDArray[Any]) -> NDArray[Any]:
    """Return the grid points from one to another, one for each step along the longer side."""
    steps = np.abs(end - start)
    along = 0 if steps[0] >= steps[1] else 1
    low, high = (start, end) if start[along] <= end[along] else (end, start)
    t = np.arange(steps[along] + 1)
    slope = (high[1 - along] - low[1 - along]) / max(steps[along], 1)
    path = np.empty((t.size, 2), int)
    path[:, along] = low[along] + t
    path[:, 1 - along] = np.trunc(low[1 - along] + slope * t + 0.5)
    return path if low is start else path[::-1]


def fill_polygons(
    polygons: Sequence[ArrayLike], shape: tuple[int, int], overlap: Literal["union", "xor"]
) -> Mask:
    """Return the pixels that are in any polygon, or in an odd number of them."""
    result = np.zeros(shape, bool)
    for polygon in polygons:
        inside = fill_polygon(polygon, shape)
        result = result | inside if overlap == "union" else result ^ inside
    return result


# --- confusion ---------------------------------------------------------------------------------


def confusion(
    prediction: NDArray[Any], target: NDArray[Any], classes: int, ignore: int | None
) -> NDArray[np.int64]:
    """Count the pairs of two flat arrays of one length."""
    matrix = np.zeros((classes, classes), np.int64)
    for i, (predicted, true) in enumerate(zip(prediction.tolist(), target.tolist(), strict=True)):
        if true == ignore:
            continue
        if not 0 <= true < classes:
            raise Fault("bad target", i, true, classes)
        if not 0 <= predicted < classes:
            raise Fault("bad prediction", i, predicted, classes)
        matrix[true, predicted] += 1
    return matrix


def above(
    values: NDArray[Any], threshold: float, target: NDArray[Any], ignore: int | None, skip: bool
) -> NDArray[np.int64]:
    """Count flat values over a threshold against a mask; leave out values that are NaN, or not."""
    matrix = np.zeros((2, 2), np.int64)
    for _, value, true in _counted(values, target, ignore, skip):
        matrix[int(true != 0), int(value > threshold)] += 1
    return matrix


def highest(
    values: NDArray[Any], target: NDArray[Any], ignore: int | None, skip: bool
) -> NDArray[np.int64]:
    """Count the place of the highest of each row of values, the first of equal ones."""
    classes = values.shape[1]
    matrix = np.zeros((classes, classes), np.int64)
    missing = np.isnan(values.astype(np.float64)).any(axis=1)
    for i, _, true in _counted(np.where(missing, np.nan, 0.0), target, ignore, skip):
        if not 0 <= true < classes:
            raise Fault("bad target", i, true, classes)
        matrix[true, int(values[i].argmax())] += 1
    return matrix


def sweep(
    values: NDArray[Any],
    thresholds: NDArray[Any],
    target: NDArray[Any],
    ignore: int | None,
    skip: bool,
) -> NDArray[np.int64]:
    """Count by target and by the number of thresholds that a value is over."""
    table = np.zeros((2, thresholds.size + 1), np.int64)
    for _, value, true in _counted(values, target, ignore, skip):
        table[int(true != 0), int((value > thresholds).sum())] += 1
    return table


def calibrate(
    values: NDArray[Any], bins: int, target: NDArray[Any], ignore: int | None, skip: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count by target and by bin of equal width, and add up the probabilities of each bin."""
    counts, sums = np.zeros((2, bins), np.int64), np.zeros(bins)
    for i, value, true in _counted(values, target, ignore, skip):
        if not 0 <= value <= 1:
            raise Fault("no probability", i, 0, 0)
        place = min(int(value * bins), bins - 1)
        counts[int(true != 0), place] += 1
        sums[place] += value
    return counts, sums


def _counted(
    values: NDArray[Any], target: NDArray[Any], ignore: int | None, skip: bool
) -> Iterator[tuple[int, float, int]]:
    """Give position, value and target of the pixels that are not left out."""
    pairs = zip(values.astype(np.float64).tolist(), target.tolist(), strict=True)
    for i, (value, true) in enumerate(pairs):
        if true == ignore or (skip and value != value):
            continue
        if value != value:
            raise Fault("nan", i, 0, 0)
        yield i, value, true


# --- tokens ------------------------------------------------------------------------------------


def _tokens(text: bytes) -> list[tuple[int, int]]:
    """Return first and end offset of each stretch without white space."""
    space = [True, *(byte in SPACE for byte in text), True]
    first = [i for i in range(len(text) + 1) if space[i] and not space[i + 1]]
    end = [i for i in range(len(text) + 1) if not space[i] and space[i + 1]]
    return list(zip(first, end, strict=True))


def _number(text: bytes, first: int, end: int) -> tuple[int, int]:
    """Return offset and value of a token."""
    digits = first + 1 if text[first] == ord("-") and end > first + 1 else first
    if text[digits] not in DIGITS:
        raise Fault("bad character", first, text[first], 0)
    for at in range(digits, end):
        if text[at] not in DIGITS:
            raise Fault("bad character", at, text[at], 0)
    number = int(text[first:end])
    if abs(number) > MOST:
        raise Fault("bad number", first, 0, MOST)
    return first, number
