"""Anything that segments, by name or path: a checkpoint, an exported file, a classical method."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceseg import zoo
from faceseg.contract import Contract
from faceseg.errors import InputError, suggest
from faceseg.evaluate import Image, Segmenter
from faceseg.exported import contract_of, format_of

TTA = ("none", "flip")


@dataclass(frozen=True)
class Loaded:
    """A segmenter and what is known of it.

    Attributes
    ----------
    name
        How it is called in tables.
    kind
        ``"eager"``, ``"classical"``, or the format of the exported file.
    task, classes
        What it segments; the first class is the background.
    segment
        Maps (H, W, 3) uint8 RGB to (H, W) uint8 class ids.
    parameters
        Number of trained parameters; None where a file does not tell.
    runs_on
        Device or execution provider.
    """

    name: str
    kind: str
    task: str
    classes: tuple[str, ...]
    segment: Segmenter
    parameters: int | None
    runs_on: str


def load_segmenter(
    model: str,
    *,
    task: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    tta: str = "none",
    precision: str | None = None,
) -> Loaded:
    """Load a model by what it is called.

    Parameters
    ----------
    model
        A run folder or ``.pt`` checkpoint, an exported file or ``.openvino`` folder, or the name
        of a shipped model or a classical method. Checkpoints and the formats of PyTorch (``.ts``,
        ``.pt2``, ``.aoti.pt2``) import torch, the others do not.
    task
        ``"face"`` or ``"mask"``: what a classical method is to look for.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``; for files also ``"tensorrt"`` and ``"openvino"``.
    threads
        Threads of the runtime that reads a file; None leaves its default.
    tta
        Test-time augmentation: ``"flip"`` averages a checkpoint's probabilities over the picture
        and its mirror image, in twice the time. ``"none"`` is all that other models take.
    precision
        What to compute in, as `faceseg.Predictor` takes it.

    Raises
    ------
    InputError
        If there is no such model, it cannot be read, or the device asked for is not there.
    """
    if tta not in TTA:
        raise InputError(f"tta: unknown {tta!r}{suggest(tta, TTA)}")
    path = zoo.locate(model)
    checkpoint = format_of(path) is None and (path.is_dir() or path.suffix == ".pt")
    if tta != "none" and not checkpoint:
        raise InputError(
            f"tta: {tta} asked for, but {model} is no checkpoint: give a run folder or .pt file, "
            "or leave tta out"
        )
    if path.suffix.lower() in (".onnx", ".openvino"):
        from faceseg.predict import Predictor

        predictor = Predictor(path, provider=device, threads=threads, precision=precision)
        contract = predictor.contract
        name = path.name if path == Path(model) else model
        runs_on = predictor.provider
        if predictor.precision != "float32":
            runs_on += f", {predictor.precision}"
        form = format_of(path) or ""
        return Loaded(name, form, contract.task, contract.classes, predictor, None, runs_on)
    for setting, value in (("threads", threads), ("precision", precision)):
        if value is not None:
            raise InputError(
                f"{setting}: {value} given, but {model} is no .onnx file or .openvino folder"
            )
    if path.exists() and format_of(path) in ("pt2", "aoti"):
        return _load_program(path, device)
    if path.exists():
        return _load_torch(path, device, tta)
    from faceseg.classical import METHODS

    if path.suffix in (".pt", ".ts", ".pt2"):
        raise InputError(f"{model}: no such file")
    if model not in METHODS:
        raise InputError(
            f"{model}: neither a run folder, a .pt or exported file, nor a shipped model or a "
            f"classical method{suggest(model, [*METHODS, *zoo.names()])}"
        )
    if device not in ("auto", "cpu"):
        raise InputError(f"{model}: classical methods run on the CPU, {device} asked for")
    method = METHODS[model]
    task = task or method.tasks[0]
    if task not in method.tasks:
        raise InputError(f"{model} segments {' and '.join(method.tasks)}, not {task}")
    return Loaded(model, "classical", task, ("background", task), method, None, "CPU")


def is_model(word: str) -> bool:
    """Return whether a word of a command names a model, rather than pictures."""
    path = zoo.locate(word)
    if path.suffix.lower() in (".onnx", ".openvino", ".ts", ".pt", ".pt2"):
        return True
    if path.exists():
        return any((path / name).exists() for name in ("best.pt", "last.pt", "fold1"))
    if path.suffix or set(word) & set("*?[/"):
        return False
    from faceseg.classical import METHODS

    if word not in METHODS:
        raise InputError(
            f"{word}: neither a picture, a folder of pictures, nor a model"
            f"{suggest(word, [*METHODS, *zoo.names()])}"
        )
    return True


def _load_program(path: Path, device: str) -> Loaded:
    """Load a file of torch.export or AOTInductor, which runs where it was exported for."""
    if device not in ("auto", "cpu"):
        raise InputError(f"{path}: such files run on the CPU, {device} asked for")
    contract = contract_of(path)
    from faceseg.export.formats import FORMATS

    form = FORMATS[format_of(path) or ""]
    runner = form.open(path, contract)
    segment = _checked(
        path, contract, lambda image: np.asarray(runner(np.ascontiguousarray(image)[None])[0][0])
    )
    return Loaded(path.name, form.name, contract.task, contract.classes, segment, None, "cpu")


def _checked(path: Path, contract: Contract, segment: Segmenter) -> Segmenter:
    """Return `segment`, which refuses pictures of a size that the file does not take."""
    if contract.logits:
        raise InputError(f"{path}: gives logits and no mask; export the whole pipeline")

    def checked(image: Image) -> Image:
        if contract.picture not in (None, image.shape[:2]):
            raise InputError(
                f"{path}: picture of {image.shape[:2]}, this file takes {contract.picture} alone; "
                "resize it, or export with --size dynamic"
            )
        return segment(image)

    return checked


def _load_torch(path: Path, device: str, tta: str) -> Loaded:
    from faceseg.device import choose_device
    from faceseg.models.pipeline import Mirrored, segmenter

    chosen = str(choose_device(device))
    if path.suffix == ".ts":
        from faceseg.export.torchscript import load_torchscript

        module, contract = load_torchscript(path)
        segment = _checked(path, contract, segmenter(module, device=chosen))
        task, classes, kind, name = contract.task, contract.classes, "torchscript", path.name
    else:
        from faceseg.checkpoint import load_pipeline

        module, checkpoint = load_pipeline(path)
        task, classes, kind = checkpoint.task, checkpoint.classes, "eager"
        name = path.name if path.is_dir() else f"{path.parent.name}/{path.name}"
        if tta == "flip":
            from faceseg.augment import swap_table

            module = Mirrored(module, swap_table(classes)[: len(classes)].tolist()).eval()
        segment = segmenter(module, device=chosen)
    parameters = sum(p.numel() for p in module.parameters())
    return Loaded(name, kind, task, classes, segment, parameters, chosen)
