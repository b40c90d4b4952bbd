"""What an exported file is and promises, told without loading what it computes, nor torch."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from faceseg.contract import ONNX_KEY, TORCHSCRIPT_FILE, Contract
from faceseg.errors import InputError

# By format; `.aoti.pt2` ends in `.pt2`, too, so it stands before it.
SUFFIXES = {
    "onnx": ".onnx",
    "torchscript": ".ts",
    "aoti": ".aoti.pt2",
    "pt2": ".pt2",
    "openvino": ".openvino",
}


def format_of(path: Path) -> str | None:
    """Return the format that a file's name tells; None if it is none of an export."""
    name = path.name.lower()
    return next((form for form, suffix in SUFFIXES.items() if name.endswith(suffix)), None)


def contract_of(path: Path) -> Contract:
    """Return the contract inside an exported file or folder.

    Raises
    ------
    InputError
        If it is missing, truncated, of another format than its name tells, or has no contract.
    """
    form = format_of(path)
    if form is None:
        raise InputError(f"{path}: expected a file named {', '.join(SUFFIXES.values())}")
    if not path.exists():
        raise InputError(f"{path}: no such file; 'faceseg export' makes one of a checkpoint")
    if form == "onnx":
        text = _in_onnx(path)
    elif form == "openvino":
        inside = path / TORCHSCRIPT_FILE
        text = inside.read_text(encoding="utf-8") if inside.is_file() else ""
    else:
        text = _in_archive(path, form)
    return Contract.from_json(text, str(path))


def _in_onnx(path: Path) -> str:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise InputError(f"{path}: truncated or not an ONNX model") from error
    return next((each.value for each in model.metadata_props if each.key == ONNX_KEY), "")


def _in_archive(path: Path, form: str) -> str:
    """Return the text in an archive of torch: a record of its own, or one among AOTInductor's."""
    suffix = "wrapper_metadata.json" if form == "aoti" else f"extra/{TORCHSCRIPT_FILE}"
    try:
        with zipfile.ZipFile(path) as archive:
            name = next((name for name in archive.namelist() if name.endswith(suffix)), None)
            if name is None:
                return ""
            text = archive.read(name).decode()
            return str(json.loads(text).get(TORCHSCRIPT_FILE, "")) if form == "aoti" else text
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InputError(f"{path}: truncated, or not a {SUFFIXES[form]} file") from error
