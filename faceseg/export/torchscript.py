"""TorchScript files, with the contract among their extra files."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceseg.contract import TORCHSCRIPT_FILE, Contract
from faceseg.errors import InputError
from faceseg.models.pipeline import Pipeline

SUFFIX = ".ts"


def write_torchscript(pipeline: Pipeline, contract: Contract, path: Path) -> None:
    """Trace `pipeline` and write it; batch, height and width stay free."""
    example = torch.zeros((2, 67, 93, 3), dtype=torch.uint8)
    stream = io.BytesIO()
    with _quiet(), torch.no_grad():
        # The trace is compared with the pipeline by faceseg.export.verify, at more sizes.
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            pipeline, example, check_trace=False
        )
        # Saved to a stream: a file's name would become the name of the archive inside it.
        torch.jit.save(traced, stream, _extra_files={TORCHSCRIPT_FILE: contract.to_json()})
    stream.seek(0)
    path.write_bytes(_without_source_paths(stream))


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


def open_torchscript(path: Path) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.generic], ...]]:
    """Return the file as a function from (N, H, W, 3) uint8 to its outputs, on the CPU."""
    module, _ = load_torchscript(path)

    def run(images: NDArray[np.uint8]) -> tuple[NDArray[np.generic], ...]:
        with torch.inference_mode():
            result = module(torch.from_numpy(images))
        return tuple(t.numpy() for t in ((result,) if isinstance(result, Tensor) else result))

    return run


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


def _without_source_paths(stream: io.BytesIO) -> bytes:
    """Return the archive without its ``.debug_pkl`` records, which hold absolute source paths."""
    result = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            if not name.endswith(".debug_pkl"):
                # A fresh ZipInfo has a fixed date.
                new.writestr(zipfile.ZipInfo(name), old.read(name))
    return result.getvalue()
