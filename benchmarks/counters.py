"""Ways to count true and predicted pixels: ours, recipes in NumPy, numba, torch, and libraries.

All give int64 matrices (C, C), rows the target. Labels are uint8, logits float32, images first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
import torch
from inputs import coco, faster, optional
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from faceseg import metrics
from faceseg.rle import RLE

hotcoco = optional("hotcoco.mask")
torchmetrics = optional("torchmetrics.functional.classification")
smp = optional("segmentation_models_pytorch.metrics")
monai = optional("monai.metrics")

Array = NDArray[Any]
Matrix = NDArray[np.int64]
Way = Callable[[Array, Array], Any]


@dataclass(frozen=True)
class Case:
    """What is counted.

    Attributes
    ----------
    title
        What a reader is told.
    kind
        Of the inputs: "masks", "logits", "classes", "labels", "random", "runs" or "sweep".
    classes
        How many.
    sizes
        Those that are timed.
    ours, peers
        The contenders, called with prediction and target.
    targets
        Least ratio to a peer, or to the best one of all (""), for each size or "".
    share
        Least share of the speed of reading.
    """

    title: str
    kind: str
    classes: int
    sizes: tuple[str, ...]
    ours: Way
    peers: Mapping[str, Way]
    targets: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    share: float = 0


# --- two classes ------------------------------------------------------------------------------


@numba.njit  # type: ignore[untyped-decorator]
def _numba_masks(prediction: Array, target: Array) -> Any:
    both = predicted = truth = 0
    for i in range(prediction.size):
        p, t = prediction[i] != 0, target[i] != 0
        both += p & t
        predicted += p
        truth += t
    return both, predicted, truth


@numba.njit  # type: ignore[untyped-decorator]
def _numba_logits(values: Array, target: Array) -> Any:
    both = predicted = truth = 0
    for i in range(values.size):
        p, t = values[i] > 0, target[i] != 0
        both += p & t
        predicted += p
        truth += t
    return both, predicted, truth


def _matrix(both: Any, predicted: Any, truth: Any, pixels: int) -> Matrix:
    rest = pixels - predicted - truth + both
    return np.array([[rest, predicted - both], [truth - both, both]], np.int64)


def _numpy_masks(prediction: Array, target: Array) -> Matrix:
    both = np.logical_and(prediction, target).sum()
    return _matrix(both, np.count_nonzero(prediction), np.count_nonzero(target), target.size)


def _torch_masks(prediction: Array, target: Array) -> Matrix:
    p, t = torch.from_numpy(prediction) != 0, torch.from_numpy(target) != 0
    return _matrix(int((p & t).sum()), int(p.sum()), int(t.sum()), target.size)


def _torch_logits(values: Array, target: Array) -> Matrix:
    return _torch_masks((torch.from_numpy(values) > 0).numpy(), target)


def _smp(prediction: Array, target: Array) -> Matrix:
    p, t = torch.from_numpy(prediction), torch.from_numpy(target)
    shape = (-1, 1, *p.shape[-2:])
    tp, fp, fn, tn = smp.get_stats(p.reshape(shape).long(), t.reshape(shape).long(), mode="binary")
    sums = [int(x.long().sum()) for x in (tn, fp, fn, tp)]
    return np.array(sums, np.int64).reshape(2, 2)


def _monai(prediction: Array, target: Array) -> Matrix:
    p, t = torch.from_numpy(prediction), torch.from_numpy(target)
    shape = (-1, 1, *p.shape[-2:])
    found = monai.get_confusion_matrix(p.reshape(shape), t.reshape(shape)).double().sum(dim=(0, 1))
    tp, fp, tn, fn = (int(x) for x in found)
    return np.array([[tn, fp], [fn, tp]], np.int64)


def _numba_way(count: Any) -> Way:
    return lambda p, t: _matrix(*count(p.ravel(), t.ravel()), t.size)


# --- labels -----------------------------------------------------------------------------------


@numba.njit  # type: ignore[untyped-decorator]
def _numba_labels(prediction: Array, target: Array, matrix: Array) -> None:
    for i in range(target.size):
        matrix[target[i], prediction[i]] += 1


@numba.njit  # type: ignore[untyped-decorator]
def _numba_highest(values: Array, target: Array, matrix: Array) -> None:
    images, classes, pixels = values.shape
    for n in range(images):
        for i in range(pixels):
            best, highest = 0, values[n, 0, i]
            for c in range(1, classes):
                if values[n, c, i] > highest:
                    best, highest = c, values[n, c, i]
            matrix[target[n, i], best] += 1


def _numpy_labels(prediction: Array, target: Array, classes: int) -> Matrix:
    pairs = target.astype(np.int64).ravel() * classes + prediction.ravel()
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def _torch_labels(prediction: torch.Tensor, target: Array, classes: int) -> Matrix:
    pairs = torch.from_numpy(target).flatten().long() * classes + prediction.flatten()
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes).numpy()


def _labels(classes: int) -> dict[str, Way]:
    def compiled(prediction: Array, target: Array) -> Matrix:
        matrix = np.zeros((classes, classes), np.int64)
        _numba_labels(prediction.ravel(), target.ravel(), matrix)
        return matrix

    ways: dict[str, Way] = {
        "numpy": lambda p, t: _numpy_labels(p, t, classes),
        "numba": compiled,
        "torch": lambda p, t: _torch_labels(torch.from_numpy(p), t, classes),
        "scikit-learn": lambda p, t: sklearn.confusion_matrix(
            t.ravel(), p.ravel(), labels=range(classes)
        ),
    }
    if torchmetrics:
        count = torchmetrics.multiclass_confusion_matrix
        ways["torchmetrics"] = lambda p, t: count(
            torch.from_numpy(p), torch.from_numpy(t), classes, validate_args=False
        ).numpy()
    return ways


def _highest(classes: int) -> dict[str, Way]:
    def compiled(values: Array, target: Array) -> Matrix:
        matrix = np.zeros((classes, classes), np.int64)
        images = len(values)
        _numba_highest(values.reshape(images, classes, -1), target.reshape(images, -1), matrix)
        return matrix

    ways: dict[str, Way] = {
        "numpy": lambda v, t: _numpy_labels(v.argmax(1), t, classes),
        "numba": compiled,
        "torch": lambda v, t: _torch_labels(torch.from_numpy(v).argmax(1), t, classes),
    }
    if torchmetrics:
        count = torchmetrics.multiclass_confusion_matrix
        ways["torchmetrics"] = lambda v, t: count(
            torch.from_numpy(v), torch.from_numpy(t).long(), classes, validate_args=False
        ).numpy()
    return ways


# --- runs -------------------------------------------------------------------------------------


def _runs() -> dict[str, Way]:
    """Return the peers' IoU of a pair of COCO's segmentations."""
    modules = {"pycocotools": coco, "hotcoco": hotcoco}
    if faster:
        modules["faster-coco-eval"] = optional("faster_coco_eval.core.mask")
    return {
        name: lambda p, t, iou=module.iou: float(iou([p], [t], [0])[0][0])
        for name, module in modules.items()
        if module
    }


def _iou_of_runs(prediction: dict[str, Any], target: dict[str, Any]) -> float:
    p, t = RLE.from_coco(prediction), RLE.from_coco(target)
    (_, false), (missed, both) = metrics.confusion_matrix(p, t).tolist()
    return float(both / (both + false + missed))


# --- cases ------------------------------------------------------------------------------------

MASKS = ("512", "1080p", "8x512")


def cases() -> list[Case]:
    """Return all cases."""
    masks: dict[str, Way] = {
        "numpy": _numpy_masks, "numba": _numba_way(_numba_masks), "torch": _torch_masks,
    }  # fmt: skip
    logits: dict[str, Way] = {
        "numpy": lambda v, t: _numpy_masks(v > 0, t),
        "numba": _numba_way(_numba_logits),
        "torch": _torch_logits,
    }
    if smp:
        masks["segmentation_models_pytorch"] = _smp
    if monai:
        masks["monai"] = _monai
    if torchmetrics:
        binary = torchmetrics.binary_confusion_matrix
        masks["torchmetrics"] = lambda p, t: binary(
            torch.from_numpy(p), torch.from_numpy(t), validate_args=False
        ).numpy()
    found = [
        Case(
            "two masks", "masks", 2, MASKS, metrics.confusion_matrix, masks,
            {"numba": {"512": 2.5, "1080p": 1.6, "8x512": 1.6}, "numpy": 12}, 0.75,
        ),
        Case(
            "float32 logits > 0 against a mask", "logits", 2, ("8x512",),
            lambda v, t: metrics.confusion_matrix(v, t, threshold=0), logits,
            {"numba": 1, "numpy": 1.7, "torch": 5}, 0.7,
        ),
    ]  # fmt: skip
    aims = {
        2: {"numba": 5, "numpy": 25, "torchmetrics": 250},
        9: {"numba": 2, "numpy": 8, "torch": 50},
    }
    for classes, share in ((2, 0.75), (9, 0.5)):
        found.append(
            Case(
                f"float32 logits of {classes} classes", "classes", classes, ("8x512",),
                lambda v, t: metrics.confusion_matrix(v, t, class_axis=1), _highest(classes),
                aims[classes], share,
            )
        )  # fmt: skip
    for classes, aim in ((2, 12), (9, 3)):
        for kind, least in (("labels", aim), ("random", 1)):
            name = "label maps" if kind == "labels" else "random label maps"
            found.append(
                Case(
                    f"{name} of {classes} classes", kind, classes, ("512", "8x512"),
                    lambda p, t, n=classes: metrics.confusion_matrix(p, t, num_classes=n),
                    _labels(classes), {"": least},
                )
            )  # fmt: skip
    found.append(
        Case("IoU of two COCO strings", "runs", 2, ("512", "1080p"), _iou_of_runs, _runs(), {"": 2})
    )
    return found
