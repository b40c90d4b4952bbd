"""ONNX files that ONNX Runtime 1.15 and later read, with the contract in their metadata."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import onnxruntime
import torch
from onnxscript.optimizer import optimize_ir
from torch.onnx import ONNXProgram

from faceseg.contract import CONFIG_KEY, ONNX_KEY, Contract
from faceseg.export.int8 import quantised
from faceseg.export.job import Job, Runner, quiet
from faceseg.onnx_weights import PREFIX, pack

SUFFIX = ".onnx"

# The first opset whose Resize has antialiasing.
OPSET = 18
# Intermediate representation 10, which the exporter writes, is refused by ONNX Runtime below 1.18.
IR_VERSION = 8
# Bytes of a constant.
_LARGE = 1 << 28


def write_onnx(job: Job, path: Path) -> None:
    """Export a graph and write it, the contract and the settings of the run in its metadata.

    Files of less precision have their normalisation folded into the convolutions, so training
    cannot start from them, and the settings are left out.
    """
    contract = job.contract
    program = torch.onnx.export(
        job.graph,
        (job.example(),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=list(contract.outputs),
        dynamic_shapes=(job.free(),) if job.free() else None,
        external_data=False,
        verbose=False,
        optimize=False,
    )
    assert program is not None
    if contract.precision == "float32":
        _optimise(program)
    else:
        # Large, as the weights are that DeepLabV3 takes the middle of: 16 MB less in int8.
        optimize_ir(program.model, input_size_limit=_LARGE, output_size_limit=_LARGE)
    model: onnx.ModelProto = program.model_proto
    _strip(model)
    pack(model, job.store)
    model.ir_version = IR_VERSION
    if contract.precision == "int8":
        model = quantised(model, job)
    model.producer_name, model.producer_version = "faceseg", contract.faceseg
    properties = {ONNX_KEY: contract.to_json()}
    if contract.precision == "float32":
        # Starting weights can be the path of a file, and are in the network by now.
        settings = job.config.replace({"weights": "none"}).to_dict()
        properties[CONFIG_KEY] = json.dumps(settings)
    onnx.helper.set_model_props(model, properties)
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
    # A warning for each parameter that is left as it is.
    with quiet("onnx_ir"):
        program.optimize()
    del graph.inputs[len(image) :]


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes down: source lines, absolute paths, Python names."""
    graph = model.graph
    noted = (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info)
    for item in (*noted, *graph.initializer):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    for node in graph.node:
        if node.op_type == "HardSigmoid":
            # OpenCV's importer adds the default to itself when it is written out.
            kept = [each for each in node.attribute if each.name != "beta" or each.f != 0.5]
            del node.attribute[:]
            node.attribute.extend(kept)


def open_onnx(path: Path, contract: Contract) -> Runner:
    """Return the file as a function from its input to its outputs, on the CPU."""
    options = onnxruntime.SessionOptions()
    # Above the warning of a bias of zeros that no node takes, and that training finds by its name.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda images: tuple(session.run(list(contract.outputs), {"image": images}))
