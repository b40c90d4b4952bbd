"""Real pictures for exports: to calibrate on, and to score a file on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from faceseg.contract import Contract
from faceseg.errors import InputError
from faceseg.evaluate import evaluate
from faceseg.export.job import Runner
from faceseg.images import find_images, list_images, read_image
from faceseg.models.pipeline import Pipeline, segmenter
from faceseg.records import Source, list_splits, open_source

# Pictures to calibrate on, taken evenly from those there are.
LIMIT = 64


def read_pictures(path: str | os.PathLike[str], task: str) -> list[NDArray[np.uint8]]:
    """Return pictures of a folder, a glob, or the train split of a data set, at most `LIMIT`.

    Raises
    ------
    InputError
        If there are none, or one cannot be read.
    """
    folder = Path(path)
    files: list[Any]
    if (folder.is_dir() and not list_images(folder)) or folder.suffix.lower() == ".csv":
        files = [record.image for record in open_source(path, split="train", task=task).records]
    else:
        files = list(find_images(path))
    chosen = np.linspace(0, len(files) - 1, min(LIMIT, len(files))).round().astype(int)
    return [read_image(files[place]) for place in chosen]


def open_scored(path: str | os.PathLike[str], contract: Contract) -> Source:
    """Return the val split of a data set, or train where there is none, for `score`."""
    if contract.picture or contract.logits:
        raise InputError(
            f"{path}: data are scored with files that take pictures of any size; leave out the "
            "size of the pictures and logits, or the data"
        )
    split = "val" if "val" in list_splits(path) else "train"
    source = open_source(path, split=split, task=contract.task)
    source.expect_classes(contract.name, contract.classes)
    return source


def score(
    network: nn.Module, runner: Runner, contract: Contract, source: Source
) -> tuple[float, float]:
    """Return the IoU on a data set of eager in float32 and of an exported file."""
    eager = segmenter(Pipeline(network, contract.size, letterbox=contract.letterbox).eval())
    before = evaluate(eager, source).scores["iou"]
    return before, evaluate(lambda image: runner(image[None])[0][0], source).scores["iou"]
