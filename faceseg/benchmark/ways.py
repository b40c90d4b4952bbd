"""The ways to run a model, and why one cannot be gone here."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from faceseg.contract import Contract
from faceseg.errors import InputError
from faceseg.exported import format_of

SHORT = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "int8": "int8"}


@dataclass(frozen=True)
class Way:
    """One way to run a model.

    Attributes
    ----------
    name
        What a table calls it.
    runtime
        What ``--runtimes`` calls it; several ways may share one.
    format
        Of the exported file that it reads; empty for a checkpoint.
    precision
        What it is asked to compute in, as `faceseg.contract.Contract` names it.
    stored
        Precision of the file that it reads.
    channels_last
        Eager PyTorch: keep activations in (N, H, W, C) order in memory.
    tuned
        Let glibc's allocator keep the memory that is freed.
    fixed
        It reads a file that takes one picture of one size.
    stock
        Name of the network that it is for, whose convolutions are PyTorch's own then and not those
        of `faceseg.models.convolution`; empty for a way that every network goes.
    """

    name: str
    runtime: str
    format: str = ""
    precision: str = "float32"
    stored: str = "float32"
    channels_last: bool = False
    tuned: bool = False
    fixed: bool = False
    stock: str = ""

    @property
    def short(self) -> str:
        """What it is asked to compute in, as tables have it: ``"fp32"``, ``"int8+bf16"`` ..."""
        mixed = self.stored not in ("float32", self.precision)
        return f"{SHORT[self.stored]}+" * mixed + SHORT[self.precision]


# The first is what all others are compared with.
_CPU = (
    Way("eager", "eager"),
    Way("eager, torchvision", "eager", stock="deeplabv3"),
    Way("eager, tuned malloc", "eager", tuned=True),
    Way("eager channels_last", "eager", channels_last=True),
    Way("channels_last, tuned", "eager", channels_last=True, tuned=True),
    Way("eager channels_last", "eager", precision="bfloat16", channels_last=True),
    Way("torch.compile", "compile", channels_last=True),
    Way("torch.compile", "compile", precision="bfloat16", channels_last=True),
    Way("TorchScript", "torchscript", "torchscript"),
    Way("torch.export", "pt2", "pt2"),
    Way("AOTInductor", "aoti", "aoti"),
    Way("ONNX Runtime", "onnx", "onnx"),
    Way("ONNX Runtime", "onnx", "onnx", "int8", "int8"),
    Way("OpenVINO", "openvino", "onnx"),
    Way("OpenVINO", "openvino", "onnx", "bfloat16"),
    Way("OpenVINO", "openvino", "onnx", "int8", "int8"),
    # What is not int8 there, in bfloat16.
    Way("OpenVINO", "openvino", "onnx", "bfloat16", "int8"),
    Way("OpenCV dnn", "opencv", "onnx", fixed=True),
)
_CUDA = (
    Way("eager", "eager"),
    Way("eager channels_last", "eager", channels_last=True),
    Way("eager channels_last", "eager", precision="float16", channels_last=True),
    Way("torch.compile", "compile", channels_last=True),
    Way("torch.compile", "compile", precision="float16", channels_last=True),
    Way("TorchScript", "torchscript", "torchscript"),
    Way("ONNX Runtime CUDA", "cuda", "onnx"),
    Way("ONNX Runtime CUDA", "cuda", "onnx", "float16", "float16"),
    Way("ORT CUDA, graph", "cuda", "onnx", "float16", "float16", fixed=True),
    Way("TensorRT", "tensorrt", "onnx", "float16"),
)
WAYS = {"cpu": _CPU, "cuda": _CUDA}

RUNTIMES = tuple(dict.fromkeys(way.runtime for way in (*_CPU, *_CUDA)))


def ways_of(path: Path, contract: Contract, device: str) -> list[Way]:
    """Return the ways to run an exported file.

    Raises
    ------
    InputError
        If such files do not run on the device.
    """
    form = format_of(path) or ""
    found = [
        replace(way, stored=contract.precision)
        for way in WAYS[device]
        if way.stored in (contract.precision, _upcast(way, contract))
        and form in (way.format, "openvino" if way.runtime == "openvino" else "")
        and (contract.picture or not way.fixed)
    ]
    if found:
        return found
    # None of the usual ones: TorchScript in bfloat16, say.
    usual = next((way for way in WAYS[device] if way.format == form), None)
    if usual is None:
        raise InputError(f"{path}: such files do not run on {device}")
    return [replace(usual, precision=contract.precision, stored=contract.precision)]


def _upcast(way: Way, contract: Contract) -> str | None:
    """Return what a way's file may hold instead: OpenVINO on a CPU computes float16 in float32."""
    half = way.runtime == "openvino" and contract.precision == "float16"
    return "float32" if half else None


def check(way: Way) -> None:
    """Look for what a way needs; InputError if this machine lacks it."""
    if way.runtime in ("compile", "aoti") and not shutil.which(os.environ.get("CXX", "g++")):
        raise InputError("no C++ compiler; apt-get install g++, or name one by CXX")
    modules = {"openvino": "openvino", "opencv": "cv2"}
    needed = modules.get(way.runtime, "onnxruntime" if way.format == "onnx" else "torch")
    if find_spec(needed) is None:
        raise InputError(f"{needed} is not installed")
    if way.runtime in ("cuda", "tensorrt"):
        from faceseg.providers import choose

        choose(way.runtime)
