"""Masks, runs and malformed text to draw from."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

# Right and wrong do not depend on how busy the machine is.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# On both sides of every width that a vector or a word may have, and nothing at all.
SIDES = (0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)

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
        room = np.ones((height + 2, width + 3), array.dtype)
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
def masks(draw: st.DrawFn, dtype: str | None = None) -> NDArray[np.generic]:
    """Return a mask: blank, solid, noise of some density, or patches; of any dtype and layout."""
    shape = draw(shapes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        density = draw(st.sampled_from([0.0, 0.01, 0.5, 0.99, 1.0]))
        foreground = rng.random(shape) < density
    else:
        foreground = np.zeros(shape, bool)
        for _ in range(draw(st.integers(1, 3))):
            top, left = rng.integers(0, 1 + np.array(shape))
            bottom, right = rng.integers(0, 1 + np.array(shape))
            foreground[top:bottom, left:right] ^= True
    # Any value but zero is foreground, so foreground gets many values.
    values = rng.integers(1, 128, shape)
    array = np.where(foreground, values, 0).astype(dtype or draw(st.sampled_from(DTYPES)))
    return draw(layouts(array))


@st.composite
def counts(draw: st.DrawFn) -> NDArray[np.uint32]:
    """Return legal runs, large ones included, of a mask with at most 2**32 - 1 pixels."""
    largest = draw(st.sampled_from([1, 40, 2**10, 2**20, 2**27]))
    later = draw(st.lists(st.integers(1, largest), max_size=30))
    return np.array([draw(st.integers(0, largest)), *later], np.uint32)


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
