"""ONNX files in OpenCV's dnn module: the second program that has to read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from faceseg.contract import Contract
from faceseg.errors import InputError
from faceseg.export.job import Outputs, Runner


class Unreadable(InputError):
    """OpenCV cannot run a file, and says so to whoever tries."""


NAME = f"OpenCV {cv2.__version__}"


def reads(contract: Contract) -> bool:
    """Return whether OpenCV can be expected to read such a file.

    Below version 5 it knows no free sizes, and no version reduces a picture with antialiasing: it
    leaves it out without a word.
    """
    if contract.precision != "float32":
        return False
    fixed = contract.picture
    if fixed is None:
        return int(cv2.__version__.split(".")[0]) >= 5
    return all(side <= least for side, least in zip(fixed, contract.size, strict=True))


def open_opencv(path: Path, contract: Contract) -> Runner:
    """Return the file as a function from its input to its outputs.

    Both raise Unreadable if OpenCV cannot read or run it.
    """
    with _named(path):
        network = cv2.dnn.readNetFromONNX(str(path))

    def run(images: NDArray[Any]) -> Outputs:
        with _named(path):
            network.setInput(images, "image")
            found = network.forward(list(contract.outputs))
        mask = contract.outputs[0] == "mask"
        # OpenCV 4 computes in float32 alone.
        return tuple(
            np.asarray(each, np.uint8 if mask and not place else np.float32)
            for place, each in enumerate(found)
        )

    return run


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except cv2.error as error:
        reason = " ".join(str(error).split())
        raise Unreadable(f"{path}: {NAME} cannot run it: {reason}") from error
