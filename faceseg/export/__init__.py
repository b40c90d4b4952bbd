"""Checkpoints to files that other programs load, each held to the eager pipeline first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import faceseg
from faceseg.checkpoint import Checkpoint, load
from faceseg.contract import Contract
from faceseg.errors import InputError, suggest
from faceseg.export import onnx, torchscript
from faceseg.export.verify import Runner, Verification, verify
from faceseg.files import atomic_path
from faceseg.models.pipeline import Pipeline
from faceseg.onnx_weights import restored, stored

__all__ = ["FORMATS", "Exported", "Format", "Verification", "export_model"]


@dataclass(frozen=True)
class Format:
    """How one format is written and run.

    Attributes
    ----------
    suffix
        Of its files.
    write
        Writes a pipeline with its contract to a path; ONNX takes `config` and `store`, too.
    open
        Returns a file as a function from (N, H, W, 3) uint8 to the outputs, on the CPU.
    """

    suffix: str
    write: Callable[..., None]
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
    store: str = "float32",
    name: str | None = None,
) -> list[Exported]:
    """Write a checkpoint as files that take raw pixels and give masks.

    Each file is written beside its destination, run, compared with the eager pipeline by
    :func:`faceseg.export.verify.verify` and moved into place only if it agrees.

    Parameters
    ----------
    checkpoint
        A ``.pt`` file, a run folder, which means its ``best.pt``, an ``.onnx`` file of this
        package or the name of a shipped model.
    formats
        Names in `FORMATS`.
    out_dir
        Folder of the files, which are named `name` and the format's suffix.
    probabilities
        Give a second output, the probability of each class.
    terms
        Terms of use that follow from the training data, written into the contract; by default
        those of the ``.onnx`` file that is exported again.
    store
        How ONNX files store the weights of convolutions: ``"float32"`` as they are,
        ``"float16"`` in half the size, ``"int8"`` in a quarter. All compute in float32.
    name
        Of the model; by default ``<task>-<model>``.

    Returns
    -------
    list of Exported
        One for each format, in order.

    Raises
    ------
    InputError
        If a format or store is unknown, weights are to be stored small in another format than
        ONNX, the checkpoint cannot be read, or a file disagrees with eager.
    """
    for form in formats:
        if form not in FORMATS:
            raise InputError(f"unknown format {form!r}{suggest(form, FORMATS)}")
        if store != "float32" and form != "onnx":
            raise InputError(f"store: {store} is for onnx files, {form} was asked for, too")
    loaded = load(checkpoint)
    contract = describe(loaded, probabilities=probabilities, terms=terms, name=name)
    size = loaded.config.size
    trained = None
    network = loaded.model()
    if store != "float32":
        trained = Pipeline(network, size, probabilities=True).eval()
        # The file is compared with eager of the same rounded weights: the rounding is no error.
        network = _rounded(loaded, store).model()
    pipeline = Pipeline(network, size, probabilities=probabilities).eval()
    reference = Pipeline(network, size, probabilities=True).eval()
    written = []
    for form in formats:
        path = Path(out_dir, contract.name + FORMATS[form].suffix)
        options: dict[str, Any] = (
            {"config": loaded.config, "store": store} if form == "onnx" else {}
        )
        with atomic_path(path) as temporary:
            FORMATS[form].write(pipeline, contract, temporary, **options)
            runner = FORMATS[form].open(temporary)
            verification = verify(reference, runner, contract, str(path), trained=trained)
            if form == "onnx":
                # Training can start from it: every weight is there under its name.
                load(temporary).model()
        written.append(Exported(path, form, verification))
    return written


def _rounded(checkpoint: Checkpoint, store: str) -> Checkpoint:
    """Return a checkpoint whose weights are those that a file gives back."""
    weights = {
        name: torch.from_numpy(restored(stored(value.numpy(), store, name)))
        for name, value in checkpoint.weights.items()
    }
    return replace(checkpoint, weights=weights)


def describe(
    checkpoint: Checkpoint, *, probabilities: bool, terms: str, name: str | None = None
) -> Contract:
    """Return the contract of a checkpoint's exports."""
    return Contract(
        name=name or f"{checkpoint.task}-{checkpoint.config.model}",
        task=checkpoint.task,
        classes=checkpoint.classes,
        size=checkpoint.config.size,
        probabilities=probabilities,
        weights_sha256=checkpoint.sha256,
        faceseg=faceseg.__version__,
        terms=terms or checkpoint.terms,
    )
