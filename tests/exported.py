"""A small seeded network, exported once for all tests: writing a file is most of their time.

The fixture `exported` has it as checkpoint, TorchScript and ONNX file, `one_size` as the ONNX file
for one size of picture, `logits_alone` as that of the network without the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@dataclass(frozen=True)
class Exports:
    """Paths of one network's files."""

    checkpoint: Path
    torchscript: Path
    onnx: Path


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Export an untrained U-Net whose two classes are about equally frequent."""
    import torch

    from faceseg.checkpoint import save
    from faceseg.config import Config
    from faceseg.draw import draw_portrait
    from faceseg.export import export_model
    from faceseg.models import build
    from faceseg.models.pipeline import Normalise

    folder = tmp_path_factory.mktemp("exported")
    config = Config(width=4, depth=2, size=(64, 64))
    torch.manual_seed(0)
    network = build(config, 2)
    portrait, _ = draw_portrait(np.random.default_rng(0), size=(64, 64))
    with torch.no_grad():
        pixels = Normalise()(torch.from_numpy(portrait[None]))
        for _ in range(50):
            network(pixels)  # fills the running means of the normalisation
        network.eval()
        network.head.bias -= network(pixels).mean(dim=(0, 2, 3))
    save(
        folder / "best.pt",
        config=config,
        task="face",
        classes=("background", "face"),
        weights=network.state_dict(),
    )
    torchscript, onnx = export_model(
        folder, ["torchscript", "onnx"], folder, probabilities=True, terms="drawn data"
    )
    return Exports(folder / "best.pt", torchscript.path, onnx.path)


@pytest.fixture(scope="session")
def one_size(exported: Exports, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the file that takes a picture of 64 x 64 and no other."""
    return _again(exported, tmp_path_factory, picture=(64, 64))


@pytest.fixture(scope="session")
def logits_alone(exported: Exports, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the file that takes scaled pixels and gives logits."""
    return _again(exported, tmp_path_factory, logits=True)


def _again(exported: Exports, folders: pytest.TempPathFactory, **how: Any) -> Path:
    from faceseg.export import export_model

    (written,) = export_model(exported.checkpoint, ["onnx"], folders.mktemp("again"), **how)
    return written.path
