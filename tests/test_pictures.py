"""Overlays, mistakes and sheets show what they should, pixel for pixel where it counts."""

from __future__ import annotations

import numpy as np
import pytest

from faceseg.evaluate import evaluate
from faceseg.images import read_image
from faceseg.pictures import (
    FOUND,
    INVENTED,
    MISSED,
    PALETTE,
    best_and_worst,
    boundary_errors,
    contact_sheet,
    error_map,
    overlay,
    worst_boundaries,
    write_evaluation,
)


@pytest.fixture
def picture() -> np.ndarray:
    return np.full((40, 60, 3), 100, np.uint8)


@pytest.fixture
def square() -> np.ndarray:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 1
    return mask


def test_overlay_paints_inside_lines_the_border_and_leaves_the_rest(picture, square):
    before = picture.copy()
    shown = overlay(picture, square, alpha=0.5)
    np.testing.assert_array_equal(shown[20, 30], ((100 + PALETTE[1].astype(int)) / 2).round())
    np.testing.assert_array_equal(shown[10, 30], PALETTE[1])
    np.testing.assert_array_equal(shown[9, 30], (255, 255, 255))
    np.testing.assert_array_equal(shown[:8], picture[:8])
    np.testing.assert_array_equal(picture, before)


def test_overlay_without_foreground_is_the_picture(picture):
    np.testing.assert_array_equal(overlay(picture, np.zeros((40, 60), np.uint8)), picture)


def test_overlay_has_a_colour_for_each_of_nine_classes(picture):
    mask = np.repeat(np.arange(9, dtype=np.uint8), 10)[None, :].repeat(20, axis=0)
    shown = overlay(np.full((20, 90, 3), 100, np.uint8), mask, alpha=1)
    middles = shown[10, 5::10]
    assert len({tuple(colour) for colour in middles}) == 9
    np.testing.assert_array_equal(middles[1:], PALETTE[1:])


def test_error_map_tells_found_invented_and_missed(picture, square):
    prediction = np.roll(square, 5, axis=1)
    shown = error_map(picture, prediction, square)

    def expected(colour):
        return (0.35 * 60 + 0.65 * colour).astype(np.uint8)

    np.testing.assert_array_equal(shown[20, 30], expected(FOUND))
    np.testing.assert_array_equal(shown[20, 42], expected(INVENTED))
    np.testing.assert_array_equal(shown[20, 22], expected(MISSED))
    np.testing.assert_array_equal(shown[0, 0], (60, 60, 60))


def test_error_map_counts_another_class_as_missed(picture, square):
    shown = error_map(picture, square * 2, square)
    np.testing.assert_array_equal(shown[20, 30], (0.35 * 60 + 0.65 * MISSED).astype(np.uint8))


def test_contact_sheet_keeps_proportions_and_order():
    red, green = (np.full((20, 40, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 255, 0)))
    sheet = contact_sheet([[red, green], [green, red]], ["a", "b"], ["one", "zwölf"], cell=80)
    is_red = (sheet == (255, 0, 0)).all(axis=2)
    is_green = (sheet == (0, 255, 0)).all(axis=2)
    assert is_red.sum() == is_green.sum() == 2 * 80 * 40
    height, width = is_red.shape
    assert is_red[: height // 2, : width // 2].sum() == 80 * 40
    assert is_red[height // 2 :, width // 2 :].sum() == 80 * 40
    assert (sheet.max(axis=2) < 128).any()  # the captions


def test_best_and_worst_shows_each_image_once(source):
    def bright(image):
        return (image.mean(axis=2) > 110).astype(np.uint8)

    evaluation = evaluate(bright, source)
    for count, rows in ((1, 2), (3, 6), (100, 12)):
        seen = []

        def segment(image, seen=seen):
            seen.append(image.tobytes())
            return bright(image)

        sheet = best_and_worst(evaluation, source, segment, count=count)
        assert len(seen) == len(set(seen)) == rows
        assert sheet.dtype == np.uint8
        assert sheet.shape[2] == 3


def test_best_comes_first(source):
    # Only the third image is segmented well.
    good = read_image(source.records[2].image).tobytes()

    def segment(image):
        bright = image.mean(axis=2) > 110
        return (bright & (image.tobytes() == good)).astype(np.uint8)

    order = []

    def watched(image):
        order.append(image.tobytes())
        return segment(image)

    best_and_worst(evaluate(segment, source), source, watched, count=1)
    assert order[0] == good


def test_write_evaluation(source, tmp_path):
    def nothing(image):
        return np.zeros(image.shape[:2], np.uint8)

    write_evaluation(tmp_path, "runs/a b", evaluate(nothing, source), source, nothing)
    assert {path.name for path in tmp_path.iterdir()} == {"runs_a_b.csv", "runs_a_b.png"}
    assert len((tmp_path / "runs_a_b.csv").read_text().splitlines()) == 1 + len(source)


def test_boundary_errors_frame_the_worst_part(picture, square):
    prediction = square.copy()
    prediction[10:30, 36:40] = 0  # missed
    prediction[0:2, 0:2] = 1  # invented, but smaller
    whole, crop = boundary_errors(picture, prediction, square)
    assert whole.shape == picture.shape
    assert crop.shape[0] == crop.shape[1] >= 300
    pink = (0.45 * 60 + 0.55 * MISSED).astype(np.uint8)
    np.testing.assert_array_equal(whole[20, 38], pink)
    share = (crop == pink).all(axis=2).mean()
    assert share > 0.05
    np.testing.assert_array_equal(whole[15, 20], (255, 255, 255))  # both outlines: the true one
    np.testing.assert_array_equal(whole[0, 2], PALETTE[2])  # the predicted one
    assert (whole == PALETTE[7]).all(axis=2).any()  # the frame


def test_boundary_errors_tell_another_class(picture, square):
    whole, _ = boundary_errors(picture, square * 2, square)
    expected = (0.45 * 60 + 0.55 * PALETTE[7].astype(float)).astype(np.uint8)
    np.testing.assert_array_equal(whole[20, 30], expected)


@pytest.mark.parametrize("shape", [(5, 4), (1, 1), (3, 200)])
def test_boundary_errors_of_any_size_and_of_nothing(shape):
    image, nothing = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8)
    for prediction in (nothing, nothing + 1):
        whole, crop = boundary_errors(image, prediction, nothing)
        assert whole.shape == image.shape
        assert min(crop.shape[:2]) >= 1


def test_worst_boundaries_shows_the_images_named(source):
    names = [(record.name, 0.1) for record in source.records[:2]]
    sheet = worst_boundaries(names, source, lambda image: np.zeros(image.shape[:2], np.uint8))
    assert sheet.shape[0] > 600
    assert sheet.dtype == np.uint8


def test_pixels_to_ignore_are_no_mistakes(picture, square, source, monkeypatch):
    truth = square.copy()
    truth[:, :30] = 255
    monkeypatch.setattr("faceseg.records.Source.mask", lambda self, record: truth)
    monkeypatch.setattr("faceseg.pictures.read_image", lambda path: picture)
    seen = []
    monkeypatch.setattr("faceseg.pictures.boundary_errors", lambda *given: seen.append(given) or [])
    worst_boundaries([(source.records[0].name, 0.1)], source, lambda _: square, ignore_index=255)
    _, prediction, shown = seen[0]
    np.testing.assert_array_equal(prediction, shown)
