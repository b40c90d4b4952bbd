from __future__ import annotations

import json

import pytest

from faceseg.demo import demo
from faceseg.errors import InputError


def test_the_whole_road(tmp_path):
    folder = tmp_path / "demo"
    lines: list[str] = []
    page = demo(folder, count=24, epochs=1, log=lines.append)
    assert page == folder / "report.html"
    figures = json.loads((folder / "report.json").read_text())
    names = [row["model"] for row in figures["scores"]]
    assert names[:4] == ["unet", "deeplabv3", "face-unet.onnx", "face-deeplabv3.onnx"]
    assert {"otsu", "grabcut", "kmeans"} < set(names)
    # The exported files give the scores of the networks they were made from.
    for eager, exported in zip(figures["scores"][:2], figures["scores"][2:4], strict=True):
        assert exported["iou"] == pytest.approx(eager["iou"], abs=1e-4)
    # Five ways to run it eagerly, TorchScript and ONNX, of both networks; DeepLabV3 also with
    # torchvision's convolutions.
    assert len(figures["speed"]) == 15
    assert {path.name for path in (folder / "models").iterdir()} == {
        "face-unet.ts", "face-unet.onnx", "face-deeplabv3.ts", "face-deeplabv3.onnx",
        "face-unet.json", "face-deeplabv3.json",
    }  # fmt: skip
    with pytest.raises(InputError, match="not an empty folder"):
        demo(folder)
