"""Integer convolutions in ONNX: ranges found on pictures, a scale for each output channel."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime import quantization

from faceseg.contract import Contract
from faceseg.draw import draw_portrait
from faceseg.draw.portrait import Task
from faceseg.export.job import Job, quiet
from faceseg.models.pipeline import Normalise

# Convolutions and what passes their numbers on: the light U-Net's file is 2.0 MB; with Conv alone
# it was 2.5.
OPERATORS = ("Conv", "ConvTranspose", "MaxPool", "Concat")


def quantised(model: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """Return a model that computes in int8, in QDQ form: opset and IR stay as they are."""
    # The advice to fold normalisation first, which is folded.
    with tempfile.TemporaryDirectory() as folder, quiet("root"):
        path = Path(folder, "model.onnx")
        quantization.quantize_static(
            model,
            path,
            _Pictures(job),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(path)


def portraits(contract: Contract, count: int = 16) -> list[NDArray[np.uint8]]:
    """Return drawn portraits to calibrate on where no pictures are given."""
    rng = np.random.default_rng(0)
    task: Task = "mask" if contract.task == "mask" else "face"
    return [draw_portrait(rng, task=task, size=contract.size)[0] for _ in range(count)]


class _Pictures(quantization.CalibrationDataReader):  # type: ignore[misc]
    """The pictures as the graph takes them, one by one."""

    def __init__(self, job: Job) -> None:
        size = job.contract.picture or (job.contract.size if job.contract.logits else None)
        self._feeds = (_fed(image, size, job.contract.logits) for image in job.calibration)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def _fed(
    image: NDArray[np.uint8], size: tuple[int, int] | None, logits: bool
) -> dict[str, NDArray[Any]]:
    if size:
        image = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    batch = torch.from_numpy(np.ascontiguousarray(image))[None]
    return {"image": (Normalise()(batch) if logits else batch).numpy()}
