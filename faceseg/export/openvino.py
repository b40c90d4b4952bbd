"""OpenVINO IR: a folder with ``model.xml`` and ``model.bin``, the contract in the first."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from faceseg.contract import ONNX_KEY, Contract
from faceseg.errors import InputError
from faceseg.export.job import Job, Runner
from faceseg.export.onnx import write_onnx

SUFFIX = ".openvino"


def write_openvino(job: Job, folder: Path) -> None:
    """Convert the ONNX file of a graph and write it.

    Raises
    ------
    InputError
        If OpenVINO is not installed.
    """
    openvino = _openvino()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "model.onnx")
        write_onnx(job, path)
        model = openvino.convert_model(path)
        if not job.contract.logits and job.contract.picture != job.contract.size:
            _antialias(model, job.contract.size)
        model.set_rt_info(job.contract.to_json(), [ONNX_KEY])
        openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)


def _antialias(model: Any, size: tuple[int, int]) -> None:
    """Put antialiasing back into the first resize: the importer of ONNX leaves it out silently."""
    first = next(op for op in model.get_ordered_ops() if op.get_type_name() == "Interpolate")
    resize = _openvino().opset11.interpolate(
        first.input_value(0), list(size), "bilinear_pillow", "sizes", axes=[2, 3]
    )
    first.output(0).replace(resize.output(0))


def open_openvino(folder: Path, contract: Contract) -> Runner:
    """Return the folder's model as a function from its input to its outputs, on the CPU."""
    core = _openvino().Core()
    # bfloat16 is what it takes by itself where the CPU has it.
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    model = core.compile_model(core.read_model(folder / "model.xml"), "CPU", hint)

    def run(images: Any) -> Any:
        found = model({"image": images})
        return tuple(found[name] for name in contract.outputs)

    return run


def _openvino() -> Any:
    try:
        return import_module("openvino")
    except ModuleNotFoundError:
        raise InputError("openvino: not installed; pip install openvino") from None
