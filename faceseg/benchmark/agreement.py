"""The pictures, and whether masks of them agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceseg import metrics
from faceseg.benchmark.loaders import Images
from faceseg.draw import draw_portrait
from faceseg.errors import InputError

# Pictures on which masks are compared, more than one batch has.
_COMPARED = 8


def pictures_of(task: str, size: tuple[int, int], batch: int, seed: int) -> Images:
    """Return (K, N, H, W, 3) portraits, at least `_COMPARED`."""
    rng = np.random.default_rng(seed)
    count = -(-_COMPARED // batch) * batch
    drawn = [
        draw_portrait(rng, task="mask" if task == "mask" else "face", size=size)[0]
        for _ in range(count)
    ]
    return np.stack(drawn).reshape(-1, batch, *size, 3)


def compare(
    name: str, precision: str, masks: Images, expected: Images, decided: NDArray[np.bool_]
) -> tuple[int, int, float | None]:
    """Return how many pixels differ, of how many, and the IoU.

    Raises
    ------
    InputError
        If the precision is float32 and more differ than an export may.
    """
    from faceseg.export.verify import MASK_TOLERANCE

    differing, pixels = int(((masks != expected) & decided).sum()), int(decided.sum())
    if precision == "fp32" and differing > MASK_TOLERANCE * pixels:
        raise InputError(
            f"{name}: {differing} of {pixels} pixels differ from the first row's, allowed: "
            f"{MASK_TOLERANCE:.0e} of them; nothing was timed. A file that was stored small "
            "(export --store) has rounded weights: time it without its checkpoint"
        )
    classes = int(max(masks.max(), expected.max(), 1)) + 1
    counts = metrics.confusion_matrix(
        masks.reshape(-1, masks.shape[-1]),
        expected.reshape(-1, masks.shape[-1]),
        num_classes=classes,
    )
    found = metrics.iou(counts)[1:]
    iou = float(np.nanmean(found)) if np.isfinite(found).any() else None
    return differing, pixels, iou
