from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceseg import rle
from faceseg.convert import FORMATS, convert, guess_format
from faceseg.errors import InputError
from faceseg.images import read_labels, write_jpeg, write_png

coco_mask = pytest.importorskip("pycocotools.mask", reason="pycocotools reads what we write")


def _masks() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    full = np.full((9, 4), 255, np.uint8)
    masks = {"empty": full * 0, "full": full, "dot": np.full((1, 1), 255, np.uint8)}
    for height, width in ((7, 13), (13, 7), (1, 9), (9, 1), (32, 33)):
        noise = rng.random((height, width)) < 0.4
        masks[f"noise{height}x{width}"] = noise.astype(np.uint8) * 255
    masks["corner"] = np.zeros((5, 6), np.uint8)
    masks["corner"][0, 0] = masks["corner"][-1, -1] = 255
    return masks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, mask in _masks().items():
        write_png(tmp_path / "masks" / f"{name}.png", mask)
    return tmp_path / "masks"


def _out(root: Path, form: str, name: str) -> Path:
    return root / (name + {"png": "", "kaggle": ".csv"}.get(form, ".json"))


def _equal(folder: Path) -> bool:
    masks = _masks()
    read = {path.stem: read_labels(path) for path in folder.iterdir()}
    return read.keys() == masks.keys() and all(
        np.array_equal(read[name], mask) for name, mask in masks.items()
    )


@pytest.mark.parametrize(("first", "second"), list(itertools.product(FORMATS, FORMATS)))
def test_every_pair_of_formats_round_trips(
    folder: Path, tmp_path: Path, first: str, second: str
) -> None:
    one, two, back = (
        _out(tmp_path, form, name)
        for form, name in ((first, "one"), (second, "two"), ("png", "back"))
    )
    count = len(_masks())
    assert convert(folder, one, to=first).masks == count
    assert convert(one, two, to=second).masks == count
    assert convert(two, back, to="png").masks == count
    assert _equal(back)
    assert {path.name for path in tmp_path.iterdir()} == {"masks", one.name, two.name, "back"}


@pytest.mark.parametrize("source", list(itertools.product("FC", (0, 1))))
@pytest.mark.parametrize("target", list(itertools.product("FC", (0, 1))))
def test_kaggle_dialects(
    folder: Path, tmp_path: Path, source: tuple[rle.Order, int], target: tuple[rle.Order, int]
) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    convert(folder, one, to="kaggle", out_order=source[0], out_base=source[1])
    convert(
        one, two, to="kaggle",
        order=source[0], base=source[1], out_order=target[0], out_base=target[1],
    )  # fmt: skip
    convert(two, tmp_path / "back", to="png", order=target[0], base=target[1])
    assert _equal(tmp_path / "back")
    direct = tmp_path / "direct.csv"
    convert(folder, direct, to="kaggle", out_order=target[0], out_base=target[1])
    assert direct.read_text() == two.read_text()


def test_kaggle_text_is_what_kaggle_means(tmp_path: Path) -> None:
    mask = np.zeros((3, 4), np.uint8)
    mask[0, 1] = mask[1, 1] = mask[2, 3] = 255
    write_png(tmp_path / "m" / "a.png", mask)
    convert(tmp_path / "m", tmp_path / "f.csv", to="kaggle")
    convert(tmp_path / "m", tmp_path / "c.csv", to="kaggle", out_order="C", out_base=0)
    header = "image,rle_mask,height,width\n"
    assert (tmp_path / "f.csv").read_text() == header + "a,4 2 12 1,3,4\n"
    assert (tmp_path / "c.csv").read_text() == header + "a,1 1 5 1 11 1,3,4\n"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("form", ["coco", "coco-uncompressed"])
def test_coco_as_pycocotools_reads_it(folder: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "masks.json"
    convert(folder, out, to=form)
    document = json.loads(out.read_text())
    names = {image["id"]: image["file_name"] for image in document["images"]}
    assert sorted(names.values()) == sorted(_masks())
    assert len(document["annotations"]) == len(_masks()) - 1
    for annotation in document["annotations"]:
        mask = _masks()[names[annotation["image_id"]]]
        segmentation = annotation["segmentation"]
        if form == "coco-uncompressed":
            segmentation = coco_mask.frPyObjects(segmentation, *segmentation["size"])
        assert np.array_equal(coco_mask.decode(segmentation) * 255, mask)
        assert annotation["area"] == coco_mask.area(segmentation)
        assert annotation["bbox"] == coco_mask.toBbox(segmentation).tolist()
        assert annotation["category_id"] == document["categories"][0]["id"]


def test_masks_of_other_kinds(tmp_path: Path) -> None:
    labels = np.arange(9, dtype=np.uint8).reshape(3, 3)
    write_png(tmp_path / "parts" / "a.png", labels)
    write_png(tmp_path / "ones" / "a.png", (labels >= 2).astype(np.uint8))
    write_jpeg(tmp_path / "grey" / "a.jpg", np.full((16, 16), 200, np.uint8))
    with pytest.raises(InputError, match="several classes; name those"):
        convert(tmp_path / "parts", tmp_path / "x.csv", to="kaggle")
    convert(tmp_path / "parts", tmp_path / "x.csv", to="kaggle", classes=range(2, 9))
    convert(tmp_path / "ones", tmp_path / "y.csv", to="kaggle")
    convert(tmp_path / "grey", tmp_path / "z.csv", to="kaggle")
    assert (tmp_path / "x.csv").read_text() == (tmp_path / "y.csv").read_text()
    assert (tmp_path / "z.csv").read_text().endswith("a,1 256,16,16\n")


def test_rows_of_one_image_are_joined(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "ImageId,EncodedPixels,height,width\nb.jpg,-1,3,4\na.jpg,1 2,3,4\nc,,3,4\na.jpg,2 4,3,4\n"
    )
    done = convert(tmp_path / "t.csv", tmp_path / "m", to="png")
    assert (done.masks, done.joined) == (3, 1)
    assert read_labels(tmp_path / "m" / "a.png").ravel("F").tolist() == [255] * 5 + [0] * 7
    assert not read_labels(tmp_path / "m" / "b.png").any()
    assert not read_labels(tmp_path / "m" / "c.png").any()


def test_size_from_the_image(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("photo,runs\na,1 2\n")
    write_jpeg(tmp_path / "photos" / "a.jpg", np.zeros((3, 4, 3), np.uint8))
    named: dict[str, Any] = {"to": "png", "image_column": "photo", "rle_column": "runs"}
    with pytest.raises(InputError, match=r"t\.csv row 2: no height and width; .*--images"):
        convert(tmp_path / "t.csv", tmp_path / "m", **named)
    with pytest.raises(InputError, match=r"row 2: no image 'a' in"):
        convert(tmp_path / "t.csv", tmp_path / "m", images=tmp_path, **named)
    convert(tmp_path / "t.csv", tmp_path / "m", images=tmp_path / "photos", **named)
    assert read_labels(tmp_path / "m" / "a.png").shape == (3, 4)


def _coco(path: Path, *segmentations: Any, **changes: Any) -> Path:
    document: dict[str, Any] = {
        "info": {"kept": True},
        "images": [{"id": 7, "file_name": "a.jpg", "height": 3, "width": 4, "extra": 1}],
        "annotations": [
            {"id": place, "image_id": 7, "category_id": 2 + place, "segmentation": segmentation}
            for place, segmentation in enumerate(segmentations)
        ],
        "categories": [{"id": 2, "name": "skin"}, {"id": 3, "name": "hair"}],
    }
    document.update(changes)
    path.write_text(json.dumps(document))
    return path


def test_annotations_of_one_image_are_joined_unless_it_stays_coco(tmp_path: Path) -> None:
    source = _coco(
        tmp_path / "s.json",
        {"size": [3, 4], "counts": [0, 2, 10]},
        {"size": [3, 4], "counts": [1, 4, 7]},
    )
    done = convert(source, tmp_path / "m", to="png")
    assert (done.masks, done.joined) == (1, 1)
    assert read_labels(tmp_path / "m" / "a.png").ravel("F").tolist() == [255] * 5 + [0] * 7

    convert(source, tmp_path / "c.json", to="coco")
    convert(tmp_path / "c.json", tmp_path / "u.json", to="coco-uncompressed")
    compressed = json.loads((tmp_path / "c.json").read_text())
    assert isinstance(compressed["annotations"][1]["segmentation"]["counts"], str)
    assert json.loads((tmp_path / "u.json").read_text()) == json.loads(source.read_text())


@pytest.mark.parametrize(
    ("segmentation", "problem"),
    [
        ([[0, 0, 1, 1, 2, 2]], r"annotations\[0\]: expected a segmentation of run lengths"),
        ({"size": [3, 5], "counts": [15]}, r"annotations\[0\]: size \(3, 5\), but image 'a.jpg'"),
        ({"size": [3, 4], "counts": [0, 2, 9]}, r"annotations\[0\]: .*12"),
        ({"size": [3, 4], "counts": [13]}, r"annotations\[0\]: .*12"),
        ({"size": [3, 4], "counts": [-1, 13]}, r"annotations\[0\]: .*-1"),
        ({"size": [3, 4], "counts": [1.5, 10.5]}, r"annotations\[0\]: "),
        ({"size": [3, 4], "counts": "~~"}, r"annotations\[0\]: "),
        ({"size": [3, 4], "counts": 12}, r"annotations\[0\]: counts of type int"),
        ({"size": [3], "counts": [12]}, r"annotations\[0\]: size \[3\]"),
    ],
)
@pytest.mark.parametrize("to", FORMATS)
def test_malformed_coco_runs(tmp_path: Path, segmentation: Any, problem: str, to: str) -> None:
    source = _coco(tmp_path / "s.json", segmentation)
    with pytest.raises(InputError, match=problem):
        convert(source, _out(tmp_path, to, "out"), to=to)
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"images": None}, "expected a COCO JSON"),
        ({"images": []}, "no images"),
        ({"images": [{"id": 1}]}, r"images\[0\]: expected id, file_name"),
        ({"annotations": [{"image_id": 1}]}, r"annotations\[0\]: image_id 1 is among no images"),
        ({"annotations": [3]}, r"annotations\[0\]: expected an object"),
        ({"images": [{"id": 1, "file_name": "a", "height": "3", "width": 4}]}, "size"),
        (
            {"images": [{"id": i, "file_name": "a", "height": 3, "width": 4} for i in (1, 2)]},
            r"images\[1\]: id 2 or file_name 'a' is there twice",
        ),
    ],
)
def test_malformed_coco(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    source = _coco(tmp_path / "s.json", **changes)
    with pytest.raises(InputError, match=problem):
        convert(source, tmp_path / "out.csv", to="kaggle")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"{", b"\xff\xfe\x00"])
def test_not_coco_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.json").write_bytes(content)
    with pytest.raises(InputError, match=r"s\.json: (not JSON|expected a COCO JSON)"):
        convert(tmp_path / "s.json", tmp_path / "out.csv", to="kaggle")


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("b,1 2 3,3,4", "odd"),
        ("b,-1 2,3,4", "-1"),
        ("b,12 2,3,4", "the mask has 12"),
        ("a,1 2,3,5", r"size \(3, 5\) of 'a'"),
        ("b,1 2", "2 fields where the header has 4"),
    ],
)
def test_malformed_rows_leave_nothing_behind(
    tmp_path: Path, to: str, row: str, problem: str
) -> None:
    (tmp_path / "t.csv").write_text(f"image,rle,height,width\na,1 2,3,4\n{row}\n")
    with pytest.raises(InputError, match=rf"t\.csv row 3: .*{problem}"):
        convert(tmp_path / "t.csv", _out(tmp_path, to, "out"), to=to)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_failure_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,rle,height,width\na,1 2 3,3,4\n")
    (tmp_path / "out.csv").write_text("before")
    with pytest.raises(InputError, match="row 2"):
        convert(tmp_path / "t.csv", tmp_path / "out.csv", to="kaggle")
    assert (tmp_path / "out.csv").read_text() == "before"


@pytest.mark.parametrize("name", ["../a", "/a", "sub/a", ".a", "..", "sub\\a"])
def test_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_text(f"image,rle,height,width\n{name},1 2,3,4\n")
    with pytest.raises(InputError, match="expected a plain file name"):
        convert(tmp_path / "t.csv", tmp_path / "m", to="png")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_duplicate_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,rle,height,width\na.jpg,,3,4\na.png,,3,4\n")
    with pytest.raises(InputError, match=r"'a\.png' would write a\.png again"):
        convert(tmp_path / "t.csv", tmp_path / "m", to="png")
    for suffix in (".png", ".jpg"):
        write_png(tmp_path / "p" / f"a{suffix}", np.zeros((2, 2), np.uint8))
    with pytest.raises(InputError, match="duplicate name"):
        convert(tmp_path / "p", tmp_path / "x.csv", to="kaggle")


def test_out_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,rle,height,width\na,1 2,3,4\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "keep").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="full: already there"):
        convert(tmp_path / "t.csv", tmp_path / "full", to="png")
    with pytest.raises(InputError, match=r"t\.csv: already there"):
        convert(tmp_path / "t.csv", tmp_path / "t.csv", to="png")
    with pytest.raises(InputError, match="empty: a folder, expected a file"):
        convert(tmp_path / "t.csv", tmp_path / "empty", to="coco")
    convert(tmp_path / "t.csv", tmp_path / "empty", to="png")
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["a.png"]
    assert (tmp_path / "empty").stat().st_mode & 0o777 == (tmp_path / "full").stat().st_mode & 0o777


def test_a_table_may_be_converted_onto_itself(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,rle,height,width\na,0 2,3,4\n")
    convert(tmp_path / "t.csv", tmp_path / "t.csv", to="kaggle", base=0)
    assert (tmp_path / "t.csv").read_text() == "image,rle_mask,height,width\na,1 2,3,4\n"


def test_formats(tmp_path: Path) -> None:
    (tmp_path / "x.txt").touch()
    assert guess_format(tmp_path) == "png"
    with pytest.raises(InputError, match=r"x\.txt: expected a folder of masks"):
        guess_format(tmp_path / "x.txt")
    with pytest.raises(InputError, match="no such file or folder"):
        guess_format(tmp_path / "none")
    with pytest.raises(InputError, match="format 'cocoo'; did you mean 'coco'"):
        convert(tmp_path, tmp_path / "out", to="cocoo")
    with pytest.raises(InputError, match="no masks right in this folder"):
        convert(tmp_path, tmp_path / "out", to="coco")


def test_real_table_is_written_again_as_it_was(real_data: Path, tmp_path: Path) -> None:
    table = real_data / "easyportrait" / "val_rle.csv"
    labels = real_data / "easyportrait" / "annotations" / "val"
    convert(labels, tmp_path / "val.csv", to="kaggle", classes=range(2, 9))
    assert (tmp_path / "val.csv").read_text().split() == table.read_text().split()
