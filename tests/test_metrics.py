"""Counts against loops, of every kind of input; curves against peers; traps of peers."""

from __future__ import annotations

import doctest
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceseg import RLE, _kernels, _reference, counting, metrics, sweeps
from faceseg._kernels import Fault

# Everything here runs with each version of the kernels.
version = strategies.version

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
    count = metrics.confusion_matrix
    with pytest.raises(ValueError, match=r"shape \(2,\) and target \(1, 2\)"):
        count([0, 1], [[0, 1]])
    for labels in (np.array([0, 1], np.uint64), ["a", "b"], [1j, 0]):
        with pytest.raises(ValueError, match="target has dtype"):
            count([0, 1], labels, num_classes=2)
        with pytest.raises(ValueError, match="prediction has dtype"):
            count(labels, [0, 1], num_classes=2)
    for classes in (0, 257, -2):
        with pytest.raises(ValueError, match=f"num_classes is {classes}; expected 1 to 256"):
            count([0], [0], num_classes=classes)
    for matrix in ([1, 2], [[1, 2]], [[0.5, 0], [0, 1]]):
        with pytest.raises(ValueError, match=r"expected integers \(C, C\)"):
            metrics.iou(matrix)
    logits = np.zeros((2, 3, 4, 5), np.float32)
    target = np.zeros((2, 4, 5), np.uint8)
    for message, prediction, options in (
        (r"dtype float32 .* a threshold \(0 for logits.*class_axis", logits, {}),
        ("dtype float32", logits[:, 0], {"num_classes": 2}),
        ("both given", logits, {"threshold": 0, "class_axis": 1}),
        (r"3 values on axis 1; expected 5", logits, {"class_axis": 1, "num_classes": 5}),
        (r"expected a target of shape \(2, 3, 4\)", logits, {"class_axis": 3}),
        (r"class_axis is 4; prediction has shape \(2, 3, 4, 5\)", logits, {"class_axis": 4}),
        ("num_classes is 3 with a threshold", logits[:, 0], {"threshold": 0, "num_classes": 3}),
        ("threshold is NaN", logits[:, 0], {"threshold": np.nan}),
        ("nan is 'skip'", logits[:, 0], {"threshold": 0, "nan": "skip"}),
    ):
        with pytest.raises(ValueError, match=message):
            count(prediction, target, **options)
    with pytest.raises(ValueError, match="target has dtype float64; expected bool or integer"):
        count([0, 1], [0.0, 1.0])


# --- floats ------------------------------------------------------------------------------------

FLOATS = ("float16", "float32", "float64", "bfloat16", "longdouble", ">f4")


def as_floats(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    if dtype == "bfloat16":
        return values.astype(pytest.importorskip("ml_dtypes").bfloat16)
    return values.astype(dtype)


@st.composite
def scored(draw: st.DrawFn, classes: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return values (classes, H, W), many of them equal, and labels under `classes` or 2."""
    shape = draw(strategies.shapes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    few = draw(st.sampled_from([np.array([-np.inf, -1, -0.0, 0.0, 0.5, np.inf]), None]))
    size = (classes, *shape)
    values = rng.normal(size=size) if few is None else rng.choice(few, size)
    labels = rng.integers(0, max(classes, 2), shape).astype(draw(st.sampled_from(LABEL_DTYPES)))
    return as_floats(values, draw(st.sampled_from(FLOATS))), draw(strategies.layouts(labels))


@given(
    scored(), st.sampled_from([0, -0.3, 0.5, 0.1]), st.sampled_from([None, 0, 1, 255]), st.data()
)
def test_values_over_a_threshold(
    case: tuple[NDArray[Any], NDArray[Any]],
    threshold: float,
    ignore: int | None,
    data: st.DataObject,
) -> None:
    values, target = case[0][0], case[1]
    values = data.draw(strategies.layouts(values))
    expected = _reference.above(values.ravel(), threshold, target.ravel(), ignore, False)
    found = metrics.confusion_matrix(values, target, threshold=threshold, ignore_index=ignore)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("classes", [1, 2, 3, 9])
def test_the_highest_value(classes: int) -> None:
    @given(
        scored(classes), st.sampled_from([None, 0, 255]), st.sampled_from([0, 1, 2]), st.booleans()
    )
    @settings(max_examples=25)
    def check(
        case: tuple[NDArray[Any], NDArray[Any]], ignore: int | None, axis: int, mirrored: bool
    ) -> None:
        values, target = case
        target = target % classes
        expected = _reference.highest(
            values.reshape(classes, -1).T.astype(np.float64), target.ravel(), ignore, False
        )
        moved = np.ascontiguousarray(np.moveaxis(values, 0, axis))
        if mirrored:
            moved = moved[::-1, ::-1].copy()[::-1, ::-1]
        found = metrics.confusion_matrix(
            moved, target, class_axis=axis - 3 * mirrored, ignore_index=ignore
        )
        np.testing.assert_array_equal(found, expected)

    check()


@pytest.mark.parametrize("axis", [1, 3])
@pytest.mark.parametrize("dtype", FLOATS)
def test_batches_and_images(axis: int, dtype: str) -> None:
    rng = np.random.default_rng(3)
    logits = as_floats(np.moveaxis(rng.normal(size=(4, 5, 17, 33)), 1, axis), dtype)
    target = rng.integers(0, 5, (4, 17, 33))
    each = metrics.confusion_matrix(logits, target, class_axis=axis, per_image=True)
    assert each.shape == (4, 5, 5)
    assert each.dtype == np.int64
    labels = np.moveaxis(logits.astype(np.float64), axis, -1).argmax(-1)
    for i in range(4):
        alone = metrics.confusion_matrix(labels[i], target[i], num_classes=5)
        np.testing.assert_array_equal(each[i], alone)
    for prediction, options in (
        (logits, {"class_axis": axis}),
        (labels, {"num_classes": 5}),
        (labels.transpose(2, 0, 1).copy().transpose(1, 2, 0), {"num_classes": 5}),
    ):
        whole = metrics.confusion_matrix(prediction, target, **options)
        np.testing.assert_array_equal(whole, each.sum(axis=0))
        parts = metrics.confusion_matrix(prediction, target, **options, per_image=True)
        np.testing.assert_array_equal(parts, each)
    masks = metrics.confusion_matrix(labels, target, per_image=True)
    assert masks.shape == (4, 2, 2)
    assert masks[:, 0, 0].tolist() == [((labels[i] + target[i]) == 0).sum() for i in range(4)]
    assert metrics.confusion_matrix(labels[0], target[0], per_image=True).shape == (1, 2, 2)


def test_integers_with_a_threshold_or_an_axis() -> None:
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    target = np.array([[0, 9, 9, 255]], np.uint8)
    assert metrics.confusion_matrix(grey, target, threshold=127).tolist() == [[1, 0], [1, 2]]
    marked = metrics.confusion_matrix(grey, target, threshold=127, ignore_index=255)
    assert marked.tolist() == [[1, 0], [1, 1]]
    one_hot = np.eye(3, dtype=np.uint8)[[[0, 2, 1]]]
    found = metrics.confusion_matrix(one_hot, [[0, 2, 2]], class_axis=-1)
    assert found.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert metrics.confusion_matrix([[-7, 300]], [[1, 1]], threshold=0.5)[1].tolist() == [1, 1]


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_found_or_left_out(dtype: str) -> None:
    rng = np.random.default_rng(1)
    planes = rng.normal(size=(2, 3, 40, 50))
    target = rng.integers(0, 3, (2, 40, 50))
    planes[1, 2, 30, 7] = np.nan
    logits = as_floats(planes, dtype)
    where = r"prediction\[1, 30, 7\] \(image 1, row 30, column 7\) is NaN; .* nan='ignore'"
    for values, options in (
        (logits, {"class_axis": 1}),
        (np.moveaxis(logits, 1, -1).copy(), {"class_axis": -1}),
        (logits[:, 2], {"threshold": 0}),
        (logits[:, 2].transpose(0, 2, 1).copy().transpose(0, 2, 1), {"threshold": 0}),
    ):
        for per_image in (False, True):
            with pytest.raises(ValueError, match=where):
                metrics.confusion_matrix(values, target, per_image=per_image, **options)
        found = metrics.confusion_matrix(values, target, nan="ignore", **options)
        assert found.sum() == target.size - 1
        # An ignored pixel may hold anything.
        marked = np.where(np.isnan(planes[:, 2]), 77, target)
        masked = metrics.confusion_matrix(values, marked, ignore_index=77, **options)
        np.testing.assert_array_equal(masked, found)
    wrong = target.copy()
    wrong[0, 2, 3] = 3
    with pytest.raises(ValueError, match=r"target\[0, 2, 3\] \(image 0, row 2, column 3\) is 3"):
        metrics.confusion_matrix(logits, wrong, class_axis=1, nan="ignore")


def test_integers_that_no_double_holds() -> None:
    most = 2**53
    pair = np.array([[most], [most + 1]])
    assert metrics.confusion_matrix(pair, [1], class_axis=0).tolist() == [[0, 0], [0, 1]]
    assert metrics.confusion_matrix(pair[:, 0], [1, 1], threshold=most).tolist() == [[0, 0], [1, 1]]
    top = np.array([2**64 - 1, 2**64 - 2**12, 0], np.uint64)
    for threshold, over in ((2**64 - 2**11, 1), (-0.5, 3), (-1e300, 3), (1e300, 0), (np.inf, 0)):
        found = metrics.confusion_matrix(top, [1, 1, 1], threshold=threshold)
        assert found.tolist() == [[0, 0], [3 - over, over]]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_one_pixel_without_axes(dtype: str) -> None:
    prediction, target = np.array(1, dtype), np.array(0, dtype)
    expected = [[0, 1], [0, 0]]
    for options in ({}, {"ignore_index": 255}, {"threshold": 0}, {"num_classes": 2}):
        assert metrics.confusion_matrix(prediction, target, **options).tolist() == expected
    both = np.stack([target, prediction])
    assert metrics.confusion_matrix(both, target, class_axis=0).tolist() == expected


def test_what_is_no_label_to_ignore() -> None:
    count: list[Callable[..., Any]] = [
        lambda **options: metrics.confusion_matrix([1.0], [1], threshold=0, **options),
        lambda **options: metrics.confusion_matrix([1], [1], num_classes=2, **options),
        lambda **options: metrics.confusion_matrix([1], [1], **options),
        lambda **options: metrics.sweep([1.0], [1], **options),
        lambda **options: metrics.calibration([1.0], [1], **options),
    ]
    for call in count:
        with pytest.raises(TypeError, match="integer"):
            call(ignore_index=1.5)
        for index in (2**63, -(2**63) - 1):
            with pytest.raises(ValueError, match=f"ignore_index is {index}; expected a label"):
                call(ignore_index=index)
        call(ignore_index=np.int16(7))


def test_what_is_no_plain_array() -> None:
    for masked in (np.ma.array([1, 0], mask=[True, False]), np.ma.array([1, 0])):
        with pytest.raises(ValueError, match="prediction is a masked array"):
            metrics.confusion_matrix(masked, [1, 0])
    runs = RLE.full((1, 2), True)
    with pytest.raises(ValueError, match="target is RLE; expected an array"):
        metrics.sweep([[0.5, 0.5]], runs)
    with pytest.raises(ValueError, match="prediction is NoneType; expected an array"):
        metrics.confusion_matrix(None, [1, 0])


def test_elements_that_do_not_lie_as_the_machine_has_them() -> None:
    target = np.arange(12).reshape(3, 4) % 2
    for dtype in ("i8", "i4", "u1"):
        odd = np.frombuffer(b"x" + target.astype(dtype).tobytes(), dtype, offset=1).reshape(3, 4)
        swapped = target.astype(f">{dtype}")
        for labels in (odd, swapped):
            for classes in (None, 2):
                found = metrics.confusion_matrix(labels, labels, num_classes=classes)
                assert found.tolist() == [[6, 0], [0, 6]]
    for dtype in ("f2", "f4", "f8"):
        values = np.frombuffer(b"x" + target.astype(dtype).tobytes(), dtype, offset=1)
        values = values.reshape(3, 4)
        for options in ({"threshold": 0.5}, {"class_axis": 0}):
            pair = np.stack([1 - values, values]) if "class_axis" in options else values
            assert metrics.confusion_matrix(pair, target, **options).tolist() == [[6, 0], [0, 6]]
        assert metrics.sweep(values, target, 1).counts.tolist() == [[[6, 0], [0, 6]]]


# --- kernels -------------------------------------------------------------------------------------
# What arrays cannot be made to show, or not without a package: bfloat16 as the bits that it is,
# steps of any sign, gaps full of what must not be read.

# On both sides of what a kernel takes at once: a word, few classes mixed, floats, a page of bytes.
BLOCKS = (64, 512, 1024, 16384)
lengths = st.one_of(
    st.integers(0, 130),
    st.builds(int.__add__, st.sampled_from(BLOCKS[:3]), st.integers(-3, 66)),
    st.builds(int.__add__, st.just(BLOCKS[3]), st.sampled_from([-1, 0, 1, 63, 65])),
)
TYPES = ("float16", "float32", "float64", "bfloat16")
# Some are denormal, and some next to others, as floats of any size.
FEW = (-np.inf, -1, -1e-45, -0.0, 0.0, 6e-8, 1e-40, 0.1, 0.5, 0.50048828125, 0.50000006, 1, np.inf)
LIMITS = (-np.inf, -1.0, -0.0, 0.1, 0.5, 0.50000006, 1e-45, 65504.0, 1e300, np.inf)
ignored = st.sampled_from([None, None, 0, 1, 255, 300, -100])


def widened(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the numbers that bits of bfloat16, or floats, stand for."""
    if values.dtype == np.uint16:
        values = (values.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(invalid="ignore"):  # some NaN signal when they are converted
        return values.astype(np.float64)


@st.composite
def numbers(draw: st.DrawFn, size: tuple[int, ...], nan: bool = True) -> NDArray[Any]:
    """Return values of a type that kernels read: of any bits, some equal, NaN in some places."""
    dtype = draw(st.sampled_from(TYPES))
    kind = draw(st.sampled_from(["few", "normal", "any bits"]))
    missing = draw(st.sampled_from([0, 0, 1, 5])) if nan else 0
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    plain = np.dtype("uint16" if dtype == "bfloat16" else dtype)
    if kind == "any bits":
        values = np.frombuffer(rng.bytes(int(np.prod(size)) * plain.itemsize), plain)
        values = values.reshape(size).copy()
        no_number = np.isnan(widened(values))
    else:
        drawn = rng.choice(FEW, size) if kind == "few" else rng.normal(size=size)
        if dtype == "bfloat16":
            values = (drawn.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        else:
            values = drawn.astype(dtype)
        no_number = np.zeros(size, bool)
    values[no_number] = 0
    if values.size:
        values.reshape(-1)[rng.integers(0, values.size, missing)] = (
            0x7FC0 if dtype == "bfloat16" else np.nan
        )
    return values


@st.composite
def true_labels(draw: st.DrawFn, n: int, classes: int, ignore: int | None) -> NDArray[Any]:
    """Return labels under `classes`, ignored ones, and seldom one that is out of range."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, classes, n)
    if draw(st.booleans()):
        # In patches, which are counted in another way than labels that are mixed.
        labels = np.repeat(labels, 1 + rng.integers(0, 90, n))[:n]
    if ignore is not None:
        labels[rng.random(n) < 0.2] = ignore
    if n and draw(st.integers(0, 4)) == 0:
        labels[rng.integers(0, n)] = draw(st.sampled_from([classes, 255, 256, 2**32, -1]))
    fits = not n or (labels.min() >= 0 and labels.max() <= 255)
    return labels.astype(np.uint8 if fits and draw(st.booleans()) else np.int64)


def assert_counts(
    kernel: Callable[[], None], room: NDArray[Any], reference: Callable[[], NDArray[Any]]
) -> None:
    """Assert that a kernel adds what the reference counts, or refuses the same pixel."""
    refused: Fault | None = None
    try:
        expected = reference()
    except Fault as fault:
        refused = fault
    if refused:
        with pytest.raises(Fault) as found:
            kernel()
        assert found.value.args == refused.args
        return
    before = room.copy()
    kernel()
    np.testing.assert_array_equal(room - before, expected)


def room_for(*shape: int) -> NDArray[np.int64]:
    """Return counts to add to."""
    return np.arange(7, 7 + np.prod(shape), dtype=np.int64).reshape(shape)


@given(st.data(), lengths)
def test_masks_of_any_length(data: st.DataObject, n: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    odd = data.draw(st.integers(0, 7))
    density = data.draw(st.sampled_from([0, 0.01, 0.5, 1]))
    prediction, target = (
        (rng.integers(1, 256, odd + n) * (rng.random(odd + n) < density)).astype(np.uint8)
        for _ in range(2)
    )
    a, b, matrix = prediction[odd:], target[:n], room_for(2, 2)
    assert_counts(
        lambda: _kernels.count_masks(a, b, matrix),
        matrix,
        lambda: _reference.confusion((a != 0).astype(int), (b != 0).astype(int), 2, None),
    )


@given(st.data(), lengths, st.sampled_from(LIMITS), ignored, st.booleans())
def test_over_a_threshold_of_any_length(
    data: st.DataObject, n: int, threshold: float, ignore: int | None, skip: bool
) -> None:
    values, target = data.draw(numbers((n,))), data.draw(true_labels(n, 2, ignore))
    matrix = room_for(2, 2)
    assert_counts(
        lambda: _kernels.count_above(values, threshold, target, ignore, skip, matrix),
        matrix,
        lambda: _reference.above(widened(values), threshold, target, ignore, skip),
    )


@given(st.data(), lengths, st.sampled_from([1, 2, 3, 9, 15, 16, 17, 255, 256]), ignored)
def test_labels_of_any_length(
    data: st.DataObject, n: int, classes: int, ignore: int | None
) -> None:
    prediction = data.draw(true_labels(n, classes, None))
    target, matrix = data.draw(true_labels(n, classes, ignore)), room_for(classes, classes)
    assert_counts(
        lambda: _kernels.confusion(prediction, target, classes, ignore, matrix),
        matrix,
        lambda: _reference.confusion(prediction, target, classes, ignore),
    )


LAYOUTS = {
    "planes": lambda n, classes: ((classes, n), np.s_[:, :]),
    "planes with gaps": lambda n, classes: ((classes, n + 5), np.s_[:, 2 : n + 2]),
    "every third pixel": lambda n, classes: ((classes, 3 * n + 1), np.s_[:, 1::3]),
    "every second class": lambda n, classes: ((2 * classes, n), np.s_[::2, :]),
    "mirrored pixels": lambda n, classes: ((classes, n), np.s_[:, ::-1]),
    "mirrored classes": lambda n, classes: ((classes, n), np.s_[::-1, :]),
    "mirrored": lambda n, classes: ((classes, n + 1), np.s_[::-1, :0:-1]),
}


@pytest.mark.parametrize("classes", [1, 2, 3, 9, 256])
def test_the_highest_of_any_layout(classes: int) -> None:
    @given(
        st.data(),
        lengths,
        st.sampled_from(sorted(LAYOUTS)),
        st.booleans(),
        ignored,
        st.booleans(),
    )
    @settings(max_examples=max(10, settings().max_examples // 2))
    def check(
        data: st.DataObject, n: int, layout: str, last: bool, ignore: int | None, skip: bool
    ) -> None:
        n = n % 1100 if classes == 256 else n
        shape, part = LAYOUTS[layout](n, classes)
        drawn = data.draw(numbers((classes, n)))
        no_number = np.uint16(0x7FC0) if drawn.dtype == np.uint16 else np.nan
        # Channels last: the same places, with pixels and classes exchanged.
        room = np.full(shape, no_number, drawn.dtype, order="F" if last else "C")
        values = room[part]
        values[...] = drawn
        steps = [step // values.itemsize for step in values.strides]
        target, matrix = data.draw(true_labels(n, classes, ignore)), room_for(classes, classes)
        assert_counts(
            lambda: _kernels.confusion_highest(
                values, classes, *steps, target, ignore, skip, matrix
            ),
            matrix,
            lambda: _reference.highest(widened(drawn).T, target, ignore, skip),
        )

    check()


@given(st.data(), lengths, ignored, st.booleans())
def test_sweep_of_any_length(data: st.DataObject, n: int, ignore: int | None, skip: bool) -> None:
    values, target = data.draw(numbers((n,))), data.draw(true_labels(n, 2, ignore))
    thresholds = data.draw(
        st.one_of(
            st.lists(st.sampled_from(LIMITS), min_size=1, unique=True),
            st.lists(st.floats(allow_nan=False), min_size=1, max_size=20, unique=True),
            # Many within what one float of 16 bits, or of 32, can tell apart.
            st.integers(1, 300).map(lambda k: (0.5 + np.arange(k) * 2.0**-13).tolist()),
            st.integers(1, 300).map(lambda k: (0.5 + np.arange(k) * 2.0**-27).tolist()),
        )
    )
    limits = np.array(sorted(thresholds))
    ladder, table = _kernels.Ladder(limits), room_for(2, limits.size + 1)
    assert_counts(
        lambda: _kernels.sweep(values, ladder, target, ignore, skip, table),
        table,
        lambda: _reference.sweep(widened(values), limits, target, ignore, skip),
    )


@given(st.data(), lengths, st.sampled_from([1, 2, 7, 15, 255]), ignored, st.booleans())
def test_calibration_of_any_length(
    data: st.DataObject, n: int, bins: int, ignore: int | None, skip: bool
) -> None:
    values = data.draw(numbers((n,)))
    if data.draw(st.integers(0, 3)):
        wide = widened(values)
        values[(wide < 0) | (wide > 1)] = 0
    target, counts = data.draw(true_labels(n, 2, ignore)), room_for(2, bins)
    sums = np.zeros(bins)
    assert_counts(
        lambda: _kernels.calibrate(values, target, ignore, skip, counts, sums),
        counts,
        lambda: _reference.calibrate(widened(values), bins, target, ignore, skip)[0],
    )
    with suppress(Fault):
        # Added up in the same order: the same to the last bit.
        expected = _reference.calibrate(widened(values), bins, target, ignore, skip)[1]
        np.testing.assert_array_equal(sums, expected)


# --- RLE ---------------------------------------------------------------------------------------


@given(strategies.same_shapes(2, 2), strategies.orders, strategies.orders)
def test_runs(masks: list[NDArray[np.bool_]], first: Any, second: Any) -> None:
    prediction, target = masks
    expected = metrics.confusion_matrix(prediction, target)
    runs = RLE.from_mask(prediction, order=first), RLE.from_mask(target, order=second)
    for pair in (runs, (runs[0], target), (prediction, runs[1])):
        np.testing.assert_array_equal(metrics.confusion_matrix(*pair), expected)
        each = metrics.confusion_matrix(*pair, per_image=True)
        np.testing.assert_array_equal(each, expected[None])
    both = metrics.confusion_matrix([runs[0]] * 2, [runs[1]] * 2, per_image=True)
    np.testing.assert_array_equal(both, [expected] * 2)
    both = metrics.confusion_matrix([runs[0]] * 2, np.stack([target] * 2))
    np.testing.assert_array_equal(both, 2 * expected)


def test_runs_that_do_not_agree() -> None:
    small, large = RLE.full((2, 3), True), RLE.full((3, 3), True)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) and target \(3, 3\)"):
        metrics.confusion_matrix(small, large)
    with pytest.raises(ValueError, match=r"prediction has 2 masks and target 1"):
        metrics.confusion_matrix([small, small], [small])
    with pytest.raises(ValueError, match=r"^ignore_index is given for two RLE; expected neither"):
        metrics.confusion_matrix(small, small, ignore_index=255)
    for item, word in ((small, "RLE"), (5, "int"), (None, "NoneType"), (np.array(1), "ndarray")):
        with pytest.raises(ValueError, match=f"target is one {word}; expected one for each RLE"):
            metrics.confusion_matrix([small, small], item)
    with pytest.raises(ValueError, match=r"^image 1: prediction has shape \(2, 3\) and target"):
        metrics.confusion_matrix([small, small], [small, large])


def test_the_class_axis_of_images_against_a_list_of_runs() -> None:
    rng = np.random.default_rng(3)
    # As many classes as rows: what is taken for the wrong axis fits too.
    logits = rng.normal(size=(3, 4, 4, 5)).astype(np.float32)
    masks = rng.random((3, 4, 5)) < 0.5
    runs = [RLE.from_mask(mask) for mask in masks]
    target = masks.astype(np.uint8)
    for axis in (1, 2, -3, -1):
        order = np.moveaxis(logits, 1, axis)
        expected = metrics.confusion_matrix(order, target, class_axis=axis)
        for prediction in (order, list(order)):
            found = metrics.confusion_matrix(prediction, runs, class_axis=axis)
            np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="class_axis is 0, which is the axis of images"):
        metrics.confusion_matrix(logits, runs, class_axis=0)
    logits[1, 2, 3, 4] = np.nan
    with pytest.raises(ValueError, match=r"^image 1: prediction\[3, 4\] is NaN"):
        metrics.confusion_matrix(logits, runs, class_axis=1)


def test_runs_against_what_is_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor stands for one on a GPU, which cannot be read until it is copied."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(counting, "on_device", lambda item: hasattr(item, "away"))

    class Away(torch.Tensor):  # type: ignore[misc]
        away = True

        def cpu(self) -> Any:
            return self.as_subclass(torch.Tensor)

        def numpy(self) -> Any:
            raise TypeError("copy it first")

    mask = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
    there = torch.from_numpy(mask).as_subclass(Away)
    run = RLE.from_mask(mask)
    expected = [[3, 0], [0, 3]]
    for pair in ((run, there), (there, run), ([run], there[None]), (there[None], [run])):
        assert metrics.confusion_matrix(*pair).tolist() == expected


def test_runs_of_more_pixels_than_could_be_decoded() -> None:
    shape = (2**16, 2**15 + 1)
    a, b = RLE.from_box((0, 0, 2**15, 2**16), shape), RLE.full(shape, True)
    assert metrics.confusion_matrix(a, b).tolist() == [[0, 0], [2**16, 2**31]]


# --- tensors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_tensors_are_read_where_they_lie(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    logits = torch.randn(2, 3, 20, 30, generator=torch.Generator().manual_seed(1))
    logits = logits.to(getattr(torch, dtype)).requires_grad_()
    target = torch.randint(0, 3, (2, 20, 30), generator=torch.Generator().manual_seed(2))
    array, floats = counting.read(logits, "prediction")
    assert floats
    assert array.ctypes.data == logits.data_ptr()
    assert counting.read(target, "target")[0].ctypes.data == target.data_ptr()
    found = metrics.confusion_matrix(logits, target, class_axis=1)
    labels = logits.detach().double().argmax(1)
    expected = metrics.confusion_matrix(labels.numpy(), target.numpy(), num_classes=3)
    np.testing.assert_array_equal(found, expected)
    found = metrics.confusion_matrix(logits[:, 0], target, threshold=0.1)
    expected = metrics.confusion_matrix((logits[:, 0].double() > 0.1).numpy(), target.numpy())
    np.testing.assert_array_equal(found, expected)


def test_one_byte_masks_and_floats_without_gaps_are_not_copied() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16):
        for order in ("C", "F"):
            values = np.zeros((40, 50), dtype, order=order)
            flat, _, _ = counting.flat_pair(*[counting.read(values, "prediction")[0]] * 2)
            assert np.shares_memory(flat, values)
    for dtype in (bool, np.uint8, np.int8):
        values = np.zeros((40, 50), dtype)
        assert np.shares_memory(counting.as_mask(values), values)


@pytest.mark.parametrize("per_image", [False, True])
def test_counting_on_a_device_is_counting_here(per_image: bool) -> None:
    """The same code counts where a GPU is; here it runs on the CPU."""
    torch = pytest.importorskip("torch")
    from faceseg import metrics_torch

    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(3, 4, 9, 7, generator=generator)
    labels = torch.randint(0, 4, (3, 9, 7), generator=generator)
    target = torch.randint(0, 4, (3, 9, 7), generator=generator)
    missing = logits.clone()
    missing[1, 2, 3, 4] = torch.nan
    marked = target.clone()
    marked[:, 2] = 255
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for prediction, true, options in (
        (logits, target, {"class_axis": 1}),
        (logits.permute(0, 2, 3, 1), marked, {"class_axis": -1, "ignore_index": 255}),
        (logits.bfloat16(), target.byte(), {"class_axis": 1, "num_classes": 4}),
        (missing, target, {"class_axis": 1, "nan": "ignore"}),
        (missing[:, 2], target, {"threshold": 0.1, "nan": "ignore"}),
        (logits[:, 0].half(), marked, {"threshold": 0.1, "ignore_index": 255}),
        (labels, target, {"num_classes": 4}),
        (labels.int(), marked, {"num_classes": 4, "ignore_index": 255}),
        (labels, target, {}),
        (labels > 1, target > 1, {}),
        (labels, marked, {"ignore_index": 255}),
        (labels[0], target[0], {"num_classes": 4}),
        (labels[:0], target[:0], {"num_classes": 4}),
        (torch.stack([labels > 1, labels > 2]), target > 1, {"class_axis": 0}),
    ):
        expected = metrics.confusion_matrix(prediction, true, per_image=per_image, **options)
        for device in devices:
            found = metrics_torch.confusion_matrix(
                prediction.to(device), true.to(device), per_image=per_image, **options
            )
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found, expected)
    for prediction, true, options in (
        (missing, target, {"class_axis": 1}),
        (missing[:, 2], target, {"threshold": 0}),
        (logits, marked, {"class_axis": 1}),
        (labels, marked, {"num_classes": 4}),
        (marked, target, {"num_classes": 4}),
        (labels - 1, target, {"num_classes": 4}),
        (labels, logits[:, 0], {}),
        (labels.to(torch.complex64), target, {}),
        (logits, target, {}),
        (labels, target[:, None], {}),
    ):
        messages = []
        for count in (metrics.confusion_matrix, metrics_torch.confusion_matrix):
            with pytest.raises(ValueError, match="expected") as error:
                count(prediction, true, per_image=per_image, **options)
            messages.append(str(error.value))
        assert messages[0] == messages[1]


def test_metrics_without_torch() -> None:
    program = (
        "import sys, numpy as np\nfrom faceseg import metrics\n"
        "metrics.confusion_matrix(np.zeros((2, 3)), np.zeros((2, 3), int), threshold=0)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# --- traps of peers: what is right here ----------------------------------------------------------


def test_a_threshold_of_zero_is_for_the_prediction_alone() -> None:
    """Peers compare the target with it too, or take 0 as a probability: all is foreground then."""
    logits = np.array([[-3.0, -0.5, 0.5, 3.0]])
    for target in ([[0, 1, 0, 1]], [[0, 255, 0, 255]], [[False, True, False, True]]):
        found = metrics.confusion_matrix(logits, target, threshold=0)
        assert found.tolist() == [[1, 1], [1, 1]]
    high = metrics.confusion_matrix(logits, [[0, 1, 0, 1]], threshold=2)
    assert high.tolist() == [[2, 0], [1, 1]]


def test_logits_between_0_and_1_are_logits() -> None:
    """A peer takes them for probabilities, depending on the other values of the batch."""
    logits, target = np.array([[0.1, 0.4]]), [[1, 1]]
    assert metrics.confusion_matrix(logits, target, threshold=0)[1, 1] == 2
    assert metrics.confusion_matrix(logits, target, threshold=0.5)[1, 1] == 0


def test_masks_of_0_and_255() -> None:
    a, b = np.array([[0, 255, 255]], np.uint8), np.array([[0, 1, 0]], np.uint8)
    expected = [[1, 1], [0, 1]]
    assert metrics.confusion_matrix(a, b).tolist() == expected
    assert metrics.confusion_matrix(a, 255 * b).tolist() == expected
    assert metrics.confusion_matrix(a.astype(np.int64), b > 0).tolist() == expected
    for classes in (2, 3):
        with pytest.raises(ValueError, match=r"prediction\[0, 1\] is 255; .* by mask != 0"):
            metrics.confusion_matrix(a, b, num_classes=classes)
        with pytest.raises(ValueError, match=r"target\[0, 1\] is 255; .* ignore_index=255 leaves"):
            metrics.confusion_matrix(b, 255 * b, num_classes=classes)


def test_bytes_do_not_wrap() -> None:
    """200 * 201 + 200 in uint8 is another class."""
    labels = np.arange(201, dtype=np.uint8)[None]
    matrix = metrics.confusion_matrix(labels, labels, num_classes=201)
    np.testing.assert_array_equal(matrix, np.eye(201))


def test_predictions_out_of_range_are_no_other_class() -> None:
    """3 * 0 + 4 is where target 1 meets prediction 1, so bincount would take 4 for it."""
    with pytest.raises(ValueError, match=r"prediction\[1\] is 4; expected 0 to 2"):
        metrics.confusion_matrix([0, 4], [0, 0], num_classes=3)
    with pytest.raises(ValueError, match=r"prediction\[0\] is -1; expected 0 to 2"):
        metrics.confusion_matrix([-1, 0], [1, 0], num_classes=3)


def test_nothing_is_broadcast() -> None:
    for a, b in (((2, 4, 5), (2, 1, 4, 5)), ((2, 1, 4, 5), (2, 4, 5)), ((1, 4, 5), (4, 5))):
        with pytest.raises(ValueError, match=r"broadcast.*squeeze the axis of length 1"):
            metrics.confusion_matrix(np.zeros(a, bool), np.zeros(b, bool))
        with pytest.raises(ValueError, match=r"broadcast"):
            metrics.sweep(np.zeros(a), np.zeros(b, bool))
    with pytest.raises(ValueError, match=r"shape \(2, 4, 5\) and target \(4, 5\); expected one"):
        metrics.confusion_matrix(np.zeros((2, 4, 5), bool), np.zeros((4, 5), bool))


# --- sweeps --------------------------------------------------------------------------------------


@given(scored(), st.sampled_from([None, 0, 255]), st.booleans(), st.data())
@settings(max_examples=40)
def test_sweep(
    case: tuple[NDArray[Any], NDArray[Any]], ignore: int | None, even: bool, data: st.DataObject
) -> None:
    values, target = data.draw(strategies.layouts(case[0][0])), case[1]
    thresholds = 255 if even else [-1, -0.0, 0.1, 0.25, 0.5, 2.0]
    found = metrics.sweep(values, target, thresholds, ignore_index=ignore)
    expected = _reference.sweep(values.ravel(), found.thresholds, target.ravel(), ignore, False)
    np.testing.assert_array_equal(found.histogram, expected)
    assert found.counts.shape == (found.thresholds.size, 2, 2)
    for k in range(0, found.thresholds.size, 50 if even else 1):
        matrix = metrics.confusion_matrix(
            values, target, threshold=found.thresholds[k], ignore_index=ignore
        )
        np.testing.assert_array_equal(found.counts[k], matrix)


EVEN = [
    np.linspace(-3, 3, 255), np.arange(1, 256) / 256, np.linspace(0.1, 0.3, 4096),
    np.arange(-2.0, 3), np.linspace(1e30, 3e38, 7), np.array([-0.0, 0.5, 1.0]),
    np.array([-np.inf, 0.0, np.inf]), np.array([-3e38, 3e38]),
    np.array([1, 1 + 2**-23, 1 + 2**-22]), np.array([0, 1e-45, 2e-45]),
]  # fmt: skip


@pytest.mark.parametrize("limits", EVEN, ids=range(len(EVEN)))
def test_values_beside_thresholds_of_even_distance(limits: NDArray[np.float64]) -> None:
    near = limits.astype(np.float32)
    beside = [near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))]
    values = np.concatenate([*beside, np.float32([-np.inf, np.inf, -0.0, 0.0, -3e38, 3e38])])
    found = sweeps.sweep(values, np.ones(values.shape, bool), limits).histogram
    over = np.searchsorted(limits, values.astype(np.float64))
    np.testing.assert_array_equal(found[1], np.bincount(over, minlength=limits.size + 1))


def probabilities(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    target = (rng.random((2, 40, 50)) < 0.3).astype(np.uint8)
    noisy = target + rng.normal(0, 0.6, target.shape)
    return (1 / (1 + np.exp(1 - 2 * noisy))).astype(np.float32), target


def test_sweep_is_the_curve_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    values, target = probabilities()
    found = metrics.sweep(values, 255 * target)
    bins = np.digitize(values, found.thresholds, right=True)
    assert found.average_precision == pytest.approx(
        sklearn.average_precision_score(target.ravel(), bins.ravel()), rel=1e-12
    )
    precision, recall, levels = sklearn.precision_recall_curve(target.ravel(), bins.ravel())
    ours = found.precision_recall()
    # Over threshold k are bins k + 1 and up.
    for k, level in enumerate(levels):
        if level:
            assert ours[0][level - 1] == pytest.approx(precision[k], rel=1e-12)
            assert ours[1][level - 1] == pytest.approx(recall[k], rel=1e-12)
    every = np.unique(values.astype(np.float64))
    exact = metrics.sweep(values, target, every)
    assert exact.average_precision == pytest.approx(
        sklearn.average_precision_score(target.ravel(), values.ravel()), rel=1e-12
    )
    ious = [metrics.iou(matrix)[1] for matrix in found.counts]
    threshold, score = found.best()
    assert threshold == found.thresholds[np.argmax(ious)]
    assert score == max(ious)
    assert found.best("dice") == (threshold, max(metrics.dice(m)[1] for m in found.counts))


def test_sweep_is_that_of_torchmetrics() -> None:
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torchmetrics.functional.classification")
    values, target = probabilities(2)
    given = torch.from_numpy(values).double(), torch.from_numpy(target).long()
    thresholds = np.linspace(0, 1, 21)
    precision, recall, _ = peer.binary_precision_recall_curve(
        *given, thresholds=torch.from_numpy(thresholds)
    )
    found = metrics.sweep(values, target, thresholds)
    ours = found.precision_recall()
    defined = ~np.isnan(ours[0])
    np.testing.assert_allclose(ours[0][defined], precision.numpy()[:-1][defined], rtol=3e-7)
    np.testing.assert_allclose(ours[1], recall.numpy()[:-1], rtol=3e-7)


def test_sweeps_add_up() -> None:
    values, target = probabilities()
    whole = metrics.sweep(values, target, 9)
    parts = metrics.sweep(values[0], target[0], 9) + metrics.sweep(values[1], target[1], 9)
    np.testing.assert_array_equal(whole.histogram, parts.histogram)
    with pytest.raises(ValueError, match="different thresholds"):
        whole + metrics.sweep(values, target, 8)
    empty = metrics.sweep(values, np.zeros_like(target), 9)
    assert np.isnan(empty.average_precision)
    assert np.isnan(empty.precision_recall()[1]).all()
    # What is predicted by mistake makes IoU 0, not undefined.
    assert empty.best()[1] == 0
    nothing = metrics.sweep(np.zeros_like(values), np.zeros_like(target), 9)
    assert np.isnan(nothing.best()[1])


def test_a_sweep_keeps_its_thresholds() -> None:
    thresholds = np.array([0.25, 0.75])
    found = metrics.sweep([0.5], [1], thresholds)
    thresholds[0] = 9
    assert found.best() == (0.25, 1.0)
    # Comparing their arrays would be an error; they are equal to themselves alone.
    assert found in [found]
    assert found != metrics.sweep([0.5], [1], [0.25, 0.75])
    assert len({found, metrics.calibration([0.5], [1])}) == 2


def test_sweep_refuses() -> None:
    values, target = probabilities()
    values[1, 3, 4] = np.nan
    with pytest.raises(
        ValueError, match=r"prediction\[1, 3, 4\] \(image 1, row 3, column 4\) is N"
    ):
        metrics.sweep(values, target)
    assert metrics.sweep(values, target, nan="ignore").histogram.sum() == target.size - 1
    for message, thresholds in (
        ("thresholds is 0", 0),
        (r"shape \(0,\)", []),
        ("do not ascend", [0.5, 0.5]),
        ("do not ascend", [0.5, np.nan]),
        ("4096", 5000),
        ("4096", 10**12),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.sweep(values, target, thresholds)
    with pytest.raises(ValueError, match="dtype uint8; expected float"):
        metrics.sweep(target, target)


@given(st.sampled_from(FLOATS), st.sampled_from([1, 2, 10, 15, 255]), st.integers(0, 99))
@settings(max_examples=40)
def test_calibration(dtype: str, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = as_floats(rng.choice([0, 0.1, 0.5, 1, *rng.random(40)], (30, 41)), dtype)
    target = rng.integers(0, 2, values.shape).astype(np.uint8)
    found = metrics.calibration(values, 255 * target, bins=bins)
    counts, sums = _reference.calibrate(values.ravel(), bins, target.ravel(), None, False)
    np.testing.assert_array_equal(found.pixels, counts.sum(axis=0))
    np.testing.assert_array_equal(found.foreground, counts[1])
    np.testing.assert_allclose(found.probability, sums, rtol=1e-12)
    assert found.edges.size == bins + 1
    mean = np.abs(found.frequency - found.mean_probability) * found.pixels / target.size
    assert found.expected_error == pytest.approx(np.nansum(mean), rel=1e-9)
    both = found + found
    assert both.pixels.sum() == 2 * target.size
    assert both.expected_error == pytest.approx(found.expected_error, rel=1e-12)


def test_calibration_is_that_of_torchmetrics() -> None:
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torchmetrics.functional.classification")
    values, target = probabilities(3)
    given = torch.from_numpy(values).double(), torch.from_numpy(target).long()
    theirs = float(peer.binary_calibration_error(*given, n_bins=15))
    assert metrics.calibration(values, target).expected_error == pytest.approx(theirs, rel=1e-6)


def test_calibration_refuses() -> None:
    for value in (-0.25, 1.25, np.inf):
        with pytest.raises(ValueError, match=r"prediction\[0, 1\] is no probability"):
            metrics.calibration([[0.5, value]], [[0, 1]])
    with pytest.raises(ValueError, match=r"prediction\[0, 1\] is NaN"):
        metrics.calibration([[0.5, np.nan]], [[0, 1]])
    with pytest.raises(ValueError, match="bins is 0"):
        metrics.calibration([0.5], [1], bins=0)
    with pytest.raises(ValueError, match="15 and 3 bins"):
        metrics.calibration([0.5], [1]) + metrics.calibration([0.5], [1], bins=3)
    nothing = metrics.calibration(np.zeros((0, 2)), np.zeros((0, 2), bool))
    assert np.isnan(nothing.expected_error)
    assert np.isnan(nothing.frequency).all()


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [counting, sweeps])
def test_doctests(module: Any) -> None:
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.attempted > 1
    assert result.failed == 0


def test_page() -> None:
    page = Path(__file__).parents[1] / "docs" / "metrics.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0
