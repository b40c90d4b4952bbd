"""What a report says of a model on a set of images: scores with intervals, outlines, probabilities.

Everything is counted in one pass over the images; nothing but counts is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceseg import metrics
from faceseg.boundary import boundary_f_score, boundary_iou
from faceseg.evaluate import Evaluation, Segmenter, evaluate, timed
from faceseg.records import Record, Source
from faceseg.runs import difference, foreground_iou

Counts = NDArray[np.int64]
Image = NDArray[np.uint8]
Figures = dict[str, Any]
Progress = Callable[[Sequence[Record]], Iterator[Record]]

_SHOWN = 4
# Fixed point for means of scores that are no ratio of counts: exact sums up to 2**53.
_UNIT = 10**9


@dataclass
class Scored:
    """What was counted of one model, for each image.

    Attributes
    ----------
    outlines
        (N, 2) boundary IoU and boundary F-score; NaN where neither mask has foreground.
    groups
        The subject of each image.
    seconds
        Time of some or all of the images.
    """

    name: str
    evaluation: Evaluation
    outlines: NDArray[np.float64]
    groups: list[str]
    seconds: list[float]

    def part(self, names: set[str]) -> Scored:
        """Return what was counted of some of the images."""
        whole = self.evaluation
        keep = [place for place, name in enumerate(whole.names) if name in names]
        chosen = tuple(whole.names[place] for place in keep)
        return replace(
            self,
            evaluation=replace(whole, names=chosen, counts=whole.counts[keep]),
            outlines=self.outlines[keep],
            groups=[self.groups[place] for place in keep],
        )

    def grouped(self, values: Counts) -> Counts:
        """Add up what belongs to images of one subject."""
        names, place = np.unique(self.groups, return_inverse=True)
        sums = np.zeros((len(names), *values.shape[1:]), np.int64)
        np.add.at(sums, place, values)
        return sums

    def row(self, behind: Scored | None = None) -> Figures:
        """Return the row of the table; `behind` is the model that it is compared with."""
        counts = self.grouped(self.evaluation.counts)
        names = "iou", "dice", "pixel_accuracy"
        found = dict(zip(names, _intervals(counts, _three_scores), strict=True))
        for place, name in enumerate(("boundary_iou", "boundary_f_score")):
            values = self.outlines[:, place]
            sums = np.zeros((len(values), 2, 2), np.int64)
            sums[:, 0, 0] = np.rint(np.nan_to_num(values) * _UNIT)
            sums[:, 0, 1] = ~np.isnan(values)
            found[name] = _intervals(self.grouped(sums), _mean)[0]
        row = {"model": self.name, "images": len(self.evaluation.names), **found}
        if behind is not None:
            gap = difference(behind.grouped(behind.evaluation.counts), counts)
            row["model_minus_this"] = dict(zip(("score", "low", "high"), gap, strict=True))
        return {**row, "median_ms": float(np.median(self.seconds)) * 1e3}

    def classes(self) -> list[Figures]:
        """Return the scores of each class, with intervals."""
        scores = metrics.iou, metrics.dice, metrics.precision, metrics.recall
        matrix = self.evaluation.counts.sum(axis=0)
        whole = int(matrix.sum())

        def each(m: Counts) -> NDArray[np.float64]:
            return np.concatenate([score(m) for score in scores], axis=-1)

        found = _intervals(self.grouped(self.evaluation.counts), each)
        size = len(self.evaluation.classes)
        return [
            {
                "class": name,
                **{s.__name__: found[size * k + place] for k, s in enumerate(scores)},
                "share_of_pixels": int(matrix[place].sum()) / whole,
            }
            for place, name in enumerate(self.evaluation.classes)
        ]

    def images(self) -> Figures:
        """Return how IoU varies over the images, and the names of the worst."""
        iou = np.array([row["iou"] for row in self.evaluation.per_image])
        seen = iou[np.isfinite(iou)]
        names = self.evaluation.names

        def lowest(values: NDArray[np.float64], key: str) -> list[Figures]:
            order = np.argsort(values, kind="stable")[: int(np.isfinite(values).sum())]
            return [{"image": names[i], key: float(values[i])} for i in order[:_SHOWN]]

        return {
            "mean_iou": self.evaluation.mean_image_iou,
            "iou_percentiles": {
                f"{q}": float(np.percentile(seen, q)) if len(seen) else None
                for q in (5, 25, 50, 75)
            },
            "without_foreground": int((~np.isfinite(iou)).sum()),
            "worst": lowest(iou, "iou"),
            "worst_boundary": lowest(self.outlines[:, 0], "boundary_iou"),
        }


def score_images(
    name: str,
    source: Source,
    segment: Segmenter,
    *,
    ignore_index: int = -1,
    progress: Progress = iter,
    each: Callable[[Image, Image], None] = lambda mask, truth: None,
) -> Scored:
    """Score a model on a source in one pass; the parameters are those of `evaluate`."""
    seconds: list[float] = []
    outlines: list[tuple[float, float]] = []

    def watch(mask: Image, truth: Image) -> None:
        each(mask, truth)
        true = np.where(truth == ignore_index, mask, truth)
        outlines.append(_outlines(mask, true, len(source.classes)))

    evaluation = evaluate(
        timed(segment, seconds),
        source,
        ignore_index=ignore_index,
        progress=progress,
        each=watch,
    )
    groups = [record.group for record in source.records]
    return Scored(name, evaluation, np.array(outlines), groups, seconds)


def _outlines(mask: Image, truth: Image, size: int) -> tuple[float, float]:
    """Return boundary IoU and boundary F-score, means over the classes that are there."""
    there = np.bincount(mask.ravel(), minlength=size) + np.bincount(truth.ravel(), minlength=size)
    classes = [c for c in range(1, size) if there[c]]
    if not classes:
        return float("nan"), float("nan")
    pairs = [(mask == c, truth == c) for c in classes]
    return (
        float(np.mean([boundary_iou(*pair) for pair in pairs])),
        float(np.mean([boundary_f_score(*pair) for pair in pairs])),
    )


def _three_scores(m: Counts) -> NDArray[np.float64]:
    dice = metrics.dice(m, average="macro", classes=range(1, m.shape[-1]))
    return np.stack([foreground_iou(m), dice, metrics.pixel_accuracy(m)], axis=-1)


def _mean(sums: Counts) -> NDArray[np.float64]:
    counted = np.maximum(sums[:, 0, 1], 1) * _UNIT
    return np.where(sums[:, 0, 1] > 0, sums[:, 0, 0] / counted, np.nan)[:, None]


def _intervals(
    counts: Counts, score: Callable[[Counts], NDArray[np.float64]]
) -> list[dict[str, float]]:
    found = metrics.bootstrap(counts, score)
    return [
        {"score": float(value), "low": float(low), "high": float(high)}
        for value, low, high in zip(*found, strict=True)
    ]


class Probabilities:
    """What the probabilities of a network are worth, counted image by image.

    Parameters
    ----------
    size
        Number of classes. Of two, the foreground's probability is looked at, at many thresholds,
        too; of more, that of the predicted class.
    ignore_index
        Label of pixels that do not count; -1 is none.
    """

    def __init__(self, size: int, ignore_index: int) -> None:
        self.size = size
        self.ignored = None if ignore_index < 0 else ignore_index
        self.sweep: metrics.Sweep | None = None
        self.calibration: metrics.Calibration | None = None

    def add(self, values: NDArray[np.float32], mask: Image, truth: Image) -> None:
        """Count an image: (C, H, W) probabilities, (H, W) prediction and truth."""
        ignored = self.ignored
        if self.size == 2:
            found = metrics.sweep(values[1], truth, ignore_index=ignored)
            self.sweep = found if self.sweep is None else self.sweep + found
            likely, true = values[1], truth
        else:
            right = (mask == truth).astype(np.uint8)
            likely, true = values.max(axis=0), np.where(truth == ignored, truth, right)
        bins = metrics.calibration(likely, true, ignore_index=ignored)
        self.calibration = bins if self.calibration is None else self.calibration + bins

    def figures(self) -> Figures:
        """Return ``thresholds``, None for more than two classes, and ``calibration``."""
        assert self.calibration is not None  # there is no empty set
        bins = self.calibration
        return {
            "thresholds": None if self.sweep is None else _thresholds(self.sweep),
            "calibration": {
                "of": "foreground" if self.size == 2 else "predicted class",
                "mean_probability": bins.mean_probability.tolist(),
                "frequency": bins.frequency.tolist(),
                "pixels": bins.pixels.tolist(),
                "expected_error": bins.expected_error,
            },
        }


def _thresholds(sweep: metrics.Sweep) -> Figures:
    precision, recall = sweep.precision_recall()
    iou = metrics.iou(sweep.counts, classes=[1])[:, 0]
    threshold, best = sweep.best()
    half = int(np.searchsorted(sweep.thresholds, 0.5))
    return {
        "threshold": sweep.thresholds.tolist(),
        "iou": iou.tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "best_threshold": threshold,
        "best_iou": best,
        "iou_at_half": float(iou[half]),
        "average_precision": sweep.average_precision,
    }
