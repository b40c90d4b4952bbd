"""What every format is written from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceseg.config import Config
from faceseg.contract import Contract

Outputs = tuple[NDArray[Any], ...]
Runner = Callable[[NDArray[Any]], Outputs]


@dataclass(frozen=True)
class Job:
    """A graph to write, and all that goes into the file with it.

    Attributes
    ----------
    name
        Of the file, without its suffix.
    graph
        What the file computes, in evaluation mode.
    contract
        What the file promises.
    config
        Settings of the run, from which training can start again.
    store
        How ONNX files store the weights, see `faceseg.onnx_weights.stored`.
    calibration
        (H, W, 3) uint8 pictures that show an int8 file the range of each activation.
    """

    name: str
    graph: nn.Module
    contract: Contract
    config: Config
    store: str = "float32"
    calibration: Sequence[NDArray[np.uint8]] = ()

    def example(self) -> Tensor:
        """Return an input to trace with."""
        fixed = self.contract.picture
        # Free sides differ from each other and from 1, so that none is taken for another.
        batch, height, width = (1, *fixed) if fixed else (2, 67, 93)
        if self.contract.logits:
            return torch.zeros((batch, 3, height, width))
        return torch.zeros((batch, height, width, 3), dtype=torch.uint8)

    def free(self) -> dict[int, str]:
        """Return the names of the axes that stay free."""
        if self.contract.picture:
            return {}
        height = 2 if self.contract.logits else 1
        return {0: "batch", height: "height", height + 1: "width"}


def as_runner(module: Callable[[Tensor], Tensor | Sequence[Tensor]]) -> Runner:
    """Return a module as a function of arrays."""

    def run(images: NDArray[Any]) -> Outputs:
        with torch.inference_mode():
            result = module(torch.from_numpy(images))
        return tuple(t.numpy() for t in ((result,) if isinstance(result, Tensor) else result))

    return run


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Keep back a logger's warnings, which say nothing to somebody who exports."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
