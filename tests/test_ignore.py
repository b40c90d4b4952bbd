"""Pixels that are neither trained on nor scored, from the label image to the score."""

from __future__ import annotations

import numpy as np
import pytest

from faceseg.errors import InputError
from faceseg.evaluate import evaluate
from faceseg.images import write_png
from faceseg.labels import foreground_rule, label_form, label_rule
from faceseg.records import open_source
from faceseg.shards import write_shards


@pytest.fixture
def folders(tmp_path):
    """Return a function that writes label images and gives the arguments that open them."""

    def write(*labels):
        for place, label in enumerate(labels):
            label = np.asarray(label, np.uint8)
            write_png(tmp_path / "labels" / f"{place}.png", label)
            write_png(tmp_path / "images" / f"{place}.png", np.zeros((*label.shape, 3), np.uint8))
        return {"path": tmp_path, "images": tmp_path / "images", "masks": tmp_path / "labels"}

    return write


@pytest.mark.parametrize("ignore", [255, 200])
def test_the_value_stays_in_the_mask(folders, ignore):
    label = [[0, 1, ignore], [ignore, 1, 0]]
    where = folders(label, [[0, 1, 1], [1, 1, 0]])
    source = open_source(**where, ignore_index=ignore)
    assert source.mask(source.records[0]).tolist() == label
    assert source.classes == ("background", "face")


def test_without_being_asked_the_value_is_refused(folders):
    where = folders([[0, 1, 255]])
    with pytest.raises(InputError, match="label values up to 255, expected"):
        open_source(**where)


def test_other_unknown_values_are_still_refused(folders):
    where = folders([[0, 1, 255]], *[[[0, 1, 1]]] * 4, [[0, 9, 255]])
    source = open_source(**where, ignore_index=255)
    message = "label value 9 at line 0, column 1 .and in 1 pixels.* expected 0 or 1, or 255 to ig"
    with pytest.raises(InputError, match=message):
        source.mask(source.records[-1])


def test_a_value_that_means_something_is_not_ignored(folders):
    # 0/255 must not pass for 0/1 without foreground, all of which is ignored.
    where = folders([[0, 255]], [[0, 0]])
    with pytest.raises(InputError, match=r"ignore_index 255: .* use this value for class 1"):
        open_source(**where, ignore_index=255)
    with pytest.raises(InputError, match="ignore_index 3"):
        foreground_rule([1, 2]).ignoring(3)
    with pytest.raises(InputError, match="ignore_index 9: the labels, grey"):
        label_rule("grey").ignoring(9)


def test_a_class_of_run_lengths_is_not_ignored(tmp_path):
    write_png(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    table = tmp_path / "t.csv"
    table.write_text("image,rle_mask\na,1 2\n")
    for value in (0, 1):
        with pytest.raises(InputError, match=f"t.csv: ignore_index {value} is a class of run"):
            open_source(table, ignore_index=value)
    # Beside label images that hold such pixels, a table without any is no mistake.
    source = open_source(table, ignore_index=255)
    write_shards([source], tmp_path / "shards")
    with pytest.raises(InputError, match="shards: ignore_index 1 is a class of run lengths"):
        open_source(tmp_path / "shards", ignore_index=1)


def test_a_class_that_stays_itself_may_be_ignored():
    labels = np.array([[0, 1, 8]], np.uint8)
    rule = label_rule("parts").ignoring(1)
    assert rule.apply(labels).tolist() == labels.tolist()
    assert label_rule("parts").ignoring(-1) is label_rule("parts")


def test_parts_with_ignored_pixels_are_parts(folders):
    where = folders([[0, 8, 255]], [[3, 4, 255]])
    paths = sorted(where["masks"].glob("*"))
    assert label_form(paths, ignore_index=255) == "parts"
    source = open_source(**where, task="parse", ignore_index=255)
    assert source.mask(source.records[0]).tolist() == [[0, 8, 255]]


def test_ignored_pixels_do_not_score(folders):
    where = folders([[0, 1, 255, 255]])
    source = open_source(**where, ignore_index=255)
    result = evaluate(lambda _: np.array([[0, 1, 1, 0]], np.uint8), source, ignore_index=255)
    assert result.counts.tolist() == [[[1, 0], [0, 1]]]
    assert result.scores["iou"] == 1
