from __future__ import annotations

import numpy as np
import pytest

from faceseg.balance import balanced_weights, class_weights_of, pixel_counts
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.images import write_png
from faceseg.records import open_source


@pytest.fixture
def labelled(tmp_path):
    """Return folders of two label images of 4 x 5 with 0, 1 and 255, and their pictures."""
    one, two = np.zeros((2, 4, 5), np.uint8)
    one[0] = 1
    one[3] = 255
    two[:, 0] = 255
    for name, label in (("a", one), ("b", two)):
        write_png(tmp_path / "labels" / f"{name}.png", label)
        write_png(tmp_path / "images" / f"{name}.png", np.zeros((4, 5, 3), np.uint8))
    return {"images": tmp_path / "images", "masks": tmp_path / "labels"}


def test_run_lengths_count_as_their_masks_do(source):
    counts = pixel_counts(source)
    masks = [source.mask(record) for record in source.records]
    assert counts.dtype == np.int64
    assert counts.tolist() == [[int((m == 0).sum()), int((m == 1).sum())] for m in masks]


def test_ignored_pixels_do_not_count(labelled, tmp_path):
    source = open_source(tmp_path, ignore_index=255, **labelled)
    assert pixel_counts(source, 255).tolist() == [[10, 5], [16, 0]]
    assert pixel_counts(source, 1).tolist() == [[10, 0], [16, 0]]


def test_balanced_by_hand():
    # Frequencies: 150 of 200 pixels, 40 of 100 (one image has it), 10 of 200.
    counts = np.array([[55, 40, 5], [95, 0, 5]])
    assert balanced_weights(counts) == pytest.approx([0.4 / 0.75, 1, 0.4 / 0.05])


def test_balanced_weights_have_an_upper_end():
    counts = np.array([[1000, 500, 1, 0]])
    weights = balanced_weights(counts)
    assert weights[2:] == pytest.approx([10, 10])
    assert weights.dtype == np.float32
    assert balanced_weights(np.zeros((2, 3), np.int64)).tolist() == [1, 1, 1]


def test_weights_as_given_and_as_counted(source):
    assert class_weights_of(Config(), source) is None
    given = class_weights_of(Config(class_weights="1, 2.5"), source)
    assert given.tolist() == [1, 2.5]
    balanced = class_weights_of(Config(class_weights="balanced"), source)
    assert balanced.tolist() == pytest.approx(balanced_weights(pixel_counts(source)).tolist())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3", "3 numbers, expected none, balanced or 2 numbers .* background, face"),
        ("heavy", "'heavy' given, expected none, balanced or 2"),
        ("1,-2", "'1,-2' given"),
        ("1,nan", "'1,nan' given"),
        ("0,0", "not all 0"),
        ("", "'' given"),
    ],
)
def test_weights_that_cannot_be_are_refused(source, text, message):
    with pytest.raises(InputError, match=message):
        class_weights_of(Config(class_weights=text), source)
