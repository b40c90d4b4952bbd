"""Write rle.json: masks fixed for ever, with their runs and texts made by others than faceseg.

Counts come from walking the pixels one by one, Kaggle's text from the recipe that its notebooks
share, COCO's from pycocotools. Tests only read the file: a change to it is a change of format.

    python tests/golden/make_rle.py
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

DRAWN = {
    "worked example": ["....", ".##.", "##.#"],
    "one background pixel": ["."],
    "one foreground pixel": ["#"],
    "blank": ["....", "....", "...."],
    "solid": ["####", "####", "####"],
    "chequered": ["#.#.", ".#.#", "#.#."],
    "row": [".##...#"],
    "column": list(".##...#"),
    "run over a column's end": ["..#.", "..#.", ".#.."],
    "first and last pixel": ["#...", "....", "...#"],
}


def masks() -> dict[str, NDArray[np.uint8]]:
    """All masks by name: the drawn ones, and some too large to draw."""
    named = {
        name: np.array([[c == "#" for c in row] for row in rows], np.uint8)
        for name, rows in DRAWN.items()
    }
    y, x = np.mgrid[:97, :131]
    named["ellipse"] = (((y - 50) / 40) ** 2 + ((x - 60) / 30) ** 2 < 1).astype(np.uint8)
    rng = np.random.default_rng(20)
    named["noise"] = (rng.random((33, 65)) < 0.4).astype(np.uint8)
    named["long runs"] = np.zeros((40, 100), np.uint8)
    named["long runs"][39, 50:52] = 1
    return named


def runs(pixels: NDArray[np.uint8]) -> list[int]:
    lengths = [len(list(run)) for _, run in groupby(pixels.tolist())]
    return [0, *lengths] if pixels[0] else lengths


def kaggle(mask: NDArray[np.uint8]) -> str:
    pixels = np.concatenate([[0], mask.T.flatten(), [0]])
    changes = np.where(pixels[1:] != pixels[:-1])[0] + 1
    changes[1::2] -= changes[::2]
    return " ".join(str(number) for number in changes)


def main() -> None:
    rows = [
        {
            "name": name,
            "mask": ["".join(".#"[pixel] for pixel in row) for row in mask],
            "columns": runs(mask.flatten(order="F")),
            "rows": runs(mask.flatten(order="C")),
            "kaggle": kaggle(mask),
            "coco": coco.encode(np.asfortranarray(mask))["counts"].decode("ascii"),
        }
        for name, mask in masks().items()
    ]
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    Path(__file__).with_name("rle.json").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
