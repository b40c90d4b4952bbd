"""Drawn portraits: exact, the same for a seed, varied, readable as the sets they imitate."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceseg.draw import draw_dataset, draw_portrait
from faceseg.draw.canvas import Canvas, cast, noise, soften
from faceseg.draw.head import LEFT_EYE, LIPS, RIGHT_EYE, SKIN
from faceseg.errors import InputError
from faceseg.images import read_image, read_labels
from faceseg.records import open_source

TASKS = ("face", "mask")


def _portrait(number: int, task: str, size: tuple[int, int] = (96, 96)):
    return draw_portrait(np.random.default_rng([5, number]), task=task, size=size)


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("size", [(16, 16), (61, 97), (160, 120), (97, 33), (200, 256)])
def test_image_and_labels_have_the_size_asked(task, size):
    for number in range(3):
        image, labels = _portrait(number, task, size)
        assert image.shape == (*size, 3)
        assert image.dtype == np.uint8
        assert labels.shape == size
        assert labels.dtype == np.uint8
        assert image.flags.c_contiguous
        assert labels.max() <= (8 if task == "face" else 1)


@pytest.mark.parametrize("task", TASKS)
def test_a_seed_gives_the_same_portrait(task):
    first, second = _portrait(3, task), _portrait(3, task)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], _portrait(4, task)[0])


def test_faces_have_all_classes_and_many_sizes():
    labels = [_portrait(number, "face", (64, 64))[1] for number in range(40)]
    area = np.array([(each >= SKIN).mean() for each in labels])
    assert 0.2 < np.median(area) < 0.45
    assert area.min() < 0.12
    assert area.max() > 0.45
    seen = np.unique(np.concatenate([np.unique(each) for each in labels]))
    np.testing.assert_array_equal(seen, np.arange(9))


def test_left_is_the_persons_left():
    sides = []
    for number in range(20):
        _, labels = _portrait(number, "face")
        left, right = (np.nonzero(labels == eye)[1] for eye in (LEFT_EYE, RIGHT_EYE))
        if len(left) and len(right):
            sides.append(left.mean() > right.mean())
    assert len(sides) > 10
    assert all(sides)


def test_features_lie_inside_the_face():
    for number in range(20):
        _, labels = _portrait(number, "face", (160, 160))
        face = (labels >= SKIN).astype(np.uint8)
        features = labels > SKIN
        hull = np.zeros_like(face)
        points = cv2.findNonZero(face)
        cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
        assert not (features & (hull == 0)).any()
        if (labels == LIPS).any() and (labels == LEFT_EYE).any():
            assert (labels == SKIN).sum() > features.sum()


def test_masks_are_worn_on_most_portraits_only():
    area = np.array([_portrait(number, "mask", (64, 64))[1].mean() for number in range(40)])
    bare = (area == 0).mean()
    assert 0 < bare < 0.25
    assert 0.2 < np.median(area[area > 0]) < 0.5
    assert area.max() > 0.5


def test_labels_follow_the_picture():
    """Edges of the labels are edges of the picture: they would not be if the two were apart."""
    on_edge, elsewhere = [], []
    for number in range(20):
        image, labels = _portrait(number, "face", (128, 128))
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        steps = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        person = (labels > 0).astype(np.uint8)
        outline = cv2.morphologyEx(person, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        on_edge.append(steps[outline].mean())
        elsewhere.append(steps[~outline].mean())
    assert np.mean(on_edge) > 2 * np.mean(elsewhere)


def test_coverage_and_label_come_from_one_outline():
    canvas = Canvas(20, 30)
    square = canvas.fill(np.array([[5, 4], [15, 4], [15, 12], [5, 12]], float))
    canvas.paint(square, (1.0, 0.5, 0.0), label=2)
    np.testing.assert_array_equal(canvas.labels == 2, square >= 128)
    assert canvas.labels[4:12, 5:15].min() == 2
    assert not canvas.labels[:3].any()
    assert not canvas.labels[:, 16:].any()
    np.testing.assert_allclose(canvas.colour[8, 10], [1, 0.5, 0], atol=1e-6)
    np.testing.assert_array_equal(canvas.colour[0, 0], 0)
    canvas.paint(canvas.fill(np.array([[40, 40], [50, 40], [50, 50]], float)), (1, 1, 1), label=3)
    assert 3 not in canvas.labels


def test_shadow_moves_with_the_shape_and_nothing_casts_none():
    canvas = Canvas(40, 40)
    dot = canvas.fill(np.array([[10, 10], [14, 10], [14, 14], [10, 14]], float))
    shadow = cast(dot, 8, 3, 0)
    y, x = np.nonzero(shadow > 128)
    assert (y.mean(), x.mean()) == pytest.approx((11.5 + 3, 11.5 + 8), abs=0.6)
    assert not cast(np.zeros((40, 40), np.uint8), 5, 5, 3).any()


def test_fields_have_the_size_and_spread_asked():
    field = noise(np.random.default_rng(0), (50, 70), 6)
    assert field.shape == (50, 70)
    assert field.dtype == np.float32
    assert 0.4 < field.std() < 1.3
    assert soften(field, 5.0).std() < 0.7 * field.std()


def test_unknown_task_and_small_size_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="face, mask"):
        draw_portrait(rng, task="hat")
    with pytest.raises(ValueError, match="at least 16"):
        draw_portrait(rng, size=(256, 8))


@pytest.mark.parametrize("task", TASKS)
def test_dataset_is_the_same_for_a_seed_and_any_number(tmp_path, task):
    draw_dataset(tmp_path / "a", 5, seed=3, task=task, size=48)
    draw_dataset(tmp_path / "b", 5, seed=3, task=task, size=48)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    draw_dataset(tmp_path / "more", 8, seed=3, task=task, size=48)
    more = _files(tmp_path / "more")
    for name, digest in _files(tmp_path / "a").items():
        if not name.endswith(".csv"):
            assert more[name] == digest, name
    draw_dataset(tmp_path / "other", 5, seed=4, task=task, size=48)
    other = _files(tmp_path / "other")
    assert not set(other.values()) & set(more.values())


@pytest.mark.parametrize("task", TASKS)
def test_dataset_reads_as_the_layout_it_imitates(tmp_path, task):
    done = []
    folder = draw_dataset(tmp_path / "set", 16, task=task, size=(40, 56), progress=done.append)
    assert sum(done) == 16
    groups = {}
    count = 0
    for split in ("train", "val"):
        source = open_source(folder, split=split, task=task)
        table = open_source(folder / f"{split}_rle.csv", split=split, task=task)
        assert source.kind == ("easyportrait" if task == "face" else "msfd")
        assert len(table) == len(source)
        groups[split] = {record.group for record in source.records}
        count += len(source)
        for record, row in zip(source.records, table.records, strict=True):
            assert row.image == record.image
            assert read_image(record.image).shape == (40, 56, 3)
            np.testing.assert_array_equal(source.mask(record), table.mask(row))
    assert count == 16
    assert groups["val"]
    assert not groups["train"] & groups["val"]
    assert len(groups["train"]) < len(open_source(folder, split="train", task=task))


def test_dataset_annotations_hold_the_drawn_labels(tmp_path):
    folder = draw_dataset(tmp_path / "set", 5, seed=1, size=64)
    with (folder / "meta.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["image_name", "user_id", "height", "width", "set", "brightness"]
    for row in rows:
        label = folder / "annotations" / row["set"] / f"{row['image_name']}.png"
        labels = read_labels(label)
        assert labels.max() > 2
        image = read_image(folder / "images" / row["set"] / f"{row['image_name']}.jpg")
        # The brightness is the drawn picture's, before JPEG.
        grey = image @ np.array([0.299, 0.587, 0.114])
        assert int(row["brightness"]) == pytest.approx(grey.mean(), abs=2)
        assert (int(row["height"]), int(row["width"])) == labels.shape == image.shape[:2]


def test_mask_labels_survive_jpeg(tmp_path):
    folder = draw_dataset(tmp_path / "set", 6, seed=2, task="mask", size=64)
    for split in ("train", "val"):
        for record in open_source(folder, split=split, task="mask").records:
            stored = read_labels(record.label)
            assert ((stored < 64) | (stored > 192)).mean() > 0.97


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "number of portraits is 0"),
        ({"n": 2, "task": "hat"}, "expected one of face, mask"),
        ({"n": 2, "val_fraction": 1.5}, "val_fraction is 1.5"),
        ({"n": 2, "size": 4}, "at least 16"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        draw_dataset(tmp_path / "set", **settings)
    assert not (tmp_path / "set").exists()


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        draw_dataset(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
