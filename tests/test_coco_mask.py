"""`faceseg.coco_mask` against `pycocotools.mask`: the same answers, to the byte."""

from __future__ import annotations

import contextlib
import doctest
import io
from typing import Any

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceseg import RLE, coco_mask

theirs = pytest.importorskip("pycocotools.mask")

# pycocotools' arrays, and masks of no pixels, which it decodes with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

numbers = st.floats(-8, 40, width=32)


def same(ours: Any, others: Any) -> None:
    """Compare two answers: type, dtype, shape, order and bytes."""
    assert type(ours) is type(others)
    if isinstance(others, (np.ndarray, np.generic)):
        assert ours.dtype == others.dtype
        assert ours.shape == others.shape
        if others.size > 1:
            assert ours.flags.f_contiguous == others.flags.f_contiguous
        assert ours.tobytes() == others.tobytes()
    else:
        assert ours == others


@st.composite
def stacks(draw: st.DrawFn, most: int = 5) -> NDArray[np.uint8]:
    """Return masks (H, W, N) as pycocotools takes them; sides over 0."""
    shape = draw(st.tuples(*[st.sampled_from([1, 2, 7, 9, 31, 33, 64])] * 2))
    n = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = rng.choice([0, 0.02, 0.3, 0.7, 1], n)
    return np.asfortranarray(rng.random((*shape, n)) < density, np.uint8)


@given(stacks())
def test_encode_decode_area_box(masks: NDArray[np.uint8]) -> None:
    segmentations = theirs.encode(masks)
    same(coco_mask.encode(masks), segmentations)
    same(coco_mask.encode(masks[:, :, 0]), theirs.encode(masks[:, :, 0]))
    for other in (np.ascontiguousarray(masks), masks[::-1, ::-1][::-1, ::-1], masks * 255.0):
        same(coco_mask.encode(other), segmentations)
    for name in ("decode", "area", "toBbox"):
        ours, others = getattr(coco_mask, name), getattr(theirs, name)
        same(ours(segmentations), others(segmentations))
        same(ours(segmentations[0]), others(segmentations[0]))
        text = dict(segmentations[0], counts=segmentations[0]["counts"].decode())
        same(ours(text), others(text))
        same(ours([text]), others([text]))


@given(stacks())
def test_merge(masks: NDArray[np.uint8]) -> None:
    segmentations = theirs.encode(masks)
    same(coco_mask.merge(segmentations), theirs.merge(segmentations))
    for intersect in (0, 1, True):
        same(
            coco_mask.merge(segmentations, intersect=intersect),
            theirs.merge(segmentations, intersect=intersect),
        )


@given(stacks(6), st.integers(0, 6), st.data())
def test_iou_of_masks(masks: NDArray[np.uint8], cut: int, data: st.DataObject) -> None:
    segmentations = theirs.encode(masks)
    first, second = segmentations[:cut], segmentations[cut // 2 :]
    crowd = data.draw(st.lists(st.booleans(), min_size=len(second), max_size=len(second)))
    same(coco_mask.iou(first, second, crowd), theirs.iou(first, second, crowd))
    numbers_of_crowd = [int(one) for one in crowd]
    same(coco_mask.iou(second, second, numbers_of_crowd), theirs.iou(second, second, crowd))


boxes = st.lists(st.lists(numbers, min_size=4, max_size=4), max_size=5)


@given(boxes, boxes, st.data())
def test_iou_of_boxes(first: list[Any], second: list[Any], data: st.DataObject) -> None:
    crowd = data.draw(st.lists(st.integers(0, 1), min_size=len(second), max_size=len(second)))
    expected = theirs.iou(first, second, crowd)
    same(coco_mask.iou(first, second, crowd), expected)
    if first and second:
        same(coco_mask.iou(np.array(first), np.array(second), crowd), expected)
        same(coco_mask.iou([np.array(box) for box in first], second, crowd), expected)


@given(
    st.lists(
        st.lists(numbers, min_size=6, max_size=14).filter(lambda p: len(p) % 2 == 0), min_size=1
    ),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_polygons(polygons: list[list[float]], height: int, width: int) -> None:
    ours = coco_mask.frPyObjects(polygons, height, width)
    same(ours, theirs.frPyObjects(polygons, height, width))
    same(coco_mask.frPyObjects(polygons[0], height, width), ours[0])
    same(coco_mask.frPyObjects([np.array(p) for p in polygons], height, width), ours)


@given(boxes, st.integers(1, 40), st.integers(1, 40))
def test_boxes(corners: list[list[float]], height: int, width: int) -> None:
    array = np.array(corners, float).reshape(len(corners), 4)
    ours = coco_mask.frPyObjects(array, height, width)
    same(ours, theirs.frPyObjects(array, height, width))
    if corners:
        same(coco_mask.frPyObjects(corners, height, width), ours)
        same(coco_mask.frPyObjects(corners[0], height, width), ours[0])


@given(strategies.counts())
def test_uncompressed(counts: NDArray[np.uint32]) -> None:
    size = [1, int(counts.sum(dtype=np.uint64))]
    segmentation = {"size": size, "counts": counts.tolist()}
    expected = theirs.frPyObjects(segmentation, *size)
    same(coco_mask.frPyObjects(segmentation, 9, 9), expected)
    same(coco_mask.frPyObjects([segmentation], *size), [expected])
    same(coco_mask.area(segmentation), theirs.area(expected))


def test_empty_lists() -> None:
    same(coco_mask.area([]), theirs.area([]))
    same(coco_mask.toBbox([]), theirs.toBbox([]))
    same(coco_mask.merge([]), theirs.merge([]))
    same(coco_mask.iou([], [], []), theirs.iou([], [], []))
    same(coco_mask.iou([[0, 0, 1, 1]], [], []), theirs.iou([[0, 0, 1, 1]], [], []))
    nothing = np.zeros((3, 4, 0), np.uint8, order="F")
    same(coco_mask.encode(nothing), theirs.encode(nothing))
    same(coco_mask.encode(np.zeros((0, 4))), {"size": [0, 4], "counts": b"0"})
    with pytest.raises(ValueError, match="no masks; expected one or more"):
        coco_mask.decode([])


ONE = {"size": [2, 3], "counts": b"2111"}
OTHER = {"size": [3, 2], "counts": b"2111"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coco_mask.encode(np.zeros(3)), r"shape \(3,\); expected \(H, W\)"),
        (lambda: coco_mask.decode({"size": [2, 3]}), "no 'counts'; expected size and counts"),
        (lambda: coco_mask.decode({"counts": b"6"}), "no 'size'"),
        (lambda: coco_mask.decode([ONE, {"size": [2, 3], "counts": b"2222"}]), "masks.1.: COCO"),
        (
            lambda: coco_mask.decode({"size": [2, 3], "counts": b"5"}),
            "after 5 pixels; the mask has 6",
        ),
        (lambda: coco_mask.decode({"size": [2], "counts": b"5"}), r"size is \[2\]; expected"),
        (lambda: coco_mask.decode({"size": [2, -3], "counts": b"5"}), r"size is \[2, -3\]; exp"),
        (
            lambda: coco_mask.decode({"size": [2.5, 3], "counts": b"5"}),
            "size is .2.5, 3.; expected",
        ),
        (lambda: coco_mask.decode({"size": None, "counts": b"5"}), "size is None; expected"),
        (
            lambda: coco_mask.decode({"size": [2**20, 2**20], "counts": b"5"}),
            "the most is 42949672",
        ),
        (lambda: coco_mask.decode([ONE, OTHER]), r"shapes \(2, 3\) and \(3, 2\)"),
        (lambda: coco_mask.decode([b"2111"]), r"masks\[0\] is bytes; expected size and counts"),
        (lambda: coco_mask.decode("2111"), "masks are str; expected a list of dicts"),
        (lambda: coco_mask.area([{"size": [2, 3], "counts": 6}]), r"counts are int"),
        (lambda: coco_mask.merge([ONE, OTHER]), r"shapes \(2, 3\) and \(3, 2\)"),
        (lambda: coco_mask.merge(ONE), "masks are dict; expected a list"),
        (lambda: coco_mask.iou([ONE], [OTHER], [0]), r"a\[0\] and b\[0\].*\(2, 3\) and \(3, 2\)"),
        (lambda: coco_mask.iou([ONE], [ONE], []), r"iscrowd has shape \(0,\); expected \(1,\)"),
        (lambda: coco_mask.iou([ONE], [[0, 0, 1, 1]], [0]), "dt are masks and gt boxes"),
        (lambda: coco_mask.iou([[0, 0, 1]], [ONE], [0]), r"dt\[0\] is \[0, 0, 1\]; expected x, y"),
        (lambda: coco_mask.iou(ONE, [ONE], [0]), "dt are dict; expected masks or boxes"),
        (lambda: coco_mask.iou(np.zeros(4), [ONE], [0]), r"dt have shape \(4,\); expected boxes"),
        (lambda: coco_mask.frPyObjects([], 2, 3), r"objects are \[\]; expected polygons"),
        (lambda: coco_mask.frPyObjects("01", 2, 3), "objects are '01'; expected polygons"),
        (lambda: coco_mask.frPyObjects([[0, 0, 1, 1, 2]], 2, 3), r"objects\[0\]: .*shape \(5,\)"),
        (lambda: coco_mask.frPyObjects([[0, 0, 1, "x", 2, 2]], 2, 3), r"objects\[0\]: .*x"),
        (lambda: coco_mask.frPyObjects([[0, 0, 1, np.nan, 2, 2]], 2, 3), "y of vertex 1 is nan"),
        (lambda: coco_mask.frPyObjects([[0, 0, 1, 1], [0, 0]], 2, 3), r"objects\[1\]: box has sh"),
        (lambda: coco_mask.frPyObjects(np.zeros((2, 3)), 2, 3), r"have shape \(2, 3\); expected"),
        (lambda: coco_mask.frPyObjects([[0, 0, 1, 1, 2, 2]], -2, 3), r"shape is \(-2, 3\)"),
    ],
)
def test_malformed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_doctests() -> None:
    result = doctest.testmod(coco_mask)
    assert result.attempted >= 7
    assert result.failed == 0


# --- COCOeval ----------------------------------------------------------------------------------


def blob(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    cy, cx = rng.uniform(5, np.array(shape) - 5)
    a, b = rng.uniform(3, 18, 2)
    return ((y - cy) / a) ** 2 + ((x - cx) / b) ** 2 <= 1


def annotation(number: int, image: int, mask: NDArray[np.bool_], **more: Any) -> dict[str, Any]:
    runs = RLE.from_mask(mask)
    return {
        "id": number,
        "image_id": image,
        "segmentation": dict(runs.to_coco_dict(), counts=runs.to_coco().decode()),
        "area": runs.area,
        "bbox": list(runs.bbox),
        **more,
    }


def made_up() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return true objects, crowds among them, of three classes, and detections near and far."""
    rng = np.random.default_rng(5)
    shape = (60, 80)
    truth, detections = [], []
    for image in range(1, 13):
        for _ in range(rng.integers(1, 6)):
            mask = blob(rng, shape)
            kind = int(rng.integers(1, 4))
            crowd = int(rng.random() < 0.2)
            truth.append(annotation(len(truth) + 1, image, mask, category_id=kind, iscrowd=crowd))
            for _ in range(rng.integers(0, 4)):
                shift = rng.integers(-2, 3, 2)
                moved = np.roll(mask, shift, (0, 1)) & (rng.random(shape) > 0.02)
                kind = kind if rng.random() < 0.8 else int(rng.integers(1, 4))
                detections.append(
                    annotation(
                        len(detections) + 1,
                        image,
                        moved,
                        category_id=kind,
                        score=float(rng.random()),
                    )
                )
    images = [{"id": i, "height": shape[0], "width": shape[1]} for i in range(1, 13)]
    categories = [{"id": i, "name": str(i)} for i in range(1, 4)]
    return {"images": images, "annotations": truth, "categories": categories}, detections


def scores(kind: str) -> NDArray[np.float64]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    dataset, detections = made_up()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = dataset
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(detections), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.concatenate([evaluation.stats, evaluation.eval["precision"].ravel()])


@pytest.mark.parametrize("kind", ["segm", "bbox"])
def test_cocoeval_gives_the_same_numbers(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import pycocotools.coco
    import pycocotools.cocoeval

    expected = scores(kind)
    assert 0.1 < expected[0] < 0.9
    monkeypatch.setattr(pycocotools.coco, "maskUtils", coco_mask)
    monkeypatch.setattr(pycocotools.cocoeval, "maskUtils", coco_mask)
    assert scores(kind).tobytes() == expected.tobytes()


def test_a_merge_of_nothing_is_a_mask() -> None:
    nothing = coco_mask.merge([])
    assert coco_mask.area(nothing) == 0
    assert coco_mask.toBbox([nothing]).tolist() == [[0, 0, 0, 0]]
    assert coco_mask.iou([nothing], [nothing], [0]).tolist() == [[0]]


def test_boxes_are_numbers() -> None:
    for boxes in ([[0, 0, 1, 1], [np.nan, 0, 2, 3]], np.array([[0, 0, 1, 1], [0, 0, 2, np.nan]])):
        with pytest.raises(ValueError, match=r"dt\[1\] is \[.*nan.*; expected numbers"):
            coco_mask.iou(boxes, [[0, 0, 1, 1]], [0])
