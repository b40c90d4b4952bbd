"""Cross-entropy and Dice on logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def dice_loss(logits: Tensor, target: Tensor, *, smooth: float = 1.0) -> Tensor:
    """Return one minus the soft Dice coefficient, averaged over the classes but the background.

    Parameters
    ----------
    logits
        (N, C, H, W) float, any precision; the softmax is taken in float32.
    target
        (N, H, W) int64 class ids, 0 to C - 1.
    smooth
        Added to numerator and denominator, in pixels: keeps a class that no picture of the batch
        holds from dividing nought by nought.

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
    truth = F.one_hot(target, logits.shape[1])[..., 1:].permute(0, 3, 1, 2)
    overlap = (probability * truth).sum(dim=(0, 2, 3))
    total = probability.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    return 1 - ((2 * overlap + smooth) / (total + smooth)).mean()


def segmentation_loss(
    outputs: tuple[Tensor, ...],
    target: Tensor,
    *,
    ce_weight: float = 1.0,
    dice_weight: float = 1.0,
    aux_weight: float = 0.4,
) -> Tensor:
    """Return the weighted sum of cross-entropy and Dice loss over a network's heads.

    Parameters
    ----------
    outputs
        Logits (N, C, H, W) of the main head, then of auxiliary heads.
    target
        (N, H, W) int64 class ids.
    ce_weight, dice_weight
        Weights of the two losses.
    aux_weight
        Weight of each auxiliary head, the main head having 1.
    """
    total = torch.zeros((), device=target.device)
    for place, logits in enumerate(outputs):
        loss = torch.zeros((), device=target.device)
        if ce_weight:
            loss = loss + ce_weight * F.cross_entropy(logits.float(), target)
        if dice_weight:
            loss = loss + dice_weight * dice_loss(logits, target)
        total = total + (aux_weight if place else 1.0) * loss
    return total
