"""The comparison of networks, on drawn bars."""

from __future__ import annotations

import importlib
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from faceseg.checkpoint import load
from faceseg.errors import InputError
from faceseg.files import write_csv
from faceseg.images import write_png
from faceseg.rle import RLE

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("networks")


def _row(name: str, ms: float, iou: float, separable: bool = False) -> dict[str, Any]:
    return {
        "name": name, "width": 16, "depth": 4, "stride": 2, "separable": separable,
        "parameters": 5e5, "iou": iou, "ms": {"ONNX Runtime": ms},
    }  # fmt: skip


def test_the_front_is_what_nothing_beats(networks: ModuleType) -> None:
    rows = [_row("slow", 9, 0.9), _row("fast", 2, 0.8, True), _row("worse", 3, 0.7)]
    rows.append(_row("equal", 10, 0.9))
    assert [row["name"] for row in networks.front(rows, "ONNX Runtime")] == ["fast", "slow"]
    drawn = ET.fromstring(networks.plot(rows, "ONNX Runtime"))
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
    monkeypatch.setattr(networks, "NETWORKS", {"sep": {"separable": True}})
    monkeypatch.setattr(networks, "stem_of", lambda _: tmp_path / "result")
    words = ["--data", str(tmp_path / "bars.csv"), "--runs", str(tmp_path / "runs")]
    words += ["--epochs", "1", "--threads", "1", "--rounds", "2"]
    networks.main(words)
    (row,) = json.loads((tmp_path / "result.json").read_text())["rows"]
    assert 0 <= row["iou"] <= 1
    assert row["ms"]["ONNX Runtime"] > 0
    assert row["parameters"] < 2000
    assert "| sep, separable | 4 | 1 | 2 |" in (tmp_path / "result.md").read_text()
    assert "<svg" in (tmp_path / "result.svg").read_text()
    with pytest.raises(InputError, match="--only: unknown unet; expected sep"):
        networks.main([*words, "--only", "unet"])


def test_a_run_that_is_there_is_not_trained_again(
    networks: ModuleType, exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w8").mkdir()
    shutil.copy(exported.checkpoint, tmp_path / "w8" / "best.pt")
    monkeypatch.setattr(networks, "train", None)
    made = SimpleNamespace(path=exported.onnx)
    monkeypatch.setattr(networks, "export_model", lambda *_: [made])
    monkeypatch.setattr(networks, "evaluate", lambda *_: SimpleNamespace(scores={"iou": 0.5}))
    source = SimpleNamespace(records=[])
    epochs = load(exported.checkpoint).config.epochs
    with pytest.raises(InputError, match=f"was trained for {epochs} epochs, 1 asked for"):
        networks.prepared("w8", tmp_path, [source, source], 1)
    row = networks.prepared("w8", tmp_path, [source, source], epochs)
    assert (row["iou"], row["width"], row["file"]) == (0.5, 8, str(exported.onnx))
