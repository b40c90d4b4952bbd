"""CSV tables: rows of images and run-length text, and where those images are."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceseg.errors import InputError, suggest
from faceseg.images import EXTENSIONS, list_images

IMAGE_COLUMNS = ("image", "imageid", "image_id", "image_name", "filename", "file_name", "id")
RLE_COLUMNS = ("rle_mask", "encodedpixels", "encoded_pixels", "rle")
GROUP_COLUMNS = ("user_id", "subject", "subject_id", "group")
SPLIT_COLUMNS = ("split", "set")


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong with a data set.

    Attributes
    ----------
    file
        Path of the file it is in.
    row
        Row of a table, counted as spreadsheets do: the header is row 1.
    problem
        What is wrong, in words.
    """

    file: str
    row: int | None
    problem: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file} row {self.row}"
        return f"{place}: {self.problem}"


def refuse(defect: Defect) -> None:
    """Raise the defect as InputError: what a reader does that is not asked to list them."""
    raise InputError(str(defect))


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table of run lengths; `text` is "" for an empty mask."""

    row: int
    image: str
    text: str
    size: tuple[int, int] | None
    split: str | None
    group: str | None


def read_table(
    path: str | os.PathLike[str],
    *,
    image_column: str | None = None,
    rle_column: str | None = None,
    report: Callable[[Defect], None] | None = None,
) -> Iterator[TableRow]:
    """Read a table of image names and run-length text, row by row.

    Parameters
    ----------
    path
        CSV, comma-separated, UTF-8, with a header.
    image_column, rle_column
        Names of the two columns, where they are none of those known (case does not matter:
        ``image``, ``ImageId``, ``image_id``, ``filename``, ``id``; ``rle_mask``,
        ``EncodedPixels``, ``rle``).
    report
        Called for each malformed row, which is then left out. By default the first one raises
        InputError.

    Raises
    ------
    InputError
        If the file is missing or is not text, or a column is missing.
    """
    path = Path(path)
    report = report or refuse
    rows = csv_rows(path)
    header = read_header(rows, path)
    image_at = named_column(path, header, image_column, IMAGE_COLUMNS, "image", "--image-column")
    rle_at = named_column(path, header, rle_column, RLE_COLUMNS, "run lengths", "--rle-column")
    several = [name for name in header if name.lower() in RLE_COLUMNS]
    if rle_column is None and len(several) > 1:
        raise InputError(
            f"{path}: {' and '.join(several)} could each be the run lengths; name one by "
            "--rle-column"
        )
    height_at, width_at = find_column(header, ("height",)), find_column(header, ("width",))
    split_at, group_at = find_column(header, SPLIT_COLUMNS), find_column(header, GROUP_COLUMNS)
    if (height_at is None) != (width_at is None):
        raise InputError(f"{path}: column height or width without the other")
    for row, fields in rows:
        if len(fields) != len(header):
            problem = f"{len(fields)} fields where the header has {len(header)}"
            report(Defect(str(path), row, problem))
            continue
        if not fields[image_at].strip():
            report(Defect(str(path), row, "no image name"))
            continue
        size = None
        if height_at is not None and width_at is not None:
            given = fields[height_at].strip(), fields[width_at].strip()
            if any(given):
                sides = [_side(text) for text in given]
                if not (sides[0] and sides[1]):
                    problem = f"height {given[0]!r}, width {given[1]!r}, expected whole numbers > 0"
                    report(Defect(str(path), row, problem))
                    continue
                size = sides[0], sides[1]
        text = fields[rle_at].strip()
        yield TableRow(
            row,
            fields[image_at].strip(),
            "" if text.lower() in ("-1", "nan") else text,
            size,
            None if split_at is None else fields[split_at].strip(),
            None if group_at is None else fields[group_at].strip() or None,
        )


def contradiction(first: TableRow, row: TableRow) -> str | None:
    """Say what two rows of one image disagree on."""
    if row.size != first.size:
        return f"size {row.size} of {row.image!r}, but {first.size} in row {first.row}"
    if row.split != first.split:
        return f"{row.image!r} is in split {row.split!r}, but in {first.split!r} in row {first.row}"
    if row.group != first.group:
        return f"{row.image!r} shows {row.group!r}, but {first.group!r} in row {first.row}"
    return None


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield row number and fields, the header as row 1, blank lines left out."""
    # One mask's text can be longer than the 128 KiB that the module allows by default.
    csv.field_size_limit(2**31 - 1)
    row = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row, fields in enumerate(csv.reader(stream, strict=True), start=1):
                if fields:
                    yield row, fields
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text after row {row} (byte 0x{error.object[error.start]:02x})"
        ) from None
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV table after row {row}: {error}") from None


def read_header(rows: Iterator[tuple[int, list[str]]], path: Path) -> list[str]:
    """Take the column names off the rows of a table; InputError if there are none."""
    _, fields = next(rows, (0, []))
    if not fields:
        raise InputError(f"{path}: an empty file, expected a CSV table with a header")
    return [name.strip() for name in fields]


def find_column(header: Sequence[str], known: Iterable[str]) -> int | None:
    """Return the place of the first of some lower-case names that is there, whatever its case."""
    lower = [name.lower() for name in header]
    return next((lower.index(name) for name in known if name in lower), None)


def named_column(
    path: Path, header: Sequence[str], given: str | None, known: Sequence[str], what: str, flag: str
) -> int:
    """Return the place of the column a user named, or else of one of the known names.

    Raises
    ------
    InputError
        If there is none, or two of that name.
    """
    if given is not None:
        if given not in header:
            raise InputError(f"{path}: no column {given!r}{suggest(given, header)}")
        place = header.index(given)
    else:
        found = find_column(header, known)
        if found is None:
            columns = ", ".join(name[:40] for name in header[:8])
            if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
                raise InputError(
                    f"{path}: columns are parted by semicolons or tabs; expected commas: save it "
                    "again as comma-separated"
                )
            raise InputError(
                f"{path}: no column for the {what} (known: {', '.join(known)}) among {columns}; "
                f"name it by {flag}"
            )
        place = found
    if header.count(header[place]) > 1:
        raise InputError(f"{path}: column {header[place]!r} is there twice")
    return place


def splits_of_column(path: Path) -> tuple[str, ...]:
    """Return the names in a table's split column; ``("train",)`` without one."""
    rows = csv_rows(path)
    place = find_column(read_header(rows, path), SPLIT_COLUMNS)
    if place is None:
        return ("train",)
    return tuple(dict.fromkeys(fields[place].strip() for _, fields in rows if place < len(fields)))


class ImageFinder:
    """Finds images by the name a table gives, with or without extension; lists folders once.

    Parameters
    ----------
    folders
        Where to look; those that are not there are left out.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = [folder for folder in folders if folder.is_dir()]
        self._listed: dict[str, dict[str, list[Path]]] = {}

    def find(self, name: str) -> list[Path]:
        """Return every file that `name` may mean."""
        inside, last = os.path.split(name)
        if inside not in self._listed:
            files: dict[str, list[Path]] = {}
            for folder in self.folders:
                for path in list_images(folder / inside) if (folder / inside).is_dir() else ():
                    files.setdefault(path.name, []).append(path)
                    files.setdefault(path.stem, []).append(path)
            self._listed[inside] = files
        return self._listed[inside].get(last, [])


def without_extension(name: str) -> str:
    """Return a file's name without its extension, if it is that of an image."""
    stem, dot, extension = name.rpartition(".")
    return stem if stem and f"{dot}{extension}".lower() in EXTENSIONS else name


def _side(text: str) -> int:
    # Pandas writes 512.0 where another row of the column is empty.
    return int(float(text)) if re.fullmatch(r"[0-9]{1,9}(\.0+)?", text) else 0
