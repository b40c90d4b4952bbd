"""Atomic writes: a file is there whole, or as it was before. Files inside a tar, by their place."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceseg.errors import InputError

# Tar is made of blocks of 512 bytes; a file's header is the block before it.
TAR_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an uncompressed tar, found by its place; stands where a path may stand.

    Attributes
    ----------
    archive
        Path of the tar.
    name
        Of the file.
    start, size
        Of its bytes in the tar.
    """

    archive: Path
    name: str
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.archive}:{self.name}"

    def read_bytes(self) -> bytes:
        """Return the file's bytes.

        Raises
        ------
        InputError
            If the tar is missing, or another file lies there.
        """
        try:
            with open(self.archive, "rb", buffering=0) as stream:
                stream.seek(self.start - TAR_BLOCK)
                header, found = stream.read(TAR_BLOCK), stream.read(self.size)
        except OSError as error:
            raise InputError(f"{self}: {error.strerror}") from None
        if header[:100].rstrip(b"\0") != self.name.encode() or len(found) < self.size:
            raise InputError(
                f"{self}: not where the index has it: the shard was changed or cut short; write "
                "the shards again"
            )
        return found


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path that replaces `path` when the block ends well.

    The temporary file lies in the same folder, keeps the suffix of `path`, is flushed to the disk
    before the replacement and is removed if the block raises, so that a full disk or a crash
    leaves the old file as it was. The folder is made if it is missing.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        # mkstemp makes files private to the user; give what a plain open() would have given.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder that becomes `path` when the block ends well, else is removed."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        yield folder
        # mkdtemp makes folders private to the user; give what a plain mkdir() would have given.
        mask = os.umask(0)
        os.umask(mask)
        folder.chmod(0o777 & ~mask)
        os.replace(folder, target)
    except BaseException:
        shutil.rmtree(folder)
        raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON, atomically; NaN, which JSON lacks, is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def nan_as_null(value: Any) -> Any:
    """Return `value` with None in place of each NaN or infinite float, in dicts and lists, too."""
    if isinstance(value, dict):
        return {key: nan_as_null(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [nan_as_null(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_csv(
    path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write a table with one header line, atomically."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, stream.getvalue())
