"""The ablation's script on drawn pictures."""

from __future__ import annotations

import importlib
import json
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from faceseg.config import Config
from faceseg.data import TrainingSet
from faceseg.errors import InputError
from faceseg.files import write_csv
from faceseg.images import write_png
from faceseg.records import open_source
from faceseg.rle import RLE


@pytest.fixture
def ablation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("ablation")


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A table of a bright bar on the left, six pictures to train on and two to score."""
    rng = np.random.default_rng(0)
    mask = np.zeros((32, 32), bool)
    mask[8:24, 2:8] = True
    rows = []
    for place in range(8):
        image = rng.integers(0, 110, (32, 32, 3), dtype=np.uint8)
        image[mask] += 130
        write_png(tmp_path / "images" / f"bar{place}.png", image)
        split = "train" if place < 6 else "val"
        rows.append([f"bar{place}", RLE.from_mask(mask).to_kaggle(), 32, 32, split])
    header = ["image", "rle_mask", "height", "width", "split"]
    write_csv(tmp_path / "bars.csv", header, rows)
    return tmp_path / "bars.csv"


def test_the_table_has_rows_and_no_run_is_repeated(
    ablation: ModuleType, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "Config", partial(Config, width=4, depth=2, amp="fp32"))
    path = tmp_path / "result.json"
    words = ["--data", str(drawn), "--task", "face", "--prefix", "bar", "--seeds", "1",
             "--epochs", "1", "--size", "32", "--json", str(path)]  # fmt: skip
    ablation.main([*words, "--only", "default"])
    first = json.loads(path.read_text())["runs"]["default"]["0"]
    ablation.main([*words, "--only", "default,mirror-rotate,apart"])
    result = json.loads(path.read_text())
    assert result["pictures"] == {"train": 6, "val": 2}
    assert result["runs"]["default"]["0"] == first  # its seconds, too
    rows = [row[0] for row in ablation.rows(result)]
    assert len(rows) == 5  # two of them scored a second time
    written = path.with_suffix(".md").read_text()
    assert all(f"| {title} | " in written for title in rows)
    with pytest.raises(InputError, match=r"result\.json: was run with asked"):
        ablation.main([*words, "--epochs", "2"])


def test_the_mistake_parts_picture_and_mask(ablation: ModuleType, drawn: Path) -> None:
    config = Config(size=(32, 32), zoom=1, stretch=1, shift=0, rotate=0, colour=0, degrade=0)
    source = open_source(drawn, task="face")
    pairs = {
        kind: [kind(source, config)[epoch, 0] for epoch in range(16)]
        for kind in (TrainingSet, ablation.ApartSet)
    }
    # Bright and foreground lie on the same side, unless each is mirrored on its own.
    same = {
        kind: [
            (image[:, :16].mean() > image[:, 16:].mean()) == mask[:, :16].any() for image, mask in p
        ]
        for kind, p in pairs.items()
    }
    assert all(same[TrainingSet])
    assert 4 <= sum(same[ablation.ApartSet]) <= 12


def test_differences_are_taken_seed_by_seed(ablation: ModuleType) -> None:
    def runs(*ious: float) -> dict[str, dict[str, float]]:
        return {
            str(seed): {"iou": iou, "again": iou + 0.01, "cpu_seconds": 3}
            for seed, iou in enumerate(ious)
        }

    result = {"runs": {"default": runs(0.7, 0.8), "ce": runs(0.6, 0.7)}}
    assert ablation.table(result).splitlines()[2:] == [
        "| default | 0.750 ± 0.071 |  | 3 |",
        "| test-time flip, the default's weights | 0.760 ± 0.071 | +0.010 ± 0.000 |  |",
        "| cross-entropy alone | 0.650 ± 0.071 | -0.100 ± 0.000 | 3 |",
    ]
