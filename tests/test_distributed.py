"""Several processes on one run, between processes of this machine, with Gloo."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

import faceseg.distributed
import faceseg.train
from faceseg import checkpoint
from faceseg.config import Config
from faceseg.distributed import GlobalBatchNorm, World
from faceseg.errors import InputError
from faceseg.records import Source
from faceseg.train import train

CONFIG = Config(size=(32, 32), width=4, depth=2, batch_size=4, workers=0, amp="fp32", device="cpu")


def command(data: Path, folder: Path, config: Config) -> list[str]:
    ranks = ["--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    flags = [
        text
        for name, value in config.to_dict().items()
        if value != Config().to_dict()[name]
        for text in (f"--{name.replace('_', '-')}", "32" if name == "size" else str(value))
    ]
    return [
        sys.executable, "-m", "torch.distributed.run", *ranks, "--monitor-interval", "0.1", "-m",
        "faceseg", "train", str(data), "--val", str(data), "--out", str(folder), "--no-report",
        *flags,
    ]  # fmt: skip


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "log.csv").read_text().splitlines()))


def assert_close(found: list[dict[str, str]], expected: list[dict[str, str]]) -> None:
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        for name in ("loss", "lr", "iou", "dice", "pixel_accuracy"):
            assert float(row[name]) == pytest.approx(float(other[name]), rel=2e-3, abs=2e-3), name


def test_two_processes_are_one(ellipses: Path, source: Source, tmp_path: Path) -> None:
    config = CONFIG.replace({"epochs": 2, "ema": 0.9, "class_weights": "balanced"})
    train(source, source, config, tmp_path / "alone")
    done = subprocess.run(
        command(ellipses, tmp_path / "both", config), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert_close(rows(tmp_path / "both"), rows(tmp_path / "alone"))
    first, second = (checkpoint.load(tmp_path / name).weights for name in ("alone", "both"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-2, atol=1e-2)
    # Of the folder's files one process wrote each, and no image was scored twice.
    names = {path.name for path in (tmp_path / "both").iterdir()}
    assert sum(name.startswith("events.") for name in names) == 1
    for name in ("scores.json", "run.json"):
        assert name in names
    table = (tmp_path / "both" / "per_image.csv").read_text().splitlines()
    assert [row["image"] for row in csv.DictReader(table)] == [r.name for r in source.records]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_killed_rank_costs_the_steps_since_the_last_save(
    ellipses: Path, source: Source, tmp_path: Path
) -> None:
    config = CONFIG.replace({"epochs": 20, "patience": 0, "save_every": 2})
    train(source, source, config, tmp_path / "whole")
    folder = tmp_path / "killed"
    launcher = subprocess.Popen(
        command(ellipses, folder, config), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (folder / "last.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    ranks = [int(p) for p in children if b"faceseg" in Path(f"/proc/{p}/cmdline").read_bytes()]
    assert len(ranks) == 2
    os.kill(ranks[-1], signal.SIGKILL)
    _, errors = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, errors
    assert_close(rows(folder), rows(tmp_path / "whole"))


def test_a_small_variance_about_a_large_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faceseg.distributed, "_total", lambda sums: sums)
    torch.manual_seed(0)
    x = (torch.randn(4, 3, 16, 16, dtype=torch.float64) * 0.1 + 100).float().requires_grad_()
    weight = torch.randn_like(x)
    ours, torchs = GlobalBatchNorm(3), torch.nn.BatchNorm2d(3)
    found, expected = ours(x), torchs(x)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name), getattr(torchs, name))
    (slope,) = torch.autograd.grad((found * weight).sum(), x)
    (true_slope,) = torch.autograd.grad((expected * weight).sum(), x)
    torch.testing.assert_close(slope, true_slope, rtol=1e-3, atol=1e-3)


def test_more_processes_than_images_in_a_batch(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faceseg.train, "joined", lambda device: nullcontext(World(0, 2)))
    with pytest.raises(InputError, match="batches of 1 for 2 processes"):
        train(source, source, CONFIG.replace({"batch_size": 1}), tmp_path)
