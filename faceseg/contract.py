"""What an exported model takes and gives, as JSON inside the model file.

ONNX files carry it in their metadata under ``"faceseg"``, TorchScript files as the extra file
``"faceseg.json"``. Apps read it from there instead of holding constants of their own. The settings
of the run, which training starts from and no app needs, are apart: ONNX files carry them as JSON
under ``"faceseg.config"``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from faceseg.errors import InputError

VERSION = 1
ONNX_KEY = "faceseg"
CONFIG_KEY = "faceseg.config"
TORCHSCRIPT_FILE = "faceseg.json"

_INPUT = {
    "name": "image",
    "dtype": "uint8",
    "shape": ["batch", "height", "width", 3],
    "colour": "RGB",
    "range": [0, 255],
}


@dataclass(frozen=True)
class Contract:
    """Inputs, outputs and origin of an exported model.

    Attributes
    ----------
    name
        Name of the model, ``"face-unet"``.
    task
        ``"face"``, ``"mask"`` or ``"parse"``.
    classes
        Name of each class; the first is the background, and the index is the value in the mask.
    size
        Height and width that the network works at. Pictures of any size go in and masks of that
        same size come out: the graph resizes.
    probabilities
        Whether there is a second output, the probability of each class.
    weights_sha256
        Digest of the weights, to tell which checkpoint a file came from.
    faceseg
        Version of the package that wrote the file.
    terms
        Terms of use that follow from the training data; may be empty.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    probabilities: bool
    weights_sha256: str
    faceseg: str
    terms: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return ("mask", "probabilities") if self.probabilities else ("mask",)

    def to_json(self) -> str:
        """Return the contract as one line of JSON, keys in a fixed order."""
        return json.dumps(self._document())

    def _document(self) -> dict[str, Any]:
        outputs: list[dict[str, Any]] = [
            {
                "name": "mask",
                "dtype": "uint8",
                "shape": ["batch", "height", "width"],
                "range": [0, len(self.classes) - 1],
            }
        ]
        if self.probabilities:
            outputs.append(
                {
                    "name": "probabilities",
                    "dtype": "float32",
                    "shape": ["batch", len(self.classes), "height", "width"],
                    "range": [0, 1],
                }
            )
        return {
            "version": VERSION,
            "name": self.name,
            "task": self.task,
            "classes": list(self.classes),
            "input": _INPUT,
            "outputs": outputs,
            "network_size": list(self.size),
            "weights_sha256": self.weights_sha256,
            "faceseg": self.faceseg,
            "terms": self.terms,
        }

    @classmethod
    def from_json(cls, text: str, source: str) -> Contract:
        """Read a contract.

        Parameters
        ----------
        text
            What :meth:`to_json` gave.
        source
            The model file, for messages.

        Raises
        ------
        InputError
            If `text` is empty, not such JSON, or of a version newer than this package reads.
        """
        if not text:
            raise InputError(
                f"{source}: no faceseg contract in this file; expected a model written by "
                "'faceseg export'"
            )
        try:
            document = json.loads(text)
            version = document["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{source}: broken contract: no JSON with a version") from error
        if version != VERSION:
            raise InputError(
                f"{source}: contract version {version!r}, this faceseg reads {VERSION}; "
                "upgrade faceseg or export the model again"
            )
        try:
            height, width = document["network_size"]
            contract = cls(
                name=document["name"],
                task=document["task"],
                classes=tuple(document["classes"]),
                size=(height, width),
                probabilities=len(document["outputs"]) > 1,
                weights_sha256=document["weights_sha256"],
                faceseg=document["faceseg"],
                terms=document["terms"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{source}: broken contract: {error!r}") from error
        # What the fields imply must be what stands there: apps read the outputs, not the fields.
        for key, expected in contract._document().items():
            if document[key] != expected:
                raise InputError(
                    f"{source}: broken contract: {key} is {document[key]!r}, expected {expected!r}"
                )
        return contract
