from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from faceseg.config import Config
from faceseg.losses import (
    boundary_loss,
    cross_entropy,
    dice_loss,
    lovasz_loss,
    segmentation_loss,
    signed_distance,
)

ALL = Config(lovasz_weight=1.0, boundary_weight=1.0)


def logits_of(target: torch.Tensor, classes: int, strength: float = 30.0) -> torch.Tensor:
    return strength * F.one_hot(target, classes).permute(0, 3, 1, 2).float()


def drawn(
    classes: int = 3, ignored: float = 0.0, seed: int = 0, shape: tuple[int, int, int] = (4, 9, 7)
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random logits that carry gradients and labels, a share of them 255."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, classes, shape, generator=generator)
    target[torch.rand(shape, generator=generator) < ignored] = 255
    logits = 2 * torch.randn((shape[0], classes, *shape[1:]), generator=generator)
    return logits.requires_grad_(), target


def gradient(loss: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(loss, logits)[0]


def pixels_of(logits: torch.Tensor, target: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return (P, C) probabilities in float64 and (P,) labels of the pixels that count."""
    labels = target.numpy().ravel()
    flat = logits.detach().double().softmax(dim=1).permute(0, 2, 3, 1).reshape(len(labels), -1)
    return flat.numpy()[labels != 255], labels[labels != 255]


def test_a_perfect_prediction_costs_nothing():
    target = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    logits = logits_of(target, 3)
    config = Config(lovasz_weight=1.0, focal=2.0)
    assert dice_loss(logits, target) == pytest.approx(0, abs=1e-5)
    assert segmentation_loss((logits,), target, config) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [0.0, 0.3])
def test_cross_entropy_is_that_of_torch(weighted, ignored):
    logits, target = drawn(ignored=ignored)
    weights = torch.tensor([0.5, 2.0, 3.0]) if weighted else None
    ours = cross_entropy(logits, target, class_weights=weights, ignore_index=255)
    theirs = F.cross_entropy(logits, target, weights, ignore_index=255)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits))


@pytest.mark.parametrize("focal", [0.5, 2.0])
def test_focal_loss_is_the_papers_formula(focal):
    logits, target = drawn(ignored=0.2)
    weights = [0.5, 2.0, 3.0]
    ours = cross_entropy(
        logits, target, class_weights=torch.tensor(weights), focal=focal, ignore_index=255
    )
    probability, labels = pixels_of(logits, target)
    p = probability[np.arange(len(labels)), labels]
    alpha = np.array(weights)[labels]
    expected = (-alpha * (1 - p) ** focal * np.log(p)).sum() / alpha.sum()
    assert ours.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("focal", [0.5, 2.0])
def test_focal_loss_of_a_certain_pixel_has_a_gradient(focal):
    target = torch.ones((1, 2, 2), dtype=torch.long)
    logits = logits_of(target, 2, strength=200.0).requires_grad_()
    assert torch.isfinite(gradient(cross_entropy(logits, target, focal=focal), logits)).all()


def test_dice_by_hand():
    # Probability 0.5 everywhere: overlap 0.5 * 4, total 0.5 * 16 + 4.
    target = torch.zeros((1, 4, 4), dtype=torch.long)
    target[0, 0] = 1
    loss = dice_loss(torch.zeros((1, 2, 4, 4)), target, smooth=0)
    assert loss.item() == pytest.approx(1 - 2 * 2 / (8 + 4))


def test_dice_leaves_ignored_pixels_out():
    target = torch.zeros((1, 4, 4), dtype=torch.long)
    target[0, 0] = 1
    target[0, 2:] = 255
    # Overlap 0.5 * 4, total 0.5 * 8 + 4.
    loss = dice_loss(torch.zeros((1, 2, 4, 4)), target, smooth=2, ignore_index=255)
    assert loss.item() == pytest.approx(1 - (2 * 2 + 2) / (4 + 4 + 2))


def test_dice_is_that_of_segmentation_models():
    smp = pytest.importorskip("segmentation_models_pytorch")
    logits, target = drawn(ignored=0.3)
    theirs = smp.losses.DiceLoss("multiclass", classes=[1, 2], smooth=1.0, ignore_index=255)
    # Theirs is the Tversky form, in which both sums are halved but the smoothing is not.
    ours = dice_loss(logits, target, smooth=2.0, ignore_index=255)
    assert ours.item() == pytest.approx(theirs(logits, target).item(), abs=1e-5)


def slow_lovasz(probability: np.ndarray, labels: np.ndarray) -> float:
    """Return the loss by its definition: differences of the Jaccard loss of growing error sets."""
    losses = []
    for label in np.unique(labels):
        truth = labels == label
        errors = np.where(truth, 1 - probability[:, label], probability[:, label])
        total, before, wrong = 0.0, 0.0, np.zeros(len(labels), bool)
        for pixel in np.argsort(-errors, kind="stable"):
            wrong[pixel] = True
            # Equation 6: with these pixels wrong, intersection and union are as follows.
            jaccard = 1 - (truth & ~wrong).sum() / (truth | wrong).sum()
            total += errors[pixel] * (jaccard - before)
            before = jaccard
        losses.append(total)
    return float(np.mean(losses))


@pytest.mark.parametrize("ignored", [0.0, 0.3])
@pytest.mark.parametrize("classes", [2, 4])
def test_lovasz_is_its_definition(classes, ignored):
    logits, target = drawn(classes, ignored)
    target[target == 1] = 0  # a class that does not occur is not averaged over
    ours = lovasz_loss(logits, target, ignore_index=255)
    assert ours.item() == pytest.approx(slow_lovasz(*pixels_of(logits, target)), abs=1e-6)


def test_lovasz_is_that_of_segmentation_models():
    smp = pytest.importorskip("segmentation_models_pytorch")
    logits, target = drawn(4, 0.3, shape=(2, 32, 32))
    theirs = smp.losses.LovaszLoss("multiclass", ignore_index=255)(logits, target)
    ours = lovasz_loss(logits, target, ignore_index=255)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    torch.testing.assert_close(
        gradient(ours, logits), gradient(theirs, logits), atol=1e-6, rtol=1e-3
    )


def test_signed_distance_by_search():
    target = drawn(3, 0.2, shape=(3, 8, 6))[1]
    target[1] = 0  # no outline at all
    target[2][target[2] == 1] = 0  # none of class 1
    ours = signed_distance(target, 3, ignore_index=255).numpy()
    assert ours.shape == (3, 2, 8, 6)
    assert ours.dtype == np.float32
    assert (ours[1] == 0).all()
    assert (ours[2, 0] == 0).all()
    places = np.argwhere(np.ones((8, 6)))
    for picture, label in ((0, 1), (0, 2), (2, 2)):
        labels = target[picture].numpy()
        inside = np.argwhere(labels == label)
        outside = np.argwhere((labels != label) & (labels != 255))
        for row, column in places:
            if labels[row, column] == 255:
                continue
            at_home = labels[row, column] == label
            others = outside if at_home else inside
            nearest = np.sqrt(((others - (row, column)) ** 2).sum(axis=1)).min() - 0.5
            expected = (-nearest if at_home else nearest) / math.hypot(8, 6)
            assert ours[picture, label - 1, row, column] == pytest.approx(expected, abs=1e-6)


def test_boundary_loss_is_least_for_the_truth_and_the_same_at_any_size():
    target = torch.zeros((1, 24, 24), dtype=torch.long)
    target[:, 6:16, 8:18] = 1
    truth = boundary_loss(logits_of(target, 2), target).item()
    assert truth < 0
    for other in (target.roll(3, 1), torch.zeros_like(target), torch.ones_like(target)):
        assert boundary_loss(logits_of(other, 2), target).item() > truth
    large = target.repeat_interleave(4, 1).repeat_interleave(4, 2)
    assert boundary_loss(logits_of(large, 2), large).item() == pytest.approx(truth, rel=0.2)


def test_boundary_loss_by_hand():
    logits, target = drawn(3, 0.2)
    distance = signed_distance(target, 3, ignore_index=255).double()
    valid = (target != 255)[:, None]
    p = logits.detach().double().softmax(dim=1)[:, 1:]
    expected = (p * distance * valid).sum() / (2 * valid.sum())
    ours = boundary_loss(logits, target, ignore_index=255)
    assert ours.item() == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("focal", [0.0, 0.5])
@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_a_batch_of_ignored_pixels_alone_costs_nothing(focal, smooth):
    logits, target = drawn(ignored=1.1)
    config = ALL.replace({"ignore_index": 255, "focal": focal, "dice_smooth": smooth})
    loss = segmentation_loss((logits,), target, config, torch.tensor([1.0, 2.0, 3.0]))
    assert loss.item() == 0
    assert (gradient(loss, logits) == 0).all()


def test_ignored_pixels_have_no_gradient_and_the_others_a_finite_one():
    logits, target = drawn(ignored=0.3)
    config = ALL.replace({"ignore_index": 255, "focal": 2.0})
    slope = gradient(segmentation_loss((logits,), target, config), logits)
    assert torch.isfinite(slope).all()
    ignored = (target == 255)[:, None].expand_as(slope)
    assert (slope[ignored] == 0).all()
    assert (slope[~ignored] != 0).any()


def test_a_class_may_be_the_ignored_one():
    logits, target = drawn(3)
    other = torch.where(target == 1, 255, target)
    one = segmentation_loss((logits,), target, ALL.replace({"ignore_index": 1}))
    two = segmentation_loss((logits,), other, ALL.replace({"ignore_index": 255}))
    assert one.item() == pytest.approx(two.item())


@pytest.mark.parametrize("classes", [2, 4])
def test_no_foreground_anywhere_is_finite_and_has_a_gradient(classes):
    logits = torch.zeros((1, classes, 4, 4), requires_grad=True)
    target = torch.zeros((1, 4, 4), dtype=torch.long)
    loss = segmentation_loss((logits,), target, ALL)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient(loss, logits)).all()


def test_reduced_halves_are_the_whole_batch():
    # What the ranks of a run do: each has its half, and the sums are added in between.
    logits, target = drawn(4, 0.3)
    target[:2] = torch.where(target[:2] == 2, 0, target[:2])
    config = Config(ignore_index=255, focal=1.5)
    weights = torch.tensor([0.5, 2.0, 3.0, 1.0])
    whole = segmentation_loss((logits,), target, config, weights)

    sums: list[list[torch.Tensor]] = [[], []]
    halves = slice(0, 2), slice(2, 4)
    for half, seen in zip(halves, sums, strict=True):

        def note(value, seen=seen):
            seen.append(value)
            return value

        segmentation_loss((logits[half],), target[half], config, weights, reduce=note)
    assert [value.shape for value in sums[0]] == [(2,), (2, 3)]
    for half in halves:
        totals = iter([a + b for a, b in zip(*sums, strict=True)])
        loss = segmentation_loss(
            (logits[half],), target[half], config, weights, reduce=lambda _, t=totals: next(t)
        )
        assert loss.item() == pytest.approx(whole.item(), rel=1e-6)
        # The totals carry the gradients of both halves.
        slope = torch.autograd.grad(loss, logits, retain_graph=True)[0]
        torch.testing.assert_close(slope, gradient_of(whole, logits))


def gradient_of(loss: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(loss, logits, retain_graph=True)[0]


def test_the_settings_weigh_the_losses():
    logits, target = drawn()
    parts = {
        "ce_weight": cross_entropy(logits, target).item(),
        "dice_weight": dice_loss(logits, target).item(),
        "lovasz_weight": lovasz_loss(logits, target).item(),
        "boundary_weight": boundary_loss(logits, target).item(),
    }
    weights = {"ce_weight": 0.5, "dice_weight": 2.0, "lovasz_weight": 3.0, "boundary_weight": 4.0}
    loss = segmentation_loss((logits,), target, Config().replace(weights))
    assert loss.item() == pytest.approx(sum(weights[name] * parts[name] for name in parts))


def test_auxiliary_heads_have_their_weight():
    target = torch.ones((1, 4, 4), dtype=torch.long)
    logits = torch.zeros((1, 2, 4, 4))
    one = segmentation_loss((logits,), target, Config())
    two = segmentation_loss((logits, logits), target, Config(aux_weight=0.4))
    assert two.item() == pytest.approx(1.4 * one.item())


def test_bfloat16_logits_are_summed_in_float32():
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, 2, (1, 256, 256), generator=generator)
    logits = torch.randn((1, 2, 256, 256), generator=generator).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        low = segmentation_loss((logits,), target, ALL)
    assert low.dtype == torch.float32
    high = segmentation_loss((logits.float(),), target, ALL)
    assert low.item() == pytest.approx(high.item(), abs=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_nothing_waits_for_the_device():
    logits, target = (value.cuda() for value in drawn(ignored=0.3))
    config = Config(ignore_index=255, focal=2.0, lovasz_weight=1.0)
    weights = torch.ones(3).cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        segmentation_loss((logits,), target, config, weights).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
