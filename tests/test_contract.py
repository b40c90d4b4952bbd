from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

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


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"probabilities": True, "terms": "research only"},
        {"picture": (480, 640), "precision": "int8", "card": "face-unet"},
        {"logits": True, "versions": {"torch": "2.15.0"}},
        {"logits": True, "picture": (192, 256)},
    ],
)
def test_round_trip(values: dict[str, Any]) -> None:
    contract = replace(CONTRACT, **values)
    assert Contract.from_json(contract.to_json(), "a.onnx") == contract


def test_a_file_of_the_first_version_is_read() -> None:
    added = ("threshold", "precision", "card", "versions")
    document = {k: v for k, v in json.loads(CONTRACT.to_json()).items() if k not in added}
    assert Contract.from_json(json.dumps(document), "a.onnx") == CONTRACT


def test_a_file_tells_the_lowest_version_that_is_true() -> None:
    """Apps of version 1 read what they can use, and refuse what they cannot."""
    changed = ({}, {"precision": "int8"}, {"picture": (9, 9)}, {"logits": True})
    documents = [json.loads(replace(CONTRACT, **values).to_json()) for values in changed]
    assert [document["version"] for document in documents] == [1, 1, 2, 2]
    assert documents[2]["input"]["shape"] == [1, 9, 9, 3]
    assert documents[3]["input"]["shape"] == ["batch", 3, "height", "width"]
    assert documents[3]["outputs"][0]["name"] == "logits"


def test_the_threshold_is_of_two_classes() -> None:
    assert CONTRACT.threshold == 0.5
    assert replace(CONTRACT, classes=("background", "skin", "hair")).threshold is None


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
        (changed(version=3), "contract version 3, this faceseg reads 1 to 2; upgrade"),
        (changed(version="1"), "contract version '1'"),
        (changed(version=2), "version is 2, expected 1"),
        (changed(network_size=[1]), "broken contract"),
        (changed(classes=3), "broken contract"),
        (changed(input={"name": "image", "dtype": "float32"}), "broken contract: KeyError"),
        (changed(input={"shape": ["batch", "height", "width", 4]}), "input is .* 4"),
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
