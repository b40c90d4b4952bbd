"""Checkpoints: one file with weights, settings and the state of a run, loaded without code."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import faceseg
from faceseg import zoo
from faceseg.config import Config
from faceseg.errors import InputError, suggest
from faceseg.files import atomic_path
from faceseg.models import SegmentationModel, build
from faceseg.models.pipeline import Pipeline

_FORMAT = "faceseg checkpoint"
_VERSION = 1

# What a graph for prediction leaves out: nothing but training looks at it.
_LEFT_OUT = ("network.aux_classifier.",)
_COUNTERS = ".num_batches_tracked"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes
    ----------
    path
        The file.
    config
        Settings of the run.
    task
        ``"face"``, ``"mask"`` or ``"parse"``.
    classes
        Name of each class; the first is the background.
    weights
        State dict of the network.
    scores
        Scores on the validation set when it was written.
    state
        What resuming needs (optimizer, schedule, scaler, random generators, position); empty in a
        checkpoint that only serves prediction.
    versions
        Versions of faceseg and torch that wrote it.
    terms
        Terms of use of the shipped or exported model that it started from; its exports keep them.
    """

    path: Path
    config: Config
    task: str
    classes: tuple[str, ...]
    weights: dict[str, Tensor]
    scores: dict[str, float]
    state: dict[str, Any]
    versions: dict[str, str]
    terms: str = ""

    @property
    def card(self) -> str:
        """Name of the shipped model that this is; empty if it is none."""
        return self.path.stem if self.path.parent == zoo.FOLDER else ""

    @property
    def name(self) -> str:
        """What exports are called: as the shipped model, or ``<task>-<model>``."""
        return self.card or f"{self.task}-{self.config.model}"

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights: names, dtypes, shapes and bytes in order of name."""
        digest = hashlib.sha256()
        for name in sorted(self.weights):
            value = self.weights[name].detach().cpu().contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def model(self) -> SegmentationModel:
        """Return the network with these weights, in evaluation mode.

        Raises
        ------
        InputError
            If the weights are not those of the network that the settings describe.
        """
        # The starting weights are in the state dict by now: nothing is to be downloaded again.
        model = build(self.config.replace({"weights": "none"}), len(self.classes))
        load_weights(model, self.weights, str(self.path))
        return model.eval()


def load_weights(model: SegmentationModel, weights: dict[str, Tensor], source: str) -> None:
    """Put `weights` into `model`, or say in one line why they do not fit."""
    own = model.state_dict()
    for name in [*own, *weights]:
        if name not in weights or name not in own:
            what = f"{name} is only in {'the network' if name in own else 'the file'}"
        elif own[name].shape != weights[name].shape:
            what = f"{name} is {tuple(weights[name].shape)}, expected {tuple(own[name].shape)}"
        else:
            continue
        raise InputError(f"{source}: a checkpoint of another architecture: {what}")
    model.load_state_dict(weights)


def save(
    path: str | os.PathLike[str],
    *,
    config: Config,
    task: str,
    classes: tuple[str, ...],
    weights: dict[str, Tensor],
    scores: dict[str, float] | None = None,
    state: dict[str, Any] | None = None,
    terms: str = "",
) -> None:
    """Write a checkpoint, atomically.

    Raises
    ------
    OSError
        If it cannot be written; a file that was there before is left as it was.
    """
    stream = io.BytesIO()
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "config": config.to_dict(),
        "task": task,
        "classes": list(classes),
        "weights": weights,
        "scores": scores or {},
        "state": state or {},
        "terms": terms,
        "versions": {"faceseg": faceseg.__version__, "torch": str(torch.__version__)},
    }
    # Serialised in memory first: torch reports a full disk as a RuntimeError without a reason.
    torch.save(content, stream)
    with atomic_path(path) as temporary:
        temporary.write_bytes(stream.getbuffer())


def resolve(path: str | os.PathLike[str]) -> Path:
    """Return the file meant by `path`: a run folder's ``best.pt``, or that of a shipped model."""
    given = zoo.locate(path)
    found = given / "best.pt" if given.is_dir() else given
    if (given / "fold1").is_dir():
        raise InputError(f"{given}: a run of several folds; name one of them, {given / 'fold1'}")
    if not found.is_file():
        shipped = zoo.names()
        raise InputError(
            f"{found}: no such checkpoint; expected a .pt or .onnx file, a run folder or the name "
            f"of a shipped model{suggest(str(path), shipped) if shipped else ''}"
        )
    return found


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint without running any code that it may hold.

    Parameters
    ----------
    path
        A ``.pt`` file, a run folder, an ``.onnx`` file that ``faceseg export`` wrote, or the name
        of a shipped model. An ``.onnx`` file holds no auxiliary head: it starts anew, and so do the
        counters of batch normalisation.

    Raises
    ------
    InputError
        If the file is missing, truncated, not a checkpoint of this package, or of a newer version.
    """
    found = resolve(path)
    if found.suffix.lower() == ".onnx":
        return _load_onnx(found)
    # Checkpoints are zip archives, whose directory stands at the end; anything else would be read
    # as a bare pickle.
    if not zipfile.is_zipfile(found):
        raise InputError(f"{found}: truncated or not a checkpoint")
    try:
        with zipfile.ZipFile(found) as archive:
            # torch does not look at the checksums.
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
        content = torch.load(found, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{found}: not a faceseg checkpoint: it holds Python objects, which are never loaded"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{found}: damaged, or not a checkpoint") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{found}: a PyTorch file, but not a faceseg checkpoint")
    version = content.get("version")
    if not isinstance(version, int) or version > _VERSION:
        raise InputError(
            f"{found}: checkpoint version {version}, this faceseg reads up to {_VERSION}; upgrade "
            "faceseg"
        )
    try:
        return Checkpoint(
            path=found,
            config=Config.from_dict(content["config"]),
            task=content["task"],
            classes=tuple(content["classes"]),
            weights=content["weights"],
            scores=content["scores"],
            state=content["state"],
            versions=content["versions"],
            terms=content.get("terms", ""),
        )
    except KeyError as error:
        raise InputError(f"{found}: a faceseg checkpoint without {error}; it is damaged") from error
    except InputError as error:
        raise InputError(f"{found}: {error}; another version of faceseg wrote it") from error


def _load_onnx(path: Path) -> Checkpoint:
    # Checkpoints alone need no onnx, which takes a third of a second to import.
    from faceseg.onnx_weights import read

    stored = read(path)
    contract = stored.contract
    try:
        config = Config.from_dict(stored.config)
    except InputError as error:
        raise InputError(f"{path}: {error}; another version of faceseg wrote it") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        fresh = build(config, len(contract.classes)).state_dict()
    weights = {
        name: value
        for name, value in fresh.items()
        if name.startswith(_LEFT_OUT) or name.endswith(_COUNTERS)
    }
    weights |= {name: torch.tensor(value) for name, value in stored.weights.items()}
    return Checkpoint(
        path=path,
        config=config,
        task=contract.task,
        classes=contract.classes,
        weights=weights,
        scores={},
        state={},
        versions={"faceseg": contract.faceseg},
        terms=contract.terms,
    )


def load_pipeline(
    path: str | os.PathLike[str], *, probabilities: bool = False
) -> tuple[Pipeline, Checkpoint]:
    """Return a checkpoint as a pipeline from raw pixels to a mask, in evaluation mode."""
    checkpoint = load(path)
    pipeline = Pipeline(checkpoint.model(), checkpoint.config.size, probabilities=probabilities)
    return pipeline.eval(), checkpoint
