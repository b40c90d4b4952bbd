from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from faceseg import RLE
from faceseg.check import Report, check
from faceseg.errors import InputError
from faceseg.images import write_jpeg, write_png


def _photo(seed: int, shape: tuple[int, int] = (12, 10)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def _labels(seed: int, shape: tuple[int, int] = (12, 10)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 9, shape, dtype=np.uint8)


def _table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    root = tmp_path / "portraits"
    splits = {"train": range(4), "val": range(4, 6)}
    for split, seeds in splits.items():
        for seed in seeds:
            write_jpeg(root / "images" / split / f"p{seed}.jpg", _photo(seed))
            write_png(root / "annotations" / split / f"p{seed}.png", _labels(seed))
    rows = [(f"p{seed}", f"u{seed}") for seed in range(6)]
    _table(root / "meta.csv", ("image_name", "user_id"), rows)
    return root


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = []
    for seed in range(4):
        write_jpeg(tmp_path / "images" / f"p{seed}.jpg", _photo(seed))
        text = RLE.from_mask(_labels(seed) >= 2).to_kaggle()
        rows.append((f"p{seed}", text, 12, 10, f"u{seed}", "val" if seed == 3 else "train"))
    header = ("image", "rle_mask", "height", "width", "subject", "split")
    return _table(tmp_path / "masks.csv", header, rows)


def _edit(path: Path, row: int, **values: object) -> None:
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[row - 2].update({name: str(value) for name, value in values.items()})
    _table(path, list(rows[0]), [list(line.values()) for line in rows])


def _found(report: Report) -> list[tuple[str, int | None]]:
    return [(Path(defect.file).name, defect.row) for defect in report.defects]


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def test_whole_sets_pass(portraits: Path, table: Path) -> None:
    assert check([portraits]) == Report({"train": 4, "val": 2}, ())
    assert check([table]) == Report({"train": 3, "val": 1}, ())


def test_every_defect_of_a_set_is_listed_at_once(portraits: Path) -> None:
    images, labels = portraits / "images/train", portraits / "annotations/train"
    _cut(images / "p0.jpg")
    _cut(labels / "p1.png")
    (labels / "p2.png").unlink()
    write_png(labels / "p9.png", _labels(9))
    wrong = _labels(3)
    wrong[0, 1] = 37
    write_png(labels / "p3.png", wrong)
    write_png(portraits / "annotations/val/p4.png", _labels(4, (12, 11)))
    (portraits / "images/val/p5.jpg").write_text("no image")
    report = check([portraits])
    assert sorted(_found(report)) == [
        ("p0.jpg", None),
        ("p1.png", None),
        ("p2.jpg", None),
        ("p3.png", None),
        ("p4.png", None),
        ("p5.jpg", None),
        ("p9.png", None),
    ]
    problems = {Path(defect.file).name: defect.problem for defect in report.defects}
    assert problems["p0.jpg"].startswith("broken image: ")
    assert problems["p1.png"].startswith("broken image: ")
    assert problems["p2.jpg"].startswith("no label p2.*")
    assert problems["p9.png"].startswith("no image p9.*")
    assert problems["p3.png"].startswith("label value 37 at line 0, column 1")
    assert problems["p4.png"].startswith("mask of 12x11 for an image of 12x10")
    assert problems["p5.jpg"] == "not an image in any known format"


def test_a_label_broken_beside_a_broken_image(portraits: Path) -> None:
    _cut(portraits / "images/val/p4.jpg")
    _cut(portraits / "annotations/val/p4.png")
    assert _found(check([portraits])) == [("p4.jpg", None), ("p4.png", None)]


def test_a_split_of_bad_labels_alone(portraits: Path) -> None:
    for seed in (4, 5):
        write_png(portraits / f"annotations/val/p{seed}.png", np.full((12, 10), 37, np.uint8))
    assert _found(check([portraits])) == [("p4.png", None), ("p5.png", None)]


def test_subject_in_two_splits(portraits: Path, table: Path) -> None:
    _edit(portraits / "meta.csv", 7, user_id="u1")
    report = check([portraits])
    assert _found(report) == [("meta.csv", 7)]
    assert report.defects[0].problem == "subject 'u1' is in train and in val"

    _edit(table, 5, subject="u0")
    assert [(d.row, d.problem) for d in check([table]).defects] == [
        (5, "subject 'u0' is in train and in val")
    ]


def test_subject_named_as_its_image_in_two_splits(portraits: Path) -> None:
    _edit(portraits / "meta.csv", 3, user_id="p1")
    _edit(portraits / "meta.csv", 7, user_id="p1")
    assert _found(check([portraits])) == [("meta.csv", 7)]


def test_the_same_image_in_two_splits(portraits: Path) -> None:
    copy = (portraits / "images/train/p1.jpg").read_bytes()
    (portraits / "images/val/p4.jpg").write_bytes(copy)
    report = check([portraits])
    assert _found(report) == [("p4.jpg", None)]
    assert "the same image as" in report.defects[0].problem


def test_equal_names_in_two_splits_are_no_defect_where_subjects_are_unknown(
    portraits: Path,
) -> None:
    (portraits / "meta.csv").unlink()
    (portraits / "images/val/p4.jpg").rename(portraits / "images/val/p0.jpg")
    (portraits / "annotations/val/p4.png").rename(portraits / "annotations/val/p0.png")
    assert not check([portraits]).defects


def test_duplicate_names(portraits: Path) -> None:
    write_png(portraits / "images/train/p1.png", _photo(8))
    report = check([portraits])
    assert _found(report) == [("p1.png", None)]
    assert "duplicate name" in report.defects[0].problem


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"rle_mask": "119 3"}, "the mask has 120"),
        ({"rle_mask": "1 2 3"}, "odd"),
        ({"rle_mask": "0 3"}, "starts at 0"),
        ({"rle_mask": "-4 3"}, "-4"),
        ({"rle_mask": "5 4 6 1"}, "starts at 6"),
        ({"rle_mask": "5 four"}, "'f'"),
        ({"rle_mask": "", "width": 11}, "mask of 12x11 for an image of 12x10"),
        ({"rle_mask": "", "height": 0}, "height '0'"),
        ({"image": "p8"}, "no image 'p8'"),
        ({"image": ""}, "no image name"),
        ({"image": "p1.jpg"}, "duplicate name 'p1.jpg': the same as in row 3"),
    ],
)
def test_rows_of_a_table(table: Path, change: dict[str, object], problem: str) -> None:
    _edit(table, 4, **change)
    report = check([table])
    assert _found(report) == [("masks.csv", 4)]
    assert problem in report.defects[0].problem


def test_a_bad_row_without_size_is_found_by_the_image_s(table: Path) -> None:
    _edit(table, 3, height="", width="", rle_mask="119 3")
    assert _found(check([table])) == [("masks.csv", 3)]


def test_broken_image_of_a_table(table: Path) -> None:
    _cut(table.parent / "images/p2.jpg")
    assert _found(check([table])) == [("p2.jpg", None)]


def test_each_bad_row_of_one_image_and_a_repeated_one(tmp_path: Path) -> None:
    write_jpeg(tmp_path / "a.jpg", _photo(0))
    rows = [("a", "1 2"), ("a", "1 2 3"), ("a", "5 6"), ("a", "1 2"), ("a", "0 1")]
    report = check([_table(tmp_path / "masks.csv", ("image", "rle"), rows)])
    assert _found(report) == [("masks.csv", 3), ("masks.csv", 5), ("masks.csv", 6)]
    assert report.defects[1].problem == "repeats row 2: the same run lengths for 'a'"


def test_tables_checked_together(table: Path) -> None:
    other = table.parent / "val.csv"
    _table(other, ("image", "rle", "subject"), [("p3", "", "u1")])
    _edit(table, 5, split="train")
    report = check([table, other])
    assert list(report.pairs.values()) == [4, 1]
    assert _found(report) == [("val.csv", 2)]
    assert "subject 'u1' is in" in report.defects[0].problem


def test_msfd(tmp_path: Path) -> None:
    for seed in range(4):
        write_jpeg(tmp_path / "1/face_crop" / f"m{seed}.jpg", _photo(seed))
        write_jpeg(tmp_path / "1/face_crop_segmentation" / f"m{seed}.jpg", _photo(seed)[..., 0])
    rows = [(f"m{seed}.jpg", f"s{seed}", ("train", "val")[seed % 2]) for seed in range(4)]
    listing = _table(tmp_path / "1/dataset.csv", ("filename", "subject", "split"), rows)
    assert not check([tmp_path]).defects
    _edit(listing, 2, subject="s1")
    _edit(listing, 4, filename="m9.jpg")
    found = check([tmp_path])
    assert _found(found) == [
        ("dataset.csv", 4),
        ("m2.jpg", None),
        ("m2.jpg", None),
        ("dataset.csv", 3),
    ]


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        check([tmp_path / "none"])
    with pytest.raises(InputError, match="this folder is empty"):
        check([tmp_path])
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="none of the layouts"):
        check([tmp_path])


def test_progress(portraits: Path) -> None:
    seen: list[tuple[int, int]] = []
    check([portraits], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


@pytest.mark.parametrize(
    "names",
    [
        ["easyportrait"],
        ["MSFD"],
        ["fasseg"],
        ["easyportrait/train_rle.csv", "easyportrait/val_rle.csv"],
    ],
    ids=lambda names: names[0],
)
def test_real_sets_pass(real_data: Path, names: list[str]) -> None:
    assert not check([real_data / name for name in names]).defects


def test_run_lengths_are_checked_where_the_image_is_broken_or_of_another_size(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    write_png(tmp_path / "other.png", np.zeros((4, 3, 3), np.uint8))
    table = tmp_path / "t.csv"
    table.write_text(
        "image,rle_mask,height,width\nbroken,1 99,4,3\nother,1 99,4,5\nother2,1 2,1000000,1000000\n"
    )
    write_png(tmp_path / "other2.png", np.zeros((4, 3, 3), np.uint8))
    problems = [(d.row, d.problem) for d in check([table]).defects]
    assert any(row == 2 and "99" in problem for row, problem in problems)
    assert any(row == 3 and "99" in problem for row, problem in problems)
    assert any(row == 4 and "1000000" in problem for row, problem in problems)
