"""Masks, runs, polygons and malformed text to draw from."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceseg import _kernels

# Right and wrong do not depend on how busy the machine is, and a run finds what the last one found.
# FACESEG_EXAMPLES: fewer for an emulated processor, more for a night.
settings.register_profile(
    "same every time",
    deadline=None,
    derandomize=True,
    max_examples=int(os.environ.get("FACESEG_EXAMPLES", "60")),
)
settings.load_profile("same every time")

# On both sides of every width that a vector or a word may have, and nothing at all.
SIDES = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)

sides = st.sampled_from(SIDES)
shapes = st.tuples(sides, sides)
orders = st.sampled_from(["F", "C"])
bases = st.sampled_from([0, 1])

DTYPES = ("bool", "uint8", "int8", "uint16", "int32", "int64", "float32", "float64")


@st.composite
def layouts(draw: st.DrawFn, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the same values in another place: order, gaps, direction, write protection."""
    kind = draw(st.sampled_from(["C", "F", "crop", "step", "upside down", "mirrored", "read-only"]))
    if kind in ("C", "F"):
        return np.array(array, order=kind)
    height, width = array.shape
    if kind == "crop":
        room = np.ones((height + 2, width + 3), array.dtype, order=draw(orders))
        room[1:-1, 2:-1] = array
        return room[1:-1, 2:-1]
    if kind == "step":
        room = np.ones((2 * height, 3 * width), array.dtype)
        room[::2, ::3] = array
        return room[::2, ::3]
    if kind == "upside down":
        return np.array(array[::-1])[::-1]
    if kind == "mirrored":
        return np.array(array[:, ::-1])[:, ::-1]
    locked = np.array(array)
    locked.flags.writeable = False
    return locked


@st.composite
def foregrounds(draw: st.DrawFn, shape: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Return a mask of bool: blank, solid, noise of some density, or patches."""
    shape = shape or draw(shapes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        density = draw(st.sampled_from([0.0, 0.01, 0.5, 0.99, 1.0]))
        return rng.random(shape) < density
    foreground = np.zeros(shape, bool)
    for _ in range(draw(st.integers(1, 3))):
        top, left = rng.integers(0, 1 + np.array(shape))
        bottom, right = rng.integers(0, 1 + np.array(shape))
        foreground[top:bottom, left:right] ^= True
    return foreground


@st.composite
def masks(
    draw: st.DrawFn, dtype: str | None = None, shape: tuple[int, int] | None = None
) -> NDArray[np.generic]:
    """Return a mask of any dtype and layout; foreground has many values, since any but zero is."""
    foreground = draw(foregrounds(shape))
    rng = np.random.default_rng(foreground.size)
    values = rng.integers(1, 128, foreground.shape)
    array = np.where(foreground, values, 0).astype(dtype or draw(st.sampled_from(DTYPES)))
    return draw(layouts(array))


@st.composite
def same_shapes(draw: st.DrawFn, least: int, most: int) -> list[NDArray[np.bool_]]:
    """Return masks of one shape."""
    shape = draw(shapes)
    return draw(st.lists(foregrounds(shape), min_size=least, max_size=most))


@st.composite
def counts(draw: st.DrawFn) -> NDArray[np.uint32]:
    """Return legal runs, large ones included, of a mask with at most 2**32 - 1 pixels."""
    largest = draw(st.sampled_from([1, 40, 2**10, 2**20, 2**27]))
    later = draw(st.lists(st.integers(1, largest), max_size=30))
    return np.array([draw(st.integers(0, largest)), *later], np.uint32)


# Shapes whose masks nobody wants to make: over 2**31 pixels, and just under 2**32.
LARGE = ((2**16, 2**15 + 1), (65535, 65537), (1, 2**32 - 1), (2**32 - 1, 1), (3, 2**30 + 1))
large_shapes = st.sampled_from(LARGE)


@st.composite
def counts_of(draw: st.DrawFn, area: int) -> NDArray[np.uint32]:
    """Return legal runs of a mask of `area` pixels."""
    far = st.integers(1, area - 1)
    near = st.one_of(st.integers(1, 200), st.integers(area - 200, area - 1))
    ends = sorted(draw(st.sets(st.one_of(far, near), max_size=40)))
    runs = np.diff([0, *ends, area])
    if draw(st.booleans()):
        runs = np.concatenate([[0], runs])
    return runs.astype(np.uint32)


@st.composite
def points(draw: st.DrawFn) -> NDArray[np.float64]:
    """Return the corners of a polygon in and around a small image."""
    grid = draw(st.sampled_from([1.0, 0.5, 0.2, 0.01]))
    corner = st.tuples(st.integers(-20, 150), st.integers(-20, 150))
    corners = draw(st.lists(corner, min_size=3, max_size=12))
    scale = draw(st.sampled_from([1.0, 0.3]))
    return np.round(np.array(corners) * scale / grid) * grid


# Mostly numbers that make sense, some that do not, in mostly white space.
kaggle_texts = st.lists(
    st.one_of(
        st.integers(-3, 70).map(str),
        st.sampled_from(["4294967295", "4294967296", "18446744073709551617", "-99999999999"]),
        st.text("0123456789-+.eE_ \t\n\x00\x1c x٣²", max_size=4),
    ),
    max_size=12,
).map(" ".join)

coco_texts = st.one_of(
    st.text([chr(c) for c in range(0x2E, 0x72)], max_size=24).map(str.encode),
    st.binary(max_size=12),
)


@st.composite
def broken(draw: st.DrawFn, text: bytes) -> bytes:
    """Return a text with a few bytes changed, put in, left out or cut off."""
    data = bytearray(text)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["change", "put in", "leave out", "cut"]))
        if kind == "cut":
            del data[at:]
        elif kind == "put in":
            data.insert(at, draw(st.integers(0, 255)))
        elif at < len(data):
            if kind == "change":
                data[at] = draw(st.integers(0, 255))
            else:
                del data[at]
    return bytes(data)


@pytest.fixture(params=_kernels.versions(), scope="module", autouse=True)
def version(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the tests of a module once with each version of the kernels that this machine can run.

    A module asks for it by ``version = strategies.version``.
    """
    before = _kernels.version()
    _kernels.select(request.param)
    yield request.param
    _kernels.select(before)
