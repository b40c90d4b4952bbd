"""OpenVINO IR: a folder with ``model.xml`` and ``model.bin``, the contract in the first."""

from __future__ import annotations

import tempfile
from pathlib import Path

from faceseg.contract import ONNX_KEY, Contract
from faceseg.export.job import Job, Runner
from faceseg.export.onnx import write_onnx
from faceseg.openvino_core import import_openvino
from faceseg.openvino_graph import rewrite
from faceseg.runtimes import OpenVino

SUFFIX = ".openvino"


def write_openvino(job: Job, folder: Path) -> None:
    """Convert the ONNX file of a graph and write it."""
    openvino = import_openvino()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "model.onnx")
        write_onnx(job, path)
        model = openvino.convert_model(path)
        rewrite(model)
        model.set_rt_info(job.contract.to_json(), [ONNX_KEY])
        openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)


def open_openvino(folder: Path, contract: Contract) -> Runner:
    """Return the folder's model as a function from its input to its outputs, on the CPU."""
    runtime = OpenVino(folder)
    return lambda images: tuple(runtime.run(list(contract.outputs), images))
