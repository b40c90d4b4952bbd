"""Checkpoints to files that other programs load, each held to the eager pipeline first."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import __version__ as onnx_version
from torch import nn

import faceseg
from faceseg.checkpoint import Checkpoint, load
from faceseg.contract import TORCHSCRIPT_FILE, Contract, contract_path
from faceseg.errors import InputError, suggest
from faceseg.export import opencv
from faceseg.export.formats import DEFAULT, FORMATS, PRECISIONS, Format
from faceseg.export.int8 import portraits
from faceseg.export.job import Job
from faceseg.export.lower import folded
from faceseg.export.real import open_scored, read_pictures, score
from faceseg.export.verify import Verification, verify
from faceseg.files import atomic_folder, atomic_path, write_json
from faceseg.models.pipeline import Bare, Pipeline
from faceseg.onnx_weights import restored, stored

__all__ = ["DEFAULT", "FORMATS", "Exported", "Format", "Verification", "export_model"]


@dataclass(frozen=True)
class Exported:
    """A file that was written, how it compared with eager, and what ran it.

    Attributes
    ----------
    path
        The file.
    format
        Name in `FORMATS`.
    verification
        How it compared.
    runtimes
        Programs that ran it and agreed.
    scores
        IoU on a data set of eager and of the file; None if none was given.
    """

    path: Path
    format: str
    verification: Verification
    runtimes: tuple[str, ...]
    scores: tuple[float, float] | None

    def __str__(self) -> str:
        lines = [str(self.verification), f"checked in {', '.join(self.runtimes)}"]
        if self.scores is not None:
            lines.append(f"IoU on the data {self.scores[1]:.4f}, eager {self.scores[0]:.4f}")
        return "\n".join(lines)


def export_model(
    checkpoint: str | os.PathLike[str],
    formats: Sequence[str],
    out_dir: str | os.PathLike[str],
    *,
    probabilities: bool = False,
    terms: str = "",
    store: str = "float32",
    name: str | None = None,
    picture: tuple[int, int] | None = None,
    precision: str = "float32",
    calibrate: str | os.PathLike[str] | None = None,
    logits: bool = False,
    data: str | os.PathLike[str] | None = None,
    letterbox: bool = False,
) -> list[Exported]:
    """Write a checkpoint as files that take raw pixels and give masks.

    Each file is written beside its destination, run, compared with the eager pipeline by
    :func:`faceseg.export.verify.verify` and moved into place only if it agrees. Its contract is
    written beside it, as JSON.

    Parameters
    ----------
    checkpoint
        A ``.pt`` file, a run folder, which means its ``best.pt``, an ``.onnx`` file of this
        package or the name of a shipped model.
    formats
        Names in `FORMATS`.
    out_dir
        Folder of the files, which are named `name`, what is special about them and the format's
        suffix.
    probabilities
        Give a second output, the probability of each class.
    terms
        Terms of use that follow from the training data, written into the contract; by default
        those of the ``.onnx`` file that is exported again.
    store
        How ONNX files store the weights of convolutions: ``"float32"`` as they are,
        ``"float16"`` in half the size, ``"int8"`` in a quarter. All compute in float32.
    name
        Of the model; by default that of a shipped one, or ``<task>-<model>``.
    picture
        Height and width of the one picture that a file takes; by default any number of any size.
    precision
        What the network computes in, one of `PRECISIONS`.
    calibrate
        Pictures that show an int8 file the range of each activation: a folder of them or a data
        set; by default drawn portraits.
    logits
        Write the network alone: scaled (N, 3, H, W) float32 in, logits out.
    data
        A data set: eager and each file are scored on its val split.
    letterbox
        Keep the ratio of height to width of a picture, see `Pipeline`.

    Returns
    -------
    list of Exported
        One for each format, in order.

    Raises
    ------
    InputError
        If a format, store or precision is unknown, a format has no such store or precision or its
        program is not installed, the checkpoint cannot be read, a folder or the card of a shipped
        model would be replaced, or a file disagrees with eager.
    """
    _refuse(formats, store, precision)
    if calibrate is not None and precision != "int8":
        raise InputError(f"calibrate: {calibrate} given, but {precision} needs no calibration")
    if picture is not None and min(picture) < 1:
        raise InputError(f"size: {picture[0]}x{picture[1]} given, expected 1x1 or more")
    if letterbox:
        _refuse_letterbox(formats, picture, logits)
    loaded = load(checkpoint)
    contract = Contract(
        name=name or loaded.name,
        task=loaded.task,
        classes=loaded.classes,
        size=loaded.config.size,
        probabilities=probabilities and not logits,
        weights_sha256=loaded.sha256,
        faceseg=faceseg.__version__,
        terms=terms or loaded.terms,
        picture=picture,
        logits=logits,
        precision=precision,
        versions={"torch": str(torch.__version__), "onnx": onnx_version},
        card=loaded.card,
        letterbox=letterbox,
    )
    network = loaded.model()
    trained = None
    if store != "float32":
        # The file is compared with eager of the same rounded weights: the rounding is no error.
        trained, network = network, _rounded(loaded, store).model()
    source = None if data is None else open_scored(data, contract)
    calibration: Sequence[NDArray[np.uint8]] = ()
    if precision == "int8":
        calibration = read_pictures(calibrate, loaded.task) if calibrate else portraits(contract)
    stem = contract.name + _variant(contract)
    job = Job(stem, _graph(network, contract), contract, loaded.config, store, calibration)
    for form in (FORMATS[name] for name in formats):
        if form.folder:
            _refuse_folder(Path(out_dir, stem + form.suffix))
    written = []
    for form in (FORMATS[name] for name in formats):
        path = Path(out_dir, stem + form.suffix)
        with _place(path, contract, folder=form.folder) as temporary:
            form.write(job, temporary)
            runner = form.open(temporary, contract)
            verification = verify(network, runner, contract, str(path), trained=trained)
            runtimes = [form.runtime]
            if form is FORMATS["onnx"]:
                runtimes += _read_again(network, contract, temporary, path)
            scores = None if source is None else score(network, runner, contract, source)
        written.append(Exported(path, form.name, verification, tuple(runtimes), scores))
    return written


@contextmanager
def _place(path: Path, contract: Contract, *, folder: bool) -> Iterator[Path]:
    """Give where to write; when the block ends well, put it in place with its contract.

    The contract of a file lies beside it, that of a folder inside.
    """
    document = json.loads(contract.to_json())
    if folder:
        _refuse_folder(path)
        with atomic_folder(path) as temporary:
            yield temporary
            write_json(temporary / TORCHSCRIPT_FILE, document)
    else:
        beside = contract_path(path)
        with atomic_path(path) as temporary:
            yield temporary
        write_json(beside, document)


def _refuse_folder(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path}: exists; remove it, or name another folder by --out")


def _refuse(formats: Sequence[str], store: str, precision: str) -> None:
    if precision not in PRECISIONS:
        raise InputError(f"precision: unknown {precision!r}{suggest(precision, PRECISIONS)}")
    for form in formats:
        if form not in FORMATS:
            raise InputError(f"unknown format {form!r}{suggest(form, FORMATS)}")
        if store != "float32" and form != "onnx":
            raise InputError(f"store: {store} is for onnx files, {form} was asked for, too")
        if precision not in FORMATS[form].precisions:
            raise InputError(
                f"precision: {form} files compute in {', '.join(FORMATS[form].precisions)}, "
                f"{precision} was asked for"
            )
        FORMATS[form].find()
    if store != "float32" and precision != "float32":
        raise InputError(f"store: {store} is for files that compute in float32, not {precision}")


def _refuse_letterbox(
    formats: Sequence[str], picture: tuple[int, int] | None, logits: bool
) -> None:
    if logits:
        raise InputError("letterbox: the network alone (logits) resizes nothing; leave one out")
    for form in formats:
        # torch.export would hold them to the memory layout that the example's ratio gives.
        if picture is None and form in ("pt2", "aoti"):
            raise InputError(
                f"letterbox: {form} files take it for one size of picture only; name it (--size "
                "HxW), or take torchscript, onnx, openvino or triton"
            )


def _graph(network: nn.Module, contract: Contract) -> nn.Module:
    """Return what the files compute."""
    dtype = PRECISIONS[contract.precision]
    if contract.precision != "float32":
        network = folded(network).to(dtype)
    if contract.logits:
        return Bare(network, dtype=dtype).eval()
    pipeline = Pipeline(
        network,
        contract.size,
        probabilities=contract.probabilities,
        picture=contract.picture,
        dtype=dtype,
        letterbox=contract.letterbox,
    )
    return pipeline.eval()


def _variant(contract: Contract) -> str:
    """Return what is special about a file, for its name: such files lie beside the usual one."""
    parts = ["logits"] if contract.logits else []
    parts += ["letterbox"] if contract.letterbox else []
    parts += [f"{contract.picture[0]}x{contract.picture[1]}"] if contract.picture else []
    parts += [contract.precision] if contract.precision != "float32" else []
    return "".join(f"-{part}" for part in parts)


def _read_again(network: nn.Module, contract: Contract, temporary: Path, path: Path) -> list[str]:
    """Read an ONNX file as training does, and run it in a second program, if one can."""
    if contract.precision == "float32":
        # Training can start from it: every weight is there under its name.
        load(temporary).model()
    if not opencv.reads(contract):
        return []
    # Small, since OpenCV does not reduce as the others do.
    shapes = [(1, *contract.picture)] if contract.picture else [(1, 64, 41)]
    try:
        runner = opencv.open_opencv(temporary, contract)
        verify(network, runner, contract, f"{path}: in {opencv.NAME}", shapes=shapes)
    except opencv.Unreadable:
        return []
    except InputError:
        # Files of one size are there for programs such as it: none is to go wrong without a word.
        if contract.picture:
            raise
        return []
    return [opencv.NAME]


def _rounded(checkpoint: Checkpoint, store: str) -> Checkpoint:
    """Return a checkpoint whose weights are those that a file gives back."""
    weights = {
        name: torch.from_numpy(restored(stored(value.numpy(), store, name)))
        for name, value in checkpoint.weights.items()
    }
    return replace(checkpoint, weights=weights)
