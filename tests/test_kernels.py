"""Every version of the kernels, through all that `RLE` offers, against the plain reference."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
import strategies
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceseg import _kernels, _reference, coco_mask, rle
from faceseg._kernels import Fault
from faceseg.rle import RLE

version = strategies.version

Order = Literal["C", "F"]

OUT_DTYPES = ("bool", "uint8", "int8", "uint16", "int32", "int64", "float32", "float64")
threads = st.sampled_from([1, 2])


def runs_of(mask: RLE) -> list[int]:
    """Return the runs, checked to be an immutable array of them."""
    assert mask.counts.dtype == np.uint32
    assert not mask.counts.flags.writeable
    return mask.counts.tolist()


def assert_is(mask: RLE, expected: NDArray[Any], order: Order) -> None:
    """Compare with the pixels that a mask must have."""
    assert mask.shape == expected.shape
    assert mask.order == order
    assert runs_of(mask) == _reference.encode(expected, order).tolist()


def test_the_version_is_in_use(version: str) -> None:
    assert _kernels.version() == version


# --- pixels ------------------------------------------------------------------------------------


@given(strategies.masks(), strategies.orders)
def test_encode(mask: NDArray[Any], order: Order) -> None:
    encoded = RLE.from_mask(mask, order=order)
    assert_is(encoded, mask, order)
    assert encoded.area == np.count_nonzero(mask)
    assert encoded.bbox == _reference.bounding_box(mask)
    expected = _reference.centroid(mask)
    np.testing.assert_allclose(encoded.centroid, expected, rtol=1e-12, atol=1e-12)


@given(strategies.masks(), strategies.orders)
def test_equal_masks_are_one_value(mask: NDArray[Any], order: Order) -> None:
    encoded, again = (RLE.from_mask(mask, order=order) for _ in range(2))
    assert encoded == again
    assert hash(encoded) == hash(again)
    for other in (pickle.loads(pickle.dumps(encoded)), copy.copy(encoded), copy.deepcopy(encoded)):
        assert other == encoded
        assert_is(other, mask, order)
    assert (encoded == RLE.from_mask(mask == 0, order=order)) == (mask.size == 0)


THRESHOLDS = (0.0, -0.0, 0.5, 0.1, 1e-45, 3e38, 1e300, math.inf, -math.inf)


@st.composite
def logits(draw: st.DrawFn) -> NDArray[Any]:
    """Return values around the thresholds, some of them the very same."""
    shape = draw(strategies.shapes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    near = np.array([0.0, -0.0, 0.5, 0.1, np.float32(0.1), 1e-45, 3e38, np.inf, -np.inf, 1.0, -1.0])
    values = rng.choice(near, shape) if draw(st.booleans()) else rng.normal(0, 1, shape)
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return draw(strategies.layouts(values.astype(dtype)))


@given(logits(), st.sampled_from(THRESHOLDS), strategies.orders)
def test_encode_over_a_threshold(values: NDArray[Any], threshold: float, order: Order) -> None:
    encoded = RLE.from_mask(values, threshold=threshold, order=order)
    expected = _reference.encode(values, order, threshold)
    assert runs_of(encoded) == expected.tolist()
    assert rle.encode([values], threshold=threshold, order=order) == [encoded]


@given(logits(), strategies.orders, st.integers(0, 2**32 - 1))
def test_not_a_number_has_no_side_of_a_threshold(
    values: NDArray[Any], order: Order, where: int
) -> None:
    if not values.size:
        return
    row, column = divmod(where % values.size, values.shape[1])
    values = np.array(values, order="K")
    values[row, column] = np.nan
    with pytest.raises(ValueError, match=rf"\b{row}\b.*\b{column}\b"):
        RLE.from_mask(values, threshold=0.0, order=order)


@st.composite
def decodings(draw: st.DrawFn) -> tuple[dict[str, Any], int | float]:
    """Return dtype, value and layout to decode to."""
    dtype = np.dtype(draw(st.sampled_from(OUT_DTYPES)))
    values = {
        "b": [1],
        "u": [1, 2, np.iinfo(dtype).max if dtype.kind == "u" else 0],
        "i": [1, -1, np.iinfo(dtype).min if dtype.kind == "i" else 0],
        "f": [1, 0.5, -2.0],
    }[dtype.kind]
    value = draw(st.sampled_from(values))
    return {"dtype": dtype, "value": value, "layout": draw(st.sampled_from("CFK"))}, value


@given(strategies.foregrounds(), strategies.orders, decodings())
def test_decode(mask: NDArray[np.bool_], order: Order, how: tuple[dict[str, Any], Any]) -> None:
    options, value = how
    decoded = RLE.from_mask(mask, order=order).decode(**options)
    assert decoded.dtype == options["dtype"]
    layout = order if options["layout"] == "K" else options["layout"]
    assert decoded.flags.c_contiguous if layout == "C" else decoded.flags.f_contiguous
    np.testing.assert_array_equal(decoded, np.where(mask, np.asarray(value, decoded.dtype), 0))


def inside(room: NDArray[Any], turned: bool) -> NDArray[Any]:
    """Return a view on a room that leaves a guard around it."""
    view = room[1:-1, 2:-3]
    return view.T if turned else view


@given(strategies.foregrounds(), strategies.orders, decodings(), st.booleans())
def test_decode_into_an_array(
    mask: NDArray[np.bool_], order: Order, how: tuple[dict[str, Any], Any], turned: bool
) -> None:
    options, value = how
    del options["layout"]
    height, width = mask.shape[::-1] if turned else mask.shape
    room = np.full((height + 2, width + 5), 77, options["dtype"])
    expected = room.copy()
    inside(expected, turned)[...] = np.where(mask, value, 0)
    out = inside(room, turned)
    assert RLE.from_mask(mask, order=order).decode(out=out, **options) is out
    np.testing.assert_array_equal(room, expected)


@given(strategies.foregrounds(), strategies.orders, strategies.shapes, decodings())
def test_decode_to_another_size(
    mask: NDArray[np.bool_], order: Order, shape: tuple[int, int], how: tuple[dict[str, Any], Any]
) -> None:
    if not mask.size:
        return
    options, value = how
    encoded = RLE.from_mask(mask, order=order)
    expected = _reference.resize(mask, shape)
    decoded = encoded.decode(size=shape, **options)
    np.testing.assert_array_equal(decoded, np.where(expected, np.asarray(value, decoded.dtype), 0))
    assert_is(encoded.resize(shape), expected, order)


@st.composite
def label_maps(draw: st.DrawFn) -> NDArray[Any]:
    """Return integer labels in patches."""
    shape = draw(strategies.shapes)
    labels = np.zeros(shape, np.int64)
    for label in draw(st.lists(st.sampled_from([0, 1, 2, 7, 100, 127]), max_size=5)):
        labels[draw(strategies.foregrounds(shape))] = label
    dtype = draw(st.sampled_from(["uint8", "int8", "uint16", "int32", "int64"]))
    return draw(strategies.layouts(labels.astype(dtype)))


@given(label_maps(), strategies.orders)
def test_label_maps(labels: NDArray[Any], order: Order) -> None:
    encoded = rle.encode_labels(labels, order=order)
    expected = _reference.encode_labels(labels, order)
    assert {label: runs_of(mask) for label, mask in encoded.items()} == {
        label: counts.tolist() for label, counts in expected.items()
    }
    if encoded:
        np.testing.assert_array_equal(rle.decode_labels(encoded), labels)
    chosen = rle.encode_labels(labels, classes=[7, 3], order=order)
    assert list(chosen) == [7, 3]
    assert_is(chosen[7], labels == 7, order)
    assert_is(chosen[3], labels == 3, order)


@given(strategies.same_shapes(1, 5), st.sampled_from(OUT_DTYPES), st.data())
def test_later_labels_lie_on_top(
    masks: list[NDArray[np.bool_]], dtype: str, data: st.DataObject
) -> None:
    label = st.integers(0, 1 if dtype == "bool" else 127)
    numbers = data.draw(st.lists(label, min_size=len(masks), max_size=len(masks)))
    background = data.draw(label)
    either, order = data.draw(st.booleans()), data.draw(strategies.orders)
    encoded = [
        RLE.from_mask(mask, order=data.draw(strategies.orders) if either else order)
        for mask in masks
    ]
    expected = _reference.decode_labels(masks, numbers, background, dtype)
    options = {"labels": numbers, "background": background}
    decoded = rle.decode_labels(encoded, dtype=dtype, **options)
    assert decoded.dtype == dtype
    np.testing.assert_array_equal(decoded, expected)
    for layout in ("C", "F"):
        out = np.full(expected.shape, 1, dtype, layout)
        assert rle.decode_labels(encoded, out=out, **options) is out
        np.testing.assert_array_equal(out, expected)
    turned = data.draw(st.booleans())
    height, width = expected.shape[::-1] if turned else expected.shape
    room = np.full((height + 2, width + 5), 77, dtype)
    around = room.copy()
    inside(around, turned)[...] = expected
    rle.decode_labels(encoded, out=inside(room, turned), **options)
    np.testing.assert_array_equal(room, around)


# Parts of 16 KiB, and masks that have runs of all lengths in them.
@pytest.mark.parametrize("shape", [(600, 1100), (1, 70_000), (70_000, 1), (40_000, 3), (3, 40_000)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int64"])
@pytest.mark.parametrize("order", ["F", "C"])
def test_label_maps_of_several_parts(shape: tuple[int, int], dtype: str, order: Order) -> None:
    rng = np.random.default_rng(5)
    places = np.arange(math.prod(shape)).reshape(shape, order=order)
    masks = [rng.random(shape) < density for density in (0.5, 0.001, 1.0, 0.001, 0.5)]
    masks += [places % 2000 < 1300 + rng.integers(0, 200), places % 97 < rng.integers(1, 70)]
    masks += [places > 2000, (places > 9000) & (places < 50_000), rng.random(shape) < 0.002]
    for chosen in (masks, masks[:2], masks[5:], masks[:3] + masks[5:7]):
        encoded = [RLE.from_mask(mask, order=order) for mask in chosen]
        expected = _reference.decode_labels(chosen, range(1, 1 + len(chosen)), 0, dtype)
        for layout in ("C", "F"):
            out = np.full(shape, 99, dtype, layout)
            np.testing.assert_array_equal(rle.decode_labels(encoded, out=out), expected)
        height, width = shape
        room = np.full((height + 2, width + 5), 77, dtype)
        around = room.copy()
        inside(around, turned=False)[...] = expected
        rle.decode_labels(encoded, out=inside(room, turned=False))
        np.testing.assert_array_equal(room, around)


@given(strategies.same_shapes(0, 4), strategies.orders, threads)
def test_batches(masks: list[NDArray[np.bool_]], order: Order, count: int) -> None:
    encoded = rle.encode(masks, order=order, threads=count)
    assert encoded == [RLE.from_mask(mask, order=order) for mask in masks]
    if not masks:
        return
    decoded = rle.decode(encoded, threads=count)
    np.testing.assert_array_equal(decoded, np.stack(masks))
    shape = masks[0].shape
    kaggle, coco = rle.to_kaggle(encoded, threads=count), rle.to_coco(encoded, threads=count)
    assert kaggle == [mask.to_kaggle() for mask in encoded]
    assert coco == [mask.to_coco() for mask in encoded]
    assert rle.from_kaggle(kaggle, shape, order=order, threads=count) == encoded
    assert rle.from_coco(coco, shape, order=order, threads=count) == encoded


@pytest.mark.parametrize(
    "shape",
    [
        (600, 1100),
        (1100, 600),
        (1, 2500),
        (2500, 1),
        (4099, 67),
        (320, 256),
        (2, 40003),
        (40003, 2),
    ],
)
@pytest.mark.parametrize("density", [0.0, 0.001, 0.5, 1.0])
@pytest.mark.parametrize("order", ["F", "C"])
def test_masks_of_several_blocks(shape: tuple[int, int], density: float, order: Order) -> None:
    mask = np.random.default_rng(3).random(shape) < density
    for array in (mask, np.asfortranarray(mask), mask[3:, 5:-2] if min(shape) > 9 else mask):
        encoded = RLE.from_mask(array, order=order)
        assert_is(encoded, array, order)
        for layout in "CF":
            np.testing.assert_array_equal(encoded.decode(layout=layout), array)
        assert RLE.from_coco(encoded.to_coco(), array.shape, order=order) == encoded
        assert RLE.from_kaggle(encoded.to_kaggle(), array.shape, order=order) == encoded
        assert_is(encoded.with_order("C" if order == "F" else "F"), array, "FC"[order == "F"])
        small = encoded.decode(size=(97, 131))
        np.testing.assert_array_equal(small, _reference.resize(array, (97, 131)))


@pytest.mark.parametrize("shape", [(320, 256), (2, 40003), (40003, 2), (1, 16384)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("order", ["F", "C"])
def test_rows_of_several_pages(shape: tuple[int, int], dtype: Any, order: Order) -> None:
    rng = np.random.default_rng(5)
    for values in (rng.integers(0, 2, shape), np.repeat(rng.integers(0, 2, shape[0]), shape[1])):
        values = values.reshape(shape).astype(dtype)
        for array in (values, np.asfortranarray(values)):
            assert_is(RLE.from_mask(array, order=order), array, order)
            if array.dtype.kind != "f":
                continue
            assert_is(RLE.from_mask(array, order=order, threshold=0.5), array, order)
            row, column = (int(rng.integers(length)) for length in shape)
            wrong = array.copy(order="K")
            wrong[row, column] = np.nan
            with pytest.raises(ValueError, match=rf"\b{row}\b.*\b{column}\b"):
                RLE.from_mask(wrong, order=order, threshold=0.5)


# --- text and bits -----------------------------------------------------------------------------


def outcome(read: Callable[[], Any]) -> object:
    """Return the runs that were read, or the fault that was found."""
    try:
        result = read()
    except Fault as fault:
        return fault.args
    except ValueError as error:
        assert isinstance(error.__context__, Fault), error  # noqa: PT017
        return error.__context__.args
    return runs_of(result) if isinstance(result, RLE) else result.tolist()


@given(strategies.kaggle_texts, strategies.bases, st.integers(0, 140))
@example("1 4294967295", 1, 2**32 - 1)
@example("-", 0, 3)
def test_any_kaggle_text(text: str, base: int, pixels: int) -> None:
    found = outcome(lambda: RLE.from_kaggle(text, (1, pixels), base=base))
    assert found == outcome(lambda: _reference.parse_kaggle(text.encode(), base, pixels))


@given(strategies.coco_texts, st.sampled_from([0, 1, 2, 9, 40, 1000, 2**32 - 1]))
@example(b"oooooo3", 2**32 - 1)
@example(b"ooooooo3", 2**32 - 1)
def test_any_coco_text(text: bytes, pixels: int) -> None:
    found = outcome(lambda: RLE.from_coco(text, (1, pixels)))
    assert found == outcome(lambda: _reference.parse_coco(text, pixels))
    if isinstance(found, list):
        assert RLE.from_coco(text, (1, pixels)).to_coco() == (text or b"0")


@given(st.data(), strategies.counts(), strategies.bases)
def test_texts_with_a_mistake(data: st.DataObject, counts: NDArray[np.uint32], base: int) -> None:
    pixels = int(counts.sum(dtype=np.uint64))
    coco = data.draw(strategies.broken(_reference.write_coco(counts)))
    found = outcome(lambda: RLE.from_coco(coco, (1, pixels)))
    assert found == outcome(lambda: _reference.parse_coco(coco, pixels))
    kaggle = data.draw(strategies.broken(_reference.write_kaggle(counts, base)))
    text = kaggle.decode("latin-1")
    found = outcome(lambda: RLE.from_kaggle(text, (1, pixels), base=base))
    expected = outcome(lambda: _reference.parse_kaggle(text.encode(), base, pixels))
    assert found == expected


@given(st.lists(st.integers(0, 4), max_size=8), st.integers(0, 12))
def test_any_counts(runs: list[int], pixels: int) -> None:
    counts = np.array(runs, np.uint32)
    found = outcome(lambda: RLE.from_counts(counts, (1, pixels)))
    try:
        _reference.check_runs(counts, pixels)
    except Fault as fault:
        assert found == fault.args  # noqa: PT017
    else:
        assert found == runs


@given(strategies.counts(), strategies.bases, strategies.orders)
@example(np.array([2**32 - 1], np.uint32), 1, "F")
@example(np.array([0, 2**32 - 1], np.uint32), 1, "C")
@example(np.array([2**31, 2, 2**31 - 3], np.uint32), 0, "F")
def test_texts_are_written_and_read_back(
    counts: NDArray[np.uint32], base: int, order: Order
) -> None:
    shape = (1, int(counts.sum(dtype=np.uint64)))
    mask = RLE.from_counts(counts, shape, order=order)
    assert runs_of(mask) == counts.tolist()
    kaggle = mask.to_kaggle(base=base)
    assert kaggle.encode() == _reference.write_kaggle(counts, base)
    assert RLE.from_kaggle(kaggle, shape, order=order, base=base) == mask
    coco = mask.to_coco()
    assert coco == _reference.write_coco(counts)
    for text in (coco, coco.decode(), {"size": list(shape), "counts": coco}, counts.tolist()):
        given_shape = None if isinstance(text, dict) else shape
        assert RLE.from_coco(text, given_shape, order=order) == mask
    for compressed in (True, False):
        annotation = mask.to_coco_dict(compressed=compressed)
        assert annotation == {
            "size": list(shape),
            "counts": coco if compressed else counts.tolist(),
        }
        assert RLE.from_coco(annotation, order=order) == mask


@given(strategies.foregrounds(), strategies.orders, st.sampled_from(["big", "little"]))
def test_packed_bits(
    mask: NDArray[np.bool_], order: Order, bitorder: Literal["big", "little"]
) -> None:
    encoded = RLE.from_mask(mask, order=order)
    packed = encoded.to_packed(bitorder=bitorder)
    assert packed.dtype == np.uint8
    np.testing.assert_array_equal(packed, _reference.pack_bits(mask, order, bitorder))
    for bits in (packed, np.repeat(packed, 2)[::2]):
        assert RLE.from_packed(bits, mask.shape, order=order, bitorder=bitorder) == encoded


# --- sets --------------------------------------------------------------------------------------


def share(part: int, whole: int) -> float:
    """Return a ratio, NaN of nothing."""
    return part / whole if whole else math.nan


def assert_sets(a: RLE, b: RLE) -> None:
    """Compare everything that is asked of two masks with the reference, in runs."""
    x, y = a.counts, b.counts
    assert runs_of(a & b) == _reference.merge("and", x, y).tolist()
    assert runs_of(a | b) == _reference.merge("or", x, y).tolist()
    assert runs_of(a ^ b) == _reference.merge("xor", x, y).tolist()
    assert runs_of(a - b) == _reference.merge("minus", x, y).tolist()
    assert runs_of(~a) == _reference.complement(x).tolist()
    both = _reference.intersection(x, y)
    assert a.intersection(b) == both
    total = _reference.area(x) + _reference.area(y)
    np.testing.assert_equal(a.iou(b), share(both, total - both))
    np.testing.assert_equal(a.dice(b), share(2 * both, total))
    assert a.area == _reference.area(x)


@given(strategies.same_shapes(2, 2), strategies.orders)
def test_sets(masks: list[NDArray[np.bool_]], order: Order) -> None:
    a, b = (RLE.from_mask(mask, order=order) for mask in masks)
    assert_sets(a, b)
    assert_is(a & b, masks[0] & masks[1], order)
    assert_is(a | b, masks[0] | masks[1], order)
    assert_is(a ^ b, masks[0] ^ masks[1], order)
    assert_is(a - b, masks[0] & ~masks[1], order)
    assert_is(~a, ~masks[0], order)


@given(strategies.same_shapes(1, 9), strategies.orders)
def test_sets_of_many(masks: list[NDArray[np.bool_]], order: Order) -> None:
    encoded = [RLE.from_mask(mask, order=order) for mask in masks]
    assert_is(rle.union(encoded), np.logical_or.reduce(masks), order)
    assert_is(rle.intersection(encoded), np.logical_and.reduce(masks), order)


@given(strategies.same_shapes(1, 6), st.integers(0, 5), threads)
def test_matrix_of_ratios(masks: list[NDArray[np.bool_]], cut: int, count: int) -> None:
    encoded = [RLE.from_mask(mask) for mask in masks]
    a, b = encoded[:cut], encoded[cut:]
    matrix = rle.iou_matrix(a, b, threads=count)
    assert matrix.shape == (len(a), len(b))
    assert matrix.dtype == np.float64
    for (i, j), ratio in np.ndenumerate(matrix):
        both = _reference.intersection(a[i].counts, b[j].counts)
        total = a[i].area + b[j].area - both
        np.testing.assert_equal(ratio, share(both, total))
    crowd = rle.iou_matrix(a, b, iscrowd=[True] * len(b), threads=count)
    for (i, j), ratio in np.ndenumerate(crowd):
        if a[i].area:
            assert ratio == _reference.intersection(a[i].counts, b[j].counts) / a[i].area


@given(st.data(), strategies.large_shapes, strategies.orders)
def test_sets_of_masks_too_large_to_make(
    data: st.DataObject, shape: tuple[int, int], order: Order
) -> None:
    pixels = shape[0] * shape[1]
    runs = [data.draw(strategies.counts_of(pixels)) for _ in range(4)]
    a, b, c, d = (RLE.from_counts(counts, shape, order=order) for counts in runs)
    assert_sets(a, b)
    union, common = runs[0], runs[0]
    for counts in runs[1:]:
        union = _reference.merge("or", union, counts)
        common = _reference.merge("and", common, counts)
    assert runs_of(rle.union([a, b, c, d])) == union.tolist()
    assert runs_of(rle.intersection([a, b, c, d])) == common.tolist()
    matrix = rle.iou_matrix([a, b], [c, d])
    for (i, j), ratio in np.ndenumerate(matrix):
        both = _reference.intersection(runs[i], runs[2 + j])
        expected = share(both, (a, b)[i].area + (c, d)[j].area - both)
        np.testing.assert_equal(ratio, expected)


@given(st.data(), strategies.large_shapes, strategies.orders)
def test_texts_of_masks_too_large_to_make(
    data: st.DataObject, shape: tuple[int, int], order: Order
) -> None:
    counts = data.draw(strategies.counts_of(shape[0] * shape[1]))
    mask = RLE.from_counts(counts, shape, order=order)
    assert mask.to_coco() == _reference.write_coco(counts)
    assert RLE.from_coco(mask.to_coco(), shape, order=order) == mask
    for base in (0, 1):
        text = mask.to_kaggle(base=base)
        assert text.encode() == _reference.write_kaggle(counts, base)
        assert RLE.from_kaggle(text, shape, order=order, base=base) == mask


@pytest.mark.parametrize("length", [2**16 - 2, 2**16 - 1, 2**16, 70001])
@pytest.mark.parametrize("order", ["F", "C"])
def test_resizing_of_long_lines(length: int, order: rle.Order) -> None:
    """Lines beyond FSEG_MOST_MAPPED are resized without a table."""
    mask = np.random.default_rng(length).random((length, 3)) < 0.3
    pixels = mask if order == "F" else mask.T
    made = RLE.from_mask(pixels, order=order)
    for size in ((10, 7), (2 * pixels.shape[0] + 1, 2), (1, 1)):
        rows = np.arange(size[0]) * pixels.shape[0] // size[0]
        columns = np.arange(size[1]) * pixels.shape[1] // size[1]
        expected = pixels[rows][:, columns]
        assert np.array_equal(made.decode(size=size), expected)
        assert made.resize(size) == RLE.from_mask(expected, order=order)


def test_the_longest_line_is_resized_in_little_memory() -> None:
    made = RLE.from_counts([5, 2**32 - 6], (2**32 - 1, 1))
    assert made.decode(size=(4, 2)).tolist() == [[0, 0], [1, 1], [1, 1], [1, 1]]


@given(st.data(), strategies.large_shapes, strategies.orders)
def test_shapes_of_masks_too_large_to_make(
    data: st.DataObject, shape: tuple[int, int], order: Order
) -> None:
    """A patch somewhere: what it is like follows from where it lies."""
    height, width = shape
    patch = data.draw(strategies.foregrounds((min(5, height), min(7, width))))
    top = data.draw(st.integers(0, height - patch.shape[0]))
    left = data.draw(st.integers(0, width - patch.shape[1]))
    rows, columns = np.nonzero(patch)
    rows, columns = rows + top, columns + left
    at = np.sort(columns * height + rows if order == "F" else rows * width + columns)
    text = " ".join(f"{pixel} 1" for pixel in at.tolist())
    mask = RLE.from_kaggle(text, shape, base=0, order=order)
    x, y, w, h = _reference.bounding_box(patch)
    assert mask.bbox == ((left + x, top + y, w, h) if w else (0, 0, 0, 0))
    if w:
        expected = (np.mean(rows), np.mean(columns))
        np.testing.assert_allclose(mask.centroid, expected, rtol=1e-12)
    assert_is(mask.crop(top, left, *patch.shape), patch, order)
    inside = height > 1 and width > 1
    for row, column in [(top, left), (height - 1, width - 1), (0, 0)]:
        if top <= row < top + patch.shape[0] and left <= column < left + patch.shape[1]:
            assert mask.contains(row, column) == patch[row - top, column - left]
        elif inside:
            assert not mask.contains(row, column)
    if max(shape) < 2**20:
        moved = mask.translate(-top, -left).crop(0, 0, *patch.shape)
        assert_is(moved, patch, order)
        assert mask.flip(0).flip(0) == mask
        assert mask.flip(1).flip(1) == mask
        parts = mask.components(connectivity=8)
        assert len(parts) == len(_reference.components(patch, 8))
        assert mask.area == 0 or rle.union(parts) == mask
        small = mask.decode(size=(64, 64))
        np.testing.assert_array_equal(small, resized_points(rows, columns, shape, (64, 64)))


def resized_points(
    rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the nearest resize of a mask that is given by its foreground."""
    foreground = set(zip(rows.tolist(), columns.tolist(), strict=True))
    result = np.zeros(size, np.uint8)
    for row, column in np.ndindex(size):
        source = row * shape[0] // size[0], column * shape[1] // size[1]
        result[row, column] = source in foreground
    return result


# --- shapes ------------------------------------------------------------------------------------

near = st.integers(-140, 140)
margins = st.sampled_from([0, 1, 2, 31, 64])
connectivities = st.sampled_from([4, 8])


@given(strategies.foregrounds(), strategies.orders, near, near, strategies.shapes)
def test_crop(
    mask: NDArray[np.bool_], order: Order, top: int, left: int, shape: tuple[int, int]
) -> None:
    encoded = RLE.from_mask(mask, order=order)
    height, width = mask.shape
    top, left = abs(top) % (height + 1), abs(left) % (width + 1)
    rows, columns = min(shape[0], height - top), min(shape[1], width - left)
    cut = mask[top : top + rows, left : left + columns]
    assert_is(encoded.crop(top, left, rows, columns), cut, order)


@given(strategies.foregrounds(), strategies.orders, st.tuples(margins, margins, margins, margins))
def test_pad(mask: NDArray[np.bool_], order: Order, around: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = around
    padded = np.pad(mask, ((top, bottom), (left, right)))
    encoded = RLE.from_mask(mask, order=order)
    assert_is(encoded.pad(top, bottom, left, right), padded, order)
    assert encoded.pad(top, bottom, left, right).crop(top, left, *mask.shape) == encoded


@given(strategies.foregrounds(), strategies.orders, near, near)
def test_translate(mask: NDArray[np.bool_], order: Order, rows: int, columns: int) -> None:
    moved = RLE.from_mask(mask, order=order).translate(rows, columns)
    assert_is(moved, _reference.crop(mask, -rows, -columns, *mask.shape), order)


@given(strategies.foregrounds(), strategies.orders)
def test_flip_and_transpose(mask: NDArray[np.bool_], order: Order) -> None:
    encoded = RLE.from_mask(mask, order=order)
    assert_is(encoded.flip(0), mask[::-1], order)
    assert_is(encoded.flip(1), mask[:, ::-1], order)
    turned = encoded.transpose()
    assert turned.shape == mask.shape[::-1]
    np.testing.assert_array_equal(turned.decode(), mask.T)
    other: Order = "C" if order == "F" else "F"
    assert_is(encoded.with_order(other), mask, other)
    assert encoded.with_order(order) == encoded


@given(strategies.foregrounds(), strategies.orders, near, near)
def test_contains(mask: NDArray[np.bool_], order: Order, row: int, column: int) -> None:
    if not mask.size:
        return
    row, column = row % mask.shape[0], column % mask.shape[1]
    assert RLE.from_mask(mask, order=order).contains(row, column) == mask[row, column]


@given(strategies.foregrounds(), strategies.orders, connectivities)
def test_boundary(mask: NDArray[np.bool_], order: Order, connectivity: int) -> None:
    edge = RLE.from_mask(mask, order=order).boundary(connectivity=connectivity)
    assert_is(edge, _reference.boundary(mask, connectivity), order)


@given(strategies.foregrounds(), strategies.orders, connectivities)
def test_components(mask: NDArray[np.bool_], order: Order, connectivity: int) -> None:
    parts = RLE.from_mask(mask, order=order).components(connectivity=connectivity)
    expected = _reference.components(mask, connectivity, order)
    assert len(parts) == len(expected)
    for part, pixels in zip(parts, expected, strict=True):
        assert_is(part, pixels, order)


def signed_area(outline: NDArray[np.int32]) -> float:
    """Return the area inside an outline, negative where it runs counter-clockwise on the screen."""
    x, y = outline.astype(np.int64).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


@given(strategies.foregrounds(), strategies.orders)
def test_outlines_hold_the_mask(mask: NDArray[np.bool_], order: Order) -> None:
    encoded = RLE.from_mask(mask, order=order)
    outlines = encoded.polygons()
    assert RLE.from_polygons(outlines, mask.shape, order=order, overlap="xor") == encoded
    for outline in outlines:
        assert outline.dtype == np.int32
        assert outline.ndim == 2
        assert outline.shape[1] == 2
        sides = np.roll(outline, -1, axis=0) - outline
        assert ((sides == 0).sum(axis=1) == 1).all(), "a side is neither upright nor level"
    assert sum(map(signed_area, outlines)) == np.count_nonzero(mask)
    if outlines:
        corners = np.concatenate(outlines)
        x, y, width, height = encoded.bbox
        assert corners.min(axis=0).tolist() == [x, y]
        assert corners.max(axis=0).tolist() == [x + width, y + height]


@given(
    st.lists(strategies.points(), max_size=3),
    strategies.shapes,
    strategies.orders,
    st.sampled_from(["union", "xor"]),
)
def test_polygons(
    polygons: list[NDArray[Any]],
    shape: tuple[int, int],
    order: Order,
    overlap: Literal["union", "xor"],
) -> None:
    expected = _reference.fill_polygons(polygons, shape, overlap)
    for given_as in (polygons, [polygon.ravel().tolist() for polygon in polygons]):
        drawn = RLE.from_polygons(given_as, shape, order=order, overlap=overlap)
        assert_is(drawn, expected, order)


@given(strategies.shapes, strategies.orders, st.booleans())
def test_full(shape: tuple[int, int], order: Order, value: bool) -> None:
    assert_is(RLE.full(shape, value, order=order), np.full(shape, value), order)


side = st.one_of(st.integers(-3, 140), st.floats(-3, 140))


@given(side, side, side, side, strategies.shapes, strategies.orders)
def test_box(
    x: float, y: float, width: float, height: float, shape: tuple[int, int], order: Order
) -> None:
    width, height = abs(width), abs(height)
    corners = [[x, y], [x, y + height], [x + width, y + height], [x + width, y]]
    expected = _reference.fill_polygon(corners, shape)
    assert_is(RLE.from_box((x, y, width, height), shape, order=order), expected, order)


# --- pycocotools -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs() -> Any:
    """Return pycocotools' module."""
    return pytest.importorskip("pycocotools.mask")


pycocotools = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pycocotools
@given(strategies.same_shapes(1, 4), st.booleans())
def test_the_bytes_of_pycocotools(
    theirs: Any, masks: list[NDArray[np.bool_]], intersect: bool
) -> None:
    if not masks[0].size:
        return
    stack = np.asfortranarray(np.stack(masks, axis=2), np.uint8)
    segmentations = theirs.encode(stack)
    assert coco_mask.encode(stack) == segmentations
    assert coco_mask.encode(np.ascontiguousarray(stack)) == segmentations
    assert [RLE.from_mask(mask).to_coco_dict() for mask in masks] == segmentations
    for name in ("decode", "area", "toBbox"):
        ours, others = (getattr(module, name)(segmentations) for module in (coco_mask, theirs))
        assert ours.dtype == others.dtype
        assert ours.tobytes("A") == others.tobytes("A")
    merged = theirs.merge(segmentations, intersect=intersect)
    assert coco_mask.merge(segmentations, intersect=intersect) == merged
    crowd = [i % 2 for i in range(len(masks))]
    expected = theirs.iou(segmentations[::-1], segmentations, crowd)
    ratios = coco_mask.iou(segmentations[::-1], segmentations, crowd)
    assert ratios.tobytes("A") == expected.tobytes("A")


@pycocotools
@given(strategies.counts())
def test_the_text_of_pycocotools(theirs: Any, counts: NDArray[np.uint32]) -> None:
    size = [1, int(counts.sum(dtype=np.uint64))]
    segmentation = theirs.frPyObjects({"size": size, "counts": counts.tolist()}, *size)
    mask = RLE.from_counts(counts, size)
    assert mask.to_coco() == segmentation["counts"]
    assert RLE.from_coco(segmentation) == mask
    assert coco_mask.area(segmentation) == theirs.area(segmentation) == mask.area % 2**32


@pycocotools
@given(st.lists(strategies.points(), min_size=1, max_size=3), strategies.shapes)
def test_the_polygons_of_pycocotools(
    theirs: Any, polygons: list[NDArray[Any]], shape: tuple[int, int]
) -> None:
    if 0 in shape:
        return
    flat = [polygon.ravel().tolist() for polygon in polygons]
    segmentations = theirs.frPyObjects(flat, *shape)
    assert coco_mask.frPyObjects(flat, *shape) == segmentations
    assert RLE.from_polygons(polygons, shape).to_coco() == theirs.merge(segmentations)["counts"]
