"""Which extra brings which module, and how to install it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

# The first that lists a module is named where one alone is missing.
_MODULES = {
    "onnx": ("onnxruntime", "PIL", "tqdm"),
    "train": (
        "torch", "torchvision", "cv2", "tensorboard", "onnx", "onnxscript", "PIL", "tqdm",
    ),
    "ray": ("ray",),
    "openvino": ("openvino",),
}  # fmt: skip

# What the whole road needs.
ALL = ("train", "onnx")


def extra_of(module: str) -> str | None:
    """Return the extra that brings a module, None if none does."""
    return next((extra for extra, brought in _MODULES.items() if module in brought), None)


def missing(extras: Iterable[str]) -> list[str]:
    """Return those of some extras of which a module is not installed."""
    return [extra for extra in extras if any(find_spec(name) is None for name in _MODULES[extra])]


def install(extras: Iterable[str]) -> str:
    """Return how to install some extras."""
    return f"in a clone of faceseg, pip install '.[{','.join(extras)}]'"
