"""The words for what the kernels refuse."""

from __future__ import annotations

import operator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

MOST_PIXELS = 2**32 - 1

_E = TypeVar("_E", bound=BaseException)


class Fault(ValueError):
    """Why a kernel refused its input: `reason`, `position`, and the two numbers that disagree."""

    def __init__(self, reason: str, position: int, found: int, expected: int) -> None:
        super().__init__(reason, position, found, expected)
        self.reason = reason
        self.position = position
        self.found = found
        self.expected = expected


COUNTS = {
    "no runs": "counts are empty; expected runs of {expected} pixels in all",
    "bad run": "counts[{at}] is {found}; only the first run may be empty",
    "too long": "counts[{at}] ends after {found} pixels; the mask has {expected}",
    "too short": "counts end after {found} pixels; the mask has {expected}",
}
KAGGLE = {
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
COCO = {
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


def caused(error: _E, fault: BaseException) -> _E:
    """Return the error with what a kernel said as its context, which is not printed."""
    error.__context__ = fault
    error.__suppress_context__ = True
    return error


def worded(fault: Fault, words: dict[str, str], text: str | bytes = "") -> ValueError:
    """Return the error for what a kernel refused, with the fault as its context.

    Parameters
    ----------
    fault
        What the kernel said.
    words
        The words for each reason.
    text
        What was read. Positions are in bytes, and in characters, too: all before a fault is ASCII.
    """
    at = fault.position
    shown = text if isinstance(text, str) else _decoded(text)
    message = words[fault.reason].format(
        at=at,
        found=fault.found,
        expected=fault.expected,
        character=shown[at : at + 1],
        number="".join(shown[at : at + 24].split()[:1]),
    )
    return caused(ValueError(message), fault)


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def shape_error(shape: object, name: str) -> Exception:
    """Return the error for a `shape`, called `name`, that is not one of a mask."""
    try:
        sides: tuple[Any, ...] = tuple(shape)  # type: ignore[arg-type]
    except TypeError:
        return TypeError(f"{name} is {shape!r}; expected (height, width)")
    if len(sides) != 2:
        return ValueError(f"{name} is {shape!r}; expected (height, width), two integers")
    try:
        height, width = map(operator.index, sides)
    except TypeError:
        return TypeError(f"{name} is {shape!r}; expected (height, width), two integers")
    if height < 0 or width < 0:
        return ValueError(f"{name} is {shape}; expected (height, width), neither negative")
    if height * width > MOST_PIXELS:
        return ValueError(
            f"{name} {height} x {width} has {height * width} pixels; the most is {MOST_PIXELS}"
        )
    return ValueError(f"{name} is {shape}; expected sides of at most {MOST_PIXELS}")


def pair_error(a: tuple[int, int], a_order: str, b: tuple[int, int], b_order: str) -> ValueError:
    """Return the error for two masks that differ in shape or order."""
    if a != b:
        return ValueError(
            f"masks have shapes {a} and {b}; expected one shape: resize, crop or pad one of them"
        )
    return ValueError(
        f"masks have orders {a_order!r} and {b_order!r}; expected one order: convert one of them, "
        f"with_order({a_order!r})"
    )


def vertex_error(fault: Fault, name: str, xy: npt.NDArray[np.float64]) -> ValueError:
    """Return the error for a polygon's vertex that is out of range."""
    at = fault.position
    error = ValueError(
        f"{name}: {'xy'[fault.found]} of vertex {at} is {xy.ravel()[2 * at + fault.found]}; "
        "expected -4294967296 to 4294967296"
    )
    return caused(error, fault)


def value_error(
    name: str,
    value: object,
    dtype: np.dtype[Any],
    low: int | None,
    high: int | None,
    zero: bool,
) -> ValueError:
    """Return the error for a value that does not fit a dtype, or is zero where it may not be."""
    if low is None:
        why = ", not 0" if value == 0 else ", which does not hold it"
        return ValueError(f"{name} is {value}; expected a {dtype}{why}")
    first = low if low or zero else 1
    rest = ", not 0" if first < 0 and not zero else ""
    return ValueError(f"{name} is {value}; expected {first} to {high}{rest}, for {dtype}")
