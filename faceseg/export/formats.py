"""The formats of exported files: how each is written and run, and what it can compute in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from faceseg.contract import Contract
from faceseg.export import aoti, onnx, openvino, program, torchscript, triton
from faceseg.export.job import Job, Runner
from faceseg.openvino_core import import_openvino

PRECISIONS = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    # Trained numbers until the file is written.
    "int8": torch.float32,
}


@dataclass(frozen=True)
class Format:
    """How one format is written and run.

    Attributes
    ----------
    name
        Of the format.
    suffix
        Of its files.
    write
        Writes a job to a path.
    open
        Returns a file as a function from its input to its outputs, on the CPU.
    runtime
        What `open` runs it with.
    precisions
        What it can compute in.
    folder
        Whether it is a folder of files.
    find
        Looks for what writing it needs beside PyTorch; InputError if that is missing.
    """

    name: str
    suffix: str
    write: Callable[[Job, Path], None]
    open: Callable[[Path, Contract], Runner]
    runtime: str
    precisions: tuple[str, ...]
    folder: bool = False
    find: Callable[[], object] = lambda: None


_TORCH = ("float32", "bfloat16")
_ONNX = ("float32", "float16", "int8")

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(
            "torchscript", torchscript.SUFFIX, torchscript.write_torchscript,
            torchscript.open_torchscript, "TorchScript", _TORCH,
        ),
        Format("onnx", onnx.SUFFIX, onnx.write_onnx, onnx.open_onnx, "ONNX Runtime", _ONNX),
        Format(
            "pt2", program.SUFFIX, program.write_program, program.open_program, "torch.export",
            _TORCH,
        ),
        Format(
            "aoti", aoti.SUFFIX, aoti.write_aoti, aoti.open_aoti, "AOTInductor", _TORCH,
            find=aoti.find_compiler,
        ),
        Format(
            "openvino", openvino.SUFFIX, openvino.write_openvino, openvino.open_openvino,
            "OpenVINO", _ONNX, folder=True, find=import_openvino,
        ),
        Format(
            "triton", "", triton.write_triton, triton.open_triton, "ONNX Runtime", _ONNX,
            folder=True,
        ),
    )
}  # fmt: skip

# What is written where nothing is asked for.
DEFAULT = ("torchscript", "onnx")
