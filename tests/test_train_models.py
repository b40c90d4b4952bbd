"""The script that trains the shipped models: its commands, and the masks it draws."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from faceseg.checkpoint import load, save
from faceseg.cli import main
from faceseg.config import Config
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.files import write_csv
from faceseg.images import write_jpeg, write_png
from faceseg.models import build
from faceseg.records import open_source

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "export"))
    return importlib.import_module("train_models")


def test_each_model_is_trained_once_after_what_it_starts_from(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands = []

    def trained(command: list[str]) -> subprocess.CompletedProcess[bytes]:
        commands.append(command[4:])
        out = Path(command[command.index("--out") + 1])
        out.mkdir()
        (out / "scores.json").write_text("{}")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(script.subprocess, "run", trained)
    monkeypatch.setattr(script, "write_mask_data", lambda data, folder: None)
    averaged = []

    def average(name: str, parts: list[Path], run: Path) -> None:
        assert all((part / "scores.json").exists() for part in parts)
        averaged.append(name)
        run.mkdir()
        (run / "run.json").write_text("{}")

    monkeypatch.setattr(script, "average", average)
    for _ in range(2):
        for name in script.RECIPES:
            script.train(name, Path("data"), tmp_path, ["--device", "cpu"])
    names = [Path(words[words.index("--out") + 1]).name for words in commands]
    assert averaged == ["face-unet"]
    assert sorted(names + averaged) == sorted(script.RECIPES)
    for name, words in zip(names, commands, strict=True):
        init = script.RECIPES[name].init
        if init:
            assert names.index(init) < names.index(name)
            place = words.index("--init")
            assert words[place + 1] == str(tmp_path / init)
            del words[place : place + 2]
        # What `faceseg train` itself would refuse is refused here.
        assert main(["train", *words, "--print-config"]) == 0
        printed = capsys.readouterr().out
        config = json.loads(printed[printed.index("{") :])
        assert config["validate_every"] == config["epochs"]


def test_an_average(script: ModuleType, tmp_path: Path) -> None:
    config = Config(width=4, depth=1, size=(32, 32))
    networks = [build(config, 2) for _ in range(2)]
    for place, network in enumerate(networks):
        torch.nn.init.constant_(next(network.parameters()), place)
        weights = network.state_dict()
        about = {"task": "face", "classes": ("background", "face"), "weights": weights}
        save(tmp_path / str(place) / "best.pt", config=config, **about)
        (tmp_path / str(place) / "run.json").write_text(str(place))
    script.average("a", [tmp_path / "0", tmp_path / "1"], tmp_path / "a")
    found = load(tmp_path / "a")
    assert found.config == config
    for key, value in found.weights.items():
        one, other = (network.state_dict()[key] for network in networks)
        torch.testing.assert_close(value, ((one.double() + other) / 2).to(value.dtype))
    assert (next(found.model().parameters()) == 0.5).all()
    assert (tmp_path / "a" / "run.json").read_text() == "1"


def test_a_training_that_fails_is_said(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 2)
    monkeypatch.setattr(script.subprocess, "run", lambda command: failed)
    with pytest.raises(InputError, match="face-parse-unet: training ended with code 2"):
        script.train("face-parse-unet", Path("data"), tmp_path, [])


def test_the_training_set_of_the_masks(script: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    portraits, masked = tmp_path / "data/easyportrait", tmp_path / "data/MSFD/1"
    for place in range(6):
        image, labels = draw_portrait(rng, size=(128, 128))
        write_jpeg(portraits / "images/train" / f"p{place}.jpg", image)
        write_png(portraits / "annotations/train" / f"p{place}.png", labels)
    rows = []
    for place in range(3):
        image, mask = draw_portrait(rng, size=(64, 64), task="mask")
        write_jpeg(masked / "face_crop" / f"m{place}.jpg", image)
        grey = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
        write_jpeg(masked / "face_crop_segmentation" / f"m{place}.jpg", grey)
        rows.append((f"m{place}.jpg", f"s{place}", "val" if place == 2 else "train"))
    write_csv(masked / "dataset.csv", ("filename", "subject", "split"), rows)
    script.write_mask_data(tmp_path / "data", tmp_path / "out")
    made = open_source(tmp_path / "out/train_rle.csv", task="mask")
    given = open_source(tmp_path / "data/MSFD", split="train", task="mask")
    assert [record.name for record in made.records] == ["m0", "m1", *(f"p{k}" for k in range(6))]
    for ours, theirs in zip(made.records, given.records, strict=False):
        assert (made.mask(ours) == given.mask(theirs)).all()
    areas = [made.mask(record).mean() for record in made.records][2:]
    assert min(areas) == 0
    assert 0.02 < max(areas) < 0.5
