"""Scores against scikit-learn, torchmetrics, segmentation_models_pytorch, SciPy and by hand."""

from __future__ import annotations

import doctest
import warnings
from typing import Any

import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceseg import metrics, scores


@st.composite
def labels(draw: st.DrawFn) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return flat prediction and target of one length, labels under 5, not all of which occur."""
    prediction = draw(strategies.masks("uint8")).ravel() % 5
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    other = rng.integers(0, draw(st.integers(1, 5)), prediction.size).astype(np.uint8)
    kept = rng.random(prediction.size) < draw(st.sampled_from([0, 0.9, 1]))
    return prediction, np.where(kept, prediction, other)


@settings(max_examples=20)  # scikit-learn is slow on small arrays
@given(labels())
def test_scores_are_those_of_scikit_learn(
    case: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    prediction, target = case
    if not target.size:
        return
    matrix = metrics.confusion_matrix(prediction, target, num_classes=5)
    np.testing.assert_array_equal(
        matrix, sklearn.confusion_matrix(target, prediction, labels=range(5))
    )
    options = {"labels": range(5), "average": None, "zero_division": 0}
    present = np.isin(range(5), np.concatenate([prediction, target]))
    for ours, theirs in (
        (metrics.iou, sklearn.jaccard_score),
        (metrics.dice, sklearn.f1_score),
        (metrics.precision, sklearn.precision_score),
        (metrics.recall, sklearn.recall_score),
    ):
        scores = ours(matrix)
        assert scores.dtype == np.float64
        np.testing.assert_array_equal(np.isnan(scores), ~present)
        np.testing.assert_allclose(
            scores[present], theirs(target, prediction, **options)[present], rtol=1e-15
        )
    assert metrics.pixel_accuracy(matrix) == sklearn.accuracy_score(target, prediction)
    assert metrics.mean_iou(matrix) == pytest.approx(np.nanmean(metrics.iou(matrix)), rel=1e-15)


def test_a_worked_matrix() -> None:
    matrix = [[50, 10, 0], [5, 35, 0], [0, 0, 0]]
    np.testing.assert_allclose(metrics.iou(matrix), [50 / 65, 35 / 50, np.nan])
    np.testing.assert_allclose(metrics.dice(matrix), [100 / 115, 70 / 85, np.nan])
    np.testing.assert_allclose(metrics.precision(matrix), [50 / 55, 35 / 45, np.nan])
    np.testing.assert_allclose(metrics.recall(matrix), [50 / 60, 35 / 40, np.nan])
    assert metrics.mean_iou(matrix) == pytest.approx((50 / 65 + 35 / 50) / 2)
    assert metrics.pixel_accuracy(matrix) == 0.85


def test_a_class_missed_altogether_scores_nothing() -> None:
    matrix = metrics.confusion_matrix([0, 0, 0], [0, 1, 1])
    for score in (metrics.iou, metrics.dice, metrics.precision, metrics.recall):
        assert score(matrix)[1] == 0


def test_no_pixels_have_no_score() -> None:
    matrix = metrics.confusion_matrix(np.zeros((0, 5), np.uint8), np.zeros((0, 5), np.uint8))
    assert not matrix.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metrics.iou(matrix)).all()
        assert np.isnan(metrics.mean_iou(matrix))
        assert np.isnan(metrics.pixel_accuracy(matrix))


# --- scores ------------------------------------------------------------------------------------


def stack(seed: int = 0, images: int = 6, classes: int = 4) -> NDArray[np.int64]:
    """Return matrices of images, in which the last class is rare and the one before absent."""
    rng = np.random.default_rng(seed)
    matrices = rng.integers(0, 1000, (images, classes, classes))
    matrices[:, classes - 2] = matrices[:, :, classes - 2] = 0
    matrices[::2, classes - 1] = matrices[::2, :, classes - 1] = 0
    return matrices


OF_CLASSES = (metrics.iou, metrics.dice, metrics.precision, metrics.recall, metrics.specificity)
OF_MATRIX = (
    metrics.mean_iou, metrics.frequency_weighted_iou, metrics.pixel_accuracy, metrics.cohen_kappa,
)  # fmt: skip


@pytest.mark.parametrize("score", OF_CLASSES)
def test_averages(score: Any) -> None:
    matrices = stack()
    each = score(matrices)
    assert each.shape == (6, 4)
    assert np.isnan(each[:, 2]).all()
    assert np.isnan(each[::2, 3]).all()
    np.testing.assert_array_equal(each[1], score(matrices[1]))
    np.testing.assert_allclose(score(matrices, average="macro"), np.nanmean(each, axis=1))
    np.testing.assert_allclose(
        score(matrices, average="image"), np.nanmean(each, axis=1).mean(), rtol=1e-15
    )
    zeros = score(matrices, zero_division=0)
    np.testing.assert_array_equal(zeros, np.nan_to_num(each))
    np.testing.assert_allclose(
        score(matrices, average="macro", zero_division=1), np.where(np.isnan(each), 1, each).mean(1)
    )
    np.testing.assert_array_equal(score(matrices, classes=[3, 0]), each[:, [3, 0]])
    np.testing.assert_array_equal(
        score(matrices, classes=[3], average="micro"), score(matrices, classes=[3])[:, 0]
    )
    with pytest.raises(ValueError, match="average is 'mean'"):
        score(matrices, average="mean")
    with pytest.raises(ValueError, match=r"expected \(N, C, C\) for average='image'"):
        score(matrices[0], average="image")


def test_scores_of_one_matrix_are_floats() -> None:
    matrix = stack()[0]
    for value in [score(matrix) for score in OF_MATRIX] + [
        score(matrix, average="micro") for score in OF_CLASSES
    ]:
        assert isinstance(value, float)


@pytest.mark.parametrize("undefined", [0.0, 1.0, 0.5])
def test_two_empty_masks(undefined: float) -> None:
    """Peers give 0, 1 or NaN; here it is NaN, or what the caller says."""
    empty = metrics.confusion_matrix(np.zeros((4, 4), bool), np.zeros((4, 4), bool))
    for score in OF_CLASSES[:4]:
        assert np.isnan(score(empty)[1])
        assert score(empty, zero_division=undefined)[1] == undefined
        assert score(empty)[0] == 1
    assert np.isnan(metrics.specificity(empty)[0])
    assert np.isnan(metrics.specificity(empty)[1])
    assert np.isnan(metrics.cohen_kappa(empty))
    assert metrics.cohen_kappa(empty, zero_division=undefined) == undefined
    assert metrics.pixel_accuracy(empty) == 1
    nothing = np.zeros((2, 2), np.int64)
    for score in OF_MATRIX:
        assert np.isnan(score(nothing))
        assert score(nothing, zero_division=undefined) == undefined


def test_counts_past_what_float32_and_int32_hold() -> None:
    part = np.array([[2**24 + 1, 3], [5, 2**31 + 7]])
    whole = part * 2**16
    assert metrics.pixel_accuracy(whole) == metrics.pixel_accuracy(part)
    for score in OF_CLASSES:
        np.testing.assert_array_equal(score(whole), score(part))
    assert metrics.cohen_kappa(whole) == pytest.approx(metrics.cohen_kappa(part), rel=1e-14)
    ones = np.ones((1, 2**24 + 3), np.uint8)
    ones[0, -1] = 0
    assert metrics.confusion_matrix(ones, np.ones_like(ones))[1].tolist() == [1, 2**24 + 2]


def test_frequency_weighted_iou_is_the_weighted_mean() -> None:
    for matrix in stack():
        weights = matrix.sum(axis=1) / matrix.sum()
        expected = (weights * np.nan_to_num(metrics.iou(matrix))).sum()
        assert metrics.frequency_weighted_iou(matrix) == pytest.approx(expected, rel=1e-14)


# --- peers -------------------------------------------------------------------------------------


def pair(seed: int, classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return labels of 5 images, (5, 24, 31), that agree in about two thirds of the pixels."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, classes, (5, 24, 31))
    return np.where(rng.random(target.shape) < 0.6, target, rng.integers(0, classes)), target


@pytest.mark.parametrize("classes", [2, 5])
def test_scikit_learn(classes: int) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    prediction, target = pair(1, classes)
    matrix = metrics.confusion_matrix(prediction, target, num_classes=classes)
    flat = target.ravel(), prediction.ravel()
    for average in ("micro", "macro"):
        for ours, theirs in (
            (metrics.iou, sklearn.jaccard_score),
            (metrics.dice, sklearn.f1_score),
            (metrics.precision, sklearn.precision_score),
            (metrics.recall, sklearn.recall_score),
        ):
            assert ours(matrix, average=average) == pytest.approx(
                theirs(*flat, average=average), rel=1e-12
            )
    assert metrics.cohen_kappa(matrix) == pytest.approx(sklearn.cohen_kappa_score(*flat), rel=1e-12)
    assert metrics.recall(matrix, average="macro") == pytest.approx(
        sklearn.balanced_accuracy_score(*flat), rel=1e-12
    )
    assert metrics.frequency_weighted_iou(matrix) == pytest.approx(
        sklearn.jaccard_score(*flat, average="weighted"), rel=1e-12
    )


@pytest.mark.parametrize("classes", [2, 5])
def test_torchmetrics(classes: int) -> None:
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torchmetrics.functional.classification")
    prediction, target = pair(2, classes)
    given = torch.from_numpy(prediction), torch.from_numpy(target)
    matrix = metrics.confusion_matrix(*given, num_classes=classes)
    theirs = peer.multiclass_confusion_matrix(*given, num_classes=classes)
    np.testing.assert_array_equal(matrix, theirs.numpy())
    # Its scores are float32, whatever the counts are: no more than seven digits can agree.
    for ours, name in (
        (metrics.iou, "jaccard_index"),
        (metrics.dice, "f1_score"),
        (metrics.precision, "precision"),
        (metrics.recall, "recall"),
        (metrics.specificity, "specificity"),
    ):
        function = getattr(peer, f"multiclass_{name}")
        for average in (None, "micro", "macro"):
            found = function(*given, num_classes=classes, average=average or "none")
            np.testing.assert_allclose(ours(matrix, average=average), found.numpy(), rtol=3e-7)
    kappa = peer.multiclass_cohen_kappa(*given, num_classes=classes)
    assert metrics.cohen_kappa(matrix) == pytest.approx(float(kappa), rel=1e-6)
    accuracy = peer.multiclass_accuracy(*given, num_classes=classes, average="micro")
    assert metrics.pixel_accuracy(matrix) == pytest.approx(float(accuracy), rel=3e-7)


def test_segmentation_models_pytorch() -> None:
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("segmentation_models_pytorch").metrics
    prediction, target = pair(3, 4)
    given = torch.from_numpy(prediction), torch.from_numpy(target)
    counts = [x.double() for x in peer.get_stats(*given, mode="multiclass", num_classes=4)]
    matrices = metrics.confusion_matrix(*given, num_classes=4, per_image=True)
    whole = matrices.sum(axis=0)
    for ours, theirs in (
        (metrics.iou, peer.iou_score),
        (metrics.dice, peer.f1_score),
        (metrics.precision, peer.precision),
        (metrics.recall, peer.recall),
        (metrics.specificity, peer.specificity),
    ):
        for found, reduction in (
            (ours(whole, average="micro"), "micro"),
            (ours(whole, average="macro"), "macro"),
            (ours(matrices, average="image"), "macro-imagewise"),
            (ours(matrices, average="micro").mean(), "micro-imagewise"),
        ):
            assert found == pytest.approx(float(theirs(*counts, reduction=reduction)), rel=1e-12)


# --- bootstrap -----------------------------------------------------------------------------------


def test_bootstrap_draws_images() -> None:
    matrices = stack(4, 12)
    found = metrics.bootstrap(matrices, resamples=300, seed=3)
    assert found.score.shape == found.low.shape == found.high.shape == (4,)
    np.testing.assert_array_equal(found.score, metrics.iou(matrices.sum(axis=0)))
    drawn = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12), 300)
    slow = [metrics.iou(np.repeat(matrices, times, axis=0).sum(axis=0)) for times in drawn]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a class that is in none of the images
        limits = np.nanpercentile(slow, [2.5, 97.5], axis=0)
    np.testing.assert_allclose([found.low, found.high], limits, rtol=1e-12)
    again = metrics.bootstrap(matrices, resamples=300, seed=3)
    np.testing.assert_array_equal(found.low, again.low)
    assert (metrics.bootstrap(matrices, resamples=300).low != found.low).any()


def test_bootstrap_over_images_is_that_of_scipy() -> None:
    scipy = pytest.importorskip("scipy.stats")
    matrices = stack(5, 40, 3)

    def score(counts: NDArray[np.int64]) -> NDArray[np.float64]:
        return metrics.iou(counts, average="macro")

    found = metrics.bootstrap(matrices, score, over="images", resamples=5000, confidence=0.9)
    assert found.score == pytest.approx(metrics.iou(matrices, average="image"), rel=1e-14)
    theirs = scipy.bootstrap(
        (score(matrices),), np.mean, method="percentile", confidence_level=0.9,
        n_resamples=5000, rng=np.random.default_rng(1),
    )  # fmt: skip
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert abs(found.low - theirs.confidence_interval.low) < 0.05 * width
    assert abs(found.high - theirs.confidence_interval.high) < 0.05 * width


def test_bootstrap_refuses() -> None:
    for message, matrices, options in (
        (r"shape \(2, 2\)", np.eye(2, dtype=int), {}),
        ("one image or more", np.zeros((0, 2, 2), int), {}),
        ("confidence is 95", stack(), {"confidence": 95}),
        ("resamples is 0", stack(), {"resamples": 0}),
        ("over is 'people'", stack(), {"over": "people"}),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.bootstrap(matrices, **options)


def test_what_does_not_score_each_matrix_is_refused() -> None:
    for over in ("pixels", "images"):
        with pytest.raises(ValueError, match=r"score gives shape \(\) for "):
            metrics.bootstrap(stack(), lambda m: metrics.iou(m, average="image"), over=over)


@pytest.mark.parametrize("score", OF_CLASSES)
def test_classes_that_there_are_not(score: Any) -> None:
    for wrong in (-1, 4):
        with pytest.raises(ValueError, match=f"classes has {wrong}; expected 0 to 3"):
            score(stack(), classes=[0, wrong])
    with pytest.raises(TypeError):
        score(stack(), classes=[1.0])


def test_doctests() -> None:
    result = doctest.testmod(scores)
    assert result.attempted > 10
    assert result.failed == 0
