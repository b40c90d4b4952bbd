"""What label images store, and how the stored values become class ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceseg.errors import InputError
from faceseg.images import read_labels

PARTS = (
    "background",
    "person",
    "skin",
    "left brow",
    "right brow",
    "left eye",
    "right eye",
    "lips",
    "teeth",
)
"""EasyPortrait's classes; the face is all from skin on."""


# Looking at this many labels, spread over the set, tells which values it stores.
_PEEK = 16
_ILLEGAL = 255


@dataclass(frozen=True, slots=True)
class Rule:
    """How the values stored in label images become class ids.

    Attributes
    ----------
    expected
        The values that may occur, in words.
    lut
        256 class ids, one for each value; 255 where the value may not occur.
    ignore_index
        Value that stays as it is, whatever `lut` says: pixels that neither train nor score; -1 is
        none.
    """

    expected: str
    lut: bytes
    ignore_index: int = -1

    def apply(self, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return (H, W) uint8 class ids for (H, W) uint8 stored values.

        Raises
        ------
        ValueError
            If a value may not occur; the message gives the value and its first place.
        """
        # bytes.translate takes a quarter of the time of indexing a table with the labels.
        ids = np.frombuffer(bytearray(labels.tobytes().translate(self.lut)), np.uint8)
        ids = ids.reshape(labels.shape)
        if ids.max(initial=0) == _ILLEGAL:
            bad = (ids == _ILLEGAL) & (labels != self.ignore_index)
            if bad.any():
                row, column = np.unravel_index(int(bad.argmax()), bad.shape)
                raise ValueError(
                    f"label value {labels[row, column]} at line {row}, column {column} "
                    f"(and in {int(bad.sum())} pixels in all), expected {self.expected}"
                )
        return ids

    def ignoring(self, value: int) -> Rule:
        """Return the rule that also takes `value`, and keeps it; -1 changes nothing.

        Raises
        ------
        InputError
            If the value has a meaning already, unless it is a class that stays itself.
        """
        if value < 0:
            return self
        legal = {stored: self.lut[stored] for stored in range(256) if self.lut[stored] != _ILLEGAL}
        if value in legal and any(stored != ids for stored, ids in legal.items()):
            raise InputError(
                f"ignore_index {value}: the labels, {self.expected}, use this value for class "
                f"{legal[value]}; give one that they do not use"
            )
        lut = bytes(value if stored == value else ids for stored, ids in enumerate(self.lut))
        return Rule(f"{self.expected}, or {value} to ignore", lut, value)


def _rule(expected: str, ids: Mapping[int, int]) -> Rule:
    return Rule(expected, bytes(ids.get(value, _ILLEGAL) for value in range(256)))


# What label images store, first match first: a 0/1 image would pass for EasyPortrait classes, too.
_FORMS = {
    "0/1": _rule("0 or 1", {0: 0, 1: 1}),
    "0/255": _rule("0 or 255", {0: 0, 255: 1}),
    "parts": _rule("0 to 8", {value: value for value in range(len(PARTS))}),
}
_GREY = Rule("grey, foreground from 128 on", bytes(128) + bytes([1]) * 128)


def label_form(
    labels: Sequence[Path], *, default: str | None = None, ignore_index: int = -1
) -> str:
    """Tell what label images store, by looking at some of them.

    Parameters
    ----------
    labels
        Label files.
    default
        Returned if none of those looked at is of any of the forms; None raises.
    ignore_index
        Value that labels of any form but ``"0/255"`` may hold beside their own; -1 is none.

    Returns
    -------
    str
        ``"0/1"``, ``"0/255"``, ``"parts"`` (0 to 8) or ``"grey"`` (JPEG).

    Raises
    ------
    InputError
        If none of those looked at is of any of these forms.
    """
    if all(path.suffix.lower() in (".jpg", ".jpeg") for path in labels):
        return "grey"
    fits = Counter[str]()
    strict = Counter[str]()
    problem = ""
    for path in labels[:: -(-len(labels) // _PEEK)]:
        try:
            values = read_labels(path)
        except InputError as error:
            problem = problem or str(error)
            continue
        present = np.bincount(values.ravel(), minlength=256) > 0
        for form, rule in _FORMS.items():
            illegal = set(np.flatnonzero(present & (np.frombuffer(rule.lut, np.uint8) == _ILLEGAL)))
            fits[form] += not illegal - {ignore_index}
            strict[form] += not illegal
        if not problem and not any(fits.values()):
            problem = f"{path}: label values up to {values.max()}"
    # The second count keeps 0/255 from passing for 0/1 without foreground, 255 being ignored.
    form = max(_FORMS, key=lambda form: (fits[form], strict[form]))
    count = fits[form]
    if not count and default is not None:
        return default
    if not count:
        raise InputError(f"{problem}, expected 0/1, 0/255, EasyPortrait's 0 to 8, or grey JPEG")
    return form


def label_rule(form: str) -> Rule:
    """Return the rule that makes two classes of a two-valued form, or keeps ``"parts"``."""
    return _GREY if form == "grey" else _FORMS[form]


def foreground_rule(classes: Iterable[int]) -> Rule:
    """Return the rule that makes these EasyPortrait classes foreground and the others background.

    Raises
    ------
    InputError
        If there is no such class, or none is given.
    """
    chosen = set(classes)
    if not chosen or not chosen <= set(range(1, len(PARTS))):
        raise InputError(f"classes {sorted(chosen)}, expected some of 1 to {len(PARTS) - 1}")
    return _rule("0 to 8", {value: int(value in chosen) for value in range(len(PARTS))})
