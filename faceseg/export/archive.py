"""Zip archives as PyTorch writes them, without what tells of the machine that wrote them."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path


def without(archive: BytesIO | Path, suffix: str) -> bytes:
    """Return an archive without the records of a suffix, and without dates."""
    result = BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            if not name.endswith(suffix):
                # A fresh ZipInfo has a fixed date.
                new.writestr(zipfile.ZipInfo(name), old.read(name))
    return result.getvalue()
