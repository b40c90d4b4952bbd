"""Write formats.json: bits, polygons, boxes, large masks and odd spellings, made by others.

Bits come from NumPy, polygons, boxes and the text of large masks from pycocotools, Kaggle's text
from plain arithmetic. Tests only read the file: a change to it is a change of format.

    python tests/golden/make_formats.py
"""

from __future__ import annotations

import json
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

SHAPE = (12, 17)

POLYGONS: dict[str, list[list[float]]] = {
    "triangle": [[1, 1, 14, 3, 5, 11]],
    "square of whole pixels": [[2, 3, 6, 3, 6, 8, 2, 8]],
    "the other way round": [[2, 8, 6, 8, 6, 3, 2, 3]],
    "halves": [[0.5, 0.5, 9.5, 0.5, 9.5, 7.5, 0.5, 7.5]],
    "a fifth more": [[1.2, 1.2, 8.2, 2.4, 6.6, 9.8]],
    "crosses itself": [[1, 1, 12, 10, 12, 1, 1, 10]],
    "beyond the image": [[-5, -5, 30, 4, 8, 20]],
    "outside": [[30, 30, 40, 30, 40, 40]],
    "a line": [[1, 5, 15, 5, 1, 5]],
    "thin": [[3, 1, 3.4, 1, 3.4, 10, 3, 10]],
    "two apart": [[1, 1, 5, 1, 5, 5, 1, 5], [8, 6, 15, 6, 15, 11, 8, 11]],
    "two over each other": [[1, 1, 9, 1, 9, 7, 1, 7], [5, 4, 14, 4, 14, 10, 5, 10]],
    "star": [[8, 0, 10, 4, 16, 4, 11, 7, 13, 12, 8, 9, 3, 12, 5, 7, 0, 4, 6, 4]],
}

BOXES = [[0, 0, 17, 12], [2, 3, 4, 5], [0.5, 0.5, 3, 3], [1.2, 2.6, 5.4, 3.3], [-3, -3, 8, 8],
         [14, 10, 20, 20], [5, 5, 0, 4]]  # fmt: skip

# Height, width and runs of masks that nobody makes.
LARGE = [
    ([1, 4294967295], [4294967295]),
    ([65535, 65537], [0, 4294967295]),
    ([65537, 65535], [1, 4294967294]),
    ([3, 1431655765], [2147483648, 1, 2147483646]),
    ([32768, 65537], [7, 1073741824, 3, 1073741824, 9, 5, 32744]),
    (
        [50000, 60000],
        [0, 31, 32, 1023, 1024, 32767, 32768, 1048575, 1048576, 33554431, 33554432, 2930726341],
    ),
]

# Text as it is found in old tables and annotations, and the runs it stands for.
SPELLINGS: list[dict[str, Any]] = [
    {"format": "kaggle", "text": "", "counts": [204]},
    {"format": "kaggle", "text": " ", "counts": [204]},
    {"format": "kaggle", "text": "1 204", "counts": [0, 204]},
    {"format": "kaggle", "text": " 3  2\t9 1\r\n", "counts": [2, 2, 4, 1, 195]},
    {"format": "kaggle", "text": "003 02", "counts": [2, 2, 200]},
    {"format": "kaggle", "text": "3 2 5 4", "counts": [2, 6, 196]},
    {"format": "kaggle", "text": "203 2", "counts": [202, 2]},
    {"format": "kaggle", "text": "0 2 5 1", "base": 0, "counts": [0, 2, 3, 1, 198]},
    {"format": "coco", "text": "\\6", "counts": [204]},
    {"format": "coco", "text": "0\\6", "counts": [0, 204]},
    {"format": "coco", "text": "224l50TJ", "counts": [2, 2, 4, 190, 4, 2]},
]


def runs(pixels: list[bool]) -> list[int]:
    lengths = [len(list(run)) for _, run in groupby(pixels)]
    return [0, *lengths] if pixels and pixels[0] else lengths


def packed() -> list[dict[str, Any]]:
    rng = np.random.default_rng(21)
    rows = []
    for shape in ((1, 1), (3, 4), (7, 9), (8, 8), (13, 5)):
        mask = rng.random(shape) < 0.5
        for order in ("F", "C"):
            for bitorder in ("big", "little"):
                flat = mask.ravel(order=order)
                rows.append(
                    {
                        "shape": shape,
                        "order": order,
                        "bitorder": bitorder,
                        "bits": np.packbits(flat, bitorder=bitorder).tobytes().hex(),
                        "counts": runs(flat.tolist()),
                    }
                )
    return rows


def large(size: list[int], counts: list[int]) -> dict[str, Any]:
    text = coco.frPyObjects({"size": size, "counts": counts}, *size)["counts"].decode("ascii")
    starts = [0, *accumulate(counts)]
    pairs = [f"{starts[i] + 1} {counts[i]}" for i in range(1, len(counts), 2)]
    return {"size": size, "counts": counts, "coco": text, "kaggle": " ".join(pairs)}


def main() -> None:
    def drawn(shapes: Any) -> str:
        return coco.merge(coco.frPyObjects(shapes, *SHAPE))["counts"].decode("ascii")

    sections = {
        "packed": packed(),
        "polygons": [
            {"name": name, "shape": SHAPE, "polygons": polygons, "coco": drawn(polygons)}
            for name, polygons in POLYGONS.items()
        ],
        "boxes": [
            {"shape": SHAPE, "box": box, "coco": drawn(np.array([box], float))} for box in BOXES
        ],
        "large": [large(size, counts) for size, counts in LARGE],
        "spellings": [{"shape": SHAPE, "base": 1, **row} for row in SPELLINGS],
    }
    text = ",\n".join(
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for name, rows in sections.items()
    )
    path = Path(__file__).with_name("formats.json")
    path.write_text("{\n" + text + "\n}\n", encoding="ascii")


if __name__ == "__main__":
    main()
