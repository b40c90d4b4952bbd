from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from faceseg.benchmark import Contender, run, time_contenders
from faceseg.checkpoint import save
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.models import build

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]


def test_all_contenders_of_one_network(exported: Exports) -> None:
    threads = torch.get_num_threads()
    models = [exported.onnx, exported.torchscript, exported.checkpoint]
    result = run(models, size=(70, 50), batch=2, threads=1, repeats=3, device="cpu")
    assert torch.get_num_threads() == threads
    assert [(row.name, row.precision, row.runs_on) for row in result.rows] == [
        ("eager", "fp32", "torch cpu"),
        ("eager channels_last", "fp32", "torch cpu"),
        ("eager bf16", "bf16", "torch cpu"),
        ("face-unet.onnx", "fp32", "ONNX Runtime CPU"),
        ("face-unet.ts", "fp32", "TorchScript cpu"),
    ]
    pixels = 2 * 70 * 50
    for row in result.rows:
        assert row.differing <= pixels * (0.1 if row.precision == "bf16" else 1e-3)
        assert 0 < row.median_ms <= row.p95_ms
    assert result.rows[0].differing == 0
    assert result.rows[0].speed == 1
    text = json.dumps(dataclasses.asdict(result), allow_nan=False)
    assert str(exported.onnx.parent) not in text
    assert max(map(len, result.table().splitlines())) <= 80


def test_masks_are_compared_with_the_first() -> None:
    def constant(value: int) -> Contender:
        def segment(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return np.full(images.shape[:3], value, np.uint8)

        return Contender(f"all {value}", "fp32", "NumPy", segment)

    images = np.zeros((2, 4, 5, 3), np.uint8)
    rows = time_contenders([constant(0), constant(1), constant(0)], images, repeats=2)
    assert [row.differing for row in rows] == [0, 40, 0]


def test_each_contender_runs_once_a_round_in_changing_order() -> None:
    calls: list[str] = []

    def named(name: str) -> Contender:
        def segment(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
            calls.append(name)
            return images[..., 0]

        return Contender(name, "fp32", "NumPy", segment)

    time_contenders([named("a"), named("b")], np.zeros((1, 2, 2, 3), np.uint8), repeats=3)
    assert "".join(calls[-6:]) == "abbaab"


def test_other_weights_are_refused(exported: Exports, tmp_path: Path) -> None:
    config = Config(width=4, depth=2, size=(64, 64))
    weights = build(config, 2).state_dict()
    save(tmp_path / "a.pt", config=config, task="face", classes=("background", "face"),
         weights=weights)  # fmt: skip
    with pytest.raises(InputError, match=r"face-unet\.onnx: other weights than .*a\.pt"):
        run([tmp_path / "a.pt", exported.onnx], size=(32, 32), repeats=1)


def test_counts_must_be_positive(exported: Exports) -> None:
    with pytest.raises(InputError, match="repeats 0"):
        run([exported.onnx], repeats=0)
