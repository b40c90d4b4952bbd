"""Scores of predicted labels: exact counts first, ratios in double precision at the end.

All scores come from a confusion matrix of int64 pair counts, rows the target and columns the
prediction. Matrices of several images add up to that of the whole set. By convention class 0 is
background, so that with two classes the scores of interest are those of class 1.
"""

from __future__ import annotations

import operator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceseg import _kernels
from faceseg._kernels import Fault

__all__ = [
    "confusion_matrix",
    "dice",
    "iou",
    "mean_iou",
    "pixel_accuracy",
    "precision",
    "recall",
]

MOST_CLASSES = 256


def confusion_matrix(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    num_classes: int = 2,
    ignore_index: int | None = None,
) -> NDArray[np.int64]:
    """Count pairs of true and predicted labels.

    Parameters
    ----------
    prediction, target : array_like of one shape, bool or integer
        Labels, 0 to ``num_classes - 1``. Arrays of one-byte elements or of int64 are read where they
        lie if both are C-contiguous or both F-contiguous; others are copied.
    num_classes : int
        1 to 256.
    ignore_index : int, optional
        Target label of pixels to leave out, whatever their prediction is.

    Returns
    -------
    ndarray, (num_classes, num_classes), int64
        Element [t, p] is the number of pixels of class t predicted as class p.

    Raises
    ------
    ValueError
        If shapes differ, a dtype holds no integers, or a label is out of range.

    Examples
    --------
    >>> confusion_matrix([[0, 1], [1, 1]], [[0, 1], [1, 0]])
    array([[1, 1],
           [0, 2]])
    """
    predicted, truth = _as_labels(prediction, "prediction"), _as_labels(target, "target")
    if predicted.shape != truth.shape:
        raise ValueError(
            f"prediction has shape {predicted.shape} and target {truth.shape}; expected one shape"
        )
    classes = operator.index(num_classes)
    if not 1 <= classes <= MOST_CLASSES:
        raise ValueError(f"num_classes is {num_classes}; expected 1 to {MOST_CLASSES}")
    order: Literal["C", "F"] = (
        "F" if predicted.flags.f_contiguous and truth.flags.f_contiguous else "C"
    )
    shape = predicted.shape
    matrix = np.zeros((classes, classes), np.int64)
    try:
        _kernels.confusion(
            predicted.ravel(order), truth.ravel(order), classes, ignore_index, matrix
        )
    except Fault as fault:
        which = "target" if fault.reason == "bad target" else "prediction"
        place = ", ".join(str(i) for i in np.unravel_index(fault.position, shape, order))
        raise ValueError(
            f"{which}[{place}] is {fault.found}; expected 0 to {fault.expected - 1}"
        ) from None
    return matrix


def iou(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return intersection over union (Jaccard index) of each class.

    Parameters
    ----------
    matrix : array_like, (C, C), integer
        From `confusion_matrix`.

    Returns
    -------
    ndarray, (C,), float64
        0 to 1, NaN for classes neither true nor predicted anywhere.

    Examples
    --------
    >>> iou([[1, 1], [0, 2]]).round(3)
    array([0.5  , 0.667])
    """
    both, true, predicted = _totals(matrix)
    return _ratio(both, true + predicted - both, true + predicted)


def dice(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the Dice coefficient (F1 score) of each class; as `iou` otherwise."""
    both, true, predicted = _totals(matrix)
    return _ratio(2 * both, true + predicted, true + predicted)


def precision(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the share of each class's predicted pixels that are true; as `iou` otherwise.

    A class that is true somewhere and predicted nowhere has 0.
    """
    both, true, predicted = _totals(matrix)
    return _ratio(both, predicted, true + predicted)


def recall(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the share of each class's true pixels that are predicted; as `iou` otherwise.

    A class that is predicted somewhere and true nowhere has 0.
    """
    both, true, predicted = _totals(matrix)
    return _ratio(both, true, true + predicted)


def mean_iou(matrix: ArrayLike) -> float:
    """Return the mean of `iou` over the classes that are true or predicted somewhere, or NaN."""
    scores = iou(matrix)
    present = scores[~np.isnan(scores)]
    return float(present.mean()) if present.size else float("nan")


def pixel_accuracy(matrix: ArrayLike) -> float:
    """Return the share of pixels with the right label, NaN if there are none."""
    both, true, _ = _totals(matrix)
    pixels = int(true.sum())
    return int(both.sum()) / pixels if pixels else float("nan")


def _as_labels(labels: ArrayLike, name: str) -> NDArray[np.uint8] | NDArray[np.int64]:
    """Return labels as uint8, without a copy if their elements have one byte, or as int64."""
    array = np.asarray(labels)
    if array.dtype.kind not in "biu" or not np.can_cast(array.dtype, np.int64):
        raise ValueError(f"{name} has dtype {array.dtype}; expected bool or integer up to int64")
    if array.dtype in (np.bool_, np.uint8):
        return array.view(np.uint8)
    return array.astype(np.int64, copy=False)


def _totals(
    matrix: ArrayLike,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each class's pixels that are true and predicted, true, predicted."""
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.dtype.kind not in "iu":
        raise ValueError(
            f"matrix has shape {counts.shape} and dtype {counts.dtype}; expected integers (C, C)"
        )
    counts = counts.astype(np.int64, copy=False)
    return counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)


def _ratio(
    part: NDArray[np.int64], whole: NDArray[np.int64], present: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return part / whole; where whole is 0, 0 for classes that are present and NaN otherwise."""
    scores = np.where(present > 0, 0.0, np.nan)
    return np.divide(part, whole, out=scores, where=whole > 0)
