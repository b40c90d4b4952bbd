"""How much each class weighs in the cross-entropy, as given or from the pixels it has."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.images import image_size
from faceseg.records import Source
from faceseg.rle import union

# A class of a few pixels would otherwise rule the gradient.
_LARGEST = 10.0


def class_weights_of(config: Config, source: Source) -> Tensor | None:
    """Return the weights that ``config.class_weights`` asks for.

    Parameters
    ----------
    config
        Settings of the run.
    source
        The training set; ``"balanced"`` counts its pixels.

    Returns
    -------
    Tensor or None
        (C,) float32 on the CPU; None for ``"none"``.

    Raises
    ------
    InputError
        If the text is none of the words and not a number of 0 or more for each class, at least
        one of them above 0.
    """
    text = config.class_weights.strip()
    if text == "none":
        return None
    if text == "balanced":
        return torch.from_numpy(balanced_weights(pixel_counts(source, config.ignore_index)))
    expected = (
        f"expected none, balanced or {len(source.classes)} numbers of 0 or more, one for each of "
        f"{', '.join(source.classes)}"
    )
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"class_weights: {text!r} given, {expected}") from None
    if len(values) != len(source.classes):
        raise InputError(f"class_weights: {text!r} given, {len(values)} numbers, {expected}")
    if not all(math.isfinite(v) and v >= 0 for v in values) or not any(values):
        raise InputError(f"class_weights: {text!r} given, {expected}, not all 0")
    return torch.tensor(values, dtype=torch.float32)


def balanced_weights(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return median-frequency weights (Eigen and Fergus, ICCV 2015), at most 10.

    A class's frequency is its share of the pixels of those images that have it; its weight is the
    median of the classes' frequencies divided by its own.

    Parameters
    ----------
    counts
        (N, C) int64, pixels of each class in each image.

    Returns
    -------
    ndarray
        (C,) float32, above 0 and at most 10, which is the weight of a class that no image has.
    """
    pixels = counts.sum(axis=0)
    around = ((counts > 0) * counts.sum(axis=1, keepdims=True)).sum(axis=0)
    frequency = pixels / np.maximum(around, 1)
    if not frequency.any():
        return np.ones(len(frequency), np.float32)
    median = np.median(frequency[frequency > 0])
    return np.asarray(median / np.maximum(frequency, median / _LARGEST), np.float32)


def pixel_counts(source: Source, ignore_index: int = -1) -> NDArray[np.int64]:
    """Count the pixels of each class in each mask of a source.

    Run lengths are added up without being decoded; label images are read, in threads.

    Parameters
    ----------
    source
        Records to count.
    ignore_index
        Class id whose pixels do not count; -1 is none.

    Returns
    -------
    ndarray
        (N, C) int64, in the order of the records.

    Raises
    ------
    InputError
        If a mask cannot be read.
    """
    classes = len(source.classes)

    def count(place: int) -> NDArray[np.int64]:
        record = source.records[place]
        if record.rle is not None:
            height, width = record.size or image_size(record.image)
            area = union(source.runs(record, (height, width))).area
            return np.array([height * width - area, area], np.int64)
        # Ids beyond the classes are pixels to ignore: the source refuses any other.
        return np.bincount(source.decode(record, (0, 0)).ravel(), minlength=classes)[:classes]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = np.array(list(pool.map(count, range(len(source)))), np.int64).reshape(-1, classes)
    if 0 <= ignore_index < classes:
        counts[:, ignore_index] = 0
    return counts
