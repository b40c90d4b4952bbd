"""`RLE` as a value, what it accepts, its words for what it refuses, and the batches.

Whether the pixels are right is what test_kernels.py asks.
"""

from __future__ import annotations

import copy
import doctest
import gc
import json
import os
import pickle
import threading
import tracemalloc
from collections import OrderedDict, UserDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceseg import RLE, _kernels, coco_mask, rle

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "rle.json").read_text(encoding="ascii"))
SHAPE = (3, 4)
MASK = np.array([[0, 1, 1, 0], [0, 1, 0, 0], [1, 1, 0, 1]], bool)


def some_masks(n: int, shape: tuple[int, int] = (60, 70)) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.random((n, *shape)) < rng.random((n, 1, 1))


# --- a value -----------------------------------------------------------------------------------


def test_nothing_can_be_changed() -> None:
    mask = RLE.from_mask(MASK)
    for name in ("shape", "order", "counts", "area", "bbox", "centroid", "other"):
        with pytest.raises(AttributeError):
            setattr(mask, name, 1)
    with pytest.raises(ValueError, match="read-only"):
        mask.counts[0] = 9
    with pytest.raises(ValueError, match="WRITEABLE"):
        mask.counts.flags.writeable = True
    with pytest.raises(ValueError, match="WRITEABLE"):
        mask.counts[1:].setflags(write=True)
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (RLE,), {})


def test_it_is_made_by_class_methods() -> None:
    with pytest.raises(TypeError, match=r"RLE\.from_mask, from_counts"):
        RLE()
    with pytest.raises(TypeError, match=r"RLE\.from_mask, from_counts"):
        RLE([1, 2], (1, 3))  # type: ignore[call-arg]
    bare = RLE.__new__(RLE)
    assert bare == RLE.full((0, 0), False, order="C")
    assert bare.counts.tolist() == [0]
    assert (bare & bare).decode().shape == (0, 0)


def test_the_view_of_the_counts_keeps_them_alive() -> None:
    view = RLE.from_mask(some_masks(1)[0]).counts[2:]
    expected = view.tolist()
    gc.collect()
    others = [RLE.from_mask(mask) for mask in some_masks(50)]
    assert view.tolist() == expected
    del others


@pytest.mark.parametrize("order", ["F", "C"])
def test_equal_and_hashed(order: rle.Order) -> None:
    mask = RLE.from_mask(MASK, order=order)
    again = RLE.from_kaggle(mask.to_kaggle(), SHAPE, order=order)
    assert mask == again
    assert hash(mask) == hash(again) == hash(mask)
    assert {mask: 1}[again] == 1
    others = [
        RLE.from_mask(~MASK, order=order),
        RLE.from_mask(MASK, order="C" if order == "F" else "F"),
        RLE.from_counts(mask.counts, (4, 3), order=order),
        RLE.from_counts(mask.counts, (1, 12), order=order),
    ]
    assert len({mask, again, *others}) == 5
    for other in (*others, None, 0, mask.counts.tolist(), "mask"):
        assert mask != other
        assert not mask == other  # noqa: SIM201
    with pytest.raises(TypeError):
        _ = mask < again  # type: ignore[operator]


def test_hashes_are_spread() -> None:
    masks = [RLE.from_counts([i, 1, 10**6 - i - 1], (1000, 1000)) for i in range(10**4)]
    assert len({hash(mask) for mask in masks}) == len(masks)
    assert len({hash(mask) % 2**16 for mask in masks}) > 9000


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ["F", "C"])
def test_pickled_and_copied(protocol: int, order: rle.Order) -> None:
    for mask in (RLE.from_mask(MASK, order=order), RLE.full((0, 3), True, order=order)):
        again = pickle.loads(pickle.dumps([mask, mask], protocol))
        assert again == [mask, mask]
        assert again[0] is again[1]
        assert again[0].order == order
        assert copy.copy(mask) is mask
        assert copy.deepcopy({"a": mask})["a"] is mask


def test_a_pickle_is_small() -> None:
    assert len(pickle.dumps(RLE.from_mask(MASK))) < 100


def test_plain_numbers_come_out() -> None:
    mask = RLE.from_mask(MASK)
    assert repr(mask) == "<RLE 3 x 4, order F, 4 runs, area 6>"
    assert repr(RLE.full((1, 1), False)) == "<RLE 1 x 1, order F, 1 run, area 0>"
    assert (mask.shape, mask.order, mask.area, mask.bbox) == ((3, 4), "F", 6, (0, 0, 4, 3))
    numbers = (*mask.shape, mask.area, *mask.bbox, mask.intersection(mask))
    assert {type(number) for number in numbers} == {int}
    assert type(mask.contains(0, 0)) is bool
    for number in (*mask.centroid, mask.iou(mask), mask.dice(mask)):
        assert type(number) is float
    assert mask.to_coco_dict(compressed=False)["counts"] == mask.counts.tolist()
    assert all(type(run) is int for run in mask.to_coco_dict(compressed=False)["counts"])


def test_empty_masks_have_no_ratio() -> None:
    blank = RLE.full(SHAPE, False)
    assert np.isnan([blank.iou(blank), blank.dice(blank), *blank.centroid]).all()
    assert blank.bbox == (0, 0, 0, 0)
    assert np.isnan(rle.iou_matrix([blank], [blank])).all()
    assert rle.iou_matrix([blank], [RLE.full(SHAPE, True)]).tolist() == [[0.0]]


# --- against others ----------------------------------------------------------------------------


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_golden(row: dict[str, Any]) -> None:
    mask = np.array([[pixel == "#" for pixel in line] for line in row["mask"]])
    for order, runs in (("F", row["columns"]), ("C", row["rows"])):
        encoded = RLE.from_mask(mask, order=order)
        assert encoded.counts.tolist() == runs
        np.testing.assert_array_equal(RLE.from_counts(runs, mask.shape, order=order).decode(), mask)
    encoded = RLE.from_mask(mask)
    assert encoded.to_kaggle() == row["kaggle"]
    assert encoded.to_coco() == row["coco"].encode()
    assert RLE.from_kaggle(row["kaggle"], mask.shape) == encoded
    assert RLE.from_coco(row["coco"], mask.shape) == encoded


def test_the_page_about_the_format() -> None:
    result = doctest.testfile(str(ROOT / "docs" / "rle-format.md"), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0


def test_examples() -> None:
    result = doctest.testmod(rle)
    assert result.attempted > 10
    assert result.failed == 0


def test_examples_of_the_type() -> None:
    """Doctest finds no examples in compiled classes by itself."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    methods = [name for name in vars(RLE) if not name.startswith("_")]
    without = []
    for name in ("__doc__", *methods):
        text = RLE.__doc__ if name == "__doc__" else getattr(RLE, name).__doc__
        examples = parser.get_doctest(text, {"RLE": RLE, "np": np}, name, None, 0)
        runner.run(examples)
        if callable(getattr(RLE, name)) and not examples.examples:
            without.append(name)
    assert runner.summarize().failed == 0
    assert runner.tries > 25
    assert without == []


# --- what is accepted --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\n", "\t \r\n"])
def test_no_text_is_an_empty_mask(text: str) -> None:
    assert RLE.from_kaggle(text, SHAPE) == RLE.full(SHAPE, False)
    assert RLE.full(SHAPE, False).to_kaggle() == ""


def test_kaggle_runs_that_touch_are_joined() -> None:
    assert RLE.from_kaggle("1 2 3 4 7 1 9 4", SHAPE).counts.tolist() == [0, 7, 1, 4]


def test_kaggle_white_space_and_leading_zeros() -> None:
    assert RLE.from_kaggle(" 03\t1\n 5  2\r\n", (2, 3)).counts.tolist() == [2, 1, 1, 2]


def test_starts_from_zero() -> None:
    mask = RLE.from_kaggle("0 2", SHAPE, base=0)
    assert mask.counts.tolist() == [0, 2, 10]
    assert mask.to_kaggle(base=0) == "0 2"
    with pytest.raises(ValueError, match="ends after 13 pixels"):
        RLE.from_kaggle("12 1", SHAPE, base=0)
    with pytest.raises(ValueError, match=r"starts at -1; the first pixel is 0"):
        RLE.from_kaggle("-1 2", SHAPE, base=0)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("order", ["F", "C"])
def test_a_mask_without_pixels_has_one_empty_run(shape: tuple[int, int], order: rle.Order) -> None:
    mask = RLE.from_mask(np.zeros(shape), order=order)
    assert mask.counts.tolist() == [0]
    assert mask.to_coco() == b"0"
    for again in (
        RLE.from_counts([0], shape, order=order),
        RLE.from_coco("0", shape, order=order),
        RLE.from_kaggle("", shape, order=order),
        RLE.from_packed(mask.to_packed(), shape, order=order),
        RLE.from_polygons([[0, 0, 4, 0, 4, 4]], shape, order=order),
        RLE.from_box((0, 0, 9, 9), shape, order=order),
        RLE.full(shape, True, order=order),
        ~mask,
        mask | mask,
        mask.boundary(),
        mask.flip(1),
        mask.translate(1, 1),
        mask.transpose().transpose(),
        mask.with_order("C").with_order(order),
        mask.resize(shape),
        mask.pad(1, 1, 1, 1).crop(1, 1, *shape),
    ):
        assert again == mask
    assert mask.decode().shape == shape
    assert mask.components() == mask.polygons() == []
    with pytest.raises(ValueError, match="has no pixels to resize"):
        mask.resize((2, 2))


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.uint64, np.int64, ">i2", object])
def test_counts_of_any_integer_type(dtype: Any) -> None:
    counts = np.array([2, 3, 1, 1, 4, 1], dtype)
    expected = RLE.from_counts([2, 3, 1, 1, 4, 1], SHAPE)
    for same in (counts, np.repeat(counts, 2)[::2], list(counts), tuple(counts), counts.tolist()):
        assert RLE.from_counts(same, SHAPE) == expected
        assert RLE.from_coco(same, SHAPE) == expected
    assert RLE.from_counts(range(1, 4), (2, 3)).counts.tolist() == [1, 2, 3]


@pytest.mark.parametrize("side", [np.int64, np.uint8, int])
def test_shapes_of_any_integer_type(side: Callable[[int], Any]) -> None:
    for shape in ((side(3), side(4)), [side(3), side(4)], np.array([side(3), side(4)])):
        assert RLE.full(shape, True).shape == SHAPE


def test_the_largest_mask_fits_without_being_made() -> None:
    shape = (65535, 65537)
    mask = RLE.from_kaggle("1 4294967295", shape)
    assert mask.counts.tolist() == [0, 2**32 - 1]
    assert mask.area == 2**32 - 1
    assert RLE.from_coco(mask.to_coco(), shape) == mask
    assert RLE.from_coco(RLE.from_counts([1, 2**32 - 2], shape).to_coco(), shape).area == 2**32 - 2


def test_not_a_number_is_foreground_without_a_threshold() -> None:
    assert RLE.from_mask([[0.0, np.nan, -0.0]]).counts.tolist() == [1, 1, 1]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"])
@pytest.mark.parametrize(
    "threshold", [-np.inf, -1e30, -1, -0.5, 0, 0.5, 1, 2.5, 126.5, 2**63, 1e30]
)
def test_integers_are_compared_exactly(dtype: str, threshold: float) -> None:
    limits = (0, 1) if dtype == "?" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = [[limits[0], limits[1], 0, 1, limits[1] - 1]]
    mask = RLE.from_mask(np.array(values, dtype), threshold=threshold)
    assert mask.decode().tolist() == [[int(value > threshold) for value in values[0]]]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f4", ">f8"])
def test_a_threshold_of_any_float(dtype: str) -> None:
    values = np.array([[0.25, 0.5, 0.75, -np.inf], [np.inf, 0.5, 0.1, 0.6]], dtype)
    for array in (
        values,
        np.asfortranarray(values),
        np.repeat(np.repeat(values, 2, 0), 2, 1)[::2, ::2],
    ):
        for order in ("F", "C"):
            mask = RLE.from_mask(array, threshold=0.5, order=order)
            np.testing.assert_array_equal(mask.decode(), values > 0.5)
        array[1, 2] = np.nan
        with pytest.raises(ValueError, match=r"^mask\[1, 2\] is nan; expected numbers"):
            RLE.from_mask(array, threshold=0.5)
        array[1, 2] = 0.1


def test_masks_are_read_where_they_lie() -> None:
    room = np.zeros((1030, 1100), np.uint8)
    room[100:900, 50:70] = 1
    plain, crop = room[:1024, :1024].copy(), room[3:1027, 7:1031]
    logits = np.ascontiguousarray(crop, np.float32)
    masks: list[Any] = [
        plain, plain.view(bool), plain.view(np.int8), np.asfortranarray(plain), crop, crop.T,
        crop[::-1], plain[::-1].T,
    ]  # fmt: skip
    calls = [lambda m=m, o=o: RLE.from_mask(m, order=o) for m in masks for o in ("F", "C")]
    calls += [lambda m=m: RLE.from_mask(m, threshold=0.5) for m in (logits, logits.T, logits[::-2])]
    calls += [lambda: rle.encode_labels(crop), lambda: rle.encode(crop[None])]
    tracemalloc.start()
    try:
        for call in calls:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            call()
            assert tracemalloc.get_traced_memory()[1] - before < 2**16
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        RLE.from_mask(room[::2, ::2])
        assert tracemalloc.get_traced_memory()[1] - before > 2**16  # so a copy would be seen
    finally:
        tracemalloc.stop()


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", r"odd count of numbers, 1; .* so 2"),
        ("1 2 5", r"odd count of numbers, 3"),
        ("0 2", r"character 0 starts at 0; the first pixel is 1"),
        ("-3 2", r"character 0 starts at -3; the first pixel is 1"),
        ("1 2 5 0", r"length at character 6 is 0; expected 1"),
        ("1 -2", r"length at character 2 is -2; expected 1"),
        ("1 3 3 2", r"character 4 starts at 3; expected 4 or more"),
        ("7 2 1 2", r"character 4 starts at 1; expected 9 or more"),
        ("3 2 3 2", r"character 4 starts at 3; expected 5 or more"),
        ("11 3", r"character 0 ends after 13 pixels; the mask has 12"),
        ("13 1", r"ends after 13 pixels; the mask has 12"),
        ("4294967295 4294967295", r"ends after 8589934589 pixels"),
        ("4294967296 1", r"4294967296 at character 0 is out of range; at most 4294967295"),
        ("1 18446744073709551617", r"18446744073709551617 at character 2 is out of range"),
        ("1 2 99999999999999999999999999\t1", r"99999999\d* at character 4 is out of range"),
        ("one 2", r"character 0 is 'o'"),
        ("1 2.0", r"character 3 is '\.'"),
        ("1,2", r"character 1 is ','"),
        ("1 +2", r"character 2 is '\+'"),
        ("1 0x2", r"character 3 is 'x'"),
        ("1 -", r"character 2 is '-'"),
        ("1 \u0663", r"character 2 is '\u0663'"),
        ("1\u00a02", r"character 1 is '\\xa0'"),
        ("1 2\x003 4", r"character 3 is '\\x00'"),
        ("1 2 \ud800", r"character 4 is '\\ud800'"),
        ("nan", r"character 0 is 'n'"),
    ],
)
def test_malformed_kaggle_text(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^Kaggle text: .*" + message) as error:
        RLE.from_kaggle(text, SHAPE)
    assert "\n" not in str(error.value)
    assert type(error.value) is ValueError
    assert isinstance(error.value.__context__, _kernels.Fault)
    assert error.value.__suppress_context__
    for threads in (1, 2):
        with pytest.raises(ValueError, match=r"^texts\[2\]: Kaggle text: .*" + message):
            rle.from_kaggle(["", "1 1", text, ""], SHAPE, threads=threads)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r"empty; expected runs of 12 pixels"),
        (b"2 9", r"character 1 is ' '; expected '0' to 'o'"),
        (b"2p9", r"character 1 is 'p'"),
        (b"2\x00", r"character 1 is '\\x00'"),
        (b"2\xff", r"character 1 is '\xff'"),
        ("2\u0663", r"character 1 is '\u0663'"),
        (b"2R", r"character 1 is cut short after 1 of at least 2 characters"),
        (b"2ooo", r"character 1 is cut short after 3 of at least 4"),
        (b"2PPPPPPP0", r"character 1 has 8 characters or more; it needs at most 7"),
        (b"R09", r"character 0 has 2 characters or more; it needs at most 1"),
        (b"2oO", r"character 1 has 2 characters or more; it needs at most 1"),
        (b"209", r"run at character 1 is 0 long; expected 1"),
        (b"O:", r"run at character 0 is -1 long; expected 0"),
        (b"221N6", r"run at character 3 is 0 long; expected 1"),
        (b"29", r"runs end after 11 pixels; the mask has 12"),
        (b"2;", r"run at character 1 ends after 13 pixels; the mask has 12"),
        (b"PPPPPP2", r"character 0 ends after 2147483648 pixels; the mask has 12"),
        (b"PPPPPP8", r"character 0 ends after 8589934592 pixels; the mask has 12"),
    ],
)
def test_malformed_coco_text(text: bytes | str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^COCO text: .*" + message):
        RLE.from_coco(text, SHAPE)
    with pytest.raises(ValueError, match=r"^COCO text: .*" + message):
        RLE.from_coco({"size": [3, 4], "counts": text})
    with pytest.raises(ValueError, match=r"^counts\[1\]: COCO text: .*" + message):
        rle.from_coco([b"<", text], SHAPE)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([], r"counts are empty; expected runs of 12 pixels"),
        ([2, 0, 10], r"counts\[1\] is 0; only the first"),
        ([12, 0], r"counts\[1\] is 0"),
        ([2, -1, 11], r"counts\[1\] is -1; expected 0 to 4294967295"),
        ([2, 2**32], r"counts\[1\] is 4294967296; expected 0 to 4294967295"),
        ([2, 2**63], r"counts\[1\] is 9223372036854775808"),
        ([2, 2**70], r"counts\[1\] is 1180591620717411303424"),
        ([2**31, 2**31, 12], r"counts\[0\] ends after 2147483648 pixels; the mask has 12"),
        ([2, 2**32 - 1, 11], r"counts\[1\] ends after 4294967297 pixels; the mask has 12"),
        ([2, 3], r"counts end after 5 pixels; the mask has 12"),
        ([2, 3, 8], r"counts\[2\] ends after 13 pixels; the mask has 12"),
        ([2.0, 10], r"counts\[0\] is 2.0; expected an integer"),
        ([2, None, 10], r"counts\[1\] is None; expected an integer"),
        (["2", "10"], r"counts\[0\] is '2'; expected an integer"),
        (np.array([True, False]), r"counts\[0\] is .*True.*; expected an integer"),
        ([[2, 10]], r"counts\[0\] is \[2, 10\]; expected an integer"),
        (np.array([[2, 10]]), r"counts have shape \(1, 2\); expected one dimension"),
        (12, r"counts have shape \(\); expected one dimension"),
    ],
)
def test_malformed_counts(counts: Any, message: str) -> None:
    for order in ("F", "C"):
        with pytest.raises(ValueError, match=message):
            RLE.from_counts(counts, SHAPE, order=order)
    if isinstance(counts, list):
        with pytest.raises(ValueError, match=message):
            RLE.from_coco({"size": SHAPE, "counts": counts})


READERS = [
    lambda shape: RLE.from_counts([12], shape),
    lambda shape: RLE.from_kaggle("", shape),
    lambda shape: RLE.from_coco("<", shape),
    lambda shape: RLE.from_packed(b"", shape),
    lambda shape: RLE.from_polygons([], shape),
    lambda shape: RLE.from_box((0, 0, 1, 1), shape),
    lambda shape: RLE.full(shape, True),
    lambda shape: rle.from_kaggle([""], shape),
]


@pytest.mark.parametrize("read", READERS)
def test_malformed_shape(read: Callable[[Any], object]) -> None:
    for shape in ((65536, 65536), (2**40, 2**40), (1, 2**32), (2**70, 2**70)):
        with pytest.raises(
            ValueError, match=f"{shape[0] * shape[1]} pixels; the most is 429496729"
        ):
            read(shape)
    with pytest.raises(ValueError, match="sides of at most 4294967295"):
        read((0, 2**40))
    for shape in ((-3, -4), (12,), (1, 3, 4), (-(2**70), 1)):
        with pytest.raises(ValueError, match=r"shape is .*; expected \(height, width\)"):
            read(shape)
    for shape in ((3.0, 4.0), ("3", "4"), (None, 4)):
        with pytest.raises(TypeError, match=r"shape is .*; expected \(height, width\)"):
            read(shape)


def test_malformed_segmentations() -> None:
    for size, error in (
        ([3], "size is .3.; expected"),
        ([3, -4], "neither negative"),
        ([3.0, 4.0], "two integers"),
        (["3", "4"], "two integers"),
        (None, "size is None"),
        (12, "size is 12"),
        ("34", "size is '34'"),
        ([2**20, 2**20], "1099511627776 pixels; the most is 4294967295"),
        ([4, 4], "after 12 pixels; the mask has 16"),
    ):
        with pytest.raises(ValueError, match=error):
            RLE.from_coco({"size": size, "counts": b"<"})
        with pytest.raises(ValueError, match=r"^counts\[0\]: .*" + error):
            rle.from_coco([{"size": size, "counts": b"<"}])
    for lacking in ({"size": [3, 4]}, {"counts": b"<"}, {}):
        with pytest.raises(ValueError, match=r"segmentation has no '.*'; expected size and counts"):
            RLE.from_coco(lacking)
    with pytest.raises(ValueError, match=r"size is \[3, 4\]; shape is \(4, 3\)"):
        RLE.from_coco({"size": [3, 4], "counts": b"<"}, (4, 3))
    assert RLE.from_coco({"size": [3, 4], "counts": b"<"}, (3, 4)) == RLE.full(SHAPE, False)
    with pytest.raises(TypeError, match="shape is missing"):
        RLE.from_coco(b"<")
    counts: Any
    for counts in (5, None, {3}, 2.5):
        with pytest.raises(TypeError, match="expected bytes or str, or a list of int"):
            RLE.from_coco(counts, SHAPE)


@pytest.mark.parametrize("mask", [np.zeros(12), np.zeros((1, 3, 4)), 1, [[1 + 2j]], [["a"]]])
def test_malformed_mask(mask: Any) -> None:
    with pytest.raises(ValueError, match=r"^mask has"):
        RLE.from_mask(mask)
    with pytest.raises(ValueError, match=r"^masks\[1\]: mask has"):
        rle.encode([MASK, mask])


def test_a_mask_too_large_is_refused_unread() -> None:
    for mask in (np.uint8(1), 1.0):
        with pytest.raises(ValueError, match="the most is 4294967295"):
            RLE.from_mask(np.broadcast_to(mask, (2**20, 2**20)))


def test_malformed_out() -> None:
    mask = RLE.full(SHAPE, True)
    for out, words in (
        (np.zeros((4, 3), np.uint8), r"shape \(4, 3\) and dtype uint8; expected"),
        (np.broadcast_to(np.zeros(4, np.uint8), SHAPE), r"read-only .*writeable memory of shape"),
        (np.zeros((6, 8), np.uint8)[::2, ::2], r"strides \(16, 2\); expected pixels of a row"),
        (np.zeros(SHAPE, complex), "dtype is complex128; expected bool, integer or float"),
    ):
        with pytest.raises(ValueError, match=words):
            mask.decode(out=out)
    with pytest.raises(TypeError, match="out is list; expected a NumPy array"):
        mask.decode(out=[[0]])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"value": 0}, "value is 0; expected 1 to 255"),
        ({"value": 256}, "value is 256; expected 1 to 255"),
        ({"value": -1}, "value is -1; expected 1 to 255"),
        ({"value": 2**70}, "expected 1 to 255"),
        ({"value": 2, "dtype": bool}, "value is 2; expected 1 to 1, for bool"),
        ({"value": 128, "dtype": np.int8}, "value is 128; expected -128 to 127, not 0, for int8"),
        ({"value": 0.0, "dtype": float}, "value is 0.0; expected a float64, not 0"),
        ({"value": 1e6, "dtype": np.float16}, "value is 1000000.0; expected a float16"),
        ({"dtype": complex}, "dtype is complex128; expected bool"),
        ({"dtype": "U4"}, "dtype is <U4; expected bool"),
        ({"layout": "A"}, "layout is 'A'; expected 'C'"),
        ({"size": (3, -4)}, "size is"),
        ({"size": (2**20, 2**20)}, "1099511627776 pixels"),
    ],
)
def test_malformed_decodings(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RLE.full(SHAPE, True).decode(**options)


def test_malformed_options() -> None:
    mask = RLE.full(SHAPE, True)
    wrong: Any
    for wrong in ("A", "K", None, 0, b"F"):
        with pytest.raises(ValueError, match=r"order is .*; expected 'F'"):
            RLE.from_mask(MASK, order=wrong)
        with pytest.raises(ValueError, match=r"order is .*; expected 'F'"):
            mask.with_order(wrong)
    for wrong in (2, -1, 1.5, None, "1"):
        with pytest.raises(ValueError, match=r"base is .*; expected 0 or 1"):
            RLE.from_kaggle("1 1", (1, 1), base=wrong)
        with pytest.raises(ValueError, match=r"base is .*; expected 0 or 1"):
            mask.to_kaggle(base=wrong)
    for call, words in (
        (lambda: RLE.from_mask(MASK, threshold=np.nan), "threshold is nan"),
        (lambda: mask.flip(2), "axis is 2; expected 0"),
        (lambda: mask.components(connectivity=6), "connectivity is 6; expected 4 or 8"),
        (lambda: mask.boundary(connectivity=0), "connectivity is 0; expected 4 or 8"),
        (lambda: mask.contains(3, 0), r"pixel \(3, 0\) is outside the mask, whose shape is"),
        (lambda: mask.contains(-1, 0), r"pixel \(-1, 0\) is outside"),
        (lambda: mask.contains(2**70, 0), "is outside the mask"),
        (lambda: mask.crop(0, 0, 4, 4), r"crop at row 0 and column 0 of 4 x 4 pixels is not insi"),
        (lambda: mask.crop(-1, 0, 1, 1), "crop at row -1"),
        (lambda: mask.crop(2**70, 0, 1, 1), "is not inside the mask"),
        (lambda: mask.pad(-1, 0, 0, 0), r"pad is \(-1, 0, 0, 0\); expected no negative"),
        (lambda: mask.pad(2**31, 2**31, 0, 0), "17179869196 pixels; the most is 4294967295"),
        (lambda: mask.pad(2**70, 0, 0, 0), "padded shape .* the most is 4294967295"),
        (lambda: RLE.from_packed(b"12", SHAPE, bitorder="F"), "bitorder is 'F'"),  # type: ignore[arg-type]
        (lambda: RLE.from_packed(b"1", SHAPE), "are 1 bytes; expected 2, for 12 pixels"),
        (lambda: RLE.from_packed(b"11", SHAPE), "byte 1 is 49; expected its last 4 bits to be 0"),
        (lambda: RLE.from_packed(np.zeros(2), SHAPE), r"shape \(2,\) and dtype float64"),
        (lambda: RLE.from_polygons([[0, 0, 1]], SHAPE), r"polygons\[0\] has shape \(3,\)"),
        (lambda: RLE.from_polygons([], SHAPE, overlap="or"), "overlap is 'or'"),  # type: ignore[arg-type]
        (lambda: RLE.from_polygons([[0, 0, 1, np.inf, 2, 2]], SHAPE), "y of vertex 1 is inf"),
        (lambda: RLE.from_box((0, 0, 1), SHAPE), r"box has shape \(3,\)"),
        (lambda: rle.encode([MASK], threads=-1), "threads is -1; expected 1 or more"),
        (lambda: rle.encode_labels(MASK * 1.0), "labels have dtype float64; expected integers"),
        (lambda: rle.decode_labels([]), "rles are empty"),
        (lambda: rle.decode_labels([mask], labels=[1, 2]), "labels are 2 for 1 masks"),
        (lambda: rle.decode_labels({1: mask}, labels=[1]), "labels are the keys of rles"),
        (lambda: rle.decode_labels([mask], labels=[256]), "label is 256; expected 0 to 255"),
        (lambda: rle.decode_labels([mask], background=-1), "background is -1; expected 0 to 255"),
        (lambda: rle.iou_matrix([mask], [mask], iscrowd=[]), "iscrowd has 0 elements; expected 1"),
        (lambda: rle.from_kaggle(["", ""], [SHAPE]), "shape lists 1 shapes; expected one, or 2"),
        (lambda: rle.union([]), "rles are empty"),
        (lambda: rle.decode([mask, mask.transpose()]), r"rles\[1\] have shapes"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(TypeError, match=r"rles\[1\] is ndarray; expected RLE"):
        rle.union([mask, MASK])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="texts is str; expected a list"):
        rle.from_kaggle("1 2", SHAPE)


@pytest.mark.parametrize("text", [None, float("nan"), 3, bytearray(b"1 2")])
def test_text_of_another_type(text: Any) -> None:
    with pytest.raises(TypeError, match="expected str"):
        RLE.from_kaggle(text, SHAPE)
    with pytest.raises(TypeError, match="expected bytes or str"):
        RLE.from_coco(text, SHAPE)


# --- threads and memory ------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3, 0, 100])
def test_batches_keep_their_order(threads: int) -> None:
    masks = some_masks(17)
    rles = [RLE.from_mask(mask) for mask in masks]
    assert rle.encode(masks, threads=threads) == rles
    assert rle.encode(masks * 0.5, threshold=0.25, threads=threads) == rles
    np.testing.assert_array_equal(rle.decode(rles, threads=threads), masks)
    texts = rle.to_coco(rles, threads=threads)
    assert texts == [mask.to_coco() for mask in rles]
    assert rle.from_coco(texts, (60, 70), threads=threads) == rles
    texts = rle.to_kaggle(rles, threads=threads)
    assert rle.from_kaggle(iter(texts), (60, 70), threads=threads) == rles
    matrix = rle.iou_matrix(rles, rles[:5], threads=threads)
    assert matrix.tolist() == [[a.iou(b) for b in rles[:5]] for a in rles]
    assert rle.encode([], threads=threads) == rle.to_coco([], threads=threads) == []
    assert rle.decode([], threads=threads).shape == (0, 0, 0)
    assert rle.iou_matrix([], rles, threads=threads).shape == (0, 17)


def test_threads_at_once() -> None:
    """Many threads make, share and drop masks, large enough to leave the interpreter and not."""
    shapes = [(30, 40), (600, 700)]
    masks = [mask for shape in shapes for mask in some_masks(3, shape)]
    expected = [(m.to_coco(), m.area, hash(m)) for m in map(RLE.from_mask, masks)]
    shared = [RLE.from_mask(mask) for mask in masks]
    wrong: list[object] = []

    def work() -> None:
        try:
            for _ in range(10):
                for mask, runs, known in zip(masks, shared, expected, strict=True):
                    made = RLE.from_mask(np.asfortranarray(mask))
                    assert (made.to_coco(), made.area, hash(runs)) == known
                    assert made == runs
                    assert (runs & ~made).area == 0
                    assert np.array_equal(runs.decode(), mask)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def everything() -> None:
    """Call all there is, with success and without."""
    mask = RLE.from_mask(MASK)
    other = RLE.from_mask(~MASK, order="C")
    _ = mask & mask, mask | mask, mask ^ mask, mask - mask, ~mask, hash(mask), mask == other
    _ = mask.counts, mask.bbox, mask.centroid, mask.area, repr(mask)
    _ = mask.intersection(mask), mask.iou(mask), mask.dice(mask), mask.contains(0, 0)
    _ = mask.crop(0, 1, 2, 2), mask.pad(1, 2, 3, 4), mask.translate(1, 1), mask.flip(0)
    _ = mask.transpose(), mask.with_order("C"), mask.resize((5, 5)), mask.boundary()
    _ = mask.components(), mask.polygons(), pickle.loads(pickle.dumps(mask))
    _ = mask.decode(), mask.decode(dtype=float, value=0.5, layout="F"), mask.decode(size=(9, 9))
    _ = RLE.from_kaggle(mask.to_kaggle(), SHAPE), RLE.from_coco(mask.to_coco(), SHAPE)
    _ = RLE.from_coco(mask.to_coco_dict(compressed=False)), RLE.from_counts(mask.counts, SHAPE)
    _ = RLE.from_packed(mask.to_packed(), SHAPE), RLE.from_mask(MASK * 0.5, threshold=0.2)
    _ = RLE.from_polygons([[0, 0, 3, 0, 3, 3], [1, 1, 2, 1, 2, 2]], SHAPE, overlap="xor")
    rles = rle.encode(MASK[None].repeat(3, 0))
    _ = rle.decode(rles), rle.union(rles), rle.iou_matrix(rles, rles), rle.encode([MASK])
    _ = rle.from_coco(rle.to_coco(rles), SHAPE), rle.from_kaggle(rle.to_kaggle(rles), SHAPE)
    _ = rle.decode_labels(rle.encode_labels(MASK)), coco_mask.area([mask.to_coco_dict()])
    for wrong in (
        lambda: RLE.from_kaggle("1 2 3", SHAPE),
        lambda: RLE.from_coco(b"2R", SHAPE),
        lambda: RLE.from_counts([1, -1], SHAPE),
        lambda: RLE.from_counts([1, 1], SHAPE),
        lambda: RLE.from_mask(MASK * np.nan, threshold=0),
        lambda: RLE.from_polygons([[0, 0, 3, 0, 3, np.nan]], SHAPE),
        lambda: RLE.from_packed(b"11", SHAPE),
        lambda: mask & other,
        lambda: mask.decode(out=MASK[:2]),
        lambda: rle.from_coco([b"<", b"2R"], SHAPE),
        lambda: rle.encode([MASK, MASK[0]]),
        lambda: rle.encode(MASK[None] * np.nan, threshold=0),
        lambda: rle.iou_matrix(rles, [other]),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            wrong()


@pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="no /proc to read the memory from"
)
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="freed memory is kept")
def test_nothing_leaks() -> None:
    """A leak of one object in any of the 100,000 calls would be 2 MB or more."""

    def pages() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1])

    for _ in range(300):
        everything()
    before = pages()
    for _ in range(1200):
        everything()
    assert (pages() - before) * os.sysconf("SC_PAGE_SIZE") < 2**20


def test_masks_of_few_runs() -> None:
    area = SHAPE[0] * SHAPE[1]
    counts = [[area], [0, area], [5, area - 5], [0, 5, area - 5], [5, 2, area - 7], [1, 9, 1, 1]]
    masks = [RLE.from_counts(one, SHAPE) for one in [*counts, [1, 1, 2, 3, 4, 1]]]
    both = [[int((a.decode() & b.decode()).sum()) for b in masks] for a in masks]
    for some in (masks, masks[:5]):
        ratios = rle.iou_matrix(some, some, iscrowd=[True] * len(some))
        assert (ratios * [[a.area] for a in some]).round()[1:].tolist() == [
            row[: len(some)] for row in both[1 : len(some)]
        ]
    for mask in masks:
        assert rle.union([mask]) == rle.intersection([mask, mask]) == mask
        assert pickle.loads(pickle.dumps(mask)) == mask == ~~mask
        turned = mask.transpose()
        assert turned.shape == SHAPE[::-1]
        np.testing.assert_array_equal(turned.decode(), mask.decode().T)
        np.testing.assert_array_equal(mask.with_order("C").decode(), mask.decode())
    assert masks[0].components() == []
    assert masks[1].components() == [masks[1]]
    kept = masks[2].counts
    del masks, mask
    gc.collect()
    assert kept.tolist() == counts[2]


def test_numpy_leaves_operators_to_masks() -> None:
    mask, array = RLE.full((2, 3), True), np.ones((2, 3), np.uint8)
    assert (array == mask) is False
    for operation in (lambda: array & mask, lambda: mask & array):
        with pytest.raises(TypeError, match="RLE"):
            operation()


def test_any_mapping_is_a_segmentation() -> None:
    mask = RLE.from_kaggle("3 2", (2, 3))
    for kind in (OrderedDict, UserDict):
        assert RLE.from_coco(kind(mask.to_coco_dict())) == mask
    assert rle.from_coco([OrderedDict(mask.to_coco_dict())]) == [mask]


def test_bytes_of_bools_may_be_anything() -> None:
    array = np.array([[0, 2, 1, 255]], np.uint8).view(bool)
    assert list(rle.encode_labels(array)) == [0, 1]
    assert RLE.from_mask(array, threshold=1).area == 0
    assert RLE.from_mask(array).area == 3


def test_thresholds_beyond_doubles_are_integers() -> None:
    assert RLE.from_mask(np.array([[2**53 + 1]]), threshold=2**53 + 1).area == 0
    assert RLE.from_mask(np.array([[2**53 + 1]]), threshold=2**53).area == 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: m.decode(dtype=np.float32, value=1e-50), ValueError, "float32, which does not"),
        (lambda m: m.decode(dtype=np.float16, value=2049), ValueError, "float16, which does not"),
        (
            lambda m: m.decode(dtype=np.float64, value=10**400),
            ValueError,
            "float64, which does not",
        ),
        (
            lambda m: m.decode(dtype=np.float32, value="2"),
            TypeError,
            "value is '2'; expected a num",
        ),
        (lambda m: m.decode(value=1.0), TypeError, "value is 1.0; expected an integer"),
        (
            lambda m: rle.decode_labels([m], labels=[1.5]),
            TypeError,
            "label is 1.5; expected an int",
        ),
        (lambda m: rle.to_kaggle([m], base=None), ValueError, "base is None; expected 0 or 1"),
        (lambda m: rle.from_kaggle([""], (2, 3), base=None), ValueError, "base is None"),
        (lambda m: rle.union(m), TypeError, "rles is RLE; expected a list"),
        (lambda m: rle.decode(m), TypeError, "rles is RLE; expected a list"),
        (lambda m: rle.encode([np.ones((2, 3))], threads=1.5), TypeError, "threads is 1.5"),
        (lambda m: rle.from_kaggle([""], 5), TypeError, "shape is 5; expected"),
        (
            lambda m: rle.from_kaggle([float("nan")], (2, 3)),
            TypeError,
            "text is float; expected str, f",
        ),
        (lambda m: RLE.from_mask(None), TypeError, "mask is NoneType; expected an array"),
        (lambda m: RLE.from_mask(np.ones((2, 3)), threshold="a"), TypeError, "threshold is 'a'"),
        (lambda m: RLE.from_polygons([[1, 0], [4, 0], [4, 3]], (4, 5)), ValueError, "one vertex"),
        (lambda m: rle.decode_labels([], out=np.zeros((2, 3, 1))), ValueError, r"\(2, 3, 1\); exp"),
    ],
)
def test_errors_name_the_argument(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(RLE.full((2, 3), True))


def test_no_masks_into_an_array() -> None:
    assert rle.decode([], out=np.empty((0, 4, 5), np.uint8)).shape == (0, 4, 5)
