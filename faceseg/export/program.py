"""Files of ``torch.export``, with the contract among their extra files."""

from __future__ import annotations

import io
import os
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from faceseg.contract import TORCHSCRIPT_FILE, Contract
from faceseg.errors import InputError
from faceseg.export.job import Job, Runner, as_runner

SUFFIX = ".pt2"


def captured(job: Job) -> ExportedProgram:
    """Return a graph as ``torch.export`` captures it, without the paths of its sources."""
    # Named axes fail where a network pads by a remainder of its size.
    free = {axis: Dim.AUTO for axis in job.free()}
    with torch.no_grad():
        program = torch.export.export(
            job.graph, (job.example(),), dynamic_shapes=(free,) if free else None
        )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def write_program(job: Job, path: Path) -> None:
    """Capture a graph and write it."""
    stream = io.BytesIO()
    extra = {TORCHSCRIPT_FILE: job.contract.to_json()}
    # Saved to a stream: a file's name would become the name of the archive inside it.
    torch.export.save(captured(job), stream, extra_files=extra)
    path.write_bytes(stream.getvalue())


def load_program(path: str | os.PathLike[str]) -> tuple[nn.Module, Contract]:
    """Read a file that :func:`write_program` wrote, on the CPU.

    Raises
    ------
    InputError
        If the file is missing, truncated, of another format, or has no contract of this package.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a {SUFFIX} file from 'faceseg export'")
    extra = {TORCHSCRIPT_FILE: ""}
    try:
        program = torch.export.load(os.fspath(path), extra_files=extra)
    except Exception as error:
        # Its errors have no base class but Exception.
        raise InputError(f"{path}: truncated or not a file of torch.export") from error
    return program.module(), Contract.from_json(extra[TORCHSCRIPT_FILE], os.fspath(path))


def open_program(path: Path, contract: Contract) -> Runner:
    """Return the file as a function from its input to its outputs, on the CPU."""
    return as_runner(load_program(path)[0])
