"""A model of a Triton repository: an ONNX file and ``config.pbtxt``, which says what it takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from faceseg.contract import Contract
from faceseg.export.job import Job, Runner
from faceseg.export.onnx import open_onnx, write_onnx

# Pictures of one size that come within the delay go through the network together.
MAX_BATCH = 8
DELAY_US = 1000

_TYPES = {"uint8": "TYPE_UINT8", "float32": "TYPE_FP32"}


def write_triton(job: Job, folder: Path) -> None:
    """Write version 1 of a model into its folder in a repository."""
    (folder / "1").mkdir()
    write_onnx(job, folder / "1" / "model.onnx")
    (folder / "config.pbtxt").write_text(config(job.contract, job.name), encoding="utf-8")


def config(contract: Contract, name: str) -> str:
    """Return the configuration of a model as Protocol Buffers' text."""
    document = json.loads(contract.to_json())
    batched = contract.picture is None
    lines = [
        f"name: {json.dumps(name)}",
        'backend: "onnxruntime"',
        f"max_batch_size: {MAX_BATCH if batched else 0}",
        _tensor("input", document["input"], batched),
        *(_tensor("output", each, batched) for each in document["outputs"]),
    ]
    if batched:
        lines.append(f"dynamic_batching {{ max_queue_delay_microseconds: {DELAY_US} }}")
    # A string of JSON is a string of Protocol Buffers, too.
    text = json.dumps(contract.to_json())
    lines.append(f'parameters {{ key: "faceseg" value {{ string_value: {text} }} }}')
    return "\n".join(lines) + "\n"


def _tensor(kind: str, form: dict[str, Any], batched: bool) -> str:
    """Return an input or output; the axis of a batch is left out, and free ones are -1."""
    shape = form["shape"][1 if batched else 0 :]
    dims = ", ".join(str(side if isinstance(side, int) else -1) for side in shape)
    return f'{kind} {{ name: "{form["name"]}" data_type: {_TYPES[form["dtype"]]} dims: [{dims}] }}'


def open_triton(folder: Path, contract: Contract) -> Runner:
    """Return the folder's model as a function from its input to its outputs, on the CPU."""
    return open_onnx(folder / "1" / "model.onnx", contract)
