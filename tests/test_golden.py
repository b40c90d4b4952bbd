"""Old bytes are read for ever, and the same masks are written as the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strategies

from faceseg.rle import RLE

version = strategies.version

GOLDEN = Path(__file__).resolve().parent / "golden"
MASKS = json.loads((GOLDEN / "rle.json").read_text(encoding="ascii"))
FORMATS = json.loads((GOLDEN / "formats.json").read_text(encoding="ascii"))


@pytest.mark.parametrize("row", MASKS, ids=lambda row: row["name"])
def test_masks(row: dict[str, Any]) -> None:
    pixels = np.array([[pixel == "#" for pixel in line] for line in row["mask"]])
    for order, runs in (("F", row["columns"]), ("C", row["rows"])):
        mask = RLE.from_mask(pixels, order=order)
        assert mask.counts.tolist() == runs
        assert RLE.from_counts(runs, pixels.shape, order=order) == mask
        np.testing.assert_array_equal(mask.decode(), pixels)
    mask = RLE.from_mask(pixels)
    assert mask.to_kaggle() == row["kaggle"]
    assert mask.to_coco() == row["coco"].encode()
    assert RLE.from_kaggle(row["kaggle"], pixels.shape) == mask
    assert RLE.from_coco(row["coco"], pixels.shape) == mask


@pytest.mark.parametrize("row", FORMATS["packed"], ids=lambda row: row["bits"])
def test_packed_bits(row: dict[str, Any]) -> None:
    bits = np.frombuffer(bytes.fromhex(row["bits"]), np.uint8)
    mask = RLE.from_packed(bits, row["shape"], order=row["order"], bitorder=row["bitorder"])
    assert mask == RLE.from_counts(row["counts"], row["shape"], order=row["order"])
    assert mask.to_packed(bitorder=row["bitorder"]).tobytes().hex() == row["bits"]


@pytest.mark.parametrize("row", FORMATS["polygons"], ids=lambda row: row["name"])
def test_polygons(row: dict[str, Any]) -> None:
    mask = RLE.from_polygons(row["polygons"], row["shape"])
    assert mask.to_coco() == row["coco"].encode()


@pytest.mark.parametrize("row", FORMATS["boxes"], ids=lambda row: str(row["box"]))
def test_boxes(row: dict[str, Any]) -> None:
    assert RLE.from_box(row["box"], row["shape"]).to_coco() == row["coco"].encode()


@pytest.mark.parametrize("row", FORMATS["large"], ids=lambda row: str(row["size"]))
def test_large_masks(row: dict[str, Any]) -> None:
    mask = RLE.from_counts(row["counts"], row["size"])
    assert mask.to_coco() == row["coco"].encode()
    assert mask.to_kaggle() == row["kaggle"]
    assert RLE.from_coco(row["coco"], row["size"]) == mask
    assert RLE.from_kaggle(row["kaggle"], row["size"]) == mask


@pytest.mark.parametrize("row", FORMATS["spellings"], ids=lambda row: repr(row["text"]))
def test_spellings(row: dict[str, Any]) -> None:
    if row["format"] == "kaggle":
        mask = RLE.from_kaggle(row["text"], row["shape"], base=row["base"])
    else:
        mask = RLE.from_coco(row["text"], row["shape"])
    assert mask.counts.tolist() == row["counts"]
