"""Contenders by name, ours first: same input, same answer, so that only time differs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as coco
from sklearn import metrics as sklearn

from faceseg import metrics, rle

Mask = NDArray[np.uint8]
Shape = tuple[int, int]


def numpy_to_kaggle(mask: Mask) -> str:
    """Return the text by the recipe that Kaggle's notebooks share."""
    pixels = np.concatenate([[0], mask.T.flatten(), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(x) for x in runs)


def numpy_from_kaggle(text: str, shape: Shape) -> Mask:
    """Return the mask by the recipe that Kaggle's notebooks share."""
    s = text.split()
    starts, lengths = (np.asarray(x, dtype=int) for x in (s[0::2], s[1::2]))
    starts -= 1
    pixels = np.zeros(shape[0] * shape[1], np.uint8)
    for low, high in zip(starts, starts + lengths, strict=True):
        pixels[low:high] = 1
    return pixels.reshape(shape[::-1]).T


def bincount(prediction: Mask, target: Mask, classes: int) -> NDArray[np.int64]:
    """Return the confusion matrix by the usual recipe in NumPy."""
    pairs = target.astype(np.int64).ravel() * classes + prediction.ravel()
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def torch_bincount(prediction: Mask, target: Mask, classes: int) -> NDArray[np.int64]:
    """Return the confusion matrix by the usual recipe in torch."""
    p, t = torch.from_numpy(prediction).flatten(), torch.from_numpy(target).flatten()
    pairs = t.long() * classes + p
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes).numpy()


TO_KAGGLE = {
    "faceseg": lambda mask: rle.counts_to_kaggle(rle.encode(mask)),
    "numpy": numpy_to_kaggle,
}
FROM_KAGGLE = {
    "faceseg": lambda text, shape: rle.decode(rle.counts_from_kaggle(text, shape), shape),
    "numpy": numpy_from_kaggle,
}

# pycocotools wants column-major masks, and gives them. Most masks are row-major, so turning one is
# part of its time; bench_rle.py times both sides on column-major masks, too.
TO_COCO = {
    "faceseg": lambda mask: rle.counts_to_coco(rle.encode(mask)),
    "pycocotools": lambda mask: coco.encode(np.asfortranarray(mask))["counts"],
}
FROM_COCO = {
    "faceseg": lambda text, shape: rle.decode(rle.counts_from_coco(text, shape), shape),
    "pycocotools": lambda text, shape: np.ascontiguousarray(
        coco.decode({"size": shape, "counts": text})
    ),
    "pycocotools, column-major": lambda text, shape: coco.decode({"size": shape, "counts": text}),
}

CONFUSION = {
    "faceseg": lambda prediction, target, classes: metrics.confusion_matrix(
        prediction, target, num_classes=classes
    ),
    "numpy": bincount,
    "torch": torch_bincount,
    "scikit-learn": lambda prediction, target, classes: sklearn.confusion_matrix(
        target.ravel(), prediction.ravel(), labels=range(classes)
    ),
}
