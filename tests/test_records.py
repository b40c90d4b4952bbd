from __future__ import annotations

import csv
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceseg import records, rle
from faceseg.errors import InputError
from faceseg.files import Member
from faceseg.images import write_jpeg, write_png
from faceseg.labels import PARTS
from faceseg.records import (
    Record,
    Records,
    Source,
    group_folds,
    list_splits,
    open_source,
    split_off,
)


def _photo(shape: tuple[int, int] = (12, 10)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def _labels(seed: int, shape: tuple[int, int] = (12, 10), values: Sequence[int] = range(9)) -> Any:
    return np.random.default_rng(seed).choice(np.array(values, np.uint8), shape)


def _table(path: Path, header: Sequence[str], *rows: Sequence[object]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def _easyportrait(root: Path, values: Sequence[int] = range(9)) -> Path:
    """Two splits of three and two pairs, labels drawn from `values`."""
    for split, seeds in (("train", (0, 1, 2)), ("val", (3, 4))):
        for seed in seeds:
            write_jpeg(root / "images" / split / f"p{seed}.jpg", _photo())
            write_png(root / "annotations" / split / f"p{seed}.png", _labels(seed, values=values))
    return root


@pytest.fixture
def easyportrait(tmp_path: Path) -> Path:
    rows = [(f"p{seed}", f"u{seed // 2}") for seed in range(5)]
    root = _easyportrait(tmp_path / "ep")
    _table(root / "meta.csv", ("", "attachment_id", "user_id"), *[(0, *row) for row in rows])
    return root


@pytest.fixture
def msfd(tmp_path: Path) -> Path:
    root = tmp_path / "MSFD"
    for seed in range(4):
        grey = np.random.default_rng(seed).choice(np.array([0, 255], np.uint8), (4, 4))
        write_jpeg(root / "1/face_crop" / f"m{seed}.jpg", _photo((32, 24)))
        big = grey.repeat(8, axis=0).repeat(6, axis=1)
        write_jpeg(root / "1/face_crop_segmentation" / f"m{seed}.jpg", big)
    rows = [(f"m{seed}.jpg", f"s{seed}", "val" if seed == 3 else "train") for seed in range(4)]
    _table(root / "1/dataset.csv", ("filename", "subject", "split"), *rows)
    return root


def _text(mask: np.ndarray, order: rle.Order = "F", base: int = 1) -> str:
    return rle.RLE.from_mask(mask, order=order).to_kaggle(base=base)


# --- the packed index -----------------------------------------------------------------------------


def test_packed_records_are_those_that_were_given() -> None:
    given_records = [
        Record("a", Path("x/a.jpg"), None, ("1 2", "5 1", ""), (3, 4), "s", "t.csv row 2", (2, 3)),
        Record("ä", Path("x/ä.jpg"), Path("y/ä.png"), None, None, "ä", "y/ä.png"),
        Record("m", Member(Path("t.tar"), "m.jpg", 512, 9), None, ("é",), None, "m", "", (9,)),
    ]
    packed = Records(given_records)
    assert list(packed) == given_records
    assert packed[-1] == given_records[-1]
    assert list(packed[1:]) == given_records[1:]
    assert list(packed.take([2, 0])) == [given_records[2], given_records[0]]
    assert pickle.loads(pickle.dumps(packed)) == packed
    assert packed != given_records[0]
    with pytest.raises(IndexError):
        packed[3]


def test_packed_records_take_little_more_than_their_text() -> None:
    text = "123456 12 " * 400
    record = Record("name", Path("folder/name.jpg"), None, (text,), (9, 9), "name", "t.csv row 7")
    packed = Records(record for _ in range(100))
    assert len(pickle.dumps(packed)) < 100 * (len(text) + 200)
    # Subsets share the text.
    assert packed.take([0, 1])._texts is packed._texts


# --- EasyPortrait ---------------------------------------------------------------------------------


def test_easyportrait_face(easyportrait: Path) -> None:
    source = open_source(easyportrait)
    assert (source.kind, source.split, source.task) == ("easyportrait", "train", "face")
    assert source.classes == ("background", "face")
    assert [record.name for record in source.records] == ["p0", "p1", "p2"]
    assert [record.group for record in source.records] == ["u0", "u0", "u1"]
    assert len(source) == 3
    mask = source.mask(source.records[1])
    assert mask.dtype == np.uint8
    assert mask.flags.writeable
    assert np.array_equal(mask, _labels(1) >= 2)


def test_easyportrait_parse_and_chosen_classes(easyportrait: Path) -> None:
    parse = open_source(easyportrait, split="val", task="parse")
    assert parse.classes == PARTS
    assert np.array_equal(parse.mask(parse.records[0]), _labels(3))
    eyes = open_source(easyportrait, classes=[5, 6])
    assert eyes.classes == ("background", "face")
    assert np.array_equal(eyes.mask(eyes.records[0]), np.isin(_labels(0), (5, 6)))


def test_binary_labels_in_the_same_layout_are_pairs(tmp_path: Path) -> None:
    root = _easyportrait(tmp_path, values=(0, 1))
    source = open_source(root)
    assert source.kind == "folders"
    assert np.array_equal(source.mask(source.records[0]), _labels(0, values=(0, 1)))
    assert open_source(root, task="mask").classes == ("background", "mask")
    with pytest.raises(InputError, match="labels are 0/1, two classes"):
        open_source(root, task="parse")


def test_splits(easyportrait: Path, msfd: Path) -> None:
    assert list_splits(easyportrait) == ("train", "val")
    assert list_splits(msfd) == ("train", "val")
    with pytest.raises(InputError, match="no split 'test'; there are: train, val"):
        open_source(easyportrait, split="test")


def test_label_out_of_range_names_file_value_and_place(easyportrait: Path) -> None:
    labels = _labels(2)
    labels[3, 4] = labels[5, 6] = 37
    write_png(easyportrait / "annotations/train/p2.png", labels)
    source = open_source(easyportrait)
    expected = r"p2\.png: label value 37 at line 3, column 4 \(and in 2 pixels in all\), expected 0"
    with pytest.raises(InputError, match=expected):
        source.mask(source.records[2])


def test_mask_of_another_size(easyportrait: Path) -> None:
    write_png(easyportrait / "annotations/train/p0.png", _labels(0, (10, 12)))
    source = open_source(easyportrait)
    with pytest.raises(InputError, match=r"p0\.png: mask of 10x12 for an image of 12x10 .*swapped"):
        source.mask(source.records[0])


def test_unpaired_files_are_left_out_and_counted(easyportrait: Path) -> None:
    (easyportrait / "annotations/train/p0.png").unlink()
    (easyportrait / "images/train/p1.jpg").unlink()
    source = open_source(easyportrait)
    assert [record.name for record in source.records] == ["p2"]
    assert [Path(defect.file).name for defect in source.unpaired] == ["p0.jpg", "p1.png"]


def test_duplicate_names(easyportrait: Path) -> None:
    write_png(easyportrait / "images/train/p1.png", _photo())
    with pytest.raises(InputError, match=r"p1\.png: duplicate name: the same as p1\.jpg"):
        open_source(easyportrait)


def test_mask_task_needs_a_medical_mask(easyportrait: Path) -> None:
    with pytest.raises(InputError, match="hold no medical mask"):
        open_source(easyportrait, task="mask")


def test_meta_without_the_columns(easyportrait: Path) -> None:
    _table(easyportrait / "meta.csv", ("a", "b"), (1, 2))
    with pytest.raises(
        InputError, match=r"meta\.csv: no columns for image and subject .*among a, b"
    ):
        open_source(easyportrait)


# --- MSFD -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [".", "1"])
def test_msfd(msfd: Path, inside: str) -> None:
    source = open_source(msfd / inside, task="mask")
    assert source.kind == "msfd"
    assert source.classes == ("background", "mask")
    assert [record.group for record in source.records] == ["s0", "s1", "s2"]
    assert [record.rows for record in source.records] == [(2,), (3,), (4,)]
    truth = np.random.default_rng(1).choice(np.array([0, 255], np.uint8), (4, 4)) > 0
    mask = source.mask(source.records[1])
    assert set(np.unique(mask)) <= {0, 1}
    assert np.array_equal(mask[4::8, 3::6], truth)


def test_msfd_without_its_list_is_all_train(msfd: Path) -> None:
    (msfd / "1/dataset.csv").unlink()
    assert len(open_source(msfd, task="mask")) == 4
    assert list_splits(msfd) == ("train",)
    with pytest.raises(InputError, match="no split 'val': without dataset"):
        open_source(msfd, task="mask", split="val")


def test_msfd_with_a_list_of_something_else(msfd: Path) -> None:
    _table(msfd / "1/dataset.csv", ("filename", "country"), ("photo.jpg", "x"))
    assert len(open_source(msfd, task="mask")) == 4


def test_msfd_missing_image_names_file_and_row(msfd: Path) -> None:
    (msfd / "1/face_crop/m1.jpg").unlink()
    with pytest.raises(InputError, match=r"dataset\.csv row 3: no 'm1\.jpg' in .*face_crop$"):
        open_source(msfd, task="mask")


def test_msfd_other_defects(msfd: Path) -> None:
    with pytest.raises(InputError, match="use task mask"):
        open_source(msfd)
    with pytest.raises(InputError, match="no rows of split 'test'; there are: train, val"):
        open_source(msfd, task="mask", split="test")
    with (msfd / "1/dataset.csv").open("a") as stream:
        stream.write("m0.jpg,s0,train\n")
    with pytest.raises(InputError, match=r"row 6: duplicate name 'm0\.jpg': the same as in row 2"):
        open_source(msfd, task="mask")


# --- tables ---------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in "abc":
        write_jpeg(tmp_path / "images" / f"{name}.jpg", _photo())
    return tmp_path


def _mask(seed: int, shape: tuple[int, int] = (12, 10)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.4


@pytest.mark.parametrize(
    "columns", [("image", "rle_mask"), ("ImageId", "EncodedPixels"), ("id", "rle")]
)
@pytest.mark.parametrize("extension", ["", ".jpg"])
def test_table_column_names(photos: Path, columns: tuple[str, str], extension: str) -> None:
    rows = [(f"{name}{extension}", _text(_mask(place))) for place, name in enumerate("abc")]
    source = open_source(_table(photos / "t.csv", columns, *rows))
    assert source.kind == "table"
    assert [record.name for record in source.records] == ["a", "b", "c"]
    for place, record in enumerate(source.records):
        assert np.array_equal(source.mask(record), _mask(place))


def test_table_columns_by_flag_and_size_columns(photos: Path) -> None:
    rows = [("b", "12.0", "10.0", _text(_mask(1))), ("a", "", "", _text(_mask(0)))]
    table = _table(photos / "t.csv", ("photo", "Height", "Width", "runs"), *rows)
    source = open_source(table, image_column="photo", rle_column="runs")
    assert [record.size for record in source.records] == [(12, 10), None]
    assert np.array_equal(source.mask(source.records[0]), _mask(1))
    assert np.array_equal(source.mask(source.records[1]), _mask(0))
    with pytest.raises(InputError, match=r"t\.csv: no column 'foto'; did you mean 'photo'"):
        open_source(table, image_column="foto")
    with pytest.raises(InputError, match=r"no column for the run lengths .*among photo, Height"):
        open_source(table, image_column="photo")


@pytest.mark.parametrize("order", ["F", "C"])
@pytest.mark.parametrize("base", [0, 1])
def test_table_order_and_base(photos: Path, order: rle.Order, base: int) -> None:
    table = _table(photos / "t.csv", ("image", "rle"), ("a", _text(_mask(5), order, base)))
    source = open_source(table, order=order, base=base)
    assert np.array_equal(source.mask(source.records[0]), _mask(5))


def test_several_rows_are_one_mask(photos: Path) -> None:
    left, right = _mask(0), _mask(1)
    rows = [("a", _text(left)), ("b", ""), ("a", _text(right))]
    source = open_source(_table(photos / "t.csv", ("image", "rle"), *rows))
    assert [record.rows for record in source.records] == [(2, 4), (3,)]
    assert source.records[0].where.endswith("t.csv rows 2, 4")
    assert np.array_equal(source.mask(source.records[0]), left | right)


@pytest.mark.parametrize("text", ["", "nan", "NaN", "-1", " "])
def test_no_mask(photos: Path, text: str) -> None:
    source = open_source(_table(photos / "t.csv", ("image", "rle"), ("a", text)))
    assert not source.mask(source.records[0]).any()


def test_table_splits_and_groups(photos: Path) -> None:
    rows = [("a", "", "train", "u1"), ("b", "", "val", "u2"), ("c", "", "train", "")]
    table = _table(photos / "t.csv", ("image", "rle", "split", "subject"), *rows)
    assert list_splits(table) == ("train", "val")
    assert [r.name for r in open_source(table, split="val").records] == ["b"]
    assert [r.group for r in open_source(table).records] == ["u1", "c"]
    with pytest.raises(InputError, match="no rows of split 'test'"):
        open_source(table, split="test")


def test_table_finds_images(photos: Path, tmp_path: Path) -> None:
    write_jpeg(tmp_path / "else" / "deep" / "x.y.JPG", _photo())
    table = _table(tmp_path / "t.csv", ("image", "rle"), ("deep/x.y", ""))
    source = open_source(table, images=tmp_path / "else")
    assert source.records[0].image == tmp_path / "else" / "deep" / "x.y.JPG"
    assert source.records[0].name == "deep/x.y"
    with pytest.raises(InputError, match=r"t\.csv row 2: no image 'deep/x\.y' in .*images$"):
        open_source(table)


def test_table_ambiguous_and_duplicate_images(photos: Path) -> None:
    table = _table(photos / "t.csv", ("image", "rle"), ("a", ""), ("a.jpg", ""))
    with pytest.raises(InputError, match=r"row 3: duplicate name 'a\.jpg': the same as in row 2"):
        open_source(table)
    write_png(photos / "images" / "a.png", _photo())
    with pytest.raises(InputError, match=r"row 2: 'a' may mean .*duplicate names"):
        open_source(table)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 2 3", "odd"),
        ("-3 2", "-3"),
        ("0 4", "starts at 0"),
        ("1 4 3 2", "starts at 3"),
        ("119 3", "the mask has 120"),
        ("1 x", "'x'"),
        ("1 99999999999999999999", "out of range"),
    ],
)
@pytest.mark.parametrize("sized", [True, False])
def test_malformed_rle_names_file_and_row(
    photos: Path, text: str, problem: str, sized: bool
) -> None:
    size = (12, 10) if sized else ("", "")
    rows = [("a", "1 5", *size), ("b", text, *size)]
    table = _table(photos / "t.csv", ("image", "rle", "height", "width"), *rows)

    def read() -> None:
        source = open_source(table)
        source.mask(source.records[1])

    with pytest.raises(InputError, match=rf"t\.csv row 3: .*{problem}"):
        read()
    if sized:
        with pytest.raises(InputError, match="row 3"):
            open_source(table)


def test_table_size_that_is_not_the_image_s(photos: Path) -> None:
    table = _table(photos / "t.csv", ("image", "rle", "height", "width"), ("a", "", 12, 11))
    source = open_source(table)
    with pytest.raises(InputError, match=r"t\.csv row 2: mask of 12x11 for an image of 12x10"):
        source.mask(source.records[0])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "an empty file"),
        (b"a,b\n1,2\n", "no column for the image .* among a, b"),
        (b"image,rle\na,\xff\xfe\n", "not UTF-8 text after row"),
        (b"image,rle\n", "no image with its mask"),
        (b"image,rle\na\n", "row 2: 1 fields where the header has 2"),
        (b"image,rle\n,1 2\n", "row 2: no image name"),
        (b'image,rle\na,"1 2\n', "not a CSV table after row 1"),
        (b"image,image,rle\na,a,1 2\n", "column 'image' is there twice"),
        (b"image,rle,height\na,1 2,12\n", "height or width without the other"),
        (b"image,rle,height,width\na,1 2,12,-4\n", "row 2: height '12', width '-4'"),
        (b"image,rle,height,width\na,1 2,12,10\na,5 6,12,11\n", "row 3: size .* in row 2"),
        (b"image,rle,split\na,1 2,train\na,5 6,val\n", "row 3: 'a' is in split 'val'"),
        (b"image,rle,subject\na,1 2,x\na,5 6,y\n", "row 3: 'a' shows 'y', but 'x' in row 2"),
    ],
)
def test_malformed_tables(photos: Path, content: bytes, problem: str) -> None:
    (photos / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        open_source(photos / "t.csv")
    assert str(photos / "t.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bom_and_long_fields(photos: Path) -> None:
    write_png(photos / "images" / "wide.png", np.zeros((400, 400, 3), np.uint8))
    mask = np.indices((400, 400)).sum(axis=0) % 2 == 0
    text = _text(mask)
    assert len(text) > 200_000
    (photos / "t.csv").write_bytes(b"\xef\xbb\xbfimage,rle\r\n\r\nwide," + text.encode() + b"\r\n")
    source = open_source(photos / "t.csv")
    assert source.records[0].rows == (3,)
    assert np.array_equal(source.mask(source.records[0]), mask)


def test_a_table_has_one_class(photos: Path) -> None:
    table = _table(photos / "t.csv", ("image", "rle"), ("a", ""))
    with pytest.raises(InputError, match="one class"):
        open_source(table, task="parse")
    with pytest.raises(InputError, match="one class"):
        open_source(table, classes=[2])


# --- any two folders ------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [(0, 1), (0, 255)])
def test_folders(tmp_path: Path, values: tuple[int, int]) -> None:
    for seed in range(3):
        write_png(tmp_path / "x" / f"{seed}.png", _photo())
        write_png(tmp_path / "y" / f"{seed}.png", _labels(seed, values=values) * (seed != 0))
    source = open_source(tmp_path, images=tmp_path / "x", masks=tmp_path / "y")
    assert source.kind == "folders"
    assert not source.mask(source.records[0]).any()
    assert np.array_equal(source.mask(source.records[1]), _labels(1, values=values) > 0)


def test_folders_with_split_folders_and_parts(tmp_path: Path) -> None:
    root = _easyportrait(tmp_path)
    source = open_source(
        root, split="val", task="parse", images=root / "images", masks=root / "annotations"
    )
    assert [record.name for record in source.records] == ["p3", "p4"]
    assert np.array_equal(source.mask(source.records[1]), _labels(4))


def test_folders_of_unknown_values(tmp_path: Path) -> None:
    write_png(tmp_path / "x" / "a.png", _photo())
    write_png(tmp_path / "y" / "a.png", np.full((12, 10), 40, np.uint8))
    with pytest.raises(InputError, match=r"a\.png: label values up to 40, expected 0/1, 0/255"):
        open_source(tmp_path, images=tmp_path / "x", masks=tmp_path / "y")


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda root: open_source(root / "none"), "none: no such file or folder"),
        (lambda root: open_source(root), "none of the layouts known"),
        (lambda root: open_source(root, images=root), "give both folders"),
        (lambda root: open_source(root, images=root, masks=root / "n"), "n: no such folder"),
        (lambda root: open_source(root, images=root, masks=root), "no images in split 'train'"),
        (lambda root: open_source(root, task="hair"), "task 'hair'; known: face, mask, parse"),
        (lambda root: open_source(root / "masks.json"), "faceseg data convert IN OUT.csv"),
    ],
)
def test_not_a_data_set(tmp_path: Path, call: Callable[[Path], Source], problem: str) -> None:
    (tmp_path / "masks.json").write_text("{}")
    with pytest.raises(InputError, match=problem):
        call(tmp_path)


def test_classes_that_do_not_exist(easyportrait: Path) -> None:
    for classes in ([], [0], [9]):
        with pytest.raises(InputError, match="expected some of 1 to 8"):
            open_source(easyportrait, classes=classes)
    with pytest.raises(InputError, match="keeps all nine"):
        open_source(easyportrait, task="parse", classes=[2])


def test_a_source_travels_to_worker_processes(easyportrait: Path) -> None:
    source = open_source(easyportrait)
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert np.array_equal(copy.mask(copy.records[0]), source.mask(source.records[0]))


# --- folds and parts ------------------------------------------------------------------------------


@given(
    groups=st.lists(st.sampled_from("abcdefghij"), min_size=2, max_size=60),
    k=st.integers(2, 5),
    seed=st.integers(0, 9),
)
def test_group_folds(groups: list[str], k: int, seed: int) -> None:
    if len(set(groups)) < k:
        with pytest.raises(InputError, match="folds of"):
            group_folds(groups, k, seed)
        return
    folds = group_folds(groups, k, seed)
    assert len(folds) == len(groups)
    assert set(folds) == set(range(k))
    assert len(set(zip(groups, folds, strict=True))) == len(set(groups))
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= max(groups.count(group) for group in groups)
    back = group_folds(groups[::-1], k, seed)
    assert np.array_equal(back[::-1], folds)


def _source(groups: Sequence[str]) -> Source:
    made = tuple(
        Record(f"n{place}", Path("i"), None, ("",), (1, 1), group, "w", (2,))
        for place, group in enumerate(groups)
    )
    return Source("table", Path("t"), "train", "face", ("background", "face"), made, None)


@given(
    groups=st.lists(st.sampled_from("abcdefghij"), min_size=2, max_size=60).filter(
        lambda groups: len(set(groups)) > 1
    ),
    fraction=st.floats(0.01, 0.99),
)
def test_split_off(groups: list[str], fraction: float) -> None:
    train, val = split_off(_source(groups), fraction, seed=3)
    assert (train.split, val.split) == ("train", "val")
    assert train.records
    assert val.records
    assert {r.group for r in train.records}.isdisjoint(r.group for r in val.records)
    assert sorted(r.name for r in [*train.records, *val.records]) == sorted(
        r.name for r in _source(groups).records
    )


def test_split_off_takes_about_the_fraction() -> None:
    train, val = split_off(_source([str(place // 2) for place in range(400)]), 0.15, seed=0)
    assert len(val) == 60
    assert split_off(_source([str(place // 2) for place in range(400)]), 0.15, seed=0) == (
        train,
        val,
    )
    with pytest.raises(InputError, match="one subject alone"):
        split_off(_source(["a", "a"]), 0.5, seed=0)


# --- real data ------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "val"])
def test_real_tables_equal_the_labels(real_data: Path, split: str) -> None:
    root = real_data / "easyportrait"
    labels = open_source(root, split=split)
    table = open_source(root / f"{split}_rle.csv")
    assert [r.name for r in table.records] == [r.name for r in labels.records]
    for text, label in zip(table.records[::5], labels.records[::5], strict=True):
        assert np.array_equal(table.mask(text), labels.mask(label))


def test_real_sets(real_data: Path) -> None:
    found = {
        name: (
            open_source(real_data / name, task=task).kind,
            len(open_source(real_data / name, task=task)),
        )
        for name, task in (("easyportrait", "face"), ("MSFD", "mask"), ("fasseg", "face"))
    }
    assert found == {
        "easyportrait": ("easyportrait", 700),
        "MSFD": ("msfd", 541),
        "fasseg": ("folders", 234),
    }
    assert records.find_layout(real_data / "fasseg") == "easyportrait"
