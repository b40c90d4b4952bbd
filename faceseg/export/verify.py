"""Exported against eager: the same outputs at several sizes and batches, or an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from faceseg import metrics
from faceseg.contract import Contract
from faceseg.draw import draw_portrait
from faceseg.draw.portrait import Task
from faceseg.errors import InputError
from faceseg.export.job import Outputs, Runner
from faceseg.models.pipeline import Normalise, Pipeline

Shape = tuple[int, int, int]

# (batch, height, width): odd, not square, narrower and wider than the network's size.
SHAPES: tuple[Shape, ...] = ((1, 250, 250), (2, 97, 131), (3, 64, 41), (1, 33, 400), (2, 384, 288))

# Largest share of pixels whose class may differ, and largest difference of a probability. Whole
# pipelines differed in less than 1 pixel of a million and by less than 1e-4; a resize with another
# rule differs in one pixel of a hundred.
MASK_TOLERANCE = 1e-4
PROBABILITY_TOLERANCE = 1e-3

# Least intersection over union with eager in float32 for arithmetic of less precision. The light
# face U-Net has 0.9999 in float16 and 0.992 in int8.
LEAST_IOU = {"float16": 0.999, "bfloat16": 0.99, "int8": 0.98}


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
    iou
        Intersection over union of both masks on the drawn portraits, the mean over the classes but
        the background; NaN where nothing is found.
    rounding
        What storing the weights small costs: share of all pixels whose class is not that of the
        weights as they were trained; None if they are stored as they are.
    """

    shapes: tuple[Shape, ...]
    pixels: int
    undecided: int
    differing: int
    classes: int
    probability_difference: float | None
    iou: float
    rounding: float | None = None

    def __str__(self) -> str:
        text = f"{self.differing} of {self.pixels} pixels differ from eager"
        text += f", IoU {self.iou:.4f}, classes seen: {self.classes}"
        if self.classes < 2:
            text += " (the network finds nothing: a weak check)"
        if self.probability_difference is not None:
            text += f", probabilities by at most {self.probability_difference:.1e}"
        if self.rounding is not None:
            text += f"; smaller weights change {self.rounding:.2%} of all pixels"
        return text

    def agrees(self, precision: str) -> bool:
        """Return whether a file that computes in `precision` is near enough to eager."""
        if precision in LEAST_IOU:
            return self.iou >= LEAST_IOU[precision]
        # With nothing decided nothing was compared. NaN is no probability near another.
        near = self.probability_difference is None or (
            self.probability_difference <= PROBABILITY_TOLERANCE
        )
        return bool(self.pixels) and self.differing <= MASK_TOLERANCE * self.pixels and near


def verify(
    network: nn.Module,
    runner: Runner,
    contract: Contract,
    source: str,
    *,
    trained: nn.Module | None = None,
    shapes: Sequence[Shape] | None = None,
    seed: int = 0,
) -> Verification:
    """Compare `runner` with `network` in an eager pipeline in float32.

    The pictures are drawn portraits, so that the masks have the shapes and edges of real ones; the
    last of each batch is noise. Where rounding decides between two classes either answer is right,
    so undecided pixels are not compared: an untrained network may have nothing else on noise, and
    a wrong graph is wrong elsewhere, too.

    Parameters
    ----------
    network
        Maps (N, 3, h, w) float32 to (N, C, h, w) logits.
    runner
        The exported file as a function.
    contract
        What the file promises.
    source
        Name of the file, for messages.
    trained
        The network with the weights before they were rounded for storing, if they were: how much
        that changes is told, and is no error.
    shapes
        (batch, height, width) of the pictures; by default `SHAPES`, or what alone fits the file.
    seed
        Of the pictures.

    Raises
    ------
    InputError
        If a number of outputs, dtype or shape is not that of the contract, or values differ by
        more than `MASK_TOLERANCE` or `PROBABILITY_TOLERANCE`, or with less precision IoU is below
        `LEAST_IOU`.
    """
    rng = np.random.default_rng(seed)
    if shapes is None:
        shapes = ((1, *contract.picture),) * 3 if contract.picture else SHAPES
    classes = len(contract.classes)
    counts = np.zeros((classes, classes), np.int64)
    pixels = undecided = differing = changed = 0
    largest = 0.0
    seen: set[int] = set()
    for images, noise in _batches(rng, shapes, contract.task):
        outputs = runner(
            Normalise()(torch.from_numpy(images)).numpy() if contract.logits else images
        )
        _check_form(outputs, images.shape[:3], contract, source)
        # The network alone has no size of its own.
        size = images.shape[1:3] if contract.logits else contract.size
        mask, probabilities = _eager(network, size, images, contract.letterbox)
        if contract.logits:
            outputs = _decided(outputs[0])
        best = np.partition(probabilities, -2, axis=1)[:, -2:]
        decided = best[:, 1] - best[:, 0] > PROBABILITY_TOLERANCE
        pixels += int(decided.sum())
        undecided += int((~decided).sum())
        seen.update(np.unique(mask).tolist())
        differing += int(((outputs[0] != mask) & decided).sum())
        drawn = slice(0, len(images) - noise)
        counts += metrics.confusion_matrix(outputs[0][drawn], mask[drawn], num_classes=classes)
        if trained is not None:
            changed += int(
                (outputs[0] != _eager(trained, size, images, contract.letterbox)[0]).sum()
            )
        if len(outputs) > 1:
            # NaN is the largest difference of all, and stays so.
            largest = float(np.maximum(largest, np.abs(outputs[1] - probabilities).max()))
    found = metrics.iou(counts)[1:]
    result = Verification(
        shapes=tuple(shapes),
        pixels=pixels,
        undecided=undecided,
        differing=differing,
        classes=len(seen),
        probability_difference=largest if contract.probabilities or contract.logits else None,
        iou=float(np.nanmean(found)) if np.isfinite(found).any() else float("nan"),
        rounding=None if trained is None else changed / (pixels + undecided),
    )
    if not result.agrees(contract.precision):
        least = LEAST_IOU.get(contract.precision)
        allowed = f"an IoU of {least} or more" if least else f"{MASK_TOLERANCE:.0e} of the pixels"
        raise InputError(
            f"{source}: not written: {result}; allowed: {allowed}"
            + (
                "; calibrate on pictures like those it will see, or choose another precision"
                if least
                else f" and {PROBABILITY_TOLERANCE:.0e}; another version of torch or onnxruntime "
                "may export it"
            )
        )
    return result


def _eager(
    network: nn.Module, size: tuple[int, int], images: NDArray[np.uint8], letterbox: bool
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    pipeline = Pipeline(network, size, probabilities=True, letterbox=letterbox).eval()
    with torch.inference_mode():
        outputs = pipeline(torch.from_numpy(images))
    return outputs[0].numpy(), outputs[1].numpy()


def _decided(logits: NDArray[np.generic]) -> Outputs:
    """Return the mask and the probabilities that logits mean."""
    values = torch.from_numpy(logits)
    return values.argmax(1).to(torch.uint8).numpy(), values.softmax(1).numpy()


def _batches(
    rng: np.random.Generator, shapes: Sequence[Shape], task: str
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Give batches of portraits and how many at their end are noise, 0 or 1."""
    drawn: Task = "mask" if task == "mask" else "face"
    for place, (batch, height, width) in enumerate(shapes):
        images = [draw_portrait(rng, task=drawn, size=(height, width))[0] for _ in range(batch)]
        # The last one of pictures that come one by one.
        noise = batch > 1 or place == len(shapes) - 1 > 0
        if noise:
            images[-1] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        yield np.stack(images), int(noise)


def _check_form(outputs: Outputs, shape: Shape, contract: Contract, source: str) -> None:
    batch, height, width = shape
    forms = {
        "mask": ("uint8", shape),
        "probabilities": ("float32", (batch, len(contract.classes), height, width)),
        "logits": ("float32", (batch, len(contract.classes), height, width)),
    }
    if len(outputs) != len(contract.outputs):
        raise InputError(
            f"{source}: not written: {len(outputs)} outputs, not {len(contract.outputs)}"
        )
    for value, name in zip(outputs, contract.outputs, strict=True):
        dtype, wanted = forms[name]
        if value.dtype != dtype or value.shape != wanted:
            raise InputError(
                f"{source}: not written: {name} is {value.dtype} {value.shape}, "
                f"expected {dtype} {wanted} for pictures of {height} x {width}"
            )
