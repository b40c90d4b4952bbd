"""Call each kind of function a great many times and see that the process does not grow.

    python tests/leak.py [calls of each kind] [part of a name]

Prints, for each kind, the resident memory after a tenth of the calls and after all of them; exits
with 1 if any grew by more than 1 MiB.
"""

# ruff: noqa: T201
from __future__ import annotations

import copy
import gc
import pickle
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from faceseg import _kernels, coco_mask, metrics, rle
from faceseg.meter import Meter
from faceseg.rle import RLE

CALLS = 10**6
MOST_GROWTH = 2**20

SHAPE = (9, 14)
_rng = np.random.default_rng(0)
NOISE = _rng.random(SHAPE) < 0.3
BLOB = np.zeros(SHAPE, bool)
BLOB[2:7, 3:11] = True
LOGITS = _rng.normal(0, 1, SHAPE).astype(np.float32)
LABELS = _rng.integers(0, 4, SHAPE).astype(np.uint8)
OUT = np.zeros(SHAPE, np.uint8)
A, B = RLE.from_mask(NOISE), RLE.from_mask(BLOB)
KAGGLE, COCO, PACKED = A.to_kaggle(), A.to_coco(), A.to_packed()
DICTS = [A.to_coco_dict(), B.to_coco_dict()]
POLYGON = [1.0, 1.0, 11.5, 3.0, 6.0, 8.5]
OUTLINES = B.polygons()
WIDE = LABELS.astype(np.int64)
MARKED = np.where(NOISE, -100, WIDE)
PLANES = _rng.normal(0, 1, (2, 4, *SHAPE)).astype(np.float32)
CHANCES = _rng.random(SHAPE).astype(np.float32)
MISSING = np.where(BLOB, np.float32(np.nan), CHANCES)
LIMITS = np.linspace(0.01, 0.99, 50)
MATRIX = metrics.confusion_matrix(LABELS, LABELS, num_classes=4)
METER = Meter(threshold=0)


def refused(function: Callable[..., object], *arguments: object, **named: object) -> None:
    """Call a function that must refuse: nothing may stay behind on the way out."""
    with suppress(ValueError, TypeError):
        function(*arguments, **named)
        raise AssertionError(f"{function} took {arguments}")


KINDS: dict[str, Callable[[], object]] = {
    "from_mask": lambda: RLE.from_mask(NOISE),
    "from_mask, rows": lambda: RLE.from_mask(NOISE, order="C"),
    "from_mask, copied": lambda: RLE.from_mask(LOGITS),
    "from_mask, threshold": lambda: RLE.from_mask(LOGITS, threshold=0.5),
    "from_counts": lambda: RLE.from_counts(A.counts, SHAPE),
    "from_counts, list": lambda: RLE.from_counts([3, 4, 119], SHAPE),
    "from_kaggle": lambda: RLE.from_kaggle(KAGGLE, SHAPE),
    "from_coco": lambda: RLE.from_coco(COCO, SHAPE),
    "from_coco, dict": lambda: RLE.from_coco(DICTS[0]),
    "from_packed": lambda: RLE.from_packed(PACKED, SHAPE),
    "from_polygons": lambda: RLE.from_polygons([POLYGON, POLYGON], SHAPE),
    "from_box": lambda: RLE.from_box((1, 2, 3, 4), SHAPE),
    "full": lambda: RLE.full(SHAPE, True),
    "to_kaggle": A.to_kaggle,
    "to_coco": A.to_coco,
    "to_coco_dict": lambda: A.to_coco_dict(compressed=False),
    "to_packed": A.to_packed,
    "decode": A.decode,
    "decode, out": lambda: A.decode(out=OUT),
    "decode, float": lambda: A.decode(dtype=np.float32, value=0.5, layout="K"),
    "decode, size": lambda: A.decode(size=(5, 20)),
    "properties": lambda: (
        A.area,
        A.bbox,
        A.centroid,
        A.shape,
        A.order,
        A.counts,
        hash(A),
        repr(A),
    ),
    "sets": lambda: (A & B, A | B, A ^ B, A - B, ~A, B == A),
    "ratios": lambda: (A.intersection(B), A.iou(B), A.dice(B), A.contains(3, 4)),
    "crop": lambda: A.crop(1, 2, 7, 10),
    "pad": lambda: A.pad(1, 2, 3, 4),
    "translate": lambda: A.translate(-3, 5),
    "flip": lambda: (A.flip(0), A.flip(1)),
    "transpose": lambda: (A.transpose(), A.with_order("C")),
    "resize": lambda: A.resize((20, 6)),
    "components": A.components,
    "boundary": A.boundary,
    "polygons": B.polygons,
    "from outlines": lambda: RLE.from_polygons(OUTLINES, SHAPE, overlap="xor"),
    "pickle": lambda: pickle.loads(pickle.dumps(A)),
    "copy": lambda: (copy.copy(A), copy.deepcopy(A)),
    "batch encode": lambda: rle.encode([NOISE, BLOB]),
    "batch decode": lambda: rle.decode([A, B]),
    "batch text": lambda: (rle.to_coco([A, B]), rle.to_kaggle([A, B])),
    "batch parse": lambda: (rle.from_coco([COCO] * 2, SHAPE), rle.from_kaggle([KAGGLE] * 2, SHAPE)),
    "labels": lambda: rle.decode_labels(rle.encode_labels(LABELS)),
    "union": lambda: (rle.union([A, B, A]), rle.intersection([A, B])),
    "iou_matrix": lambda: rle.iou_matrix([A, B], [B, A]),
    "drop-in": lambda: (coco_mask.decode(DICTS), coco_mask.merge(DICTS), coco_mask.area(DICTS)),
    "drop-in iou": lambda: (coco_mask.iou(DICTS, DICTS, [0, 1]), coco_mask.toBbox(DICTS)),
    "drop-in objects": lambda: coco_mask.frPyObjects([POLYGON], *SHAPE),
    "count masks": lambda: metrics.confusion_matrix(NOISE, BLOB),
    "count masks, copied": lambda: metrics.confusion_matrix(NOISE.T, LOGITS.T > 0),
    "count runs": lambda: (
        metrics.confusion_matrix(A, B),
        metrics.confusion_matrix([A, B], [B, NOISE], per_image=True),
    ),
    "count labels": lambda: metrics.confusion_matrix(LABELS, LABELS, num_classes=4),
    "count labels, wide": lambda: metrics.confusion_matrix(
        WIDE, MARKED, num_classes=4, ignore_index=-100
    ),
    "count over": lambda: metrics.confusion_matrix(LOGITS, BLOB, threshold=0),
    "count over, half": lambda: metrics.confusion_matrix(
        LOGITS.astype(np.float16), BLOB, threshold=0, ignore_index=1
    ),
    "count over, NaN": lambda: metrics.confusion_matrix(MISSING, BLOB, threshold=0, nan="ignore"),
    "count highest": lambda: metrics.confusion_matrix(PLANES[0], LABELS, class_axis=0),
    "count highest, last": lambda: metrics.confusion_matrix(
        PLANES[0].transpose(1, 2, 0), LABELS, class_axis=-1
    ),
    "count highest, images": lambda: metrics.confusion_matrix(
        PLANES, np.stack([LABELS, LABELS]), class_axis=1, per_image=True
    ),
    "scores": lambda: (metrics.iou(MATRIX), metrics.mean_iou(MATRIX)),
    "ladder": lambda: _kernels.Ladder(LIMITS),
    "sweep": lambda: metrics.sweep(CHANCES, BLOB, LIMITS).average_precision,
    "calibration": lambda: metrics.calibration(CHANCES, BLOB).expected_error,
    "meter": lambda: METER.update(LOGITS, BLOB),
    "meter of images": lambda: Meter(threshold=0, per_image=True)(LOGITS[None], BLOB[None]),
    "meter, pickle": lambda: pickle.loads(pickle.dumps(METER)),
    "refused kaggle": lambda: refused(RLE.from_kaggle, KAGGLE + " 3", SHAPE),
    "refused coco": lambda: refused(RLE.from_coco, COCO + b"1", SHAPE),
    "refused counts": lambda: refused(RLE.from_counts, [3, 4, 5], SHAPE),
    "refused counts, list": lambda: refused(RLE.from_counts, [3, "4", 5], SHAPE),
    "refused threshold": lambda: refused(RLE.from_mask, LOGITS * np.nan, threshold=0.5),
    "refused polygon": lambda: refused(RLE.from_polygons, [[np.nan] * 6], SHAPE),
    "refused batch": lambda: refused(rle.from_coco, [COCO, COCO, b"1"], SHAPE),
    "refused sets": lambda: refused(lambda: RLE.full((2, 2), True) & A),
    "refused shape": lambda: refused(RLE.full, (2**20, 2**20), True),
    "refused count, shapes": lambda: refused(metrics.confusion_matrix, NOISE, NOISE[1:]),
    "refused count, label": lambda: refused(
        metrics.confusion_matrix, WIDE, MARKED, num_classes=4, ignore_index=255
    ),
    "refused count, NaN": lambda: refused(
        metrics.confusion_matrix, MISSING, np.zeros(SHAPE, bool), threshold=0
    ),
    "refused count, highest": lambda: refused(
        metrics.confusion_matrix, PLANES[0] * np.nan, LABELS, class_axis=0
    ),
    "refused ladder": lambda: refused(_kernels.Ladder, np.arange(5000.0)),
    "refused sweep": lambda: refused(metrics.sweep, MISSING, BLOB, LIMITS),
    "refused calibration": lambda: refused(metrics.calibration, 2 + CHANCES, BLOB),
    "refused meter": lambda: refused(METER.update, MISSING, BLOB),
}


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def growth(function: Callable[[], object], calls: int, turns: int = 1) -> tuple[int, int]:
    """Return the memory after a tenth of the calls, and how much the rest added.

    The rest is done `turns` times, and the least that one of them added is returned: a leak adds
    to each, what the allocator or another thread takes once does not.
    """
    for _ in range(calls // 10):
        function()
    before, added = resident(), []
    for _ in range(turns):
        start = resident()
        for _ in range(calls - calls // 10):
            function()
        added.append(resident() - start)
    return before, min(added)


def main() -> int:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    print(f"version {_kernels.version()}, {calls} calls of each kind")
    worst = 0
    for name, function in KINDS.items():
        if part in name:
            start = time.perf_counter()
            before, added = growth(function, calls)
            each = (time.perf_counter() - start) / calls * 1e6
            print(f"{name:22} {before / 2**20:8.1f} MiB {added / 1024:+8.0f} KiB {each:8.2f} us")
            worst = max(worst, added)
    return worst > MOST_GROWTH


if __name__ == "__main__":
    sys.exit(main())
