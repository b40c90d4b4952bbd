"""Losses of segmentation on logits: cross-entropy, focal, Dice, Lovász-softmax, boundary.

All compute in float32, whatever the precision of the logits. Pixels whose label is `ignore_index`
count nowhere; a batch of such pixels alone has loss 0 and gradient 0. None waits for the device
but the boundary loss. ``docs/recipe.md`` tells when which one helps.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from faceseg.config import Config

Reduce = Callable[[Tensor], Tensor]

# Stands in for a sum of nought in a division whose numerator is nought, too.
_TINY = 1e-12


def segmentation_loss(
    outputs: tuple[Tensor, ...],
    target: Tensor,
    config: Config,
    class_weights: Tensor | None = None,
    *,
    reduce: Reduce = lambda sums: sums,
) -> Tensor:
    """Return the weighted sum of the losses that `config` asks for, over a network's heads.

    Parameters
    ----------
    outputs
        Logits (N, C, H, W) of the main head, then of auxiliary heads.
    target
        (N, H, W) int64 class ids.
    config
        Gives ``ce_weight``, ``dice_weight``, ``lovasz_weight``, ``boundary_weight``, ``focal``,
        ``dice_smooth``, ``ignore_index`` and ``aux_weight``, which is the weight of each auxiliary
        head where the main head has 1.
    class_weights
        (C,) float32 on the logits' device: weights of the cross-entropy.
    reduce
        Adds the sums of cross-entropy and Dice over the ranks of a distributed run, so that both
        are those of the whole batch. It is given small float32 tensors that carry gradients and
        must be differentiable as ``torch.distributed.nn.functional.all_reduce`` is: the mean of
        the ranks' gradients is then the gradient of the whole batch. Lovász and boundary loss
        are those of each rank's own part.

    Returns
    -------
    Tensor
        Scalar float32. Only the boundary loss can take it below 0.
    """
    ignore = config.ignore_index
    total = torch.zeros((), device=target.device)
    for place, logits in enumerate(outputs):
        loss = torch.zeros((), device=target.device)
        if config.ce_weight:
            loss = loss + config.ce_weight * cross_entropy(
                logits,
                target,
                class_weights=class_weights,
                focal=config.focal,
                ignore_index=ignore,
                reduce=reduce,
            )
        if config.dice_weight:
            loss = loss + config.dice_weight * dice_loss(
                logits, target, smooth=config.dice_smooth, ignore_index=ignore, reduce=reduce
            )
        if config.lovasz_weight:
            loss = loss + config.lovasz_weight * lovasz_loss(logits, target, ignore_index=ignore)
        if config.boundary_weight:
            loss = loss + config.boundary_weight * boundary_loss(
                logits, target, ignore_index=ignore
            )
        total = total + (config.aux_weight if place else 1.0) * loss
    return total


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    class_weights: Tensor | None = None,
    focal: float = 0.0,
    ignore_index: int = -1,
    reduce: Reduce = lambda sums: sums,
) -> Tensor:
    """Return the weighted mean of ``-(1 - p)^focal log p``, p being the true class's probability.

    Parameters
    ----------
    logits
        (N, C, H, W) float, any precision.
    target
        (N, H, W) int64 class ids, 0 to C - 1 or `ignore_index`.
    class_weights
        (C,) float32; a pixel weighs what its true class does. None is 1 for all.
    focal
        0 is the cross-entropy. Higher values weigh down pixels that are right already.
    ignore_index
        Label of pixels to leave out; -1 is none.
    reduce
        See `segmentation_loss`; given (2,), the weighted sum of losses and the sum of weights.

    Returns
    -------
    Tensor
        Scalar float32, 0 or more.

    Notes
    -----
    Focal loss after Lin et al. (ICCV 2017), on the softmax. Its mean is over the weights of the
    pixels as that of the cross-entropy is, not over ``(1 - p)^focal``.
    """
    loss = F.cross_entropy(logits.float(), target, ignore_index=ignore_index, reduction="none")
    if focal:
        # Kept from 0, where a power below 1 has no slope.
        loss = loss * (-torch.expm1(-loss)).clamp(min=1e-7) ** focal
    weights = torch.ones_like(loss)
    if ignore_index >= 0:
        weights = (target != ignore_index).float()
        target = target * (target != ignore_index)
    if class_weights is not None:
        weights = weights * class_weights[target]
    total, weight = reduce(torch.stack(((loss * weights).sum(), weights.sum()))).unbind()
    return total / weight.clamp(min=_TINY)


def dice_loss(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    ignore_index: int = -1,
    reduce: Reduce = lambda sums: sums,
) -> Tensor:
    """Return one minus the soft Dice coefficient, averaged over the classes but the background.

    Parameters
    ----------
    logits
        (N, C, H, W) float, any precision; the softmax is taken in float32.
    target
        (N, H, W) int64 class ids, 0 to C - 1 or `ignore_index`.
    smooth
        Added to numerator and denominator, in pixels: a class that no picture of the batch holds
        then costs little where it is hardly predicted, and nothing where it is not at all.
    ignore_index
        Label of pixels to leave out; -1 is none.
    reduce
        See `segmentation_loss`; given (2, C - 1), the overlap and the total of each class.

    Returns
    -------
    Tensor
        Scalar float32, 0 (perfect) to 1.

    Notes
    -----
    Sums run over the whole batch, so that a picture with few foreground pixels does not outweigh
    the others. After Milletari, Navab, Ahmadi (3DV 2016), without squares in the denominator.
    """
    probability = logits.float().softmax(dim=1)[:, 1:]
    if ignore_index >= 0:
        probability = probability * (target != ignore_index)[:, None]
    truth = _one_hot(target, logits.shape[1], ignore_index)[:, 1:]
    axes = (0, 2, 3)
    total = probability.sum(dim=axes) + truth.sum(dim=axes)
    overlap, total = reduce(torch.stack(((probability * truth).sum(dim=axes), total))).unbind()
    total = total + smooth
    # With neither smoothing nor a pixel there is nothing to miss.
    ratio = ((2 * overlap + smooth) / total.clamp(min=_TINY)).where(total > 0, 1.0)
    return 1 - ratio.mean()


def lovasz_loss(logits: Tensor, target: Tensor, *, ignore_index: int = -1) -> Tensor:
    """Return the Lovász-softmax loss, a convex surrogate of one minus IoU.

    Parameters
    ----------
    logits
        (N, C, H, W) float, any precision; the softmax is taken in float32.
    target
        (N, H, W) int64 class ids, 0 to C - 1 or `ignore_index`.
    ignore_index
        Label of pixels to leave out; -1 is none.

    Returns
    -------
    Tensor
        Scalar float32, 0 (perfect) to 1: the mean over the classes that occur in the batch.

    Notes
    -----
    Berman, Rannen Triki, Blaschko (CVPR 2018), equations 8, 9 and 11, over the whole batch. Their
    gradient of the Jaccard loss is the difference of neighbours of a running ratio; with I and U
    the running intersection and union it is 1 / U at a pixel of the class and I / (U (U - 1)) at
    any other, which needs no difference of nearly equal float32 numbers. Pixels left out have
    error 0 and so come last, where they weigh nothing: no pixel has to be picked out, which would
    wait for the device.
    """
    classes = logits.shape[1]
    probability = logits.float().softmax(dim=1)
    truth = _one_hot(target, classes, ignore_index)
    error = (truth.float() - probability).abs()
    if ignore_index >= 0:
        error = error * (target != ignore_index)[:, None]
    error, order = error.transpose(0, 1).reshape(classes, -1).sort(dim=1, descending=True)
    inside = truth.transpose(0, 1).reshape(classes, -1).gather(1, order)
    size = inside.sum(dim=1, keepdim=True)
    # Counted in whole numbers: float32 cannot count beyond 16.8 million pixels.
    intersection = (size - inside.cumsum(dim=1, dtype=torch.int32)).float()
    union = (size + (~inside).cumsum(dim=1, dtype=torch.int32)).float()
    other = intersection / (union * (union - 1)).clamp(min=1)
    slope = torch.where(inside, 1 / union.clamp(min=1), other)
    present = size[:, 0] > 0
    return ((error * slope).sum(dim=1) * present).sum() / present.sum().clamp(min=1)


def boundary_loss(logits: Tensor, target: Tensor, *, ignore_index: int = -1) -> Tensor:
    """Return the mean of foreground probability times signed distance to the true outline.

    Parameters
    ----------
    logits
        (N, C, H, W) float, any precision; the softmax is taken in float32.
    target
        (N, H, W) int64 class ids, 0 to C - 1 or `ignore_index`.
    ignore_index
        Label of pixels to leave out; -1 is none.

    Returns
    -------
    Tensor
        Scalar float32 between -1 and 1, least where the prediction is the truth: below 0 unless
        no class has an outline. The mean runs over the pixels and the classes but the background.

    Notes
    -----
    Kervadec et al. (MIDL 2019), equation 5, with the distances of `signed_distance`.
    """
    distance = signed_distance(target, logits.shape[1], ignore_index=ignore_index)
    probability = logits.float().softmax(dim=1)[:, 1:]
    valid = (target != ignore_index)[:, None]
    count = (valid.sum() * distance.shape[1]).clamp(min=1)
    return (probability * distance * valid).sum() / count


def signed_distance(target: Tensor, classes: int, *, ignore_index: int = -1) -> Tensor:
    """Return the distance of each pixel to each class's outline, negative inside.

    Parameters
    ----------
    target
        (N, H, W) int64 class ids, 0 to C - 1 or `ignore_index`.
    classes
        Number of classes C, background included.
    ignore_index
        Label of pixels that are neither inside nor outside: they make no outline. -1 is none.

    Returns
    -------
    Tensor
        (N, C - 1, H, W) float32 on the target's device, in units of the picture's diagonal, so
        that a weight means the same at any size. 0 all over where a picture has no outline of
        the class: no pixel of it, or none of any other.

    Notes
    -----
    The outline runs between pixels, half a pixel from the centres on its two sides. Distances are
    exact and Euclidean, by OpenCV on the CPU: for 16 pictures of 192 x 192 with two classes
    30 ms on one core, with nine 240 ms. A target on a GPU is copied for it as bytes, and the step
    waits for that. The same distances by tensor operations, which could stay on the device (scans
    along columns, then a minimum over all shifts along rows), took 25 times as long on the CPU;
    pooling in rounds is not Euclidean.
    """
    labels = target.to(torch.uint8).cpu().numpy()
    count, height, width = labels.shape
    distance = np.zeros((count, classes - 1, height, width), np.float32)
    for picture, levels in zip(labels, distance, strict=True):
        for label, level in enumerate(levels, start=1):
            inside = picture == label
            if label == ignore_index:
                continue
            outside = ~inside & (picture != ignore_index)
            if inside.any() and outside.any():
                np.subtract(_nearest(inside), _nearest(outside), out=level)
                # Zero is at the outline, not at the centre of the first pixel beyond it.
                level += np.where(inside, 0.5, -0.5)
    return torch.from_numpy(distance / math.hypot(height, width)).to(target.device)


def _nearest(place: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel to the nearest one of `place`."""
    away = (~place).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _one_hot(target: Tensor, classes: int, ignore_index: int) -> Tensor:
    """Return (N, C, H, W) bool; no class at pixels to leave out."""
    ids = torch.arange(classes, device=target.device)[:, None, None]
    truth = target[:, None] == ids
    return truth & (target != ignore_index)[:, None] if ignore_index >= 0 else truth
