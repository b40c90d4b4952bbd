"""Answers of different libraries brought to one form, so that they can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from inputs import rlemasklib

from faceseg.rle import RLE


def plain(answer: Any) -> Any:
    """Return an answer without the types of the library that gave it; masks as COCO's string."""
    if isinstance(answer, RLE):
        return answer.to_coco()
    if rlemasklib and isinstance(answer, rlemasklib.RLEMask):
        return answer.to_dict()["counts"]
    if isinstance(answer, dict):
        if "counts" in answer:
            return plain(answer["counts"])
        # A label map's masks; some libraries give that of the background, too.
        return {int(k): plain(v) for k, v in answer.items() if k != 0}
    if isinstance(answer, list) and answer and not isinstance(answer[0], int | float):
        return [plain(one) for one in answer]
    if isinstance(answer, bytes | str):
        return answer
    return np.asarray(answer)


def plain_sorted(answer: Any) -> Any:
    """Return the masks of a list in an order of their own."""
    return sorted(plain(one) for one in answer)


def same(theirs: Any, ours: Any, tolerance: float) -> bool:
    """Whether two plain answers are equal; an IoU of two empty masks may be 0 or no number."""
    if isinstance(ours, list):
        return len(theirs) == len(ours) and all(
            same(a, b, tolerance) for a, b in zip(theirs, ours, strict=True)
        )
    if isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(
            same(theirs[key], ours[key], tolerance) for key in ours
        )
    if isinstance(ours, bytes | str):
        return bool(theirs == ours)
    if theirs.shape != ours.shape:
        return False
    if theirs.dtype.kind == "f" or ours.dtype.kind == "f":
        return np.allclose(np.nan_to_num(theirs), np.nan_to_num(ours), rtol=tolerance, atol=0)
    return np.array_equal(theirs, ours)
