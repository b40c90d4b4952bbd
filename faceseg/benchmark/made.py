"""The exported files that a checkpoint is timed as, each made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from faceseg.benchmark.ways import Way
from faceseg.contract import Contract
from faceseg.errors import InputError
from faceseg.exported import contract_of, format_of


class Made:
    """Exports of one checkpoint.

    Parameters
    ----------
    source
        The checkpoint, run folder or shipped model.
    folder
        Where the files go, each in a folder of its own.
    size
        Height and width of the pictures, for files of one size.
    tell
        Called with a line before each file is written.
    """

    def __init__(
        self, source: Path, folder: Path, size: tuple[int, int], tell: Callable[[str], object]
    ) -> None:
        self._source, self._folder, self._size, self._tell = source, folder, size, tell
        self._found: dict[str, Path | InputError] = {}

    def path(self, way: Way, contract: Contract, batch: int) -> Path:
        """Return the file that a way reads, or the checkpoint.

        Raises
        ------
        InputError
            If the file cannot be written, or the way cannot take such pictures.
        """
        if not way.format:
            return self._source
        if way.fixed:
            _fits(way, replace(contract, picture=self._size), batch)
        key = f"{way.format}-{way.stored}"
        key += f"-{self._size[0]}x{self._size[1]}" if way.fixed else ""
        if key not in self._found:
            self._found[key] = self._kept(key, contract) or self._write(way, key)
        found = self._found[key]
        if isinstance(found, InputError):
            raise found
        return found

    def _kept(self, key: str, contract: Contract) -> Path | None:
        """Return the file of an earlier run, if it has these weights."""
        files = [path for path in (self._folder / key).glob("*") if format_of(path)]
        same = [f for f in files if contract_of(f).weights_sha256 == contract.weights_sha256]
        return same[0] if same else None

    def _write(self, way: Way, key: str) -> Path | InputError:
        from faceseg.export import export_model

        self._tell(f"writing {key}")
        picture = self._size if way.fixed else None
        folder = self._folder / key
        try:
            written = export_model(
                self._source, [way.format], folder, precision=way.stored, picture=picture
            )
        except InputError as error:
            # The folder tells nothing, and may be a temporary one.
            return InputError(str(error).replace(f"{folder}{os.sep}", ""))
        return written[0].path


def _fits(way: Way, contract: Contract, batch: int) -> None:
    if batch > 1:
        raise InputError(f"files of one size take one picture, batch {batch} was asked for")
    if way.runtime == "opencv":
        from faceseg.export import opencv

        if not opencv.reads(contract):
            raise InputError("it reduces pictures without antialiasing, silently: other masks")
