"""The trained models that come with the package: their files by name, and their cards.

Each is one ONNX file in ``faceseg/weights``, from which pictures are segmented and training starts,
with its card beside it, a JSON file of the same name.
"""

from __future__ import annotations

import dataclasses
import json
import os
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceseg.errors import InputError, suggest

FOLDER = Path(__file__).parent / "weights"

# What predicts where no model is named.
DEFAULT = "face-unet"

# Largest sum of the files, in bytes: they are part of the wheel and of the repository.
LIMIT = 25_000_000

_WIDTH = 80


@dataclass(frozen=True)
class Card:
    """What is known of a shipped model.

    Attributes
    ----------
    name, task, classes, network_size
        As in the file's contract.
    parameters
        Number of trained parameters in the file.
    store
        How the weights are stored: ``"float32"``, ``"float16"`` or ``"int8"``.
    bytes, sha256
        Size and digest of the file.
    terms
        Terms of use, which follow from the data.
    date, faceseg, commit, command
        When and with what it was trained.
    rounding
        Share of pixels whose class changed when the weights were stored small; None if they are as
        they were trained.
    data
        What it was trained on: rows of ``name``, ``images`` and ``terms``.
    scores
        One row for each set: ``set``, ``images``, then ``iou``, ``dice``, ``pixel_accuracy`` and
        ``boundary_iou``, each with ``score`` and the 95 % interval ``low`` to ``high``.
    groups
        The same for parts of a set: ``set``, ``by``, ``group``, ``images`` and ``iou``.
    latency
        ``median_ms`` from pixels to mask for a picture of ``size`` on ``threads`` of ``cpu``, with
        ``runtime`` and ``date``.
    fails
        What it fails on, a sentence each.
    notes
        Anything else, a paragraph each.
    """

    name: str
    task: str
    classes: list[str]
    network_size: list[int]
    parameters: int
    store: str
    bytes: int
    sha256: str
    terms: str
    date: str
    faceseg: str
    commit: str
    command: str
    rounding: float | None
    data: list[dict[str, Any]]
    scores: list[dict[str, Any]]
    latency: dict[str, Any]
    fails: list[str]
    groups: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Card:
        """Read a card.

        Raises
        ------
        InputError
            If the file is missing, is no JSON, or has other fields than a card.
        """
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{path}: no such card; a shipped model has one beside it") from None
        except ValueError as error:
            raise InputError(f"{path}: not readable as JSON: {error}") from error
        return cls.of(document, str(path))

    @classmethod
    def of(cls, document: Any, source: str) -> Card:
        """Return the card of plain values; `source` is where they are from, for messages."""
        known = {spec.name: spec for spec in dataclasses.fields(cls)}
        if not isinstance(document, dict):
            raise InputError(f"{source}: not a card: expected an object")
        for name in document:
            if name not in known:
                raise InputError(f"{source}: unknown field {name!r}{suggest(name, known)}")
        missing = [n for n, f in known.items() if n not in document and not _has_default(f)]
        if missing:
            raise InputError(f"{source}: a card without {', '.join(missing)}")
        return cls(**document)

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain values that JSON can hold."""
        return dataclasses.asdict(self)

    def markdown(self) -> str:
        """Return the card as a page; the same card gives the same text."""
        height, width = self.network_size
        stored = f"weights stored as {self.store}, computed in float32"
        if self.rounding is not None:
            stored += f"; storing them so changed the class of {self.rounding:.2%} of the pixels"
        parts = [
            f"# {self.name}",
            f"**Terms: {self.terms}**",
            f"Finds: {', '.join(self.classes[1:])}. {self.parameters:,} parameters, "
            f"{self.bytes / 1e6:.1f} MB ({stored}), works at {height} x {width}.",
            f"![drawn portraits, and what the model finds in them]({self.name}.png)",
            "## Scores",
            _table(
                ["set", "images", *(title for _, title in _SCORES)],
                ([row["set"], str(row["images"]), *_intervals(row)] for row in self.scores),
            )
            + "\n\nEach with the 95 % interval over subjects.",
        ]
        if self.groups:
            parts += [
                "## By group",
                _table(
                    ["set", "by", "group", "images", "IoU"],
                    (
                        [row["set"], row["by"], row["group"], str(row["images"]), _interval(row)]
                        for row in self.groups
                    ),
                ),
            ]
        timed = self.latency
        parts += [
            "## Fails on",
            "\n".join(f"- {line}" for line in self.fails),
            "## Speed",
            f"{timed['median_ms']:.1f} ms from pixels to mask, one picture of "
            f"{timed['size'][0]} x {timed['size'][1]}, threads: {timed['threads']}, "
            f"{timed['cpu']}, {timed['runtime']}, {timed['date']}.",
            "## Data",
            _table(
                ["set", "images", "terms"],
                ([row["name"], str(row["images"]), row["terms"]] for row in self.data),
            ),
            "## Training",
            f"{self.date}, faceseg {self.faceseg}, commit {self.commit}:",
            f"```console\n$ {self.command}\n```",
            *self.notes,
            f"SHA-256 of `{self.name}.onnx`: `{self.sha256}`",
            f"<!-- generated from faceseg/weights/{self.name}.json: export/ship.py --cards -->",
        ]
        return "\n\n".join(parts) + "\n"


_SCORES = (
    ("iou", "IoU"), ("dice", "Dice"), ("pixel_accuracy", "pixel accuracy"),
    ("boundary_iou", "boundary IoU"),
)  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names of the shipped models: the one that predicts by default, then the others."""
    found = (path.stem for path in FOLDER.glob("*.onnx"))
    return tuple(sorted(found, key=lambda name: (name != DEFAULT, name)))


def find(name: str) -> Path:
    """Return the file of a shipped model.

    Raises
    ------
    InputError
        If none of this name is shipped.
    """
    known = names()
    if name in known:
        return FOLDER / f"{name}.onnx"
    if not known:
        raise InputError(
            f"{name}: no trained model comes with this installation; give an .onnx file or a run "
            "folder"
        )
    raise InputError(f"{name}: no shipped model has this name{suggest(name, known)}")


def locate(model: str | os.PathLike[str]) -> Path:
    """Return the file of a shipped model, if `model` is the name of one and of nothing nearer.

    A file or folder of that name in the current folder is what is meant, and so is any other path.
    """
    path = Path(model)
    return find(str(path)) if str(path) in names() and not path.exists() else path


def card(name: str) -> Card:
    """Return the card of a shipped model; InputError if none of this name is shipped."""
    return Card.read(find(name).with_suffix(".json"))


def listing(cards: Sequence[Card]) -> str:
    """Return cards as a table of at most 80 columns, the terms below each."""
    if not cards:
        return "no trained model comes with this installation"
    lines = [f"{'model':<17}{'task':<6}{'parameters':>11}{'MB':>6}{'ms':>7}  IoU (set)"]
    for each in cards:
        start = (
            f"{each.name:<17}{each.task:<6}{each.parameters / 1e6:>9.1f} M"
            f"{each.bytes / 1e6:>6.1f}{each.latency['median_ms']:>7.1f}  "
        )
        for row in each.scores:
            score = f"{start}{row['iou']['score']:.3f} ({row['set']})"
            start = " " * len(start)
            lines += textwrap.wrap(score, _WIDTH, subsequent_indent=f"{start}  ")
        lines += textwrap.wrap(
            each.terms, _WIDTH, initial_indent="  terms: ", subsequent_indent="    "
        )
    timed = cards[0].latency
    size = "x".join(map(str, timed["size"]))
    lines += ["", *textwrap.wrap(f"ms: one picture of {size}, {timed['cpu']}", _WIDTH)]
    return "\n".join(lines)


def _has_default(spec: dataclasses.Field[Any]) -> bool:
    return spec.default_factory is not dataclasses.MISSING


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _intervals(row: dict[str, Any]) -> list[str]:
    return [_interval(row, key) for key, _ in _SCORES]


def _interval(row: dict[str, Any], key: str = "iou") -> str:
    if key not in row:
        return ""
    found = row[key]
    return f"{found['score']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
