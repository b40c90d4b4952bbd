"""Runs, masks and texts, against the reference, golden vectors and pycocotools."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strategies
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceseg import _kernels, _reference, rle
from faceseg._kernels import Fault

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "rle.json").read_text(encoding="ascii"))
SHAPE = (3, 4)


def outcome(kernel: Callable[..., Any], *arguments: object) -> object:
    """Return what a kernel answers, whichever way, as something to compare."""
    try:
        result = kernel(*arguments)
    except Fault as fault:
        return fault.args
    return (result.dtype, result.tolist()) if isinstance(result, np.ndarray) else result


def test_the_portable_loops_are_in_use() -> None:
    assert _kernels.implementation() == "scalar"
    assert _reference.implementation() == "reference"


# --- against the reference ---------------------------------------------------------------------


@given(strategies.masks(), strategies.orders)
def test_encode_is_the_reference(mask: NDArray[Any], order: rle.Order) -> None:
    foreground = (mask != 0).astype(np.uint8)
    expected = (_reference.encode_rows if order == "C" else _reference.encode_columns)(foreground)
    counts = rle.encode(mask, order=order)
    assert counts.dtype == np.uint32
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(rle.check_counts(counts, mask.shape), counts)
    assert rle.area(counts) == np.count_nonzero(mask)


@given(strategies.masks(), strategies.orders, st.sampled_from([1, 2, 7, 128, 255]))
def test_decode_is_the_reference_and_undoes_encode(
    mask: NDArray[Any], order: rle.Order, value: int
) -> None:
    counts = rle.encode(mask, order=order)
    decoded = rle.decode(counts, mask.shape, order=order, value=value)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, (mask != 0) * np.uint8(value))
    expected = np.full(mask.shape, 3, np.uint8)
    (_reference.decode_rows if order == "C" else _reference.decode_columns)(counts, value, expected)
    np.testing.assert_array_equal(decoded, expected)
    out = np.full(mask.shape, 9, np.uint8)
    assert rle.decode(counts, mask.shape, order=order, value=value, out=out) is out
    np.testing.assert_array_equal(out, expected)


@given(strategies.masks("bool"), strategies.orders)
def test_the_orders_are_transposes(mask: NDArray[np.bool_], order: rle.Order) -> None:
    other: rle.Order = "C" if order == "F" else "F"
    np.testing.assert_array_equal(rle.encode(mask, order=order), rle.encode(mask.T, order=other))


@given(st.lists(st.integers(0, 4), max_size=8), st.integers(0, 12))
def test_checking_is_the_reference(runs: list[int], pixels: int) -> None:
    counts = np.array(runs, np.uint32)
    assert outcome(_kernels.check_runs, counts, pixels) == outcome(
        _reference.check_runs, counts, pixels
    )


@given(strategies.kaggle_texts.map(str.encode), strategies.bases, st.integers(0, 140))
@example(b"1 4294967295", 1, 2**32 - 1)
@example(b"-", 0, 3)
def test_parsing_kaggle_is_the_reference(text: bytes, base: int, pixels: int) -> None:
    assert outcome(_kernels.parse_kaggle, text, base, pixels) == outcome(
        _reference.parse_kaggle, text, base, pixels
    )


@given(strategies.coco_texts, st.sampled_from([0, 1, 2, 9, 40, 1000, 2**32 - 1]))
@example(b"oooooo3", 2**32 - 1)
@example(b"ooooooo3", 2**32 - 1)
def test_parsing_coco_is_the_reference(text: bytes, pixels: int) -> None:
    assert outcome(_kernels.parse_coco, text, pixels) == outcome(
        _reference.parse_coco, text, pixels
    )


@given(strategies.counts(), strategies.bases)
@example(np.array([2**32 - 1], np.uint32), 1)
@example(np.array([0, 2**32 - 1], np.uint32), 1)
@example(np.array([2**31, 2, 2**31 - 3], np.uint32), 0)
def test_writing_is_the_reference_and_is_read_back(counts: NDArray[np.uint32], base: int) -> None:
    shape = (1, int(counts.sum(dtype=np.uint64)))
    kaggle = rle.counts_to_kaggle(counts, base=base)
    assert kaggle.encode() == _reference.write_kaggle(counts, base)
    np.testing.assert_array_equal(rle.counts_from_kaggle(kaggle, shape, base=base), counts)
    coco = rle.counts_to_coco(counts)
    assert coco == _reference.write_coco(counts)
    np.testing.assert_array_equal(rle.counts_from_coco(coco, shape), counts)


@given(strategies.coco_texts, st.integers(0, 40))
def test_a_coco_text_that_is_read_is_written_the_same(text: bytes, pixels: int) -> None:
    try:
        counts = rle.counts_from_coco(text, (1, pixels))
    except ValueError:
        return
    assert rle.counts_to_coco(counts) == text


@pytest.mark.parametrize("shape", [(600, 1100), (1100, 600), (1, 2500), (2500, 1)])
@pytest.mark.parametrize("density", [0.0, 0.001, 0.5, 1.0])
@pytest.mark.parametrize("order", ["F", "C"])
def test_masks_of_several_blocks(shape: tuple[int, int], density: float, order: rle.Order) -> None:
    mask = np.random.default_rng(3).random(shape) < density
    counts = rle.encode(mask, order=order)
    np.testing.assert_array_equal(counts, _reference.encode_rows(mask if order == "C" else mask.T))
    np.testing.assert_array_equal(rle.decode(counts, shape, order=order), mask)
    crop = mask[3:, 5:-2]
    np.testing.assert_array_equal(
        rle.decode(rle.encode(crop, order=order), crop.shape, order=order), crop
    )


# --- against others ----------------------------------------------------------------------------


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_golden(row: dict[str, Any]) -> None:
    mask = np.array([[pixel == "#" for pixel in line] for line in row["mask"]])
    for order, runs in (("F", row["columns"]), ("C", row["rows"])):
        assert rle.encode(mask, order=order).tolist() == runs
        np.testing.assert_array_equal(rle.decode(runs, mask.shape, order=order), mask)
    assert rle.counts_to_kaggle(row["columns"]) == row["kaggle"]
    assert rle.counts_from_kaggle(row["kaggle"], mask.shape).tolist() == row["columns"]
    assert rle.counts_to_coco(row["columns"]) == row["coco"].encode()
    assert rle.counts_from_coco(row["coco"], mask.shape).tolist() == row["columns"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@given(strategies.masks("uint8"))
def test_coco_text_is_that_of_pycocotools(mask: NDArray[np.uint8]) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    theirs = coco.encode(np.asfortranarray(mask != 0, np.uint8))
    assert theirs["size"] == list(mask.shape)
    ours = rle.counts_to_coco(rle.encode(mask))
    assert ours == theirs["counts"]
    if mask.size:
        decoded = coco.decode({"size": list(mask.shape), "counts": ours})
        np.testing.assert_array_equal(decoded, mask != 0)
    assert coco.area(theirs) == rle.area(rle.encode(mask))


@given(strategies.counts())
def test_coco_text_of_long_runs_is_that_of_pycocotools(counts: NDArray[np.uint32]) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    size = [1, int(counts.sum(dtype=np.uint64))]
    theirs = coco.frPyObjects({"size": size, "counts": counts.tolist()}, *size)
    assert rle.counts_to_coco(counts) == theirs["counts"]


def test_the_page_about_the_format() -> None:
    result = doctest.testfile(str(ROOT / "docs" / "rle-format.md"), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0


def test_doctests() -> None:
    result = doctest.testmod(rle)
    assert result.attempted > 5
    assert result.failed == 0


# --- what is accepted --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\n", "\t \r\n"])
def test_no_text_is_an_empty_mask(text: str) -> None:
    assert rle.counts_from_kaggle(text, SHAPE).tolist() == [12]
    assert rle.counts_to_kaggle([12]) == ""


def test_kaggle_runs_that_touch_are_joined() -> None:
    assert rle.counts_from_kaggle("1 2 3 4 7 1 9 4", SHAPE).tolist() == [0, 7, 1, 4]


def test_kaggle_white_space_and_leading_zeros() -> None:
    assert rle.counts_from_kaggle(" 03\t1\n 5  2\r\n", (2, 3)).tolist() == [2, 1, 1, 2]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("order", ["F", "C"])
def test_a_mask_without_pixels_has_one_empty_run(shape: tuple[int, int], order: rle.Order) -> None:
    assert rle.encode(np.zeros(shape, np.uint8), order=order).tolist() == [0]
    assert rle.decode([0], shape, order=order).shape == shape
    assert rle.counts_to_coco([0]) == b"0"
    assert rle.counts_from_coco("0", shape).tolist() == [0]
    assert rle.counts_from_kaggle("", shape).tolist() == [0]


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.uint64, np.int64, object])
def test_counts_of_any_integer_type(dtype: type) -> None:
    counts = np.array([2, 3, 1, 1, 4, 1], dtype)
    assert rle.check_counts(counts, SHAPE).dtype == np.uint32
    assert rle.check_counts(counts[::-1][::-1], SHAPE).tolist() == [2, 3, 1, 1, 4, 1]
    assert rle.area(counts) == 5


def test_the_largest_mask_fits_without_being_made() -> None:
    shape = (65535, 65537)
    assert rle.counts_from_kaggle("1 4294967295", shape).tolist() == [0, 2**32 - 1]
    text = rle.counts_to_coco([1, 2**32 - 2])
    assert rle.counts_from_coco(text, shape).tolist() == [1, 2**32 - 2]


def test_not_a_number_is_foreground() -> None:
    assert rle.encode([[0.0, np.nan, -0.0]]).tolist() == [1, 1, 1]


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
        rle.counts_from_kaggle(text, SHAPE)
    assert "\n" not in str(error.value)


def test_starts_from_zero() -> None:
    assert rle.counts_from_kaggle("0 2", SHAPE, base=0).tolist() == [0, 2, 10]
    with pytest.raises(ValueError, match="ends after 13 pixels"):
        rle.counts_from_kaggle("12 1", SHAPE, base=0)
    with pytest.raises(ValueError, match=r"starts at -1; the first pixel is 0"):
        rle.counts_from_kaggle("-1 2", SHAPE, base=0)


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
        rle.counts_from_coco(text, SHAPE)


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
        ([[2, 10]], r"counts have shape \(1, 2\); expected one dimension"),
        (12, r"counts have shape \(\); expected one dimension"),
    ],
)
def test_malformed_counts(counts: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rle.check_counts(counts, SHAPE)
    for order in ("F", "C"):
        with pytest.raises(ValueError, match=message):
            rle.decode(counts, SHAPE, order=order)


@pytest.mark.parametrize("write", [rle.counts_to_kaggle, rle.counts_to_coco])
def test_only_legal_runs_are_written(write: Callable[..., object]) -> None:
    for counts in ([], [2, 0, 10], [-1], [2**32 - 1, 2]):
        with pytest.raises(ValueError, match="counts"):
            write(counts)


@pytest.mark.parametrize(
    "read",
    [
        lambda shape: rle.decode([12], shape),
        lambda shape: rle.check_counts([12], shape),
        lambda shape: rle.counts_from_kaggle("", shape),
        lambda shape: rle.counts_from_coco("<", shape),
    ],
)
def test_malformed_shape(read: Callable[[Any], object]) -> None:
    for shape in ((65536, 65536), (2**40, 2**40), (1, 2**32)):
        with pytest.raises(
            ValueError, match=f"{shape[0] * shape[1]} pixels; the most is 429496729"
        ):
            read(shape)
    for shape in ((-3, -4), (12,), (1, 3, 4)):
        with pytest.raises(ValueError, match=r"shape is .*; expected \(height, width\)"):
            read(shape)
    with pytest.raises(TypeError):
        read((3.0, 4.0))


def test_a_mask_too_large_is_refused_unread() -> None:
    with pytest.raises(ValueError, match="the most is 4294967295"):
        rle.encode(np.broadcast_to(np.uint8(1), (2**20, 2**20)))


@pytest.mark.parametrize("mask", [np.zeros(12), np.zeros((1, 3, 4)), 1, [[1 + 2j]], [["a"]]])
def test_malformed_mask(mask: Any) -> None:
    with pytest.raises(ValueError, match=r"^mask has"):
        rle.encode(mask)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((4, 3), np.uint8),
        np.zeros(SHAPE, np.int8),
        np.zeros((3, 8), np.uint8)[:, ::2],
        np.asfortranarray(np.zeros(SHAPE, np.uint8)),
        np.broadcast_to(np.zeros(4, np.uint8), SHAPE),
    ],
)
def test_malformed_out(out: Any) -> None:
    with pytest.raises(ValueError, match=r"^out has"):
        rle.decode([12], SHAPE, out=out)


def test_malformed_options() -> None:
    with pytest.raises(ValueError, match="order is 'A'"):
        rle.encode([[1]], order="A")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="order is 'K'"):
        rle.decode([1], (1, 1), order="K")  # type: ignore[arg-type]
    for value in (0, 256, -1):
        with pytest.raises(ValueError, match=f"value is {value}; expected 1 to 255"):
            rle.decode([1], (1, 1), value=value)
    for base in (2, -1):
        with pytest.raises(ValueError, match=f"base is {base}; expected 0 or 1"):
            rle.counts_from_kaggle("1 1", (1, 1), base=base)
        with pytest.raises(ValueError, match=f"base is {base}; expected 0 or 1"):
            rle.counts_to_kaggle([0, 1], base=base)


@pytest.mark.parametrize("text", [None, float("nan"), 3, bytearray(b"1 2")])
def test_text_of_another_type(text: Any) -> None:
    with pytest.raises(TypeError, match="expected str"):
        rle.counts_from_kaggle(text, SHAPE)
    with pytest.raises(TypeError, match="expected bytes or str"):
        rle.counts_from_coco(text, SHAPE)


# --- kernels behind the checks -----------------------------------------------------------------


@pytest.mark.parametrize("decode", [_kernels.decode_rows, _kernels.decode_columns])
@pytest.mark.parametrize(
    ("counts", "reason"),
    [([3, 2**32 - 1, 2**32 - 1], "too long"), ([5, 8], "too long"), ([3, 4], "too short")],
)
def test_decoding_keeps_its_bounds_unchecked(
    decode: Callable[..., None], counts: list[int], reason: str
) -> None:
    room = np.full((5, 4), 7, np.uint8)
    with pytest.raises(Fault) as fault:
        decode(np.array(counts, np.uint32), 1, room[1:4])
    assert fault.value.reason == reason
    assert (room[[0, 4]] == 7).all()
