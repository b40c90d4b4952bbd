"""What an exported model takes and gives, as JSON inside the model file and beside it.

ONNX files carry it in their metadata under ``"faceseg"``, the formats of PyTorch as the extra file
``"faceseg.json"``. Apps read it from there instead of holding constants of their own. The settings
of the run, which training starts from and no app needs, are apart: ONNX files carry them as JSON
under ``"faceseg.config"``.

A file states the lowest version that tells the truth about it. Version 1 takes pictures of any
size; an app that knows it alone would go wrong with files of version 2, which take pictures of one
size, or take and give what the network does (logits).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceseg.errors import InputError

VERSION = 2
ONNX_KEY = "faceseg"
CONFIG_KEY = "faceseg.config"
TORCHSCRIPT_FILE = "faceseg.json"

# Mean and deviation of ImageNet's pixels, which torchvision's weights were trained with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# Keys that the first files lack, and what is so in those.
_ADDED = {"precision": "float32", "versions": {}, "card": ""}


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
    picture
        Height and width of the one picture that fits; None takes any number of any size.
    logits
        Whether the graph is the network alone: scaled (N, 3, H, W) float32 in, logits out.
    precision
        What the network computes in: ``"float32"``, ``"float16"``, ``"bfloat16"`` or ``"int8"``.
    versions
        Versions of the packages that wrote the file.
    card
        Name of the shipped model whose weights these are, and whose card tells of them; may be
        empty.
    letterbox
        Whether the graph keeps the ratio of height to width, with the mean colour beside the
        picture; else it stretches the picture.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    probabilities: bool
    weights_sha256: str
    faceseg: str
    terms: str
    picture: tuple[int, int] | None = None
    logits: bool = False
    precision: str = "float32"
    versions: dict[str, str] = field(default_factory=dict)
    card: str = ""
    letterbox: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        if self.logits:
            return ("logits",)
        return ("mask", "probabilities") if self.probabilities else ("mask",)

    def to_json(self) -> str:
        """Return the contract as one line of JSON, keys in a fixed order."""
        return json.dumps(self._document())

    @property
    def threshold(self) -> float | None:
        """Probability above which a pixel is foreground; None with more classes: the largest is."""
        return 0.5 if len(self.classes) == 2 else None

    def _document(self) -> dict[str, Any]:
        batch, height, width = (1, *self.picture) if self.picture else ("batch", "height", "width")
        classes = len(self.classes)
        image: dict[str, Any] = {"name": "image", "dtype": "uint8"}
        image |= {"shape": [batch, height, width, 3], "colour": "RGB", "range": [0, 255]}
        forms: dict[str, tuple[str, list[Any], list[int] | None]] = {
            "mask": ("uint8", [batch, height, width], [0, classes - 1]),
            "probabilities": ("float32", [batch, classes, height, width], [0, 1]),
            "logits": ("float32", [batch, classes, height, width], None),
        }
        if self.logits:
            # (pixel / 255 - mean) / deviation
            image |= {"dtype": "float32", "shape": [batch, 3, height, width], "range": None}
            image |= {"mean": list(MEAN), "deviation": list(STD)}
        outputs = []
        for name in self.outputs:
            dtype, shape, limits = forms[name]
            outputs.append({"name": name, "dtype": dtype, "shape": shape, "range": limits})
        return {
            "version": 2 if self.picture or self.logits else 1,
            "name": self.name,
            "task": self.task,
            "classes": list(self.classes),
            "input": image,
            "outputs": outputs,
            "threshold": self.threshold,
            "network_size": list(self.size),
            "resize": "letterbox" if self.letterbox else "stretch",
            "precision": self.precision,
            "weights_sha256": self.weights_sha256,
            "card": self.card,
            "faceseg": self.faceseg,
            "versions": self.versions,
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
        if version not in range(1, VERSION + 1):
            raise InputError(
                f"{source}: contract version {version!r}, this faceseg reads 1 to {VERSION}; "
                "upgrade faceseg or export the model again"
            )
        try:
            height, width = document["network_size"]
            names = [each["name"] for each in document["outputs"]]
            logits = names == ["logits"]
            sides = document["input"]["shape"][2 if logits else 1 :][:2]
            contract = cls(
                name=document["name"],
                task=document["task"],
                classes=tuple(document["classes"]),
                size=(height, width),
                probabilities="probabilities" in names,
                weights_sha256=document["weights_sha256"],
                faceseg=document["faceseg"],
                terms=document["terms"],
                picture=None if "height" in sides else (sides[0], sides[1]),
                logits=logits,
                letterbox=document.get("resize") == "letterbox",
                **{key: document.get(key, value) for key, value in _ADDED.items()},
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"{source}: broken contract: {error!r}") from error
        # What the fields imply must be what stands there: apps read the outputs, not the fields.
        for key, expected in contract._document().items():
            if document.get(key, expected) != expected:
                raise InputError(
                    f"{source}: broken contract: {key} is {document[key]!r}, expected {expected!r}"
                )
        return contract


def contract_path(model: Path) -> Path:
    """Return where the contract of a model file lies beside it: at its name, with ``.json``.

    Raises
    ------
    InputError
        If a JSON file of another kind is there: the card of a shipped model, for one.
    """
    path = model.with_suffix(".json")
    if path.exists():
        try:
            Contract.from_json(path.read_text(encoding="utf-8"), str(path))
        except (InputError, ValueError) as error:
            raise InputError(
                f"{path}: in the way of the contract, and no contract itself; name another folder"
            ) from error
    return path
