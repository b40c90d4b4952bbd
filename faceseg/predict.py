"""Run an exported ONNX model with NumPy and ONNX Runtime alone."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceseg import zoo
from faceseg.contract import ONNX_KEY, Contract
from faceseg.errors import InputError, suggest

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

# One Identity node as an ONNX file (IR 8, opset 18): the least that shows whether a provider works.
_PROBE = (
    b"\x08\x08\x3a\x37\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity\x12\x01p"
    b"\x5a\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01"
    b"\x62\x0f\x0a\x01y\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01"
    b"\x42\x04\x0a\x00\x10\x12"
)


class Predictor:
    """An exported ONNX model.

    Parameters
    ----------
    path
        An ``.onnx`` file from ``faceseg export``, or the name of a shipped model; by default the
        light face model.
    provider
        ``"cpu"``, ``"cuda"``, or ``"auto"``: CUDA where it works, else the CPU. What was chosen
        is `provider`.
    threads
        Threads on the CPU; None is ONNX Runtime's choice, the number of cores.

    Attributes
    ----------
    contract : Contract
        Inputs, outputs, classes and origin, as the file states them.
    provider : str
        The execution provider that runs the model.
    providers : list of str
        All that ONNX Runtime may place parts of the model on, in order of preference.

    Raises
    ------
    InputError
        If the file is missing, broken or not from ``faceseg export``, or CUDA was asked for and
        does not work: ONNX Runtime itself would go on with the CPU without an error.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = zoo.DEFAULT,
        *,
        provider: str = "auto",
        threads: int | None = None,
    ) -> None:
        path = _file_of(path)
        if threads is not None and threads < 1:
            raise InputError(f"threads: {threads} given, expected 1 or more")
        wanted = _choose(provider)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        chain = list(dict.fromkeys([wanted, PROVIDERS["cpu"]]))
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(path), options, providers=chain)
        except Exception as error:
            # ONNX Runtime's errors have no base class but Exception.
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: truncated or not an ONNX model: {reason}") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.contract = Contract.from_json(metadata.get(ONNX_KEY, ""), os.fspath(path))
        self.providers: list[str] = self._session.get_providers()
        self.provider = self.providers[0]
        if self.provider != wanted:
            raise InputError(f"{path}: {wanted} did not start, ONNX Runtime fell back to the CPU")

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Segment a picture, or several of one size.

        Parameters
        ----------
        images
            (H, W, 3) or (N, H, W, 3) uint8, RGB.

        Returns
        -------
        (H, W) or (N, H, W) uint8 array
            Class ids, indices into ``contract.classes``.

        Raises
        ------
        ValueError
            If `images` has another shape or dtype.
        """
        return self._run("mask", images)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each class.

        Parameters
        ----------
        images
            (H, W, 3) or (N, H, W, 3) uint8, RGB.

        Returns
        -------
        (C, H, W) or (N, C, H, W) float32 array
            0 to 1; they add up to 1 over the classes.

        Raises
        ------
        InputError
            If the model was exported without probabilities.
        ValueError
            If `images` has another shape or dtype.
        """
        if not self.contract.probabilities:
            raise InputError(
                f"{self.contract.name}: this model gives no probabilities; export it with "
                "--probabilities"
            )
        return self._run("probabilities", images)

    def _run(self, output: str, images: NDArray[np.uint8]) -> NDArray[Any]:
        single = images.ndim == 3
        batch = images[None] if single else images
        if batch.ndim != 4 or batch.shape[3] != 3 or batch.dtype != np.uint8 or batch.size == 0:
            raise ValueError(
                f"images of shape {images.shape} and dtype {images.dtype}, expected (H, W, 3) or "
                "(N, H, W, 3) uint8 with no empty axis"
            )
        (result,) = self._session.run([output], {"image": np.ascontiguousarray(batch)})
        array: NDArray[Any] = result[0] if single else result
        return array


def works(provider: str) -> bool:
    """Return whether an execution provider starts here.

    ONNX Runtime lists the providers it was built with, whether or not their libraries and devices
    are there.
    """
    if provider not in onnxruntime.get_available_providers():
        return False
    with _silenced():
        if provider == PROVIDERS["cuda"] and hasattr(onnxruntime, "preload_dlls"):
            # CUDA and cuDNN from pip's wheels are not on the loader's path.
            onnxruntime.preload_dlls()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(_PROBE, options, providers=[provider])
    return bool(session.get_providers()[0] == provider)


def _choose(asked: str) -> str:
    if asked == "auto":
        return PROVIDERS["cuda" if works(PROVIDERS["cuda"]) else "cpu"]
    if asked not in PROVIDERS:
        raise InputError(f"unknown provider {asked!r}{suggest(asked, [*PROVIDERS, 'auto'])}")
    wanted = PROVIDERS[asked]
    if wanted not in onnxruntime.get_available_providers():
        raise InputError(
            f"{asked} asked for, but this onnxruntime has no {wanted}; "
            "pip uninstall onnxruntime, then, in a clone of faceseg, pip install '.[onnx-gpu]'"
        )
    if not works(wanted):
        raise InputError(
            f"{asked} asked for, but {wanted} does not start here: no NVIDIA driver or device, or "
            "CUDA 13 or cuDNN 9 is missing (pip install 'onnxruntime-gpu[cuda,cudnn]')"
        )
    return wanted


def _file_of(model: str | os.PathLike[str]) -> Path:
    path = zoo.locate(model)
    if path.suffix.lower() != ".onnx":
        if not path.suffix and not path.exists():
            # Not a file's name, so that of a shipped model, and of none there is.
            zoo.find(str(path))
        raise InputError(
            f"{path}: expected an .onnx file; 'faceseg export' makes one of a checkpoint"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an .onnx file from 'faceseg export'")
    return path


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
