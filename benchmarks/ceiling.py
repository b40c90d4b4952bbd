"""What memory allows: reading, clearing and copying as many bytes as a mask has."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from cases import Mask
from interleave import Entry


def entries(kind: str, masks: list[Mask]) -> dict[str, Entry]:
    """Return the contenders named by a case's `ceiling`."""
    if kind in ("read", "read float32"):
        # A search for a byte that is not there reads everything and computes next to nothing.
        size = 4 if kind == "read float32" else 1
        blank = [(bytearray(size * mask.size), b"\1") for mask in masks]
        return {kind: Entry(bytearray.find, blank)}
    if kind == "memset":
        arrays = [np.zeros_like(mask) for mask in masks]
        return {"memset": Entry(_clear, [(a.ctypes.data, a.size, a) for a in arrays])}
    if kind == "allocated memset":
        return {"allocated memset": Entry(_allocate, [(mask.shape, mask.size) for mask in masks])}
    return {}


def bandwidth(size: int = 1080 * 1920, rounds: int = 200) -> dict[str, float]:
    """Return what memset, memcpy and reading reach on buffers of a 1080p mask, in GB/s."""
    masks = [np.zeros(size, np.uint8) for _ in range(8)]
    found = entries("read", masks) | entries("memset", masks)
    pairs = list(zip(masks, [np.zeros_like(m) for m in masks], strict=True))
    found["memcpy"] = Entry(
        ctypes.memmove, [(to.ctypes.data, of.ctypes.data, size) for of, to in pairs]
    )
    for _ in range(rounds // len(masks)):
        for entry in found.values():
            entry.round()
    return {name: size / entry.summary()["us"] / 1e3 for name, entry in found.items()}


def _clear(address: int, size: int, _: Any) -> None:
    ctypes.memset(address, 0, size)


def _allocate(shape: tuple[int, int], size: int) -> Mask:
    array = np.empty(shape, np.uint8)
    ctypes.memset(array.ctypes.data, 0, size)
    return array
