"""The comparison of networks, on drawn bars."""

from __future__ import annotations

import importlib
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from faceseg.errors import InputError
from faceseg.files import write_csv
from faceseg.images import write_png
from faceseg.rle import RLE


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("networks")


def _row(name: str, ms: float, iou: float, separable: bool = False) -> dict[str, Any]:
    return {
        "name": name, "width": 16, "depth": 4, "stride": 2, "separable": separable,
        "parameters": 5e5, "iou": iou, "ms": {"onnxruntime": ms},
    }  # fmt: skip


def test_the_front_is_what_nothing_beats(networks: ModuleType) -> None:
    rows = [_row("slow", 9, 0.9), _row("fast", 2, 0.8, True), _row("worse", 3, 0.7)]
    rows.append(_row("equal", 10, 0.9))
    assert [row["name"] for row in networks.front(rows, "onnxruntime")] == ["fast", "slow"]
    drawn = ET.fromstring(networks.plot(rows, "onnxruntime"))
    space = "{http://www.w3.org/2000/svg}"
    assert len(drawn.find(f"{space}polyline").get("points").split()) == 2  # type: ignore[union-attr]
    places = {circle.get("cx"): circle.get("cy") for circle in drawn.iter(f"{space}circle")}
    assert len(places) >= len(rows)
    words = {text.text for text in drawn.iter(f"{space}text")}
    assert {"slow", "fast", "worse", "equal", "IoU"} <= words


def test_networks_are_trained_scored_and_timed(
    networks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((32, 32), bool)
    mask[8:24, 2:8] = True
    table = []
    for place in range(6):
        image = rng.integers(0, 110, (32, 32, 3), dtype=np.uint8)
        image[mask] += 130
        write_png(tmp_path / "images" / f"bar{place}.png", image)
        split = "train" if place < 4 else "val"
        table.append([f"bar{place}", RLE.from_mask(mask).to_kaggle(), 32, 32, split])
    header = ["image", "rle_mask", "height", "width", "split"]
    write_csv(tmp_path / "bars.csv", header, table)
    small = {"width": 4, "depth": 1, "size": (32, 32), "amp": "fp32", "workers": 0}
    monkeypatch.setattr(networks, "BASE", networks.BASE.replace(small))
    monkeypatch.setattr(networks, "NETWORKS", {"plain": {}, "sep": {"separable": True}})
    monkeypatch.setattr(networks, "stem_of", lambda _: tmp_path / "result")
    words = ["--data", str(tmp_path / "bars.csv"), "--runs", str(tmp_path / "runs")]
    words += ["--epochs", "1", "--threads", "1", "--rounds", "2"]
    networks.main(words)
    rows = {row["name"]: row for row in json.loads((tmp_path / "result.json").read_text())["rows"]}
    assert rows["sep"]["parameters"] < rows["plain"]["parameters"]
    assert all(0 <= row["iou"] <= 1 and row["ms"]["onnxruntime"] > 0 for row in rows.values())
    assert "| sep, separable | 4 | 1 | 2 |" in (tmp_path / "result.md").read_text()
    assert "<svg" in (tmp_path / "result.svg").read_text()
    stamp = (tmp_path / "runs" / "plain" / "best.pt").stat().st_mtime_ns
    networks.main([*words, "--only", "plain"])
    assert (tmp_path / "runs" / "plain" / "best.pt").stat().st_mtime_ns == stamp
    with pytest.raises(InputError, match="--only: unknown unet; expected plain, sep"):
        networks.main([*words, "--only", "unet"])
