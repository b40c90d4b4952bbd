"""Wrong input is refused, by every version, in words that name the place and the numbers."""

from __future__ import annotations

import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import strategies

from faceseg import _kernels, coco_mask, rle
from faceseg.rle import RLE

version = strategies.version

SHAPE = (3, 4)
MOST = 2**32 - 1


def assert_refused(make: Callable[[], object], *named: object) -> str:
    """Return the words of a ValueError of one line that names everything it should."""
    with pytest.raises(ValueError) as error:  # noqa: PT011
        make()
    words = str(error.value)
    assert type(error.value) is ValueError, words
    assert "\n" not in words
    for name in named:
        assert str(name) in words, words
    return words


# --- text --------------------------------------------------------------------------------------

# What is wrong, the text, the character at which it is, and the numbers that disagree.
KAGGLE = [
    ("odd count", "1", 1, 2),
    ("odd count", "1 2 5", 3, 4),
    ("start before the first pixel", "0 2", "character 0", 0, 1),
    ("negative start", "-3 2", "character 0", -3, 1),
    ("negative start later", "1 2 -7 2", "character 4", -7, 1),
    ("no length", "1 2 5 0", "character 6", 0, 1),
    ("negative length", "1 -2", "character 2", -2, 1),
    ("overlap", "1 3 3 2", "character 4", 3, 4),
    ("unsorted", "7 2 1 2", "character 4", 1, 9),
    ("the same again", "3 2 3 2", "character 4", 3, 5),
    ("beyond the image", "11 3", "character 0", 13, 12),
    ("first pixel beyond the image", "13 1", "character 0", 13, 12),
    ("far beyond the image", f"{MOST} {MOST}", "character 0", 2 * MOST - 1, 12),
    ("over 32 bits", "4294967296 1", "character 0", 4294967296, MOST),
    ("length over 32 bits", "1 4294967296", "character 2", 4294967296, MOST),
    ("over 64 bits", "1 18446744073709551617", "character 2", 18446744073709551617, MOST),
    ("under -64 bits", "-18446744073709551617 1", "character 0", -18446744073709551617, MOST),
    ("wraps to 1 in 64 bits", "18446744073709551617 1", "character 0", MOST),
    ("a million digits", "9" * 10**6 + " 1", "character 0", MOST),
    ("words", "one 2", "character 0", "'o'"),
    ("decimals", "1 2.0", "character 3", "'.'"),
    ("commas", "1,2", "character 1", "','"),
    ("plus sign", "1 +2", "character 2", "'+'"),
    ("hexadecimal", "1 0x2", "character 3", "'x'"),
    ("exponent", "1 1e1", "character 3", "'e'"),
    ("a sign alone", "1 -", "character 2", "'-'"),
    ("two signs", "1 --2", "character 2", "'-'"),
    ("a sign inside", "1 2-3", "character 3", "'-'"),
    ("digits of another script", "1 ٣", "character 2", "'٣'"),
    ("superscript", "1 ²", "character 2", "'²'"),
    ("full-width digit", "１ 2", "character 0", "'１'"),
    ("no-break space", "1\xa02", "character 1", r"'\xa0'"),
    ("NUL", "1 2\x003 4", "character 3", r"'\x00'"),
    ("NUL at the end", "1 2\x00", "character 3", r"'\x00'"),
    ("file separator, which str.split takes as space", "1\x1c2", "character 1", r"'\x1c'"),
    ("half a surrogate pair", "1 2 \ud800", "character 4", r"'\ud800'"),
    ("NaN, as pandas writes nothing", "nan", "character 0", "'n'"),
    ("a wrong byte behind many good ones", "1 1 " * 9 + "x", "character 36", "'x'"),
]


@pytest.mark.parametrize("row", KAGGLE, ids=lambda row: row[0])
@pytest.mark.parametrize("order", ["F", "C"])
def test_kaggle_text(row: tuple[Any, ...], order: Any) -> None:
    _, text, *named = row
    if "behind" in row[0]:
        text = " ".join(f"{2 * i + 1} 1" for i in range(6)) + " x"
        named = [f"character {len(text) - 1}", "'x'"]
    words = assert_refused(lambda: RLE.from_kaggle(text, SHAPE, order=order), *named)
    assert words.startswith("Kaggle text: ")
    assert len(words) < 200


def test_kaggle_text_from_zero() -> None:
    assert RLE.from_kaggle("0 2", SHAPE, base=0).counts.tolist() == [0, 2, 10]
    assert_refused(lambda: RLE.from_kaggle("12 1", SHAPE, base=0), "character 0", 13, 12)
    assert_refused(lambda: RLE.from_kaggle("-1 2", SHAPE, base=0), "character 0", -1, 0)


COCO = [
    ("empty", b"", 12),
    ("space", b"2 9", "character 1", "' '", "'0'", "'o'"),
    ("character behind the last", b"2p9", "character 1", "'p'"),
    ("character before the first", b"2/9", "character 1", "'/'"),
    ("NUL", b"2\x00", "character 1", r"'\x00'"),
    ("NUL inside a number", b"2o\x00", "character 2", r"'\x00'"),
    ("byte over 127", b"2\xff", "character 1"),
    ("digit of another script", "2٣", "character 1", "'٣'"),
    ("line break at the end", b"2:\n", "character 2", r"'\n'"),
    ("half a surrogate pair", "2\ud800", "character 1", r"'\ud800'"),
    ("truncated", b"2R", "character 1", 1, 2),
    ("truncated later", b"2ooo", "character 1", 3, 4),
    ("eight groups", b"2PPPPPPP0", "character 1", 8, 7),
    ("endless groups", b"2" + b"o" * 1000, "character 1", 8, 7),
    ("a zero group too many", b"R09", "character 0", 2, 1),
    ("a sign group too many", b"2oO", "character 1", 2, 1),
    ("empty run", b"209", "character 1", 0, 1),
    ("negative first run", b"O:", "character 0", -1, 0),
    ("difference to an empty run", b"221N6", "character 3", 0, 1),
    ("difference to a negative run", b"221J6", "character 3", -4, 1),
    ("too few pixels", b"29", 11, 12),
    ("too many pixels", b"2;", "character 1", 13, 12),
    ("over 31 bits", b"PPPPPP2", "character 0", 2**31, 12),
    ("over 32 bits", b"PPPPPP8", "character 0", 2**33, 12),
    ("wraps to 12 in 32 bits", b"\\PPPPP4", "character 0", 2**32 + 12, 12),
    ("the most that seven groups hold", b"ooooooo?"[1:], "character 0", 2**34 - 1, 12),
]


@pytest.mark.parametrize("row", COCO, ids=lambda row: row[0])
@pytest.mark.parametrize("order", ["F", "C"])
def test_coco_text(row: tuple[Any, ...], order: Any) -> None:
    _, text, *named = row
    words = assert_refused(lambda: RLE.from_coco(text, SHAPE, order=order), *named)
    assert words.startswith("COCO text: ")
    if isinstance(text, bytes) and text.isascii():
        assert_refused(lambda: RLE.from_coco(text.decode(), SHAPE, order=order), *named)
    segmentation = {"size": list(SHAPE), "counts": text}
    assert_refused(lambda: RLE.from_coco(segmentation), *named)


@pytest.mark.parametrize("row", COCO, ids=lambda row: row[0])
def test_coco_text_in_a_segmentation(row: tuple[Any, ...]) -> None:
    """What crashes, hangs or yields memory of others elsewhere is refused in the drop-in, too."""
    _, text, *named = row
    segmentation = {"size": list(SHAPE), "counts": text}
    for use in (
        lambda: coco_mask.decode(segmentation),
        lambda: coco_mask.decode([segmentation]),
        lambda: coco_mask.area(segmentation),
        lambda: coco_mask.area([segmentation]),
        lambda: coco_mask.toBbox([segmentation]),
        lambda: coco_mask.merge([segmentation, segmentation]),
        lambda: coco_mask.iou([segmentation], [segmentation], [0]),
    ):
        assert_refused(use, *named)


@pytest.mark.parametrize("where", [0, 1, 15, 16, 31, 32, 63, 64, 65, 127, 128, 300])
def test_mistakes_in_any_place(where: int) -> None:
    """A wrong character is found wherever it stands in a vector."""
    mask = RLE.from_counts([1, 2] * 200, (20, 30))
    coco, kaggle = mask.to_coco(), mask.to_kaggle()
    for wrong in (b"\x00", b"/", b"p", b" ", b"\x7f"):
        text = coco[:where] + wrong + coco[where + 1 :]
        assert_refused(lambda text=text: RLE.from_coco(text, (20, 30)), f"character {where} ")
    for wrong in "\x00", "/", ":", "a", "\x1f", "\x7f":
        text = kaggle[:where] + wrong + kaggle[where + 1 :]
        assert_refused(lambda text=text: RLE.from_kaggle(text, (20, 30)), f"character {where} ")


@pytest.mark.parametrize("length", [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129])
def test_texts_cut_off(length: int) -> None:
    mask = RLE.from_counts([100, 3, 1000, 70] * 60, (60, 1173))
    assert mask.area == 4380
    coco = mask.to_coco()[:length]
    assert_refused(lambda: RLE.from_coco(coco, mask.shape))
    kaggle = mask.to_kaggle()[:length].rsplit(" ", 1)[0]
    if len(kaggle.split()) % 2:
        assert_refused(lambda: RLE.from_kaggle(kaggle, mask.shape), len(kaggle.split()))


# --- runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ([], [12]),
        ([2, 0, 10], ["counts[1]", 0]),
        ([12, 0], ["counts[1]", 0]),
        ([0, 0, 12], ["counts[1]", 0]),
        ([2, -1, 11], ["counts[1]", -1]),
        ([-(2**31), 2**31, 12], ["counts[0]", -(2**31)]),
        ([2, 2**32], ["counts[1]", 2**32, MOST]),
        ([2, 2**63], ["counts[1]", 2**63]),
        ([2, 2**64 + 10], ["counts[1]", 2**64 + 10]),
        ([2, 2**70], ["counts[1]", 2**70]),
        ([2**31, 2**31, 12], ["counts[0]", 2**31, 12]),
        ([2, MOST, 11], ["counts[1]", 2**32 + 1, 12]),
        ([MOST, 13], ["counts[0]", MOST, 12]),
        ([2, 3], [5, 12]),
        ([2, 3, 8], ["counts[2]", 13, 12]),
        ([12, 1], ["counts[1]", 13, 12]),
        ([2.0, 10], ["counts[0]", "2.0"]),
        ([2, None, 10], ["counts[1]", "None"]),
        (["2", "10"], ["counts[0]", "'2'"]),
        ([2, 3, float("nan")], ["counts[2]", "nan"]),
        ([True, 11], ["counts[0]", "True"]),
        (np.array([2.5, 9.5]), ["counts[0]", "2.5"]),
        (np.array([True, False]), ["counts[0]", "True"]),
        (np.array([2, -10], np.int8), ["counts[1]", -10]),
        (np.array([2, 2**64 - 1], np.uint64), ["counts[1]", 2**64 - 1]),
        (np.array([2, 2**32 + 10], np.int64), ["counts[1]", 2**32 + 10]),
        ([[2, 10]], ["[2, 10]"]),
        (np.array([[2, 10]]), ["(1, 2)"]),
        (12, ["()"]),
    ],
)
def test_counts(counts: Any, named: list[object]) -> None:
    assert_refused(lambda: RLE.from_counts(counts, SHAPE), *named)
    assert_refused(lambda: RLE.from_counts(counts, SHAPE, order="C"), *named)
    if isinstance(counts, list):
        assert_refused(lambda: RLE.from_coco({"size": SHAPE, "counts": counts}), *named)
        assert_refused(lambda: coco_mask.frPyObjects({"size": SHAPE, "counts": counts}, *SHAPE))


@pytest.mark.parametrize("at", [0, 1, 7, 8, 15, 16, 31, 32, 63, 64, 99])
def test_a_wrong_run_in_any_place(at: int) -> None:
    good = np.full(100, 3, np.uint32)
    for wrong in (0, MOST, MOST - 2):
        counts = good.copy()
        counts[at] = wrong
        if at or wrong:
            found = 3 * at + wrong if wrong else 0
            assert_refused(lambda c=counts: RLE.from_counts(c, (3, 100)), f"counts[{at}]", found)
    counts = good.copy()
    counts[at] = 2
    assert_refused(lambda: RLE.from_counts(counts, (3, 100)), 299, 300)


def test_runs_that_wrap_around() -> None:
    """Sums that are right in 32 or 64 bits are wrong."""
    assert_refused(lambda: RLE.from_counts([MOST, MOST, 14], SHAPE), MOST, 12)
    many = np.full(2**16 + 1, 2**16, np.uint32)
    assert_refused(lambda: RLE.from_counts(many, (1, 2**16)), "counts[1]", 2**17, 2**16)


# --- sizes -------------------------------------------------------------------------------------

READERS: dict[str, Callable[[Any], object]] = {
    "counts": lambda shape: RLE.from_counts([12], shape),
    "kaggle": lambda shape: RLE.from_kaggle("1 2", shape),
    "coco": lambda shape: RLE.from_coco(b"<", shape),
    "coco dict": lambda shape: RLE.from_coco({"size": shape, "counts": b"<"}),
    "coco list": lambda shape: RLE.from_coco({"size": shape, "counts": [12]}),
    "packed": lambda shape: RLE.from_packed(np.zeros(2, np.uint8), shape),
    "polygons": lambda shape: RLE.from_polygons([[0, 0, 3, 0, 3, 2]], shape),
    "box": lambda shape: RLE.from_box((0, 0, 1, 1), shape),
    "full": lambda shape: RLE.full(shape, True),
    "decode": lambda shape: RLE.full((3, 4), True).decode(size=shape),
    "resize": lambda shape: RLE.full((3, 4), True).resize(shape),
    "drop-in": lambda shape: coco_mask.decode({"size": shape, "counts": b"<"}),
    "drop-in list": lambda shape: coco_mask.area([{"size": shape, "counts": b"<"}]),
    "drop-in polygon": lambda shape: coco_mask.frPyObjects([[0, 0, 3, 0, 3, 2]], *shape),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "shape", [(65536, 65536), (2**40, 2**40), (1, 2**32), (2**63, 2**63), (2**64, 1), (3, 2**100)]
)
def test_sizes_over_the_most(read: Callable[[Any], object], shape: tuple[int, int]) -> None:
    assert_refused(lambda: read(shape), shape[0] * shape[1], MOST)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("shape", [(-3, -4), (3, -1), (-(2**70), 1)])
def test_negative_sizes(read: Callable[[Any], object], shape: tuple[int, int]) -> None:
    assert_refused(lambda: read(shape), shape[0], shape[1])


@pytest.mark.parametrize("read", [READERS[name] for name in READERS if "polygon" not in name])
@pytest.mark.parametrize("shape", [(12,), (1, 3, 4), ()])
def test_sizes_of_another_length(read: Callable[[Any], object], shape: Any) -> None:
    assert_refused(lambda: read(shape), shape)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("shape", [(3.0, 4.0), (3, None), ("3", "4"), (np.float64(3), 4)])
def test_sizes_that_are_no_integers(read: Callable[[Any], object], shape: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        read(shape)


@pytest.mark.parametrize("size", [(4, 3), (3, 3), (0, 0), (1, 13), (65535, 65537)])
def test_a_size_that_the_runs_do_not_fill(size: tuple[int, int]) -> None:
    pixels = size[0] * size[1]
    if pixels == 12:
        RLE.from_coco({"size": size, "counts": b"<"})
        return
    for counts in (b"<", "<", [12]):
        assert_refused(lambda c=counts: RLE.from_coco({"size": size, "counts": c}), 12, pixels)
    assert_refused(lambda: coco_mask.decode({"size": size, "counts": b"<"}), 12, pixels)


class Taker:
    """A side that is 3, and that takes the other side away."""

    def __init__(self, sides: list[Any]) -> None:
        self.sides = sides

    def __index__(self) -> int:
        self.sides.clear()
        return 3


def test_a_size_that_changes_while_it_is_read() -> None:
    for use in (RLE.from_coco, coco_mask.area, lambda one: coco_mask.area([one])):
        sides: list[Any] = []
        sides += [Taker(sides), 4]
        with pytest.raises(ValueError, match=r"size is \[\]"):
            use({"size": sides, "counts": b"<"})


HUGE = (65535, 65537)  # 4 GiB of pixels


@pytest.mark.parametrize(
    "refuse",
    [
        lambda: RLE.from_coco({"size": HUGE, "counts": b"<"}),
        lambda: coco_mask.decode({"size": HUGE, "counts": b"<"}),
        lambda: coco_mask.decode([{"size": HUGE, "counts": b"<"}] * 8),
        lambda: coco_mask.toBbox([{"size": HUGE, "counts": b"<"}] * 8),
        lambda: RLE.from_kaggle("9 1 1", HUGE),
        lambda: RLE.from_counts([12], HUGE),
        lambda: RLE.from_packed(np.zeros(2, np.uint8), HUGE),
        lambda: RLE.full((1, 1), True).decode(size=(2**16, 2**16)),
        lambda: RLE.from_mask(np.broadcast_to(np.uint8(1), (2**20, 2**20))),
        lambda: RLE.from_mask(np.broadcast_to(np.float32(1), (2**20, 2**20)), threshold=0.5),
        lambda: rle.encode_labels(np.broadcast_to(np.uint8(1), (2**20, 2**20))),
        lambda: rle.from_coco([b"<"] * 3, HUGE),
        lambda: rle.from_kaggle(["9"] * 3, HUGE),
    ],
)
def test_nothing_is_made_before_it_is_checked(refuse: Callable[[], object]) -> None:
    tracemalloc.start()
    try:
        assert_refused(refuse)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


LITTLE_MEMORY = """
import resource, sys
from faceseg import coco_mask, rle
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
refused = 0
for counts in (b"<", "<", [12], [2, 3, 4]):
    for size in ((65535, 65537), (1, 2**32 - 1), (2**32 - 1, 1)):
        for use in (rle.RLE.from_coco, coco_mask.decode, coco_mask.area):
            try:
                use({{"size": size, "counts": counts}})
            except (ValueError, TypeError):
                refused += 1
print(refused)
"""


def test_a_huge_size_is_refused_in_little_memory() -> None:
    """What is taken without Python's knowledge counts, too."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    program = LITTLE_MEMORY.format(limit=max(2**30, 2 * used))
    try:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"an emulated processor starts no program: {error}")
    if "AddressSanitizer" in done.stderr:
        pytest.skip("the address sanitizer needs more than this test allows")
    assert done.stdout.split() == ["36"], done.stderr


def test_no_memory_for_the_pixels() -> None:
    mask = RLE.full((65535, 65537), True)
    with pytest.raises((MemoryError, ValueError)):
        mask.decode(dtype=np.float64, out=None, size=(2**16, 2**16))


# --- bits, polygons and boxes --------------------------------------------------------------------


def test_packed_bits() -> None:
    for length in (0, 1, 3, 100):
        bits = np.zeros(length, np.uint8)
        assert_refused(lambda b=bits: RLE.from_packed(b, SHAPE), length, 2)
    for bits, bitorder in ((b"\x00\x01", "big"), (b"\x00\x08", "big"), (b"\x00\x10", "little")):
        packed = np.frombuffer(bits, np.uint8)
        assert_refused(lambda p=packed, o=bitorder: RLE.from_packed(p, SHAPE, bitorder=o), 12)
    with pytest.raises((ValueError, TypeError)):
        RLE.from_packed(np.zeros(2, np.float64), SHAPE)
    with pytest.raises((ValueError, TypeError)):
        RLE.from_packed(np.zeros((1, 2), np.uint8), SHAPE)
    assert_refused(lambda: RLE.from_packed(np.zeros(2, np.uint8), SHAPE, bitorder="?"), "'?'")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300, -1e10])
@pytest.mark.parametrize("at", [0, 1, 4, 7])
def test_polygons_with_a_wrong_coordinate(wrong: float, at: int) -> None:
    xy = [0.0, 0.0, 3.0, 0.0, 3.0, 2.0, 0.0, 2.0]
    xy[at] = wrong
    for polygon in (xy, np.reshape(xy, (4, 2))):
        words = assert_refused(lambda p=polygon: RLE.from_polygons([p], SHAPE), "polygons[0]")
        assert f"vertex {at // 2}" in words
        assert "xy"[at % 2] in words
    with pytest.raises(ValueError, match=r"\d"):
        coco_mask.frPyObjects([xy], *SHAPE)


@pytest.mark.parametrize("polygon", [[0, 0, 1], [[0, 0, 1]], [[[0, 0]]], ["a", "b"], 3])
def test_polygons_of_another_form(polygon: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        RLE.from_polygons([polygon], SHAPE)


@pytest.mark.parametrize(
    "box", [(0, 0, np.nan, 1), (0, np.inf, 1, 1), (0, 0, 1), (0, 0, 1, 1, 1), (1e300, 0, 1, 1)]
)
def test_boxes(box: Any) -> None:
    assert_refused(lambda: RLE.from_box(box, SHAPE))


# --- masks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mask",
    [np.zeros(12), np.zeros((1, 3, 4)), 1, [[1 + 2j]], [["a"]], np.zeros((2, 2), "datetime64[s]")],
)
def test_masks(mask: Any) -> None:
    words = assert_refused(lambda: RLE.from_mask(mask))
    assert words.startswith("mask has ")


def test_a_threshold_that_is_no_number() -> None:
    assert_refused(lambda: RLE.from_mask(np.zeros(SHAPE), threshold=np.nan), "threshold", "nan")


def test_masks_that_do_not_belong_together() -> None:
    a = RLE.full((3, 4), True)
    b = RLE.full((4, 3), True)
    c = RLE.full((3, 4), True, order="C")
    for use in (
        lambda x, y: x & y,
        lambda x, y: x | y,
        lambda x, y: x ^ y,
        lambda x, y: x - y,
        lambda x, y: x.intersection(y),
        lambda x, y: x.iou(y),
        lambda x, y: x.dice(y),
        lambda x, y: rle.union([x, y]),
        lambda x, y: rle.intersection([x, y]),
        lambda x, y: rle.iou_matrix([x], [y]),
        lambda x, y: rle.decode([x, y]) if x.shape != y.shape else x & y,
    ):
        assert_refused(lambda use=use: use(a, b), "(3, 4)", "(4, 3)")
        assert_refused(lambda use=use: use(a, c), "'F'", "'C'")
    for name in ("union", "intersection"):
        assert_refused(lambda name=name: getattr(rle, name)([]))


@pytest.mark.parametrize("other", [None, 1, np.zeros((3, 4), bool), [3, 4], "1 2"])
def test_sets_with_something_else(other: Any) -> None:
    mask = RLE.full((3, 4), True)
    assert mask != other if not isinstance(other, np.ndarray) else True
    for use in (lambda: mask & other, lambda: mask.iou(other), lambda: rle.union([mask, other])):
        with pytest.raises((TypeError, ValueError)):
            use()


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((4, 3), np.uint8),
        np.zeros(12, np.uint8),
        np.zeros((6, 8), np.uint8)[::2, ::2],
        np.broadcast_to(np.zeros(4, np.uint8), SHAPE),
        np.zeros(SHAPE, complex),
        np.zeros(SHAPE, "U1"),
        np.zeros(SHAPE, object),
        [[0] * 4] * 3,
    ],
)
def test_an_array_that_cannot_be_decoded_into(out: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"out|dtype"):
        RLE.full(SHAPE, True).decode(out=out)


@pytest.mark.parametrize(
    ("dtype", "value", "named"),
    [
        ("uint8", 256, [256, 255]),
        ("uint8", -1, [-1]),
        ("uint8", 0, [0]),
        ("int8", 128, [128, 127]),
        ("int8", -129, [-129]),
        ("bool", 2, [2, 1]),
        ("uint16", 2**16, [2**16]),
        ("int32", 2**31, [2**31]),
        ("int64", 2**63, [2**63]),
        ("uint64", 2**64, [2**64]),
        ("float32", 1e300, ["1e+300"]),
    ],
)
def test_a_value_that_does_not_fit(dtype: str, value: float, named: list[object]) -> None:
    mask = RLE.full(SHAPE, True)
    assert_refused(lambda: mask.decode(dtype=dtype, value=value), *named)
    assert_refused(lambda: mask.decode(out=np.zeros(SHAPE, dtype), value=value), *named)


def test_options() -> None:
    mask = RLE.full(SHAPE, True)
    for use, named in (
        (lambda: RLE.from_mask([[1]], order="A"), "'A'"),  # type: ignore[arg-type]
        (lambda: RLE.full(SHAPE, True, order="f"), "'f'"),  # type: ignore[arg-type]
        (lambda: mask.with_order("K"), "'K'"),  # type: ignore[arg-type]
        (lambda: mask.decode(layout="A"), "'A'"),  # type: ignore[arg-type]
        (lambda: RLE.from_kaggle("1 1", (1, 1), base=2), "2"),
        (lambda: mask.to_kaggle(base=-1), "-1"),
        (lambda: mask.components(connectivity=6), "6"),
        (lambda: mask.boundary(connectivity=0), "0"),
        (lambda: mask.flip(2), "2"),
        (lambda: mask.contains(3, 0), "3"),
        (lambda: mask.contains(-1, 0), "-1"),
        (lambda: mask.crop(0, 0, -1, 2), "-1"),
        (lambda: mask.crop(1, 0, 3, 4), "(3, 4)"),
        (lambda: mask.pad(-1, 0, 0, 0), "-1"),
        (lambda: mask.pad(2**31, 2**31, 2**31, 2**31), str(MOST)),
        (lambda: RLE.from_polygons([], SHAPE, overlap="and"), "'and'"),  # type: ignore[arg-type]
    ):
        assert_refused(use, named)


@pytest.mark.parametrize("text", [None, float("nan"), 3, bytearray(b"1 2"), ["1", "2"]])
def test_text_of_another_type(text: Any) -> None:
    with pytest.raises(TypeError, match="str"):
        RLE.from_kaggle(text, SHAPE)
    if not isinstance(text, list):
        with pytest.raises((TypeError, ValueError)):
            RLE.from_coco(text, SHAPE)


@pytest.mark.parametrize(
    "segmentation",
    [
        {},
        {"size": [3, 4]},
        {"counts": b"<"},
        {"size": None, "counts": b"<"},
        {"size": "34", "counts": b"<"},
        {"size": [3, 4], "counts": None},
        {"size": [3, 4], "counts": {}},
        {"size": 12, "counts": b"<"},
    ],
)
def test_segmentations_that_lack_something(segmentation: Any) -> None:
    for use in (RLE.from_coco, coco_mask.decode, coco_mask.area, coco_mask.toBbox):
        with pytest.raises((ValueError, TypeError)):
            use(segmentation)


def test_versions() -> None:
    assert_refused(lambda: _kernels.select("avx1024"), "avx1024", _kernels.versions()[0])


def test_a_wrong_mask_does_not_harm_the_batch() -> None:
    """The first that is wrong is named, and those before it stay as they are."""
    good = RLE.full(SHAPE, True)
    texts = [good.to_coco()] * 5 + [b"2;"] + [good.to_coco()] * 5
    for threads in (1, 2, 0):
        words = assert_refused(lambda n=threads: rle.from_coco(texts, SHAPE, threads=n), 13, 12)
        assert "5" in words, words
    assert good.to_coco() == texts[0]
