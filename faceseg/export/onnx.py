"""ONNX files that ONNX Runtime 1.15 and later read, with the contract in their metadata."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch.onnx import ONNXProgram

from faceseg.config import Config
from faceseg.contract import CONFIG_KEY, ONNX_KEY, Contract
from faceseg.models.pipeline import Pipeline
from faceseg.onnx_weights import PREFIX, pack
from faceseg.predict import Predictor

SUFFIX = ".onnx"

# The first opset whose Resize has antialiasing.
OPSET = 18
# Intermediate representation 10, which the exporter writes, is refused by ONNX Runtime below 1.18.
IR_VERSION = 8


def write_onnx(
    pipeline: Pipeline, contract: Contract, path: Path, *, config: Config, store: str = "float32"
) -> None:
    """Export `pipeline` and write it; batch, height and width stay free.

    Parameters
    ----------
    pipeline
        What the graph computes.
    contract
        What the file promises, written into its metadata.
    path
        The file.
    config
        Settings of the run, written into the metadata too, so that training can start from the
        file.
    store
        How the weights are stored, see `faceseg.onnx_weights.stored`.
    """
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
        optimize=False,
    )
    assert program is not None
    _optimise(program)
    model: onnx.ModelProto = program.model_proto
    _strip(model)
    pack(model, store)
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "faceseg", contract.faceseg
    # Starting weights can be the path of a file, and are in the network by now.
    settings = config.replace({"weights": "none"}).to_dict()
    onnx.helper.set_model_props(
        model, {ONNX_KEY: contract.to_json(), CONFIG_KEY: json.dumps(settings)}
    )
    onnx.checker.check_model(model, full_check=True)
    # Deterministic, so that one checkpoint gives one file, byte for byte.
    path.write_bytes(model.SerializeToString(deterministic=True))


def _optimise(program: ONNXProgram) -> None:
    """Simplify the graph, but leave the parameters as they are, each under its own name.

    Normalisation stays beside its convolution, so that training can start from the file. ONNX
    Runtime fuses the two when it loads it: on one core the light U-Net took 7.8 ms at 64 x 64
    this way and 7.7 ms fused, DeepLabV3-MobileNet 6.9 and 6.9.
    """
    graph = program.model.graph
    image = list(graph.inputs)
    # What may be given from outside is neither folded, nor merged with its equal, nor renamed.
    graph.inputs.extend(v for name, v in graph.initializers.items() if name.startswith(PREFIX))
    with _quiet():
        program.optimize()
    del graph.inputs[len(image) :]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back a warning for each parameter that is left as it is."""
    logger = logging.getLogger("onnx_ir")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


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
