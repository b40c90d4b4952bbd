"""Scores over many batches: add counts up, score once at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from faceseg import metrics
from faceseg.counting import MOST_CLASSES

__all__ = ["SCORES", "Meter"]

SCORES = (
    "iou",
    "dice",
    "precision",
    "recall",
    "specificity",
    "pixel_accuracy",
    "cohen_kappa",
    "mean_iou",
    "frequency_weighted_iou",
)
OF_CLASSES = SCORES[:5]


class Meter:
    """Counts of batches, and the scores of all of them.

    The state is int64 counts, which are exact up to 2**63 pixels; how the data was cut into batches
    makes no difference. A meter is pickled and copied with its counts. Threads have a meter each,
    to be merged: updates of one meter by several threads at once are lost.

    Parameters
    ----------
    num_classes, ignore_index, threshold, class_axis, nan
        As of `metrics.confusion_matrix`; `num_classes` must be given with `class_axis`.
    scores : sequence of str
        Which of `SCORES` to compute.
    average : {"micro", "macro", "image", None}
        Of IoU, Dice, precision, recall and specificity, as of `metrics.iou`; "image" needs
        `per_image`.
    classes : sequence of int, optional
        Which classes those are averaged over. By default class 1 of two, or all of more.
    zero_division : float
        As of `metrics.iou`.
    per_image : bool
        Also keep the counts of each image, for "image" and for `metrics.bootstrap`.

    Attributes
    ----------
    matrix : ndarray, (C, C), int64
        Counts of all batches.
    matrices : ndarray, (N, C, C), int64
        Counts of each image, if `per_image`.

    Examples
    --------
    >>> meter = Meter(threshold=0, scores=["iou", "pixel_accuracy"])
    >>> meter.update(np.array([[-1.0, 2.0]]), [[0, 1]])
    >>> meter.update(np.array([[3.0, 2.0]]), [[0, 1]])
    >>> {name: round(float(score), 3) for name, score in meter.compute().items()}
    {'iou': 0.667, 'pixel_accuracy': 0.75}
    """

    def __init__(
        self,
        num_classes: int | None = None,
        *,
        ignore_index: int | None = None,
        threshold: float | None = None,
        class_axis: int | None = None,
        nan: Literal["raise", "ignore"] = "raise",
        scores: Sequence[str] = SCORES,
        average: metrics.Average = "macro",
        classes: Sequence[int] | None = None,
        zero_division: float = float("nan"),
        per_image: bool = False,
    ) -> None:
        if class_axis is not None and num_classes is None:
            raise ValueError("num_classes is not given; expected it with class_axis")
        size = 2 if num_classes is None else num_classes
        if not 1 <= size <= MOST_CLASSES:
            raise ValueError(f"num_classes is {num_classes}; expected 1 to {MOST_CLASSES}")
        unknown = [name for name in scores if name not in SCORES]
        if unknown:
            raise ValueError(f"scores has {unknown[0]!r}; expected some of {', '.join(SCORES)}")
        if average == "image" and not per_image:
            raise ValueError("average is 'image'; expected per_image=True with it")
        if classes is None and size == 2:
            classes = (1,)
        self._counting: dict[str, Any] = {
            "num_classes": num_classes,
            "ignore_index": ignore_index,
            "threshold": threshold,
            "class_axis": class_axis,
            "nan": nan,
        }
        self._scoring: dict[str, Any] = {
            "average": average,
            "classes": None if classes is None else tuple(classes),
            "zero_division": zero_division,
        }
        self._scores = tuple(scores)
        self._per_image = per_image
        self.matrix = np.zeros((size, size), np.int64)
        self._matrices: list[NDArray[np.int64]] = []
        # What cannot be scored is refused now, not after the batches.
        self.compute()

    @property
    def matrices(self) -> NDArray[np.int64]:
        """Counts of each image, in the order of the updates."""
        if not self._per_image:
            raise ValueError("images were not counted one by one; expected Meter(per_image=True)")
        return np.concatenate([np.empty((0, *self.matrix.shape), np.int64), *self._matrices])

    def update(self, preds: Any, target: Any) -> None:
        """Add a batch; its arguments are those of `metrics.confusion_matrix`."""
        self._add(self._counted(preds, target))

    def __call__(self, preds: Any, target: Any) -> dict[str, Any]:
        """Add a batch, and return the scores of it alone."""
        counted = self._counted(preds, target)
        self._add(counted)
        return self._scored(counted.sum(axis=0), counted)

    def compute(self) -> dict[str, Any]:
        """Return each score of all batches: a float64, or one for each of `classes`.

        The latter are of IoU, Dice, precision, recall and specificity with ``average=None``.
        """
        return self._scored(self.matrix, self.matrices if self._per_image else None)

    def reset(self) -> None:
        """Forget all batches."""
        self.matrix = np.zeros_like(self.matrix)
        self._matrices = []

    def merge(self, *others: Meter) -> Meter:
        """Add the counts of other meters of the same settings to this one, and return it."""
        for other in others:
            if (self._counting, self._per_image, self.matrix.shape) != (
                other._counting,
                other._per_image,
                other.matrix.shape,
            ):
                raise ValueError(
                    f"meters count differently: {self._counting} and {other._counting}, "
                    f"per_image {self._per_image} and {other._per_image}; expected the same"
                )
        for other in others:
            self.matrix = self.matrix + other.matrix
            self._matrices = self._matrices + other._matrices
        return self

    def reduce(self, group: Any = None) -> Meter:
        """Return a meter with the counts of all ranks, and leave this one as it is.

        Parameters
        ----------
        group : torch.distributed.ProcessGroup, optional
            By default all ranks. Each of them must call this. Where torch.distributed is not
            loaded or not initialised, the result is a copy.
        """
        result = self._empty()
        distributed = sys.modules.get("torch.distributed")
        if distributed is None or not (distributed.is_available() and distributed.is_initialized()):
            return result.merge(self)
        found: list[Any] = [None] * distributed.get_world_size(group)
        distributed.all_gather_object(found, self, group=group)
        return result.merge(*found)

    def to(self, *args: Any, **kwargs: Any) -> Meter:
        """Return the meter itself: counts stay in the machine's memory, batches where they are."""
        return self

    def _empty(self) -> Meter:
        result = Meter.__new__(type(self))
        result.__dict__.update(self.__dict__)
        result.reset()
        return result

    def _counted(self, preds: Any, target: Any) -> NDArray[np.int64]:
        matrix = metrics.confusion_matrix(
            preds, target, per_image=self._per_image, **self._counting
        )
        return matrix if self._per_image else matrix[None]

    def _add(self, counted: NDArray[np.int64]) -> None:
        self.matrix = self.matrix + counted.sum(axis=0)
        if self._per_image:
            self._matrices = [*self._matrices, counted]

    def _scored(
        self, matrix: NDArray[np.int64], matrices: NDArray[np.int64] | None
    ) -> dict[str, Any]:
        result = {}
        for name in self._scores:
            options = self._scoring
            counts = matrix
            if name not in OF_CLASSES:
                options = {"zero_division": options["zero_division"]}
            elif options["average"] == "image" and matrices is not None:
                counts = matrices
            result[name] = getattr(metrics, name)(counts, **options)
        return result
