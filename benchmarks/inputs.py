"""A pool of masks in every form that a contender may want, each made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from cases import Mask, Shape, draw

from faceseg.rle import RLE


def optional(name: str) -> ModuleType | None:
    """Return a module, or None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


coco = optional("pycocotools.mask")
rlemasklib = optional("rlemasklib")
faster = optional("faster_coco_eval.mask_api_new_cpp")


class Inputs:
    """Masks of one pattern and size. Numbers wrap round, so that any mask has neighbours."""

    def __init__(self, pattern: str, size: str, masks: Sequence[Mask]) -> None:
        self.pattern = pattern
        self.size = size
        self.masks = masks
        self.shape: Shape = (masks[0].shape[0], masks[0].shape[1])
        self._made: dict[tuple[str, int], Any] = {}

    def __len__(self) -> int:
        return len(self.masks)

    def _make(self, form: str, number: int, make: Callable[[Mask], Any]) -> Any:
        number %= len(self.masks)
        key = form, number
        if key not in self._made:
            self._made[key] = make(self.masks[number])
        return self._made[key]

    def mask(self, number: int) -> Mask:
        """Return a row-major mask."""
        return self.masks[number % len(self.masks)]

    def columns(self, number: int) -> Mask:
        """Return a column-major mask."""
        made: Mask = self._make("columns", number, np.asfortranarray)
        return made

    def logits(self, number: int) -> Any:
        """Return float32 values, over 0 in the foreground."""
        rng = np.random.default_rng(number)

        def make(mask: Mask) -> Any:
            size = rng.random(mask.shape, np.float32) + np.float32(0.1)
            return np.where(mask, size, -size)

        return self._make("logits", number, make)

    def labels(self, number: int) -> Any:
        """Return a label map of 0 to 7, three masks as its bits."""

        def make(mask: Mask) -> Any:
            return mask + 2 * self.mask(number + 1) + 4 * self.mask(number + 2)

        return self._make("labels", number, make)

    def stack(self, number: int) -> Any:
        """Return 8 masks, (8, H, W)."""
        return self._make(
            "stack", number, lambda _: np.stack([self.mask(number + i) for i in range(8)])
        )

    def rle(self, number: int, order: str = "F") -> RLE:
        """Return our object."""
        made: RLE = self._make("rle " + order, number, lambda m: RLE.from_mask(m, order=order))
        return made

    def counts(self, number: int) -> Any:
        """Return the counts, down the columns, in an array of their own."""
        return self._make("counts", number, lambda _: np.array(self.rle(number).counts))

    def packed(self, number: int) -> Any:
        """Return the bits, down the columns."""
        return self._make("packed", number, lambda m: np.packbits(m.ravel(order="F")))

    def kaggle(self, number: int, order: str = "F") -> str:
        """Return Kaggle's text."""
        made: str = self._make(
            "kaggle " + order, number, lambda _: self.rle(number, order).to_kaggle()
        )
        return made

    def string(self, number: int) -> bytes:
        """Return COCO's compressed counts."""
        made: bytes = self._make("string", number, lambda _: self.rle(number).to_coco())
        return made

    def coco(self, number: int) -> dict[str, Any]:
        """Return pycocotools' dictionary."""
        made: dict[str, Any] = self._make(
            "coco", number, lambda m: {"size": list(m.shape), "counts": self.string(number)}
        )
        return made

    def rlemask(self, number: int, order: str = "F") -> Any:
        """Return rlemasklib's object; with ``order="C"``, of the transposed mask."""
        assert rlemasklib is not None
        of = rlemasklib.RLEMask.from_array
        return self._make("rlemask " + order, number, lambda m: of(m) if order == "F" else of(m.T))

    def faster(self, number: int) -> Any:
        """Return faster-coco-eval's object."""
        assert faster is not None
        read = faster.rleFrString
        return self._make(
            "faster", number, lambda _: read(self.string(number).decode(), *self.shape)
        )

    def out(self, number: int) -> Mask:
        """Return a row-major array to write to."""
        made: Mask = self._make("out", number, np.zeros_like)
        return made

    def matrix(self, side: int, form: str) -> list[Any]:
        """Return as many masks as a matrix has rows (side 0) or columns (side 1), in a form."""
        more = self._make("matrix", side, lambda _: self._matrix(side))
        return [getattr(more, form)(i) for i in range(len(more))]

    def _matrix(self, side: int) -> Inputs:
        n = 8 if (self.pattern, self.size) == ("noise", "1080p") else 32
        masks = (draw(self.pattern, self.shape, number) for number in range(n))
        return Inputs(self.pattern, self.size, [np.fliplr(m).copy() if side else m for m in masks])
