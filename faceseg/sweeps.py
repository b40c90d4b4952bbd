"""Counts at many thresholds in one pass, and how well probabilities are calibrated."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceseg import _kernels, scores
from faceseg._kernels import Fault
from faceseg.counting import (
    as_labels,
    check_shapes,
    flat_pair,
    is_tensor,
    label_to_ignore,
    on_device,
    read,
    read_target,
    refused,
    skips_nan,
)

__all__ = ["Calibration", "Sweep", "calibration", "sweep"]

Nan = Literal["raise", "ignore"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Counts of a binary prediction at many thresholds.

    Sweeps over the same thresholds add up: ``sweep(a, x) + sweep(b, y)``.

    Attributes
    ----------
    thresholds
        (K,) float64, ascending.
    histogram
        (2, K + 1) int64: how many pixels of background and of foreground (rows) are over exactly
        so many thresholds (columns).
    """

    thresholds: Floats
    histogram: NDArray[np.int64]

    def __add__(self, other: Sweep) -> Sweep:
        if not np.array_equal(self.thresholds, other.thresholds):
            raise ValueError("sweeps have different thresholds; expected the same")
        return Sweep(self.thresholds, self.histogram + other.histogram)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(K, 2, 2) confusion matrix at each threshold, for the functions of `metrics`."""
        # Over threshold k are those that are over more than k thresholds.
        over = self.histogram[:, ::-1].cumsum(axis=1)[:, -2::-1]
        under = self.histogram.sum(axis=1, keepdims=True) - over
        return np.stack([under.T, over.T], axis=-1)

    def best(self, score: Literal["iou", "dice"] = "iou") -> tuple[float, float]:
        """Return the threshold with the highest score of the foreground, and that score.

        It is the same threshold for both, since Dice grows with IoU; the lowest of equal ones. If
        no pixel is foreground at all, the score is NaN and the threshold the highest.
        """
        if score not in ("iou", "dice"):
            raise ValueError(f"score is {score!r}; expected 'iou' or 'dice'")
        values = getattr(scores, score)(self.counts, classes=[1])[:, 0]
        place = -1 if np.isnan(values).all() else int(np.nanargmax(values))
        return float(self.thresholds[place]), float(values[place])

    def precision_recall(self) -> tuple[Floats, Floats]:
        """Return precision and recall, (K,) each, NaN where nothing is predicted or true.

        Precision falls to 0 / 0 where no pixel is over the threshold: unlike `metrics.precision`
        it is NaN there, so that a curve ends and does not drop to 0.
        """
        counts = self.counts
        over, true = counts[:, :, 1].sum(axis=1), counts[:, 1].sum(axis=1)
        return _divided(counts[:, 1, 1], over), _divided(counts[:, 1, 1], true)

    @property
    def average_precision(self) -> float:
        """Sum of precision times the step in recall, from the highest threshold down.

        The last step is to all pixels. It is that of scikit-learn for values rounded down to the
        thresholds; NaN without foreground.
        """
        # The most confident first: over all K thresholds, over K - 1, ... over none.
        false, true = self.histogram[:, ::-1].cumsum(axis=1)
        precision = _divided(true, false + true)
        steps = np.diff(true, prepend=0)
        if not true[-1]:
            return float("nan")
        return float((np.where(steps > 0, precision, 0) * steps).sum() / true[-1])


def sweep(
    values: Any,
    target: Any,
    thresholds: int | ArrayLike = 255,
    *,
    ignore_index: int | None = None,
    nan: Nan = "raise",
) -> Sweep:
    """Count a binary prediction at many thresholds in one pass.

    Parameters
    ----------
    values : array_like or torch.Tensor, float
        Probabilities, or logits with `thresholds` of their range. A tensor on a GPU is copied.
    target : array_like or torch.Tensor, bool or integer, of the shape of `values`
        Anything but 0 is foreground.
    thresholds : int or array_like, (K,)
        Values over a threshold are foreground. A number K is for probabilities: K of them, evenly
        between 0 and 1, both excluded; 255 of them are 1/256 to 255/256. At most 4096.
    ignore_index : int, optional
        Target value of pixels to leave out.
    nan : {"raise", "ignore"}
        Refuse values that are NaN, or leave them out.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If shapes differ, a dtype does not fit, thresholds do not ascend, or a value is NaN.

    Examples
    --------
    >>> found = sweep([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1], [0.25, 0.5, 0.75])
    >>> found.counts[0].tolist()
    [[1, 1], [0, 2]]
    >>> found.best()
    (0.25, 0.6666666666666666)
    >>> round(found.average_precision, 3)
    0.833
    """
    if isinstance(thresholds, (int, np.integer)):
        if thresholds < 1:
            raise ValueError(f"thresholds is {thresholds}; expected 1 or more")
        if thresholds > _kernels.MOST_THRESHOLDS:
            raise ValueError(
                f"thresholds are {thresholds}; expected {_kernels.MOST_THRESHOLDS} or fewer"
            )
        limits = np.arange(1, thresholds + 1) / (thresholds + 1)
    else:
        limits = np.array(thresholds, np.float64)
        if limits.ndim != 1 or not limits.size:
            raise ValueError(f"thresholds have shape {limits.shape}; expected (K,), one or more")
        if np.isnan(limits).any() or (np.diff(limits) <= 0).any():
            raise ValueError("thresholds do not ascend; expected each over the one before")
    histogram = np.zeros((2, limits.size + 1), np.int64)
    ladder = _kernels.Ladder(limits)
    _count(
        values, target, ignore_index, nan,
        lambda v, t, ignore, skip: _kernels.sweep(v, ladder, t, ignore, skip, histogram),
    )  # fmt: skip
    return Sweep(limits, histogram)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Pixels, foreground and probability in bins of equal width from 0 to 1.

    Attributes
    ----------
    pixels
        (B,) int64: pixels whose probability lies in the bin, its lower edge included.
    foreground
        (B,) int64: how many of them are foreground.
    probability
        (B,) float64: the sum of their probabilities.
    """

    pixels: NDArray[np.int64]
    foreground: NDArray[np.int64]
    probability: Floats

    def __add__(self, other: Calibration) -> Calibration:
        if self.pixels.size != other.pixels.size:
            raise ValueError(f"{self.pixels.size} and {other.pixels.size} bins; expected as many")
        return Calibration(
            self.pixels + other.pixels,
            self.foreground + other.foreground,
            self.probability + other.probability,
        )

    @property
    def edges(self) -> Floats:
        """(B + 1,) from 0 to 1."""
        return np.linspace(0, 1, self.pixels.size + 1)

    @property
    def frequency(self) -> Floats:
        """(B,) share of foreground in each bin, NaN for empty ones."""
        return _divided(self.foreground, self.pixels)

    @property
    def mean_probability(self) -> Floats:
        """(B,) mean of the probabilities in each bin, NaN for empty ones."""
        return _divided(self.probability, self.pixels)

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean over pixels of |frequency - mean probability|.

        Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
        binning", AAAI 2015, with the probability of the foreground; NaN without pixels.
        """
        pixels = int(self.pixels.sum())
        if not pixels:
            return float("nan")
        return float(np.abs(self.foreground - self.probability).sum() / pixels)


def calibration(
    probabilities: Any,
    target: Any,
    *,
    bins: int = 15,
    ignore_index: int | None = None,
    nan: Nan = "raise",
) -> Calibration:
    """Compare probabilities of the foreground with how often it is true.

    Parameters
    ----------
    probabilities : array_like or torch.Tensor, float
        0 to 1.
    target : array_like or torch.Tensor, bool or integer, of the shape of `probabilities`
        Anything but 0 is foreground.
    bins : int
        How many bins of equal width; a probability p is in bin ``int(p * bins)``, 1 in the last.
    ignore_index : int, optional
        Target value of pixels to leave out.
    nan : {"raise", "ignore"}
        Refuse values that are NaN, or leave them out.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If shapes differ, a dtype does not fit, or a value is NaN or not in 0 to 1.

    Examples
    --------
    >>> found = calibration([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 0], bins=2)
    >>> found.frequency, found.mean_probability
    (array([0. , 0.5]), array([0.15, 0.85]))
    >>> round(found.expected_error, 3)
    0.25
    """
    if operator.index(bins) < 1:
        raise ValueError(f"bins is {bins}; expected 1 or more")
    counts, sums = np.zeros((2, bins), np.int64), np.zeros(bins, np.float64)
    _count(
        probabilities, target, ignore_index, nan,
        lambda v, t, ignore, skip: _kernels.calibrate(v, t, ignore, skip, counts, sums),
    )  # fmt: skip
    return Calibration(counts.sum(axis=0), counts[1], sums)


def _divided(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """Return part / whole, NaN where whole is 0."""
    quotient = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=quotient, where=whole != 0)
    return quotient


def _count(
    item: Any, target: Any, ignore: int | None, nan: str, kernel: Callable[..., None]
) -> None:
    """Give a kernel the flat values and labels, and word what it refuses."""
    skip = skips_nan(nan)
    if on_device(item) or on_device(target):
        item, target = (x.cpu() if is_tensor(x) else x for x in (item, target))
    values, floats = read(item, "prediction")
    if not floats:
        raise ValueError(f"prediction has dtype {values.dtype}; expected float")
    labels = as_labels(read_target(target), "target")
    check_shapes(values.shape, labels.shape)
    ignore = label_to_ignore(ignore)
    predicted, true, axes = flat_pair(values, labels)
    try:
        kernel(predicted, true, ignore, skip)
    except Fault as fault:
        raise refused(fault, labels.shape, axes, 2) from None
