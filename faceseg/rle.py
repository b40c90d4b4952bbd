"""Run-length encoding of masks: pixels to runs, and runs to the texts of Kaggle and COCO.

A mask is held as its *counts*: a 1-D uint32 array of run lengths, the first counting zeros (and
possibly empty), then alternating, none of them empty, with the number of pixels as their sum.
Counts do not say in which order the pixels were read; that is ``order``, ``"F"`` (down the columns,
as Kaggle and COCO do) or ``"C"`` (along the rows). A mask has at most 2**32 - 1 pixels.
``docs/rle-format.md`` works through an example.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceseg import _kernels
from faceseg._kernels import Fault

__all__ = [
    "area",
    "check_counts",
    "counts_from_coco",
    "counts_from_kaggle",
    "counts_to_coco",
    "counts_to_kaggle",
    "decode",
    "encode",
]

Counts: TypeAlias = NDArray[np.uint32]
Mask: TypeAlias = NDArray[np.uint8]
Order: TypeAlias = Literal["C", "F"]

MOST_PIXELS = 2**32 - 1

_COUNTS_FAULTS = {
    "no runs": "counts are empty; expected runs of {expected} pixels in all",
    "bad run": "counts[{at}] is {found}; only the first run may be empty",
    "too long": "counts[{at}] ends after {found} pixels; the mask has {expected}",
    "too short": "counts end after {found} pixels; the mask has {expected}",
}
_MASK_FAULTS = {
    "changed": "mask changed while it was encoded: {found} runs after {expected} were counted",
}
_KAGGLE_FAULTS = {
    "bad character": "Kaggle text: character {at} is {character!r}; expected decimal numbers",
    "bad number": "Kaggle text: {number} at character {at} is out of range; at most {expected}",
    "bad start": "Kaggle text: run at character {at} starts at {found}; "
    "the first pixel is {expected}",
    "overlap": "Kaggle text: run at character {at} starts at {found}; "
    "expected {expected} or more, after the run before",
    "bad run": "Kaggle text: run length at character {at} is {found}; expected {expected} or more",
    "too long": "Kaggle text: run at character {at} ends after {found} pixels; "
    "the mask has {expected}",
    "odd tokens": "Kaggle text: an odd count of numbers, {found}; expected starts with lengths, "
    "so {expected}",
}
_COCO_FAULTS = {
    "no runs": "COCO text: empty; expected runs of {expected} pixels in all",
    "bad character": "COCO text: character {at} is {character!r}; expected '0' to 'o'",
    "truncated": "COCO text: number at character {at} is cut short after {found} of at least "
    "{expected} characters",
    "overlong": "COCO text: number at character {at} has {found} characters or more; "
    "it needs at most {expected}",
    "bad run": "COCO text: run at character {at} is {found} long; expected {expected} or more",
    "too long": "COCO text: run at character {at} ends after {found} pixels; "
    "the mask has {expected}",
    "too short": "COCO text: runs end after {found} pixels; the mask has {expected}",
}


def encode(mask: ArrayLike, *, order: Order = "F") -> Counts:
    """Encode a mask as runs.

    Parameters
    ----------
    mask : array_like, (H, W), bool, integer or float
        Anything but zero is foreground. Masks of one-byte elements are read where they lie when
        they are row-major or column-major, with or without gaps between the rows; others are
        copied.
    order : {"F", "C"}
        Read the pixels down the columns or along the rows.

    Returns
    -------
    ndarray, (N,), uint32
        Counts.

    Raises
    ------
    ValueError
        Unless the mask has two dimensions, a numeric dtype and fewer than 2**32 pixels.

    Examples
    --------
    >>> encode([[0, 1, 1], [0, 0, 1]])
    array([2, 1, 1, 2], dtype=uint32)
    """
    _check_order(order)
    pixels = np.asarray(mask)
    if pixels.ndim != 2:
        raise ValueError(f"mask has shape {pixels.shape}; expected (height, width)")
    if pixels.dtype.kind not in "biuf":
        raise ValueError(f"mask has dtype {pixels.dtype}; expected bool, integer or float")
    _pixels(pixels.shape)
    pixels = pixels.view(np.uint8) if pixels.dtype.itemsize == 1 else (pixels != 0).view(np.uint8)
    if pixels.shape[1] > 1 and pixels.strides[1] != 1:
        if pixels.strides[0] == 1:
            pixels, order = pixels.T, "C" if order == "F" else "F"
        else:
            pixels = np.ascontiguousarray(pixels)
    kernel = _kernels.encode_rows if order == "C" else _kernels.encode_columns
    try:
        return kernel(pixels)
    except Fault as fault:
        raise _reworded(fault, _MASK_FAULTS) from None


def decode(
    counts: Sequence[int] | NDArray[Any],
    shape: tuple[int, int],
    *,
    order: Order = "F",
    value: int = 1,
    out: Mask | None = None,
) -> Mask:
    """Decode runs to a mask.

    Parameters
    ----------
    counts : sequence of int, (N,)
        Runs; everything that `check_counts` refuses is refused before a mask is made.
    shape : (int, int)
        Height and width.
    order : {"F", "C"}
        The order in which the pixels were read.
    value : int
        What foreground pixels become, 1 to 255.
    out : ndarray, (H, W), uint8, C-contiguous, optional
        Filled and returned, instead of a new array.

    Returns
    -------
    ndarray, (H, W), uint8, C-contiguous
        0 and `value`.

    Raises
    ------
    ValueError
        If the counts are not those of a mask of this shape, or another argument is out of range.

    Examples
    --------
    >>> decode([2, 1, 1, 2], (2, 3))
    array([[0, 1, 1],
           [0, 0, 1]], dtype=uint8)
    """
    _check_order(order)
    if not 1 <= operator.index(value) <= 255:
        raise ValueError(f"value is {value}; expected 1 to 255")
    runs = check_counts(counts, shape)
    if out is None:
        out = np.empty(shape, np.uint8)
    elif (
        out.shape != tuple(shape)
        or out.dtype != np.uint8
        or not out.flags.c_contiguous
        or not out.flags.writeable
    ):
        raise ValueError(
            f"out has shape {out.shape} and dtype {out.dtype}; "
            f"expected writeable C-contiguous uint8 of shape {tuple(shape)}"
        )
    kernel = _kernels.decode_rows if order == "C" else _kernels.decode_columns
    try:
        kernel(runs, value, out)
    except Fault as fault:
        raise _reworded(fault, _COUNTS_FAULTS) from None
    return out


def check_counts(counts: Sequence[int] | NDArray[Any], shape: tuple[int, int]) -> Counts:
    """Check that runs are those of a mask of some shape.

    Parameters
    ----------
    counts : sequence of int, (N,)
        Runs, such as the ``counts`` of an uncompressed COCO annotation.
    shape : (int, int)
        Height and width.

    Returns
    -------
    ndarray, (N,), uint32
        The same runs; not a copy if they were contiguous uint32.

    Raises
    ------
    ValueError
        If there is no run, a run but the first is empty, one is negative or no integer, or their
        sum is not the number of pixels.

    Examples
    --------
    >>> check_counts([2, 1, 1], (2, 3))
    Traceback (most recent call last):
    ...
    ValueError: counts end after 4 pixels; the mask has 6
    """
    pixels = _pixels(shape)
    runs = _as_counts(counts)
    try:
        _kernels.check_runs(runs, pixels)
    except Fault as fault:
        raise _reworded(fault, _COUNTS_FAULTS) from None
    return runs


def area(counts: Sequence[int] | NDArray[Any]) -> int:
    """Return the number of foreground pixels.

    Parameters
    ----------
    counts : sequence of int, (N,)
        Runs; their sum is not checked.

    Raises
    ------
    ValueError
        If a run is negative, no integer, or over 2**32 - 1.

    Examples
    --------
    >>> area([2, 1, 1, 2])
    3
    """
    return _kernels.area(_as_counts(counts))


def counts_to_kaggle(counts: Sequence[int] | NDArray[Any], *, base: int = 1) -> str:
    """Write runs as Kaggle's text, ``"start length start length ..."``.

    Parameters
    ----------
    counts : sequence of int, (N,)
        Runs; for Kaggle's rows they are of a mask read with ``order="F"``.
    base : {1, 0}
        The number of the first pixel.

    Returns
    -------
    str
        Empty for a mask without foreground.

    Raises
    ------
    ValueError
        If the counts are not those of a mask.

    Examples
    --------
    >>> counts_to_kaggle([2, 1, 1, 2])
    '3 1 5 2'
    """
    _check_base(base)
    return _kernels.write_kaggle(_check_sum(counts), base).decode("ascii")


def counts_from_kaggle(text: str, shape: tuple[int, int], *, base: int = 1) -> Counts:
    """Read Kaggle's text, ``"start length start length ..."``.

    Parameters
    ----------
    text : str
        Decimal numbers between white space. Runs ascend; those that touch are joined.
    shape : (int, int)
        Height and width.
    base : {1, 0}
        The number of the first pixel.

    Returns
    -------
    ndarray, (N,), uint32
        Counts, in the pixel order the text was written in.

    Raises
    ------
    ValueError
        If a token is no decimal number or has no partner, or a run is empty, starts before the
        first pixel or inside an earlier run, or ends after the last pixel.

    Examples
    --------
    >>> counts_from_kaggle("3 1 5 2", (2, 3))
    array([2, 1, 1, 2], dtype=uint32)
    """
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}; expected str")
    _check_base(base)
    pixels = _pixels(shape)
    try:
        return _kernels.parse_kaggle(text.encode("utf-8", "surrogatepass"), base, pixels)
    except Fault as fault:
        raise _reworded(fault, _KAGGLE_FAULTS, text) from None


def counts_to_coco(counts: Sequence[int] | NDArray[Any]) -> bytes:
    """Write runs as COCO's compressed text.

    Parameters
    ----------
    counts : sequence of int, (N,)
        Runs; for COCO they are of a mask read with ``order="F"``.

    Returns
    -------
    bytes
        ASCII, the same as ``pycocotools.mask.encode(...)["counts"]``.

    Raises
    ------
    ValueError
        If the counts are not those of a mask.

    Examples
    --------
    >>> counts_to_coco([2, 1, 1, 2])
    b'2111'
    """
    return _kernels.write_coco(_check_sum(counts))


def counts_from_coco(text: bytes | str, shape: tuple[int, int]) -> Counts:
    """Read COCO's compressed text.

    Parameters
    ----------
    text : bytes or str
        The ``counts`` of a compressed annotation.
    shape : (int, int)
        Height and width, its ``size``.

    Returns
    -------
    ndarray, (N,), uint32
        Counts, in column-major order.

    Raises
    ------
    ValueError
        If a character does not belong, a number is cut short or longer than needed, a run is not
        positive, or the runs do not add up to the number of pixels.

    Examples
    --------
    >>> counts_from_coco(b"2111", (2, 3))
    array([2, 1, 1, 2], dtype=uint32)
    """
    pixels = _pixels(shape)
    if isinstance(text, bytes):
        data, shown = text, text.decode("latin-1")
    elif isinstance(text, str):
        data, shown = text.encode("utf-8", "surrogatepass"), text
    else:
        raise TypeError(f"text is {type(text).__name__}; expected bytes or str")
    try:
        return _kernels.parse_coco(data, pixels)
    except Fault as fault:
        raise _reworded(fault, _COCO_FAULTS, shown) from None


def _check_order(order: str) -> None:
    if order not in ("F", "C"):
        raise ValueError(f"order is {order!r}; expected 'F' (down the columns) or 'C'")


def _check_base(base: int) -> None:
    if base not in (0, 1):
        raise ValueError(f"base is {base!r}; expected 0 or 1")


def _pixels(shape: tuple[int, ...]) -> int:
    """Return height * width, checked to fit a count."""
    if len(shape) != 2 or any(operator.index(side) < 0 for side in shape):
        raise ValueError(f"shape is {shape}; expected (height, width), neither negative")
    height, width = (operator.index(side) for side in shape)
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"shape {height} x {width} has {height * width} pixels; the most is {MOST_PIXELS}"
        )
    return height * width


def _as_counts(counts: Sequence[int] | NDArray[Any]) -> Counts:
    """Return contiguous uint32 runs, each checked to be one."""
    array = np.asarray(counts)
    if array.ndim != 1:
        raise ValueError(f"counts have shape {array.shape}; expected one dimension")
    if not array.size:
        return np.empty(0, np.uint32)
    if array.dtype == np.uint32:
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "iu":
        # Floats, or integers of more than 64 bits.
        for position, run in enumerate(counts):
            if not isinstance(run, int):
                raise ValueError(f"counts[{position}] is {run!r}; expected an integer")
        array = np.array(counts, dtype=object)
    for i in np.flatnonzero((array < 0) | (array > MOST_PIXELS)):
        raise ValueError(f"counts[{i}] is {array[i]}; expected 0 to {MOST_PIXELS}")
    return np.ascontiguousarray(array, np.uint32)


def _check_sum(counts: Sequence[int] | NDArray[Any]) -> Counts:
    """Return runs checked to be those of a mask of some shape."""
    runs = _as_counts(counts)
    try:
        _kernels.check_runs(runs, min(int(runs.sum(dtype=np.uint64)), MOST_PIXELS))
    except Fault as fault:
        raise _reworded(fault, _COUNTS_FAULTS) from None
    return runs


def _reworded(fault: Fault, faults: dict[str, str], text: str = "") -> ValueError:
    """Return the error for what a kernel refused, in the words of `faults`."""
    at = fault.position
    return ValueError(
        faults[fault.reason].format(
            at=at,
            found=fault.found,
            expected=fault.expected,
            # Positions are in bytes, and in characters, too: all before a fault is ASCII.
            character=text[at : at + 1],
            number="".join(text[at : at + 24].split()[:1]),
        )
    )
