"""Counts against loops, scores against scikit-learn and by hand."""

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

from faceseg import _reference, metrics

LABEL_DTYPES = ["uint8", "int8", "uint16", "int32", "uint32", "int64"]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return prediction and target of one shape, in patches and in noise, labels under 5."""
    prediction = draw(strategies.masks("uint8"))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    target = np.where(rng.random(prediction.shape) < draw(st.sampled_from([0, 0.1, 1])), 3, 0)
    target = target.astype(np.uint8) + (prediction != 0)
    return prediction % 5, draw(strategies.layouts(target.astype(np.uint8)))


@given(
    pairs(),
    st.sampled_from([None, -1, 0, 1, 4, 255, 300]),
    st.sampled_from([5, 6, 21, 256]),
    st.sampled_from(LABEL_DTYPES),
    st.sampled_from(LABEL_DTYPES),
)
def test_confusion_is_the_reference(
    labels: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    ignore: int | None,
    classes: int,
    prediction_dtype: str,
    target_dtype: str,
) -> None:
    prediction, target = labels
    expected = _reference.confusion(prediction.ravel(), target.ravel(), classes, ignore)
    matrix = metrics.confusion_matrix(
        prediction.astype(prediction_dtype),
        target.astype(target_dtype),
        num_classes=classes,
        ignore_index=ignore,
    )
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, expected)


@given(strategies.masks(), strategies.masks(), st.sampled_from([None, 0, 1]))
def test_two_classes_of_any_layout(
    prediction: NDArray[Any], target: NDArray[Any], ignore: int | None
) -> None:
    prediction, target = prediction != 0, target != 0
    height, width = np.minimum(prediction.shape, target.shape)
    prediction, target = prediction[:height, :width], target[:height, :width]
    matrix = metrics.confusion_matrix(prediction, target, ignore_index=ignore)
    expected = _reference.confusion(
        prediction.ravel().astype(np.uint8), target.ravel().astype(np.uint8), 2, ignore
    )
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize("ignore", [None, 255])
def test_several_blocks(classes: int, dtype: type, ignore: int | None) -> None:
    rng = np.random.default_rng(8)
    prediction = rng.integers(0, classes, (3, 97, 101)).astype(dtype)
    target = rng.integers(0, classes, (3, 97, 101)).astype(dtype)
    if ignore is not None:
        target[:, 30:50] = ignore
    expected = _reference.confusion(prediction.ravel(), target.ravel(), classes, ignore)
    options = {"num_classes": classes, "ignore_index": ignore}
    np.testing.assert_array_equal(metrics.confusion_matrix(prediction, target, **options), expected)
    np.testing.assert_array_equal(
        metrics.confusion_matrix(
            prediction.transpose(2, 0, 1), target.transpose(2, 0, 1), **options
        ),
        expected,
    )


def test_all_ones_fill_the_byte_counters() -> None:
    ones = np.ones(10 * 2040 + 7, np.uint8)
    assert metrics.confusion_matrix(ones, ones).tolist() == [[0, 0], [0, ones.size]]


def test_predictions_of_ignored_pixels_are_not_looked_at() -> None:
    for dtype in (np.uint8, np.int64):
        prediction, target = np.array([1, 99, 0], dtype), np.array([1, 255, 1], dtype)
        matrix = metrics.confusion_matrix(prediction, target, ignore_index=255)
        assert matrix.tolist() == [[0, 0], [1, 1]]
    for ignore in (-100, 0, 255):
        prediction, target = np.array([1, 300, 1]), np.array([1, ignore, 1])
        matrix = metrics.confusion_matrix(prediction, target, ignore_index=ignore)
        assert matrix.tolist() == [[0, 0], [0, 2]]


@settings(max_examples=20)  # scikit-learn is slow on small arrays
@given(pairs())
def test_scores_are_those_of_scikit_learn(
    labels: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    prediction, target = (array.ravel() for array in labels)
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


@pytest.mark.parametrize("dtype", LABEL_DTYPES)
@pytest.mark.parametrize("classes", [2, 3])
def test_labels_out_of_range(dtype: str, classes: int) -> None:
    good, bad = np.zeros((30, 100), dtype), np.zeros((30, 100), dtype)
    bad[21, 7] = 3
    options = {"num_classes": classes}
    last = classes - 1
    for order in ("C", "F"):
        b = np.array(bad, order=order)
        g = np.array(good, order=order)
        with pytest.raises(ValueError, match=rf"target\[21, 7\] is 3; expected 0 to {last}"):
            metrics.confusion_matrix(g, b, **options)
        with pytest.raises(ValueError, match=rf"prediction\[21, 7\] is 3; expected 0 to {last}"):
            metrics.confusion_matrix(b, g, **options)


@pytest.mark.parametrize("label", [-1, 256, 2**32, 2**63 - 1, -(2**63)])
def test_wide_labels_out_of_range(label: int) -> None:
    for classes in (2, 256):
        with pytest.raises(ValueError, match=rf"target\[1\] is {label}; expected 0 to"):
            metrics.confusion_matrix(np.array([0, 0]), np.array([0, label]), num_classes=classes)
        with pytest.raises(ValueError, match=rf"prediction\[1\] is {label}; expected 0 to"):
            metrics.confusion_matrix(np.array([0, label]), np.array([0, 0]), num_classes=classes)


def test_malformed_arguments() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\) and target \(1, 2\)"):
        metrics.confusion_matrix([0, 1], [[0, 1]])
    for labels in ([0.0, 1.0], np.array([0, 1], np.uint64), ["a", "b"], [1j, 0]):
        with pytest.raises(ValueError, match="target has dtype"):
            metrics.confusion_matrix([0, 1], labels)
        with pytest.raises(ValueError, match="prediction has dtype"):
            metrics.confusion_matrix(labels, [0, 1])
    for classes in (0, 257, -2):
        with pytest.raises(ValueError, match=f"num_classes is {classes}; expected 1 to 256"):
            metrics.confusion_matrix([0], [0], num_classes=classes)
    for matrix in ([1, 2], [[1, 2]], [[0.5, 0], [0, 1]]):
        with pytest.raises(ValueError, match=r"expected integers \(C, C\)"):
            metrics.iou(matrix)


def test_doctests() -> None:
    result = doctest.testmod(metrics)
    assert result.attempted > 1
    assert result.failed == 0
