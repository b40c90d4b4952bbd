"""Shards: tars of images and masks that WebDataset reads, with an index to read any of them alone.

A folder of shards holds ``index.json``, and for each split ``<split>-000000.tar``,
``<split>-000001.tar``, ... and ``<split>.csv``, the place of each file in them. A sample is the
files of one key: the image as it was (``.jpg``), ``.json`` with name, group, height, width and the
run lengths in COCO's form; with more than two classes the mask is ``.mask.png`` instead.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from faceseg.errors import InputError
from faceseg.files import TAR_BLOCK, Member, atomic_folder, write_csv, write_json
from faceseg.images import encode_jpeg, encode_png, image_size, read_reduced
from faceseg.rle import RLE

if TYPE_CHECKING:
    from faceseg.records import Record, Source

INDEX = "index.json"
_FORMAT = "faceseg shards 1"
_COLUMNS = (
    "name", "group", "height", "width", "shard", "image", "image_start", "image_size",
    "mask", "mask_start", "mask_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a split's table: a sample and the places of its files."""

    name: str
    group: str
    size: tuple[int, int]
    image: Member
    mask: Member


def write_shards(
    sources: Sequence[Source],
    folder: Path,
    *,
    size_mb: float = 256,
    min_side: int | None = None,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, int]:
    """Write sources, one for each split, as shards.

    The same sources give the same bytes. Images are copied as they are, not coded anew, but for
    those that `min_side` reduces.

    Parameters
    ----------
    sources
        Of different splits, one task and the same classes.
    folder
        A new folder; it is complete or not there.
    size_mb
        Largest size of a shard in 10^6 bytes; one sample alone may be larger.
    min_side
        Store JPEGs at 1/2, 1/4 or 1/8 of their size, with their masks, as long as neither side
        falls below this; it is how the loader would read them for samples of this size.
    progress
        Called with 1 after each sample.

    Returns
    -------
    dict
        Number of shards of each split.

    Raises
    ------
    InputError
        If the folder is there already, or a mask does not fit its image.
    """
    if folder.exists():
        raise InputError(f"{folder}: already there; name a new folder for the shards")
    first = sources[0]
    splits: dict[str, Any] = {}
    with atomic_folder(folder) as inside, ExitStack() as opened:
        for source in sources:
            rows: list[Sequence[object]] = []
            shards: list[_Shard] = []
            for place, record in enumerate(source.records):
                files, size = _files(source, record, place, min_side)
                room = sum(_blocks(len(data)) for _, data in files)
                if not shards or (shards[-1].end + room > size_mb * 1e6 and shards[-1].records):
                    if shards:
                        shards[-1].close()
                    shard = _Shard(inside / f"{source.split}-{len(shards):06d}.tar")
                    shards.append(opened.enter_context(closing(shard)))
                members = [shards[-1].add(name, data) for name, data in files]
                where = (value for m in (members[0], members[-1]) for value in m)
                rows.append((record.name, record.group, *size, len(shards) - 1, *where))
                shards[-1].records += 1
                progress(1)
            if shards:
                shards[-1].close()
            table = inside / f"{source.split}.csv"
            write_csv(table, _COLUMNS, rows)
            splits[source.split] = {
                "records": len(rows),
                "table": table.name,
                "sha256": _sha256(table),
                "shards": [shard.summary() for shard in shards],
            }
        write_json(
            inside / INDEX,
            {
                "format": _FORMAT,
                "task": first.task,
                "classes": list(first.classes),
                "masks": "png" if len(first.classes) > 2 else "rle",
                "splits": splits,
            },
        )
    return {name: len(split["shards"]) for name, split in splits.items()}


def read_index(folder: Path) -> dict[str, Any]:
    """Read the index of a folder of shards.

    Raises
    ------
    InputError
        If it is missing or is none, or a shard is missing or not of the size it had.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; shards need the index that faceseg data shard writes"
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(index, dict) or index.get("format") != _FORMAT:
        raise InputError(f"{path}: expected format {_FORMAT!r}; write the shards again")
    try:
        for name in ("task", "classes", "masks"):
            index[name]
        for split in index["splits"].values():
            split["table"], split["sha256"]
            for shard in split["shards"]:
                _check_size(folder / shard["file"], shard["bytes"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged: {error}; write the shards again") from None
    return index


def read_entries(folder: Path, index: dict[str, Any], split: str) -> Iterator[Entry]:
    """Give the samples of a split, in the order they were written.

    Raises
    ------
    InputError
        If the table of the split is missing or is not the one that was written.
    """
    about = index["splits"][split]
    table = folder / about["table"]
    if not table.is_file() or _sha256(table) != about["sha256"]:
        raise InputError(f"{table}: missing, or not as it was written; write the shards again")
    archives = [folder / shard["file"] for shard in about["shards"]]
    with table.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        for name, group, height, width, shard, *files in rows:
            archive = archives[int(shard)]
            image, mask = (
                Member(archive, files[i], int(files[i + 1]), int(files[i + 2])) for i in (0, 3)
            )
            yield Entry(name, group, (int(height), int(width)), image, mask)


def verify(folder: Path) -> Iterator[tuple[Path, str]]:
    """Give path and problem of each shard whose bytes are not those that were written."""
    for split in read_index(folder)["splits"].values():
        for shard in split["shards"]:
            path = folder / shard["file"]
            if _sha256(path) != shard["sha256"]:
                yield path, "the bytes are not those that were written (SHA-256 differs)"


def read_rle(member: Member) -> RLE:
    """Read the run lengths of a sample.

    Raises
    ------
    InputError
        If the file is broken.
    """
    try:
        return RLE.from_coco(json.loads(member.read_bytes())["rle"])
    except InputError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{member}: broken run lengths: {error}") from None


def _files(
    source: Source, record: Record, place: int, min_side: int | None
) -> tuple[list[tuple[str, bytes]], tuple[int, int]]:
    """Return names and bytes of a sample's files, the image first and the mask last."""
    data, extension = record.image.read_bytes(), Path(record.image.name).suffix.lower()
    size = image_size(record.image)
    mask = source.annotation(record, size)
    if min_side is not None:
        picture, _ = read_reduced(record.image, (min_side, min_side))
        if picture.shape[:2] != size:
            data, extension = encode_jpeg(picture), ".jpg"
            mask = _reduce(mask, picture.shape[:2])
            size = mask.shape
    # WebDataset takes what stands before the first dot of a file's name as the sample's key.
    key = f"{place:06d}-{re.sub(r'[^A-Za-z0-9_-]', '_', record.name)[:60]}"
    about: dict[str, Any] = {
        "name": record.name,
        "group": record.group,
        "height": size[0],
        "width": size[1],
    }
    image = (f"{key}{extension}", data)
    if len(source.classes) > 2:
        assert isinstance(mask, np.ndarray)
        return [image, (f"{key}.json", _json(about)), (f"{key}.mask.png", encode_png(mask))], size
    runs = (mask if isinstance(mask, RLE) else RLE.from_mask(mask)).with_order("F")
    about["rle"] = {"size": list(size), "counts": runs.to_coco().decode()}
    return [image, (f"{key}.json", _json(about))], size


def _reduce(mask: RLE | npt.NDArray[np.uint8], size: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the pixel in the middle of each that an image reduced to `size` has."""
    pixels = mask.decode() if isinstance(mask, RLE) else mask
    places = []
    for whole, part in zip(pixels.shape, size, strict=True):
        step = round(whole / part)
        places.append(np.minimum(np.arange(part) * step + step // 2, whole - 1))
    return pixels[np.ix_(*places)]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _blocks(size: int) -> int:
    """Return the bytes that a file of `size` bytes takes in a tar."""
    return TAR_BLOCK + -(-size // TAR_BLOCK) * TAR_BLOCK


class _Shard:
    """A tar being written: nothing in it tells the time, the user or the machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = 0
        self.end = 0
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def add(self, name: str, data: bytes) -> tuple[str, int, int]:
        """Append a file; return its name, start and size."""
        about = tarfile.TarInfo(name)
        about.size = len(data)
        self._tar.addfile(about, io.BytesIO(data))
        start = self.end + TAR_BLOCK
        self.end += _blocks(len(data))
        return name, start, len(data)

    def close(self) -> None:
        """Write the end of the tar, if that is not done."""
        self._tar.close()

    def summary(self) -> dict[str, object]:
        """Return what the index says of a closed shard."""
        return {
            "file": self.path.name,
            "bytes": self.path.stat().st_size,
            "sha256": _sha256(self.path),
            "records": self.records,
        }


def _check_size(path: Path, size: int) -> None:
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; the index names it") from None
    if found != size:
        raise InputError(
            f"{path}: {found} bytes where the index has {size}: cut short or changed; copy it "
            "again or write the shards again"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
