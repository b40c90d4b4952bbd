"""TorchScript files, with the contract among their extra files."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from torch import nn

from faceseg.contract import TORCHSCRIPT_FILE, Contract
from faceseg.errors import InputError
from faceseg.export.archive import without
from faceseg.export.job import Job, Runner, as_runner

SUFFIX = ".ts"


def write_torchscript(job: Job, path: Path) -> None:
    """Trace a graph and write it."""
    stream = io.BytesIO()
    with _quiet(), torch.no_grad():
        # The trace is compared with the pipeline by faceseg.export.verify, at more sizes.
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            job.graph, job.example(), check_trace=False
        )
        # Saved to a stream: a file's name would become the name of the archive inside it.
        torch.jit.save(traced, stream, _extra_files={TORCHSCRIPT_FILE: job.contract.to_json()})
    # Those records hold absolute paths of the sources.
    path.write_bytes(without(stream, ".debug_pkl"))


def load_torchscript(path: str | os.PathLike[str]) -> tuple[nn.Module, Contract]:
    """Read a file that :func:`write_torchscript` wrote, on the CPU.

    Returns
    -------
    module : nn.Module
        Maps (N, H, W, 3) uint8 RGB to the outputs that the contract names.
    contract : Contract

    Raises
    ------
    InputError
        If the file is missing, truncated, not TorchScript, or has no contract of this package.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a {SUFFIX} file from 'faceseg export'")
    extra = {TORCHSCRIPT_FILE: ""}
    try:
        with _quiet():
            module: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
                os.fspath(path), map_location="cpu", _extra_files=extra
            )
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}: truncated or not a TorchScript file") from error
    # Stored as text, read back as bytes.
    text = cast("bytes | str", extra[TORCHSCRIPT_FILE])
    contract = Contract.from_json(
        text.decode() if isinstance(text, bytes) else text, os.fspath(path)
    )
    return module, contract


def open_torchscript(path: Path, contract: Contract) -> Runner:
    """Return the file as a function from its input to its outputs, on the CPU."""
    return as_runner(load_torchscript(path)[0])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back the warnings that say nothing to somebody who asked for this format."""
    with warnings.catch_warnings():
        # FutureWarning up to Python 3.13, DeprecationWarning from 3.14 on.
        for category in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings(
                "ignore", r"`torch\.jit\.\w+` is (deprecated|not supported)", category
            )
        # The pipeline branches on the number of classes, a constant of the network.
        warnings.filterwarnings(
            "ignore",
            "Converting a tensor to a Python boolean",
            module=r"faceseg\.models\.pipeline",
        )
        yield
