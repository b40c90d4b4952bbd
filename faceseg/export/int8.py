"""Integer convolutions in ONNX: ranges found on pictures, a scale for each output channel."""

from __future__ import annotations

import math
import tempfile
from contextlib import redirect_stdout
from io import StringIO
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

# Rarer numbers are cut off. With the least and largest as the range mask-unet, calibrated on drawn
# portraits, agreed with itself in float32 to an IoU of 0.974 (99.99 %: 0.985, 99.999 %: 0.991), and
# face-deeplabv3 to 0.976 (0.987, 0.985).
PERCENTILE = 99.999

# Convolutions and what passes their numbers on: the light U-Net's file is 2.0 MB; with Conv alone
# it was 2.5. A Relu vanishes in the range of the convolution before it, which is then rounded once;
# without, DeepLabV3 took 7 % longer in ONNX Runtime and OpenVINO.
OPERATORS = ("Conv", "ConvTranspose", "MaxPool", "Concat", "Relu")

# Convolutions with fewer products for each number that they give stay in float32: depthwise ones,
# and the first of a network, by which most is lost. Agreement on drawn portraits of DeepLabV3 rose
# from 0.975 to 0.989 and of the light U-Net from 0.995 to 0.997, in 0.92 and 0.86 of the time in
# ONNX Runtime and 1.03 and 1.08 of it in OpenVINO; with 48 nothing more was gained.
FEWEST_PRODUCTS = 32


def quantised(model: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    """Return a model that computes in int8, in QDQ form: opset and IR stay as they are."""
    # The advice to fold normalisation first, which is folded.
    with tempfile.TemporaryDirectory() as folder, quiet("root"), redirect_stdout(StringIO()):
        path = Path(folder, "model.onnx")
        quantization.quantize_static(
            model,
            path,
            _Pictures(job),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            nodes_to_exclude=_small(model),
            per_channel=True,
            calibrate_method=quantization.CalibrationMethod.Percentile,
            extra_options={
                "CalibPercentile": PERCENTILE,
                # One picture's activations at a time are in memory, not all pictures'.
                "CalibStridedMinMax": 1,
            },
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(path)


def _small(model: onnx.ModelProto) -> list[str]:
    """Return the names of convolutions with few products for each number that they give."""
    shapes = {weight.name: list(weight.dims) for weight in model.graph.initializer}
    names = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "ConvTranspose"):
            continue
        # (outputs, inputs of a group, H, W), and of a ConvTranspose (inputs, outputs, H, W).
        first, second, *kernel = shapes[node.input[1]]
        products = math.prod(kernel)
        if node.op_type == "Conv":
            products *= second
        else:
            settings = {each.name: each for each in node.attribute}
            products *= first // settings["group"].i
            products //= math.prod(settings["strides"].ints)
        if products < FEWEST_PRODUCTS:
            names.append(node.name)
    return names


def portraits(contract: Contract, count: int = 16) -> list[NDArray[np.uint8]]:
    """Return drawn portraits to calibrate on where no pictures are given."""
    rng = np.random.default_rng(0)
    task: Task = "mask" if contract.task == "mask" else "face"
    return [draw_portrait(rng, task=task, size=contract.size)[0] for _ in range(count)]


class _Pictures(quantization.CalibrationDataReader):  # type: ignore[misc]
    """The pictures as the graph takes them, one by one."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.set_range(0, len(self))

    def __len__(self) -> int:
        return len(self._job.calibration)

    def set_range(self, start_index: int, end_index: int) -> None:
        contract = self._job.contract
        size = contract.picture or (contract.size if contract.logits else None)
        images = self._job.calibration[start_index:end_index]
        self._feeds = (_fed(image, size, contract.logits) for image in images)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def _fed(
    image: NDArray[np.uint8], size: tuple[int, int] | None, logits: bool
) -> dict[str, NDArray[Any]]:
    if size:
        image = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    batch = torch.from_numpy(np.ascontiguousarray(image))[None]
    return {"image": (Normalise()(batch) if logits else batch).numpy()}
