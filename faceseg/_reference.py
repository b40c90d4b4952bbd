"""Each kernel in plain NumPy and Python: the definition of right.

The functions are those of `faceseg._kernels` by name, arguments, results and faults. They are for
reading and for tests, and are slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceseg._kernels import Fault

MOST = 2**32 - 1
SPACE = b" \t\n\v\f\r"
DIGITS = b"0123456789"
MOST_GROUPS = 7


def implementation() -> str:
    """Name the inner loops in use."""
    return "reference"


def encode_rows(mask: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the runs of a mask read row by row."""
    pixels = np.concatenate([[False], mask.ravel(order="C") != 0])
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    return np.diff(changes, prepend=0, append=mask.size).astype(np.uint32)


def encode_columns(mask: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the runs of a mask read column by column."""
    return encode_rows(mask.T)


def decode_rows(counts: NDArray[np.uint32], value: int, mask: NDArray[np.uint8]) -> None:
    """Fill `mask` from runs read row by row."""
    colours = np.where(np.arange(counts.size) % 2, value, 0).astype(np.uint8)
    mask[...] = np.repeat(colours, counts).reshape(mask.shape)


def decode_columns(counts: NDArray[np.uint32], value: int, mask: NDArray[np.uint8]) -> None:
    """Fill `mask` from runs read column by column."""
    decode_rows(counts, value, mask.T)


def check_runs(counts: NDArray[np.uint32], area: int) -> None:
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


def area(counts: NDArray[np.uint32]) -> int:
    """Add up the runs of ones."""
    return int(counts[1::2].sum(dtype=np.uint64))


def parse_kaggle(text: bytes, base: int, area: int) -> NDArray[np.uint32]:
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


def write_kaggle(counts: NDArray[np.uint32], base: int) -> bytes:
    """Write the runs as "start length ..."."""
    ends = np.cumsum(counts, dtype=np.uint64)
    starts = ends[:-1:2] + np.uint64(base)
    return b" ".join(b"%d %d" % pair for pair in zip(starts, counts[1::2], strict=True))


def parse_coco(text: bytes, area: int) -> NDArray[np.uint32]:
    """Read the runs of COCO's compressed text."""
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


def write_coco(counts: NDArray[np.uint32]) -> bytes:
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
