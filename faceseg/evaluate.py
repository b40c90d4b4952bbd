"""Scores of anything that turns a picture into a mask, at the mask's own resolution."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from faceseg import metrics
from faceseg.errors import InputError
from faceseg.files import write_csv
from faceseg.images import read_image
from faceseg.records import Record, Source

Image = NDArray[np.uint8]
Segmenter = Callable[[Image], Image]


@dataclass(frozen=True)
class Evaluation:
    """Counts and scores of a segmenter over a source.

    Attributes
    ----------
    names
        Name of each image.
    classes
        Name of each class; the first is the background.
    counts
        (N, C, C) int64 confusion matrix of each image, rows are the truth.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def scores(self) -> dict[str, float]:
        """Scores over all pixels of the set: ``iou``, ``dice`` and ``pixel_accuracy``.

        With two classes IoU and Dice are those of the foreground; with more they are means over
        the classes but the background. NaN where no image has the class in truth or prediction.
        """
        return _scores(self.counts.sum(axis=0))

    @property
    def per_image(self) -> list[dict[str, float]]:
        """The same scores for each image alone."""
        return [_scores(matrix) for matrix in self.counts]

    @property
    def mean_image_iou(self) -> float:
        """Mean of the images' IoU, over images in which it is defined."""
        values = np.array([row["iou"] for row in self.per_image])
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one row for each image: its scores and its confusion matrix; NaN is left empty."""
        size = len(self.classes)
        header = ["image", *_scores(self.counts[0])]
        header += [f"truth_{t}_as_{p}" for t in range(size) for p in range(size)]
        rows = []
        for name, scores, matrix in zip(self.names, self.per_image, self.counts, strict=True):
            cells = ["" if np.isnan(v) else f"{v:.6f}" for v in scores.values()]
            rows.append([name, *cells, *(int(v) for v in matrix.ravel())])
        write_csv(path, header, rows)


def _scores(matrix: NDArray[np.int64]) -> dict[str, float]:
    iou, dice = metrics.iou(matrix)[1:], metrics.dice(matrix)[1:]
    seen = ~np.isnan(iou)
    return {
        "iou": float(iou[seen].mean()) if seen.any() else float("nan"),
        "dice": float(dice[seen].mean()) if seen.any() else float("nan"),
        "pixel_accuracy": float(metrics.pixel_accuracy(matrix)),
    }


def evaluate(
    segmenter: Segmenter,
    source: Source,
    *,
    ignore_index: int = -1,
    progress: Callable[[Sequence[Record]], Iterator[Record]] = iter,
    each: Callable[[Image, Image], None] | None = None,
) -> Evaluation:
    """Score `segmenter` on every image of `source`.

    Parameters
    ----------
    segmenter
        Maps an (H, W, 3) uint8 RGB picture to an (H, W) uint8 mask of class ids.
    source
        Images with their true masks. They are read two ahead of the segmenter, in threads.
    ignore_index
        Label of pixels that do not count; -1 is none.
    progress
        Wraps the records to show progress, as `tqdm` does.
    each
        Called with the predicted and the true mask of each image, to count more in the same pass.

    Raises
    ------
    InputError
        If an image or mask cannot be read, or the segmenter returns a mask of another size.
    """
    counts = []
    names = []
    ignored = None if ignore_index < 0 else ignore_index
    for record, image, truth in read_pairs(source, progress(source.records)):
        mask = segmenter(image)
        if mask.shape != truth.shape:
            raise InputError(
                f"{record.where}: predicted mask is {mask.shape}, the true mask {truth.shape}"
            )
        names.append(record.name)
        counts.append(
            metrics.confusion_matrix(
                mask, truth, num_classes=len(source.classes), ignore_index=ignored
            )
        )
        if each is not None:
            each(mask, truth)
    if not counts:
        raise InputError(f"{source.path}: no image to score")
    return Evaluation(tuple(names), source.classes, np.stack(counts))


def timed(segmenter: Segmenter, seconds: list[float]) -> Segmenter:
    """Return `segmenter` as one that also appends the seconds that each call took."""

    def segment(image: Image) -> Image:
        start = time.perf_counter()
        mask = segmenter(image)
        seconds.append(time.perf_counter() - start)
        return mask

    return segment


def read_pairs(
    source: Source, records: Iterator[Record] | Sequence[Record]
) -> Iterator[tuple[Record, Image, Image]]:
    """Give (record, picture, true mask) in order, reading two ahead in a thread."""

    def read(record: Record) -> tuple[Record, Image, Image]:
        image = read_image(record.image)
        return record, image, source.mask(record, image.shape[:2])

    with ThreadPoolExecutor(1) as pool:
        remaining = iter(records)
        waiting: list[Future[tuple[Record, Image, Image]]] = [
            pool.submit(read, record) for record in islice(remaining, 2)
        ]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(read, record) for record in islice(remaining, 1)]
