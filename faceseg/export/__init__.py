"""Checkpoints to files that other programs load, each held to the eager pipeline first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import faceseg
from faceseg.checkpoint import Checkpoint, load
from faceseg.contract import Contract
from faceseg.errors import InputError, suggest
from faceseg.export import onnx, torchscript
from faceseg.export.verify import Runner, Verification, verify
from faceseg.files import atomic_path
from faceseg.models.pipeline import Pipeline

__all__ = ["FORMATS", "Exported", "Format", "Verification", "export_model"]


@dataclass(frozen=True)
class Format:
    """How one format is written and run.

    Attributes
    ----------
    suffix
        Of its files.
    write
        Writes a pipeline with its contract to a path.
    open
        Returns a file as a function from (N, H, W, 3) uint8 to the outputs, on the CPU.
    """

    suffix: str
    write: Callable[[Pipeline, Contract, Path], None]
    open: Callable[[Path], Runner]


FORMATS: dict[str, Format] = {
    "torchscript": Format(
        torchscript.SUFFIX, torchscript.write_torchscript, torchscript.open_torchscript
    ),
    "onnx": Format(onnx.SUFFIX, onnx.write_onnx, onnx.open_onnx),
}


@dataclass(frozen=True)
class Exported:
    """A file that was written, and how it compared with eager."""

    path: Path
    format: str
    verification: Verification


def export_model(
    checkpoint: str | os.PathLike[str],
    formats: Sequence[str],
    out_dir: str | os.PathLike[str],
    *,
    probabilities: bool = False,
    terms: str = "",
) -> list[Exported]:
    """Write a checkpoint as files that take raw pixels and give masks.

    Each file is written beside its destination, run, compared with the eager pipeline by
    :func:`faceseg.export.verify.verify` and moved into place only if it agrees.

    Parameters
    ----------
    checkpoint
        A ``.pt`` file or a run folder, which means its ``best.pt``.
    formats
        Names in `FORMATS`.
    out_dir
        Folder of the files, which are named ``<task>-<model>`` and the format's suffix.
    probabilities
        Give a second output, the probability of each class.
    terms
        Terms of use that follow from the training data, written into the contract.

    Returns
    -------
    list of Exported
        One for each format, in order.

    Raises
    ------
    InputError
        If a format is unknown, the checkpoint cannot be read, or a file disagrees with eager.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"unknown format {name!r}{suggest(name, FORMATS)}")
    loaded = load(checkpoint)
    contract = describe(loaded, probabilities=probabilities, terms=terms)
    size = loaded.config.size
    network = loaded.model()
    pipeline = Pipeline(network, size, probabilities=probabilities).eval()
    reference = Pipeline(network, size, probabilities=True).eval()
    written = []
    for name in formats:
        path = Path(out_dir, contract.name + FORMATS[name].suffix)
        with atomic_path(path) as temporary:
            FORMATS[name].write(pipeline, contract, temporary)
            runner = FORMATS[name].open(temporary)
            verification = verify(reference, runner, contract, str(path))
        written.append(Exported(path, name, verification))
    return written


def describe(checkpoint: Checkpoint, *, probabilities: bool, terms: str) -> Contract:
    """Return the contract of a checkpoint's exports."""
    return Contract(
        name=f"{checkpoint.task}-{checkpoint.config.model}",
        task=checkpoint.task,
        classes=checkpoint.classes,
        size=checkpoint.config.size,
        probabilities=probabilities,
        weights_sha256=checkpoint.sha256,
        faceseg=faceseg.__version__,
        terms=terms,
    )
