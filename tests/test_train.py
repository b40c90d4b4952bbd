from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from faceseg import checkpoint
from faceseg.config import Config
from faceseg.data import TrainingSet
from faceseg.errors import InputError
from faceseg.records import open_source
from faceseg.train import cross_validate, score, train

SMALL = Config(
    size=(32, 32), width=4, depth=2, batch_size=4, workers=0, epochs=4, amp="fp32", device="cpu"
)


def weights(path):
    return checkpoint.load(path).weights


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(v, b[k]) for k, v in a.items())


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    """A run of four epochs that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return train(source, source, SMALL, folder)


def test_training_learns_and_leaves_everything(source, tmp_path):
    lines = []
    config = SMALL.replace({"epochs": 25, "lr": 1e-2, "amp": "bf16", "zoom": 1.2})
    run = train(source, source, config, tmp_path, log=lines.append)
    assert run.finished
    assert run.scores["iou"] > 0.7
    assert run.history[-1]["loss"] < run.history[0]["loss"] / 2
    assert re.fullmatch("device cpu, arithmetic bfloat16(, freed memory kept)?", lines[0])
    names = {path.name for path in tmp_path.iterdir()}
    assert {"best.pt", "last.pt", "log.csv", "scores.json", "per_image.csv"} < names
    assert any(name.startswith("events.out.tfevents") for name in names)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == [str(e) for e in range(1, len(rows) + 1)]
    assert json.loads((tmp_path / "scores.json").read_text()) == pytest.approx(run.scores)
    assert len(list(csv.DictReader((tmp_path / "per_image.csv").read_text().splitlines()))) == 12
    # The best checkpoint alone gives the scores again.
    assert score(tmp_path, source).scores == run.scores


def test_a_seed_gives_the_same_run(source, whole, tmp_path):
    again = train(source, source, SMALL, tmp_path / "again")
    other = train(source, source, SMALL.replace({"seed": 1}), tmp_path / "other")
    losses = [row["loss"] for row in whole.history]
    assert [row["loss"] for row in again.history] == losses
    assert [row["loss"] for row in other.history] != losses
    assert same(weights(again.folder / "last.pt"), weights(whole.folder / "last.pt"))


@pytest.mark.parametrize("schedule", ["one-cycle", "plateau"])
@pytest.mark.parametrize("stop_at", [2, 5])
def test_a_resumed_run_equals_one_that_never_stopped(
    source, tmp_path, monkeypatch, stop_at, schedule
):
    config = SMALL.replace({"schedule": schedule})
    straight = train(source, source, config, tmp_path / "straight")

    # Ctrl-C arrives while the sample of some step, in the middle of an epoch, is read.
    read = TrainingSet.__getitem__
    seen = 0

    def interrupting(self, key):
        nonlocal seen
        seen += 1
        if seen == stop_at * SMALL.batch_size:
            os.kill(os.getpid(), signal.SIGINT)
        return read(self, key)

    monkeypatch.setattr(TrainingSet, "__getitem__", interrupting)
    stopped = train(source, source, config, tmp_path / "stopped")
    assert not stopped.finished
    assert stopped.scores == {}
    resumed = train(source, source, config, tmp_path / "stopped", resume=True)
    assert resumed.finished
    for row, expected in zip(resumed.history, straight.history, strict=True):
        assert {**row, "seconds": 0} == {**expected, "seconds": 0}
    for name in ("last.pt", "best.pt"):
        assert same(weights(resumed.folder / name), weights(straight.folder / name))


def test_a_finished_run_that_is_resumed_only_scores_again(source, whole):
    before = weights(whole.folder / "last.pt")
    again = train(source, source, SMALL, whole.folder, resume=True)
    assert again.scores == whole.scores
    assert same(before, weights(whole.folder / "last.pt"))


def test_a_run_is_not_overwritten_or_resumed_with_other_settings(source, whole):
    with pytest.raises(InputError, match="holds a run"):
        train(source, source, SMALL, whole.folder)
    with pytest.raises(InputError, match=r"was run with lr=0\.003, asked to resume with 0\.1"):
        train(source, source, SMALL.replace({"lr": 0.1}), whole.folder, resume=True)
    fewer = replace(source, records=source.records[:8])
    with pytest.raises(InputError, match="other records"):
        train(fewer, source, SMALL, whole.folder, resume=True)


def test_early_stopping(source, tmp_path):
    config = SMALL.replace({"lr": 1e-9, "patience": 2, "epochs": 30, "schedule": "constant"})
    lines = []
    run = train(source, source, config, tmp_path, log=lines.append)
    assert len(run.history) < 30
    assert lines[-1] == "stopped early: no better IoU in 2 epochs"
    resumed = train(source, source, config, tmp_path, resume=True)
    assert len(resumed.history) == len(run.history)


def test_patience_waits_for_a_validation(source, tmp_path):
    config = SMALL.replace({"epochs": 6, "patience": 2, "validate_every": 6})
    run = train(source, source, config, tmp_path)
    assert len(run.history) == 6
    assert "iou" in run.history[-1]


def test_validation_is_not_augmented(source, tmp_path):
    """Scores do not depend on any strength of augmentation, nor on the epoch or the seed."""
    run = train(source, source, SMALL.replace({"epochs": 1}), tmp_path)
    first = score(tmp_path, source)
    wild = checkpoint.load(tmp_path / "best.pt")
    checkpoint.save(
        tmp_path / "wild.pt",
        config=wild.config.replace({"rotate": 90, "flip": 1, "zoom": 3, "colour": 1, "seed": 9}),
        task=wild.task,
        classes=wild.classes,
        weights=wild.weights,
    )
    again = score(tmp_path / "wild.pt", source)
    assert (again.counts == first.counts).all()
    # Validation inside the loop sees the same pictures, as they are.
    assert run.history[-1]["iou"] == first.scores["iou"]
    assert run.scores == first.scores
    # Each mask is counted whole, at its own resolution, exactly as it is stored.
    for matrix, record in zip(first.counts, source.records, strict=True):
        mask = source.mask(record)
        assert matrix.sum(axis=1).tolist() == np.bincount(mask.ravel(), minlength=2).tolist()


def test_gradients_that_are_not_finite_stop_the_run(source, tmp_path):
    with pytest.raises(InputError, match=r"at step 2, of the images (e\d\d(, |:)){4}.*nothing was"):
        train(source, source, SMALL.replace({"lr": 1e30, "clip": 0}), tmp_path)


def test_under_autocast_such_a_step_is_left_out_and_counted(source, tmp_path, monkeypatch):
    """The loss of one step is made infinite: all weights are those of a run without the step."""
    from faceseg import step as module

    inner = module.segmentation_loss
    steps = 0

    def overflowing(*args, **kwargs):
        nonlocal steps
        steps += 1
        return inner(*args, **kwargs) * (float("inf") if steps == 2 else 1)

    monkeypatch.setattr(module, "segmentation_loss", overflowing)
    config = SMALL.replace({"amp": "bf16", "epochs": 2, "ema": 0.5, "norm": "group"})
    run = train(source, source, config, tmp_path)
    assert [row["skipped"] for row in run.history] == [1, 0]
    assert all(np.isfinite(row["loss"]) for row in run.history)
    assert all(value.isfinite().all() for value in weights(tmp_path / "last.pt").values())
    monkeypatch.setattr(module, "segmentation_loss", lambda *a, **k: inner(*a, **k) * torch.inf)
    with pytest.raises(InputError, match="no finite numbers at step 1"):
        train(source, source, config.replace({"epochs": 9}), tmp_path / "never")


def test_starting_from_a_checkpoint(source, whole, tmp_path):
    init = checkpoint.load(whole.folder)
    still = SMALL.replace({"epochs": 1, "lr": 1e-12, "weight_decay": 0})
    run = train(source, source, still, tmp_path / "tuned", init=init)
    first = weights(run.folder / "best.pt")["down.0.0.weight"]
    torch.testing.assert_close(first, init.weights["down.0.0.weight"])
    with pytest.raises(InputError, match="another architecture"):
        train(source, source, SMALL.replace({"width": 8}), tmp_path / "no", init=init)


def test_starting_from_a_checkpoint_of_other_classes(source, whole, tmp_path):
    init = checkpoint.load(whole.folder)
    other = replace(init, classes=("background", "skin", "lips"), terms="research alone")
    other.weights["head.weight"] = torch.full((3, 4, 1, 1), 1e6)
    other.weights["head.bias"] = torch.zeros(3)
    lines = []
    still = SMALL.replace({"epochs": 1, "lr": 1e-12, "weight_decay": 0})
    run = train(source, source, still, tmp_path, init=other, log=lines.append)
    tuned = weights(run.folder / "best.pt")
    torch.testing.assert_close(tuned["down.0.0.weight"], init.weights["down.0.0.weight"])
    assert tuned["head.weight"].shape == (2, 4, 1, 1)
    assert tuned["head.weight"].abs().max() < 10
    assert any("the last layer starts anew" in line for line in lines)
    assert checkpoint.load(tmp_path).terms == "research alone"


def test_cross_validation_keeps_groups_together(source, tmp_path, monkeypatch):
    config = SMALL.replace({"epochs": 1})
    seen = []
    from faceseg import train as module

    inner = module.train

    def spy(training, validation, *args, **kwargs):
        seen.append((training, validation))
        return inner(training, validation, *args, **kwargs)

    monkeypatch.setattr(module, "train", spy)
    summary = cross_validate(source, config, tmp_path, 3)
    assert summary == json.loads((tmp_path / "folds.json").read_text())
    values = [fold["iou"] for fold in summary["folds"]]
    assert summary["mean"]["iou"] == pytest.approx(np.mean(values))
    assert summary["deviation"]["iou"] == pytest.approx(np.std(values, ddof=1))
    validated = [record.name for _, validation in seen for record in validation.records]
    assert sorted(validated) == sorted(record.name for record in source.records)
    together = open_source(tmp_path / "out_of_fold.csv", images=source.path.parent / "images")
    assert [r.name for r in together.records] == [r.name for r in source.records]
    with (tmp_path / "per_image.csv").open() as stream:
        counted = list(csv.DictReader(stream))
    for record, row in zip(together.records, counted, strict=True):
        truth = source.mask(next(r for r in source.records if r.name == record.name))
        both = (together.mask(record) & truth).sum()
        assert int(row["truth_1_as_1"]) == both
    for training, validation in seen:
        assert not {r.group for r in training.records} & {r.group for r in validation.records}
    with pytest.raises(InputError):
        cross_validate(source, config, tmp_path / "many", 7)


def test_killed_at_any_step_it_goes_on_as_if_it_had_not_been(ellipses, source, tmp_path):
    config = SMALL.replace({"epochs": 12, "patience": 0, "save_every": 2, "ema": 0.9})
    straight = train(source, source, config, tmp_path / "straight")
    folder = tmp_path / "killed"
    flags = ["--val", str(ellipses), "--out", str(folder), "--no-report"]
    for name in ("width", "depth", "batch_size", "workers", "epochs", "amp", "device", "patience",
                 "save_every", "ema"):  # fmt: skip
        flags += [f"--{name.replace('_', '-')}", str(getattr(config, name))]
    command = [sys.executable, "-m", "faceseg", "train"]
    more = [str(ellipses), "--size", "32", *flags]
    waits = np.random.default_rng().uniform(0, 0.6, 2)
    for wait in waits:
        started = subprocess.Popen([*command, *more], stderr=subprocess.DEVNULL)
        before = (folder / "last.pt").stat().st_mtime_ns if (folder / "last.pt").exists() else 0
        deadline = time.monotonic() + 120
        while started.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
            if (folder / "last.pt").exists() and (folder / "last.pt").stat().st_mtime_ns > before:
                break
        time.sleep(wait)
        started.kill()
        started.wait()
        checkpoint.load(folder / "last.pt")
        more = ["--resume", str(folder), "--no-report"]
    subprocess.run([*command, *more], check=True, capture_output=True)
    rows = list(csv.DictReader((folder / "log.csv").read_text().splitlines()))
    expected = list(csv.DictReader((straight.folder / "log.csv").read_text().splitlines()))
    assert [{**r, "seconds": 0} for r in rows] == [{**r, "seconds": 0} for r in expected], waits
    for name in ("last.pt", "best.pt"):
        assert same(weights(folder / name), weights(straight.folder / name)), waits


def test_an_encoder_that_is_frozen_stays_as_it_was(source, whole, tmp_path):
    init = checkpoint.load(whole.folder)
    config = SMALL.replace({"epochs": 3, "freeze": 2, "validate_every": 3, "save_every": 6})
    before = init.weights

    def changed(state):
        return {name.split(".")[0] for name, v in state.items() if not torch.equal(v, before[name])}

    kept = config.replace({"epochs": 2})
    run = train(source, source, kept, tmp_path / "kept", init=init)
    assert changed(weights(run.folder / "last.pt")) == {"enlarge", "up", "head"}
    run = train(source, source, config, tmp_path / "then", init=init)
    assert changed(weights(run.folder / "last.pt")) == {"down", "enlarge", "up", "head"}


def test_parts_of_a_batch_are_a_batch(source, tmp_path):
    """Without batch normalisation, whose statistics are those of each part."""
    config = SMALL.replace({"norm": "group", "epochs": 1, "dice_weight": 0})
    losses = [
        train(source, source, config.replace({"accumulate": n}), tmp_path / str(n)).history[0][
            "loss"
        ]
        for n in (1, 2, 3)
    ]
    assert losses == pytest.approx(losses[:1] * 3, rel=1e-4)


def test_averaged_weights_are_scored_and_saved(source, tmp_path):
    config = SMALL.replace({"epochs": 2, "ema": 0.5})
    run = train(source, source, config, tmp_path)
    assert run.scores == score(tmp_path, source).scores
    state = checkpoint.load(tmp_path / "last.pt")
    averaged = state.state["step"]["averaged"]
    assert not same(averaged, state.weights)
    if run.history[-1]["iou"] == run.scores["iou"]:
        assert same(averaged, weights(tmp_path / "best.pt"))


def test_ctrl_c_on_the_command_line_leaves_a_run_that_resumes(ellipses, tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "faceseg", "train"]
    started = subprocess.Popen(
        [*command, str(ellipses), "--out", str(folder), "--size", "32", "--width", "4",
         "--depth", "2", "--epochs", "5000", "--patience", "0", "--batch-size", "4",
         "--workers", "1", "--device", "cpu"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (folder / "last.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=120)
    assert started.returncode == 130, errors
    assert f"faceseg train --resume {folder}" in errors
    assert "Traceback" not in errors
    state = checkpoint.load(folder / "last.pt").state
    assert state["place"]["step"] > 0
