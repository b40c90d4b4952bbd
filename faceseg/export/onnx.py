"""ONNX files that ONNX Runtime 1.15 and later read, with the contract in their metadata."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from faceseg.contract import ONNX_KEY, Contract
from faceseg.models.pipeline import Pipeline
from faceseg.predict import Predictor

SUFFIX = ".onnx"

# The first opset whose Resize has antialiasing.
OPSET = 18
# Intermediate representation 10, which the exporter writes, is refused by ONNX Runtime below 1.18.
IR_VERSION = 8


def write_onnx(pipeline: Pipeline, contract: Contract, path: Path) -> None:
    """Export `pipeline` and write it; batch, height and width stay free."""
    # Sizes that differ from each other and from 1, so that the exporter takes none for another.
    example = torch.zeros((2, 67, 93, 3), dtype=torch.uint8)
    program = torch.onnx.export(
        pipeline,
        (example,),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=list(contract.outputs),
        dynamic_shapes=({0: "batch", 1: "height", 2: "width"},),
        external_data=False,
        verbose=False,
    )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _strip(model)
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "faceseg", contract.faceseg
    onnx.helper.set_model_props(model, {ONNX_KEY: contract.to_json()})
    onnx.checker.check_model(model, full_check=True)
    # Deterministic, so that one checkpoint gives one file, byte for byte.
    path.write_bytes(model.SerializeToString(deterministic=True))


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes down: source lines, absolute paths, Python names."""
    graph = model.graph
    noted = (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info)
    for item in (*noted, *graph.initializer):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


def open_onnx(path: Path) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.generic], ...]]:
    """Return the file as a function from (N, H, W, 3) uint8 to its outputs, on the CPU."""
    predictor = Predictor(path, provider="cpu")
    if not predictor.contract.probabilities:
        return lambda images: (predictor(images),)
    return lambda images: (predictor(images), predictor.probabilities(images))
