"""Scores from counts: exact int64 counts first, one division in double precision at the end.

All functions take a confusion matrix of pair counts, rows the target and columns the prediction, or
a stack of them, (..., C, C). Matrices of several images add up to that of the whole set. `metrics`
has these names too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Average",
    "Interval",
    "bootstrap",
    "cohen_kappa",
    "dice",
    "frequency_weighted_iou",
    "iou",
    "mean_iou",
    "pixel_accuracy",
    "precision",
    "recall",
    "specificity",
]

Average: TypeAlias = Literal["micro", "macro", "image"] | None
Scores: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

NAN = float("nan")


def iou(
    matrix: ArrayLike,
    *,
    average: Average = None,
    classes: Sequence[int] | None = None,
    zero_division: float = NAN,
) -> Scores:
    """Return intersection over union (Jaccard index): TP / (TP + FP + FN).

    Parameters
    ----------
    matrix : array_like, (..., C, C), integer
        From `confusion_matrix`.
    average : {None, "micro", "macro", "image"}
        None: one score for each class. "micro": counts are added over the classes, then divided.
        "macro": the mean over classes. "image": the mean over the images of a stack (N, C, C) of
        each image's mean over classes. Means are over scores that are not NaN; the mean of none
        is NaN.
    classes : sequence of int, optional
        Only these, in this order; ``[1]`` is the foreground of two classes. By default all.
    zero_division : float
        The score of a class that is absent from both the target and the prediction.

    Returns
    -------
    ndarray, (..., C), float64
        0 to 1; without the last axis if there is an `average`, and without the one before if it is
        "image". What has no axis left is a NumPy scalar.

    Raises
    ------
    ValueError
        If `matrix` is not of integers (..., C, C), has no axis of images for "image", or lacks one
        of `classes`.

    Examples
    --------
    >>> iou([[1, 1], [0, 2]]).round(3)
    array([0.5  , 0.667])
    >>> float(iou([[1, 1, 0], [0, 2, 0], [0, 0, 0]], average="macro").round(3))
    0.583
    """
    both, true, predicted = _totals(matrix)
    return _scored(
        both, true + predicted - both, true + predicted == 0, average, classes, zero_division
    )


def dice(
    matrix: ArrayLike,
    *,
    average: Average = None,
    classes: Sequence[int] | None = None,
    zero_division: float = NAN,
) -> Scores:
    """Return the Dice coefficient (F1 score): 2 TP / (2 TP + FP + FN); as `iou` otherwise.

    Examples
    --------
    >>> dice([[1, 1], [0, 2]]).round(3)
    array([0.667, 0.8  ])
    """
    both, true, predicted = _totals(matrix)
    whole = true + predicted
    return _scored(2 * both, whole, whole == 0, average, classes, zero_division)


def precision(
    matrix: ArrayLike,
    *,
    average: Average = None,
    classes: Sequence[int] | None = None,
    zero_division: float = NAN,
) -> Scores:
    """Return the share of the predicted pixels that are true, TP / (TP + FP); as `iou` otherwise.

    A class that is true somewhere and predicted nowhere has 0, whatever `zero_division` is.

    Examples
    --------
    >>> precision([[1, 1], [0, 2]]).round(3)
    array([1.   , 0.667])
    """
    both, true, predicted = _totals(matrix)
    return _scored(both, predicted, true + predicted == 0, average, classes, zero_division)


def recall(
    matrix: ArrayLike,
    *,
    average: Average = None,
    classes: Sequence[int] | None = None,
    zero_division: float = NAN,
) -> Scores:
    """Return the share of the true pixels that are predicted, TP / (TP + FN); as `iou` otherwise.

    A class that is predicted somewhere and true nowhere has 0, whatever `zero_division` is. The
    macro average is also called mean accuracy, or balanced accuracy.

    Examples
    --------
    >>> recall([[1, 1], [0, 2]])
    array([0.5, 1. ])
    """
    both, true, predicted = _totals(matrix)
    return _scored(both, true, true + predicted == 0, average, classes, zero_division)


def specificity(
    matrix: ArrayLike,
    *,
    average: Average = None,
    classes: Sequence[int] | None = None,
    zero_division: float = NAN,
) -> Scores:
    """Return the share of the pixels of other classes that are predicted so, TN / (TN + FP).

    As `iou` otherwise. `zero_division` is also the score of a class that all pixels truly are and
    are predicted as: there is nothing else to be right or wrong about. A class that all pixels
    truly are, some predicted as another, has 0.

    Examples
    --------
    >>> specificity([[1, 1], [0, 2]])
    array([1. , 0.5])
    """
    both, true, predicted = _totals(matrix)
    pixels = true.sum(axis=-1, keepdims=True)
    absent = (true + predicted == 0) | (both == pixels)
    neither = pixels - true - predicted + both
    return _scored(neither, pixels - true, absent, average, classes, zero_division)


def mean_iou(matrix: ArrayLike, *, zero_division: float = NAN) -> Scores:
    """Return the mean of `iou` over all classes: ``iou(matrix, average="macro")``.

    Classes absent from both target and prediction are left out, unless there is a `zero_division`.

    Examples
    --------
    >>> float(mean_iou([[1, 1], [0, 2]]).round(3))
    0.583
    """
    return iou(matrix, average="macro", zero_division=zero_division)


def frequency_weighted_iou(matrix: ArrayLike, *, zero_division: float = NAN) -> Scores:
    """Return the mean of `iou`, each class weighted by its share of the true pixels.

    Parameters
    ----------
    matrix : array_like, (..., C, C), integer
        From `confusion_matrix`.
    zero_division : float
        The score where there is no pixel.

    Returns
    -------
    ndarray, (...), float64
        0 to 1. For one matrix a NumPy scalar.

    Notes
    -----
    Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", CVPR
    2015, section 5.

    Examples
    --------
    >>> float(frequency_weighted_iou([[1, 1], [0, 2]]).round(3))
    0.583
    """
    both, true, predicted = _totals(matrix)
    pixels = true.sum(axis=-1)
    # A class without true pixels has weight 0, so what its score is does not matter.
    weighted = (true * _ratio(both, true + predicted - both, true == 0, 0.0)).sum(axis=-1)
    return _ratio(weighted, pixels, pixels == 0, zero_division)


def pixel_accuracy(matrix: ArrayLike, *, zero_division: float = NAN) -> Scores:
    """Return the share of pixels with the right label; as `frequency_weighted_iou` otherwise.

    Examples
    --------
    >>> float(pixel_accuracy([[1, 1], [0, 2]]))
    0.75
    """
    both, true, _ = _totals(matrix)
    pixels = true.sum(axis=-1)
    return _ratio(both.sum(axis=-1), pixels, pixels == 0, zero_division)


def cohen_kappa(matrix: ArrayLike, *, zero_division: float = NAN) -> Scores:
    """Return how far agreement is above that of chance: (accuracy - chance) / (1 - chance).

    Parameters
    ----------
    matrix : array_like, (..., C, C), integer
        From `confusion_matrix`.
    zero_division : float
        The score where target and prediction are of one class all over, or there is no pixel.

    Returns
    -------
    ndarray, (...), float64
        -1 to 1. For one matrix a NumPy scalar.

    Notes
    -----
    Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    Measurement 20, 1960.

    Examples
    --------
    >>> float(cohen_kappa([[1, 1], [0, 2]]))
    0.5
    """
    both, true, predicted = _totals(matrix)
    pixels = true.sum(axis=-1, keepdims=True)
    # 1 - disagreement / disagreement by chance: sums of what is not negative, so that nothing is
    # lost where agreement by chance is nearly certain, as it is for small objects.
    wrong = (pixels - both.sum(axis=-1, keepdims=True))[..., 0] * pixels[..., 0].astype(float)
    by_chance = (true.astype(float) * (pixels - predicted)).sum(axis=-1)
    return _plain(np.asarray(1.0 - _ratio(wrong, by_chance, by_chance == 0, 1.0 - zero_division)))


class Interval(NamedTuple):
    """A score and the limits that it would stay within for other images of the same kind."""

    score: Scores
    low: Scores
    high: Scores


def bootstrap(
    matrices: ArrayLike,
    score: Callable[[Counts], Scores] = iou,
    *,
    over: Literal["pixels", "images"] = "pixels",
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return a confidence interval of a score, by drawing images again, with replacement.

    Parameters
    ----------
    matrices : array_like, (N, C, C), integer
        One matrix for each image, from ``confusion_matrix(..., per_image=True)``.
    score : callable
        Takes matrices (B, C, C) and gives scores (B,) or (B, K).
    over : {"pixels", "images"}
        "pixels": add the matrices of the images drawn, then score. "images": the mean of the
        scores of the images drawn, those that are NaN left out.
    confidence : float
        The share of the resamples between the limits, over 0 and under 1.
    resamples : int
        How many times N images are drawn.
    seed : int
        Of NumPy's default generator.

    Returns
    -------
    Interval
        The score of the images as they are, and the percentiles ``(1 - confidence) / 2`` and
        ``(1 + confidence) / 2`` of those of the resamples, of shape () or (K,). Resamples without
        a score are left out.

    Raises
    ------
    ValueError
        If there is no image, an argument is out of range, or `score` does not give a score for each
        matrix.

    Notes
    -----
    The percentile interval of Efron and Tibshirani, "An introduction to the bootstrap", 1993,
    chapter 13. Images are what is drawn since the pixels of one image are not independent; images
    of one person are not either, in which case the matrices of each person are to be added first.

    Examples
    --------
    >>> matrices = [[[90, 0], [i, 10 - i]] for i in range(8)]
    >>> low, high = bootstrap(matrices, lambda m: iou(m, classes=[1]))[1:]
    >>> low.round(2), high.round(2)
    (array([0.5]), array([0.81]))
    """
    counts = _counts(matrices)
    if counts.ndim != 3 or not len(counts):
        raise ValueError(
            f"matrices have shape {counts.shape}; expected (N, C, C), one image or more"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected over 0 and under 1")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; expected 1 or more")
    if over not in ("pixels", "images"):
        raise ValueError(f"over is {over!r}; expected 'pixels' or 'images'")
    images = len(counts)
    # How often each image is drawn is all that matters; the first row is the images as they are.
    drawn = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), resamples)
    drawn = np.concatenate([np.ones((1, images), np.int64), drawn])
    if over == "pixels":
        # Products of float64 are fast, and exact up to 2**53 pixels of a kind.
        totals = drawn.astype(float) @ counts.reshape(images, -1).astype(float)
        values = _of_each(score, totals.astype(np.int64).reshape(-1, *counts.shape[1:]))
    else:
        each = _of_each(score, counts)
        defined = ~np.isnan(each)
        counted = drawn @ defined
        values = _ratio(drawn @ np.where(defined, each, 0), counted, counted == 0, NAN)
    tail = (1 - confidence) / 2
    limits = np.full((2, *values.shape[1:]), NAN)
    for place in np.ndindex(*values.shape[1:]):
        scores = values[1:][(..., *place)]
        if not np.isnan(scores).all():
            limits[(..., *place)] = np.nanquantile(scores, [tail, 1 - tail])
    return Interval(_plain(values[0]), _plain(limits[0]), _plain(limits[1]))


def _of_each(score: Callable[[Counts], Scores], matrices: Counts) -> Scores:
    """Return the scores of a stack of matrices, found to be those of each of them."""
    scores = np.asarray(score(matrices))
    if scores.shape[:1] != matrices.shape[:1]:
        raise ValueError(
            f"score gives shape {scores.shape} for {len(matrices)} matrices; expected one score, "
            "or a row of them, for each"
        )
    return scores


def _counts(matrix: ArrayLike) -> Counts:
    counts = np.asarray(matrix)
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2] or counts.dtype.kind not in "iu":
        raise ValueError(
            f"matrix has shape {counts.shape} and dtype {counts.dtype}; "
            "expected integers (C, C) or (..., C, C)"
        )
    return counts.astype(np.int64, copy=False)


def _totals(matrix: ArrayLike) -> tuple[Counts, Counts, Counts]:
    """Return each class's pixels that are true and predicted, true, predicted."""
    counts = _counts(matrix)
    return np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts.sum(axis=-2)


def _scored(
    part: Counts,
    whole: Counts,
    absent: NDArray[np.bool_],
    average: Average,
    classes: Sequence[int] | None,
    zero_division: float,
) -> Scores:
    """Return part / whole of each class, or an average."""
    if average not in (None, "micro", "macro", "image"):
        raise ValueError(f"average is {average!r}; expected None, 'micro', 'macro' or 'image'")
    if average == "image" and part.ndim < 2:
        raise ValueError(
            "matrix has shape (C, C); expected (N, C, C) for average='image', "
            "from confusion_matrix(..., per_image=True)"
        )
    if classes is not None:
        chosen = [operator.index(c) for c in classes]
        for c in chosen:
            if not 0 <= c < part.shape[-1]:
                raise ValueError(f"classes has {c}; expected 0 to {part.shape[-1] - 1}")
        part, whole, absent = part[..., chosen], whole[..., chosen], absent[..., chosen]
    if average == "micro":
        return _ratio(part.sum(axis=-1), whole.sum(axis=-1), np.all(absent, axis=-1), zero_division)
    scores = _ratio(part, whole, absent, zero_division)
    for _ in range({"macro": 1, "image": 2}.get(average or "", 0)):
        defined = ~np.isnan(scores)
        counted = defined.sum(axis=-1)
        scores = _ratio(np.where(defined, scores, 0).sum(axis=-1), counted, counted == 0, NAN)
    return scores


def _ratio(part: NDArray[Any], whole: NDArray[Any], absent: ArrayLike, undefined: float) -> Scores:
    """Return `undefined` for what is absent, and part / whole or, where whole is 0, 0 otherwise."""
    scores = np.where(absent, undefined, 0.0)
    np.divide(part, whole, out=scores, where=(whole != 0) & np.logical_not(absent))
    return _plain(scores)


def _plain(scores: Scores) -> Scores:
    """Return a scalar for an array without axes."""
    return scores[()]
