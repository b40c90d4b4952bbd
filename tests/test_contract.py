from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from faceseg.contract import Contract
from faceseg.errors import InputError

CONTRACT = Contract(
    name="face-unet",
    task="face",
    classes=("background", "face"),
    size=(192, 256),
    probabilities=False,
    weights_sha256="0" * 64,
    faceseg="0.1.0",
    terms="",
)


def changed(**values: object) -> str:
    return json.dumps({**json.loads(CONTRACT.to_json()), **values})


@pytest.mark.parametrize("probabilities", [False, True])
def test_round_trip(probabilities: bool) -> None:
    contract = replace(CONTRACT, probabilities=probabilities, terms="research only")
    assert Contract.from_json(contract.to_json(), "a.onnx") == contract


def test_the_document_that_apps_read() -> None:
    document = json.loads(replace(CONTRACT, probabilities=True).to_json())
    assert document["version"] == 1
    assert document["input"] == {
        "name": "image",
        "dtype": "uint8",
        "shape": ["batch", "height", "width", 3],
        "colour": "RGB",
        "range": [0, 255],
    }
    assert [(o["name"], o["dtype"], o["shape"]) for o in document["outputs"]] == [
        ("mask", "uint8", ["batch", "height", "width"]),
        ("probabilities", "float32", ["batch", 2, "height", "width"]),
    ]
    assert document["network_size"] == [192, 256]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no faceseg contract"),
        ("{", "no JSON"),
        ("[]", "no JSON"),
        ("{}", "no JSON"),
        (changed(version=2), "contract version 2, this faceseg reads 1; upgrade"),
        (changed(network_size=[1]), "broken contract"),
        (changed(classes=3), "broken contract"),
        (changed(input={"name": "image", "dtype": "float32"}), "input is .*float32"),
        (changed(outputs=[]), "outputs is"),
        (json.dumps({"version": 1}), "network_size"),
    ],
)
def test_bad_contracts_are_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Contract.from_json(text, "models/a.onnx")
    assert str(caught.value).startswith("models/a.onnx: ")
    assert "\n" not in str(caught.value)


def test_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, faceseg.contract; print([m for m in ('numpy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
