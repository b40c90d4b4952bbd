"""Exported against eager: the same outputs at several sizes and batches, or an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from faceseg.contract import Contract
from faceseg.draw import draw_portrait
from faceseg.draw.portrait import Task
from faceseg.errors import InputError
from faceseg.models.pipeline import Pipeline

Outputs = tuple[NDArray[np.generic], ...]
Runner = Callable[[NDArray[np.uint8]], Outputs]

# (batch, height, width): odd, not square, narrower and wider than the network's size.
SHAPES = ((1, 250, 250), (2, 97, 131), (3, 64, 41), (1, 33, 400), (2, 384, 288))

# Largest share of pixels whose class may differ, and largest difference of a probability. Whole
# pipelines differed in less than 1 pixel of a million and by less than 1e-4; a resize with another
# rule differs in one pixel of a hundred.
MASK_TOLERANCE = 1e-4
PROBABILITY_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Verification:
    """How an exported file compared with the eager pipeline.

    Attributes
    ----------
    shapes
        (batch, height, width) of each comparison.
    pixels
        Number of pixels compared.
    undecided
        Pixels left out, since eager itself finds their two best classes within
        `PROBABILITY_TOLERANCE` of each other.
    differing
        Compared pixels whose class differs.
    classes
        Number of classes found in the pictures; with one alone little has been compared.
    probability_difference
        Largest difference of a probability; None if the file does not give them.
    rounding
        What storing the weights small costs: share of all pixels whose class is not that of the
        weights as they were trained; None if they are stored as they are.
    """

    shapes: tuple[tuple[int, int, int], ...]
    pixels: int
    undecided: int
    differing: int
    classes: int
    probability_difference: float | None
    rounding: float | None = None

    def __str__(self) -> str:
        text = f"{self.differing} of {self.pixels} pixels differ from eager"
        text += f", classes seen: {self.classes}"
        if self.classes < 2:
            text += " (the network finds nothing: a weak check)"
        if self.probability_difference is not None:
            text += f", probabilities by at most {self.probability_difference:.1e}"
        if self.rounding is not None:
            text += f"; smaller weights change {self.rounding:.2%} of all pixels"
        return text


def verify(
    pipeline: Pipeline,
    runner: Runner,
    contract: Contract,
    source: str,
    *,
    trained: Pipeline | None = None,
    seed: int = 0,
) -> Verification:
    """Compare `runner` with `pipeline`.

    The pictures are drawn portraits, so that the masks have the shapes and edges of real ones; the
    last of each batch is noise. Where rounding decides between two classes either answer is right,
    so undecided pixels are not compared: an untrained network may have nothing else on noise, and
    a wrong graph is wrong elsewhere, too.

    Parameters
    ----------
    pipeline
        The eager pipeline; it returns probabilities.
    runner
        The exported file as a function.
    contract
        What the file promises.
    source
        Name of the file, for messages.
    trained
        The pipeline with the weights before they were rounded for storing, if they were: how much
        that changes is told, and is no error.
    seed
        Of the pictures.

    Raises
    ------
    InputError
        If a number of outputs, dtype or shape is not that of the contract, or values differ by
        more than `MASK_TOLERANCE` or `PROBABILITY_TOLERANCE`.
    """
    rng = np.random.default_rng(seed)
    pixels = undecided = differing = changed = 0
    largest = 0.0
    seen: set[int] = set()
    for shape in SHAPES:
        images = _pictures(rng, shape, contract.task)
        outputs = runner(images)
        _check_form(outputs, shape, contract, source)
        with torch.inference_mode():
            mask, probabilities = (t.numpy() for t in pipeline(torch.from_numpy(images)))
        best = np.partition(probabilities, -2, axis=1)[:, -2:]
        decided = best[:, 1] - best[:, 0] > PROBABILITY_TOLERANCE
        pixels += int(decided.sum())
        undecided += int((~decided).sum())
        seen.update(np.unique(mask).tolist())
        differing += int(((outputs[0] != mask) & decided).sum())
        if trained is not None:
            with torch.inference_mode():
                before = trained(torch.from_numpy(images))[0].numpy()
            changed += int((outputs[0] != before).sum())
        if contract.probabilities:
            # NaN is the largest difference of all, and stays so.
            largest = float(np.maximum(largest, np.abs(outputs[1] - probabilities).max()))
    result = Verification(
        shapes=SHAPES,
        pixels=pixels,
        undecided=undecided,
        differing=differing,
        classes=len(seen),
        probability_difference=largest if contract.probabilities else None,
        rounding=None if trained is None else changed / (pixels + undecided),
    )
    agrees = differing <= MASK_TOLERANCE * pixels and largest <= PROBABILITY_TOLERANCE
    # With nothing decided nothing was compared.
    if not (pixels and agrees):
        raise InputError(
            f"{source}: not written: {result}; allowed are {MASK_TOLERANCE:.0e} of the pixels and "
            f"{PROBABILITY_TOLERANCE:.0e}; another version of torch or onnxruntime may export it"
        )
    return result


def _pictures(
    rng: np.random.Generator, shape: tuple[int, int, int], task: str
) -> NDArray[np.uint8]:
    batch, height, width = shape
    drawn: Task = "mask" if task == "mask" else "face"
    images = [draw_portrait(rng, task=drawn, size=(height, width))[0] for _ in range(batch)]
    if batch > 1:
        images[-1] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.stack(images)


def _check_form(
    outputs: Outputs, shape: tuple[int, int, int], contract: Contract, source: str
) -> None:
    batch, height, width = shape
    expected: list[tuple[str, str, tuple[int, ...]]] = [("mask", "uint8", shape)]
    if contract.probabilities:
        form = (batch, len(contract.classes), height, width)
        expected.append(("probabilities", "float32", form))
    if len(outputs) != len(expected):
        raise InputError(f"{source}: not written: {len(outputs)} outputs, not {len(expected)}")
    for value, (name, dtype, wanted) in zip(outputs, expected, strict=True):
        if value.dtype != dtype or value.shape != wanted:
            raise InputError(
                f"{source}: not written: {name} is {value.dtype} {value.shape}, "
                f"expected {dtype} {wanted} for pictures of {height} x {width}"
            )
