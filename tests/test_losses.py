from __future__ import annotations

import pytest
import torch

from faceseg.losses import dice_loss, segmentation_loss


def logits_of(target: torch.Tensor, classes: int, strength: float = 30.0) -> torch.Tensor:
    return strength * torch.nn.functional.one_hot(target, classes).permute(0, 3, 1, 2).float()


def test_a_perfect_prediction_costs_nothing():
    target = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    assert dice_loss(logits_of(target, 3), target) == pytest.approx(0, abs=1e-5)
    assert segmentation_loss((logits_of(target, 3),), target) == pytest.approx(0, abs=1e-5)


def test_dice_by_hand():
    # Probability 0.5 everywhere: overlap 0.5 * 4, total 0.5 * 16 + 4.
    target = torch.zeros((1, 4, 4), dtype=torch.long)
    target[0, 0] = 1
    loss = dice_loss(torch.zeros((1, 2, 4, 4)), target, smooth=0)
    assert loss.item() == pytest.approx(1 - 2 * 2 / (8 + 4))


def test_no_foreground_anywhere_is_finite_and_has_a_gradient():
    logits = torch.zeros((1, 2, 4, 4), requires_grad=True)
    loss = dice_loss(logits, torch.zeros((1, 4, 4), dtype=torch.long))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_auxiliary_heads_have_their_weight():
    target = torch.ones((1, 4, 4), dtype=torch.long)
    logits = torch.zeros((1, 2, 4, 4))
    one = segmentation_loss((logits,), target)
    assert segmentation_loss((logits, logits), target, aux_weight=0.4).item() == pytest.approx(
        1.4 * one.item()
    )


def test_bfloat16_logits_are_summed_in_float32():
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, 2, (1, 256, 256), generator=generator)
    logits = torch.randn((1, 2, 256, 256), generator=generator).bfloat16()
    assert dice_loss(logits, target).item() == pytest.approx(
        dice_loss(logits.double().float(), target).item(), abs=1e-6
    )
