"""Counts of tensors that live on a GPU: made there, so that only counts cross over.

Imported only when there is such a tensor. Everything here runs on the CPU too, which is how it is
tested without a GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from faceseg._kernels import Fault
from faceseg.counting import Rules, make_rules, worded

# What stands in the counts after the pairs of classes, for each image.
IGNORED, BAD_TARGET, BAD_PREDICTION, NOT_A_NUMBER, EXTRA = range(5)


def confusion_matrix(
    prediction: torch.Tensor, target: torch.Tensor, *, per_image: bool = False, **options: Any
) -> NDArray[np.int64]:
    """Count as `metrics.confusion_matrix` does, on the device of the tensors.

    Each pixel becomes one int64 code, codes are counted, and the counts come back in one transfer.
    Only after something was refused is its place looked for, which is a second one.

    Raises
    ------
    ValueError
        Also if the two are not on one device.
    """
    devices = [getattr(x, "device", "the CPU, no tensor") for x in (prediction, target)]
    if devices[0] != devices[1]:
        raise ValueError(
            f"prediction is on {devices[0]} and target on {devices[1]}; expected one device"
        )
    if target.is_floating_point() or target.is_complex():
        raise ValueError(
            f"target has dtype {_name(target)}; expected bool or integer: labels, or a mask"
        )
    if prediction.is_complex():
        raise ValueError(
            f"prediction has dtype {_name(prediction)}; expected bool, integer or float"
        )
    prediction, target = prediction.detach(), target.detach()
    shape = tuple(prediction.shape)
    floats = prediction.is_floating_point()
    rules = make_rules(shape, _name(prediction), floats, tuple(target.shape), **options)
    codes = _codes(prediction, target.long(), rules)
    images = target.shape[0] if target.ndim > 2 else 1
    size = rules.classes**2 + EXTRA
    if per_image:
        start = torch.arange(images, device=codes.device) * size
        codes = codes.reshape(images, codes.numel() // max(images, 1)) + start[:, None]
    counted = torch.bincount(codes.flatten(), minlength=size * (images if per_image else 1))
    counts = counted.cpu().numpy().astype(np.int64, copy=False).reshape(-1, size)
    pairs = rules.classes**2
    for fault in (NOT_A_NUMBER, BAD_TARGET, BAD_PREDICTION):
        if counts[:, pairs + fault].any():
            raise ValueError(_refused(prediction, target, rules, fault))
    matrix = counts[:, :pairs].reshape(-1, rules.classes, rules.classes)
    return matrix if per_image else matrix[0]


def _codes(prediction: torch.Tensor, target: torch.Tensor, rules: Rules) -> torch.Tensor:
    """Return classes * target + prediction of each pixel, or what is wrong with it."""
    pairs = rules.classes**2
    missing = None
    if rules.class_axis is not None:
        # There is no arg-max of bool.
        values = prediction.byte() if prediction.dtype == torch.bool else prediction
        predicted = values.argmax(rules.class_axis)
        if prediction.is_floating_point():
            missing = prediction.isnan().any(rules.class_axis)
    elif rules.threshold is not None:
        # A narrow type would round the threshold; as double all values and it are what they are.
        predicted = (prediction.double() > rules.threshold).long()
        if prediction.is_floating_point():
            missing = prediction.isnan()
    else:
        predicted = (prediction != 0).long() if rules.masks else prediction.long()
    true = (target != 0).long() if rules.masks else target
    codes = rules.classes * true + predicted
    # The later one stands: an ignored pixel may have any prediction and any target.
    codes = codes.masked_fill(
        (predicted < 0) | (predicted >= rules.classes), pairs + BAD_PREDICTION
    )
    codes = codes.masked_fill((true < 0) | (true >= rules.classes), pairs + BAD_TARGET)
    if missing is not None:
        codes = codes.masked_fill(missing, pairs + (IGNORED if rules.skip_nan else NOT_A_NUMBER))
    if rules.ignore is not None:
        codes = codes.masked_fill(target == rules.ignore, pairs + IGNORED)
    return codes


def _refused(prediction: torch.Tensor, target: torch.Tensor, rules: Rules, reason: int) -> str:
    """Return the message for the first pixel that was refused for this reason."""
    codes = _codes(prediction, target.long(), rules)
    position = int((codes == rules.classes**2 + reason).flatten().int().argmax())
    place = np.unravel_index(position, tuple(target.shape))
    words = {NOT_A_NUMBER: "nan", BAD_TARGET: "bad target", BAD_PREDICTION: "bad prediction"}
    found = 0
    if reason != NOT_A_NUMBER:
        found = int((target if reason == BAD_TARGET else prediction)[place])
    return worded(Fault(words[reason], position, found, rules.classes), place, rules.classes)


def _name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
