"""Look through a whole data set and list every defect found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faceseg import shards
from faceseg.errors import InputError
from faceseg.files import Member
from faceseg.images import image_size, read_image
from faceseg.records import Record, Source, find_layout, index_source, list_splits, size_problem
from faceseg.tables import Defect

# Records inspected between two looks at Ctrl-C.
_BLOCK = 256


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    pairs
        Number of image-mask pairs looked at, by split.
    defects
        Every defect, in the order of the splits and their records.
    """

    pairs: dict[str, int]
    defects: tuple[Defect, ...]


def check(
    paths: Sequence[str | os.PathLike[str]],
    *,
    task: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Report:
    """List every defect of a data set: all files are opened, all masks decoded.

    Found are: an image without label and a label without image, listed images that are missing,
    duplicate names, broken images and labels, masks of another size than their image, label
    values out of range, malformed run lengths and rows of a table, rows that repeat another row,
    and subjects or identical image files in two splits.

    Parameters
    ----------
    paths
        A data set of any layout :func:`faceseg.records.open_source` takes, all its splits; or
        several that belong together, such as one table for each split.
    task
        Which label values are right depends on it; by default ``"mask"`` for MSFD and ``"face"``
        for the others.
    progress
        Called with the number of pairs done and of all pairs.
    **options
        As for :func:`faceseg.records.open_source`.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If there is nothing to check: no such folder, layout, split or column.
    """
    defects: list[Defect] = []
    sources: dict[str, Source] = {}
    for path in paths:
        folders = {name: options.get(name) for name in ("images", "masks")}
        splits = list_splits(path, **folders)
        if find_layout(Path(path), **folders) == "shards":
            changed = shards.verify(Path(path))
            defects.extend(Defect(str(file), None, problem) for file, problem in changed)
        for split in splits:
            source = index_source(
                path,
                split=split,
                task=task or default_task(path, **folders),
                on_defect=defects.append,
                **options,
            )
            defects.extend(source.unpaired)
            label = str(path) if len(splits) == 1 else f"{path} {split}"
            sources[split if len(paths) == 1 else label] = source
    total = sum(map(len, sources.values()))
    if not total and not defects:
        defects.append(Defect(str(paths[0]), None, "no image with a mask in any split"))
    done = 0
    digests: dict[str, list[bytes]] = {}
    for name, source in sources.items():
        digests[name] = []
        for found, digest in _inspect_all(source):
            defects.extend(found)
            digests[name].append(digest)
            done += 1
            if progress is not None:
                progress(done, total)
    defects.extend(_shared_between(sources, digests))
    # Two splits of one table meet its malformed rows twice.
    return Report({k: len(v) for k, v in sources.items()}, tuple(dict.fromkeys(defects)))


def default_task(
    path: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
) -> str:
    """Return the task of shards, ``"mask"`` for MSFD's layout and ``"face"`` for any other."""
    layout = find_layout(Path(path), images=images, masks=masks)
    if layout == "shards":
        return str(shards.read_index(Path(path))["task"])
    return "mask" if layout == "msfd" else "face"


def _inspect_all(source: Source) -> Iterator[tuple[list[Defect], bytes]]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(source), _BLOCK):
            block = source.records[start : start + _BLOCK]
            yield from pool.map(lambda record: _inspect(source, record), block)


def _inspect(source: Source, record: Record) -> tuple[list[Defect], bytes]:
    """Return the defects of a pair, and a digest of its image file."""
    defects = []
    size = None
    digest = b""
    try:
        size = image_size(record.image)
        # All of a JPEG's data is read at 1/8 of its size, too, in half the time.
        read_image(record.image, min_size=(1, 1))
        digest = hashlib.blake2b(record.image.read_bytes(), digest_size=16).digest()
    except InputError as error:
        defects.append(_defect(error, record.image))
    if record.rle is None:
        assert record.label is not None
        try:
            shape = source.decode(record, (0, 0)).shape
            if size is not None and shape != size:
                problem = size_problem(shape, size, record.image)
                defects.append(Defect(str(record.label), None, problem))
        except InputError as error:
            defects.append(_defect(error, record.label))
        return defects, digest

    if size is not None and record.size not in (None, size):
        assert record.size is not None
        problem = size_problem(record.size, size, record.image)
        defects.append(Defect(str(source.table), record.rows[0], problem))
    known = record.size or size
    row_of: dict[str, int] = {}
    for text, row in zip(record.rle, record.rows, strict=True):
        if row_of.setdefault(text, row) != row:
            problem = f"repeats row {row_of[text]}: the same run lengths for {record.name!r}"
            defects.append(Defect(str(source.table), row, problem))
        elif known is not None:
            try:
                source.runs(replace(record, rle=(text,), rows=(row,)), known)
            except InputError as error:
                defects.append(_defect(error, source.table, row))
    return defects, digest


def _defect(error: InputError, file: Path | Member | None, row: int | None = None) -> Defect:
    place = str(Defect(str(file), row, ""))
    return Defect(str(file), row, str(error).removeprefix(place))


def _shared_between(
    sources: dict[str, Source], digests: dict[str, list[bytes]]
) -> Iterator[Defect]:
    """Find subjects, and image files equal to the byte, that are in two splits."""
    subjects: dict[str, str] = {}
    files: dict[bytes, tuple[str, Path | Member]] = {}
    for split, source in sources.items():
        reported: set[str] = set()
        for record, digest in zip(source.records, digests[split], strict=True):
            # Where the subject is unknown the group is the name, and 1.jpg may be in each split.
            named = record.group != record.name
            known = named if source.kind in ("table", "shards") else record.rows
            other = subjects.setdefault(record.group, split) if known else split
            if other != split and record.group not in reported:
                reported.add(record.group)
                file, row = source.table or record.image, record.rows[0] if record.rows else None
                problem = f"subject {record.group!r} is in {other} and in {split}"
                yield Defect(str(file), row, problem)
            elif other == split and digest:
                first, image = files.setdefault(digest, (split, record.image))
                if first != split:
                    problem = f"the same image as {image}: in {first} and in {split}"
                    yield Defect(str(record.image), None, problem)
