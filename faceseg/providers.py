"""Where ONNX Runtime runs a model: execution providers by short names, chosen or an error."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import onnxruntime

from faceseg.errors import InputError, suggest
from faceseg.openvino_core import import_openvino

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    # A runtime of its own, which reads the same files.
    "openvino": "OpenVINO",
}

_NEEDS = {
    "cuda": "CUDA 13 or cuDNN 9 is missing (pip install 'onnxruntime-gpu[cuda,cudnn]')",
    "tensorrt": "CUDA 13, cuDNN 9 or TensorRT 10 is missing (pip install 'tensorrt-cu13<11')",
}

# One Identity node as an ONNX file (IR 8, opset 18): the least that shows whether a provider works.
_PROBE = (
    b"\x08\x08\x3a\x37\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity\x12\x01p"
    b"\x5a\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01"
    b"\x62\x0f\x0a\x01y\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01"
    b"\x42\x04\x0a\x00\x10\x12"
)


def works(provider: str) -> bool:
    """Return whether an execution provider, by its full name, starts here.

    ONNX Runtime lists the providers it was built with, whether or not their libraries and devices
    are there.
    """
    if provider == PROVIDERS["openvino"]:
        try:
            import_openvino()
        except InputError:
            return False
        return True
    if provider not in onnxruntime.get_available_providers():
        return False
    with _silenced():
        if provider != PROVIDERS["cpu"] and hasattr(onnxruntime, "preload_dlls"):
            # CUDA and cuDNN from pip's wheels are not on the loader's path.
            onnxruntime.preload_dlls()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(_PROBE, options, providers=[provider])
    return bool(session.get_providers()[0] == provider)


def choose(asked: str) -> str:
    """Return a short name that works; for ``"auto"`` that is CUDA, where it does, or the CPU.

    Raises
    ------
    InputError
        If there is no such name, or what was asked for does not work.
    """
    if asked == "auto":
        return "cuda" if works(PROVIDERS["cuda"]) else "cpu"
    if asked not in PROVIDERS:
        raise InputError(f"unknown provider {asked!r}{suggest(asked, [*PROVIDERS, 'auto'])}")
    wanted = PROVIDERS[asked]
    if asked == "openvino":
        import_openvino()
        return asked
    if wanted not in onnxruntime.get_available_providers():
        raise InputError(
            f"{asked} asked for, but this onnxruntime has no {wanted}; "
            "pip uninstall onnxruntime, then, in a clone of faceseg, pip install '.[onnx-gpu]'"
        )
    if not works(wanted):
        raise InputError(
            f"{asked} asked for, but {wanted} does not start here: no NVIDIA driver or device, or "
            f"{_NEEDS[asked]}"
        )
    return asked


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep ONNX Runtime's own lines about a provider that does not start off the terminal."""
    onnxruntime.set_default_logger_severity(4)
    try:
        # preload_dlls() prints what it does not find.
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        onnxruntime.set_default_logger_severity(2)
