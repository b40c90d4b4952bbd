from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from faceseg.errors import InputError
from faceseg.evaluate import Evaluation, evaluate


def truth_of(source):
    """Return a segmenter that knows the answers, by the bytes of the picture."""
    from faceseg.images import read_image

    answers = {read_image(r.image).tobytes(): source.mask(r) for r in source.records}
    return lambda image: answers[image.tobytes()]


def test_the_truth_scores_one(source):
    result = evaluate(truth_of(source), source)
    assert result.scores == {"iou": 1.0, "dice": 1.0, "pixel_accuracy": 1.0}
    assert result.names == tuple(record.name for record in source.records)


def test_scores_by_hand(source):
    truth = truth_of(source)

    def half(image):
        mask = truth(image).copy()
        mask[:24] = 0
        return mask

    result = evaluate(half, source)
    both = [(half(i), truth(i)) for i in _images(source)]
    overlap = sum(int((p & t).sum()) for p, t in both)
    union = sum(int((p | t).sum()) for p, t in both)
    assert result.scores["iou"] == pytest.approx(overlap / union)
    images = [(p & t).sum() / (p | t).sum() for p, t in both]
    assert result.mean_image_iou == pytest.approx(np.mean(images))
    assert [row["iou"] for row in result.per_image] == pytest.approx(images)


def _images(source):
    from faceseg.images import read_image

    return [read_image(record.image) for record in source.records]


def test_nothing_to_find_is_not_a_number_and_an_empty_cell(tmp_path):
    counts = np.array([[[10, 0], [0, 0]], [[4, 2], [1, 3]]])
    result = Evaluation(("a", "b"), ("background", "face"), counts)
    assert np.isnan(result.per_image[0]["iou"])
    assert result.mean_image_iou == pytest.approx(3 / 6)
    result.write_csv(tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert rows[0]["iou"] == ""
    assert rows[1]["iou"] == "0.500000"
    assert rows[1]["truth_0_as_1"] == "2"


def test_more_classes_are_means_without_the_background():
    counts = np.array([[[90, 0, 0], [0, 4, 0], [4, 0, 4]]])
    result = Evaluation(("a",), ("background", "x", "y"), counts)
    assert result.scores["iou"] == pytest.approx((1 + 0.5) / 2)
    assert result.scores["pixel_accuracy"] == pytest.approx(98 / 102)


def test_a_mask_of_another_size_is_refused(source):
    with pytest.raises(InputError, match=r"predicted mask is \(3, 3\), the true mask \(48, 40\)"):
        evaluate(lambda image: np.zeros((3, 3), np.uint8), source)
    with pytest.raises(InputError, match="no image to score"):
        evaluate(lambda image: image[..., 0], replace(source, records=()))
