"""From what users have on disk to records: which image, which mask, whose face, which split.

Four layouts are told apart by looking at them: EasyPortrait, MSFD, a table (CSV) of run lengths
and any pair of folders; shards are a fifth. An index holds names and run-length text, packed; no
image is kept in memory.
"""

from __future__ import annotations

import marshal
import operator
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, overload

import numpy as np
import numpy.typing as npt

from faceseg import shards
from faceseg.errors import InputError, suggest
from faceseg.files import Member
from faceseg.images import image_size, list_images, read_labels
from faceseg.labels import PARTS, Rule, foreground_rule, label_form, label_rule
from faceseg.rle import RLE, Order, union
from faceseg.tables import (
    GROUP_COLUMNS,
    IMAGE_COLUMNS,
    SPLIT_COLUMNS,
    Defect,
    ImageFinder,
    TableRow,
    contradiction,
    csv_rows,
    find_column,
    named_column,
    read_header,
    read_table,
    refuse,
    splits_of_column,
    without_extension,
)

TASKS = ("face", "mask", "parse")


@dataclass(frozen=True, slots=True)
class Record:
    """One image and where its mask comes from.

    Attributes
    ----------
    name
        Name of the image without its extension, unique in its source.
    image
        The image: a path, or a member of a shard.
    label
        The label image, or a shard's run lengths; None where the mask is run-length text.
    rle
        Run-length text, one for each row of the table, "" for an empty mask; None where the mask
        is a label image.
    size
        Height and width that the table gives; None where the image has to tell.
    group
        The subject; records of one group never go to different splits. The name where unknown.
    where
        Where the mask is, for messages.
    rows
        Rows of the source's table that speak of this image.
    """

    name: str
    image: Path | Member
    label: Path | Member | None
    rle: tuple[str, ...] | None
    size: tuple[int, int] | None
    group: str
    where: str
    rows: tuple[int, ...] = ()


class Records(Sequence[Record]):
    """Records packed into three buffers; each is made when it is asked for.

    40,000 records with 4 KB of run-length text take 165 MB, and worker processes that are forked
    share them: there are no objects whose reference counts would copy the pages.

    Parameters
    ----------
    records
        What to pack.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._texts = bytearray()
        self._packed = bytearray()
        self._ends = array("q", [0])
        for record in records:
            spans = None if record.rle is None else [self.add_text(text) for text in record.rle]
            self.add(record, spans)

    def add_text(self, text: str) -> tuple[int, int]:
        """Keep a text and return its place, for `add`."""
        start = len(self._texts)
        self._texts += text.encode(errors="surrogatepass")
        return start, len(self._texts)

    def add(self, record: Record, rle: Sequence[tuple[int, int]] | None) -> None:
        """Append a record; `rle` are the places of its texts, instead of its own field."""
        self._packed += marshal.dumps(
            (
                record.name, _flat(record.image), _flat(record.label),
                None if rle is None else tuple(rle),
                record.size, record.group, record.where, record.rows,
            )
        )  # fmt: skip
        self._ends.append(len(self._packed))

    def take(self, places: Iterable[int]) -> Records:
        """Return the records at some places; run-length texts are shared, not copied."""
        taken = Records()
        taken._texts = self._texts
        for place in places:
            taken._packed += self._bytes(place)
            taken._ends.append(len(taken._packed))
        return taken

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Records: ...
    def __getitem__(self, place: int | slice) -> Record | Records:
        if isinstance(place, slice):
            return self.take(range(len(self))[place])
        name, image, label, spans, *rest = marshal.loads(self._bytes(place))
        rle = None
        if spans is not None:
            rle = tuple(self._texts[a:b].decode(errors="surrogatepass") for a, b in spans)
        return Record(name, _whole(image), label and _whole(label), rle, *rest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Records) and list(self) == list(other)

    def _bytes(self, place: int) -> bytearray:
        place = range(len(self))[operator.index(place)]
        return self._packed[self._ends[place] : self._ends[place + 1]]


_Flat: TypeAlias = str | tuple[str, str, int, int]


def _flat(file: Path | Member | None) -> _Flat | None:
    if isinstance(file, Member):
        return str(file.archive), file.name, file.start, file.size
    return None if file is None else str(file)


def _whole(file: _Flat) -> Path | Member:
    return Path(file) if isinstance(file, str) else Member(Path(file[0]), *file[1:])


@dataclass(frozen=True)
class Source:
    """Records of one split, and how their masks are read.

    Attributes
    ----------
    kind
        ``"easyportrait"``, ``"msfd"``, ``"table"``, ``"folders"`` or ``"shards"``.
    path
        What was opened.
    split, task
        What was asked for.
    classes
        Name of each class id; the first is ``"background"``.
    records
        Sorted by name; in the order of the table where there is one. Whatever sequence is given
        becomes `Records`.
    rule
        How stored values become class ids; None where masks are run-length text.
    order, base
        Of the run-length text: ``"F"`` down columns or ``"C"`` along rows; number of the first
        pixel.
    table
        The CSV that rows are counted in, if there is one.
    unpaired
        Images without label and labels without image; they are in no record.
    """

    kind: str
    path: Path
    split: str
    task: str
    classes: tuple[str, ...]
    records: Sequence[Record] = field(repr=False)
    rule: Rule | None = field(repr=False)
    order: Order = "F"
    base: int = 1
    table: Path | None = None
    unpaired: tuple[Defect, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Pack the records."""
        if not isinstance(self.records, Records):
            object.__setattr__(self, "records", Records(self.records))

    def __len__(self) -> int:
        return len(self.records)

    def expect_classes(self, name: object, classes: tuple[str, ...]) -> None:
        """Raise InputError unless a model, called `name`, has the classes of this source."""
        if classes != self.classes:
            raise InputError(
                f"{name}: its classes are {', '.join(classes)}; "
                f"{self.path} gives {', '.join(self.classes)}"
            )

    def subset(self, places: Iterable[int], *, split: str | None = None) -> Source:
        """Return a source of the records at some places."""
        assert isinstance(self.records, Records)
        return replace(self, records=self.records.take(places), split=split or self.split)

    def mask(self, record: Record, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
        """Read or decode the mask of a record.

        Several run-length rows of one image are joined: a pixel is foreground if any row has it.

        Parameters
        ----------
        record
            One of ``self.records``.
        size
            Height and width of its image, where known; the image is not opened then.

        Returns
        -------
        (H, W) uint8 array
            Class ids, of the same height and width as the image (after EXIF orientation).

        Raises
        ------
        InputError
            If the mask is broken, holds a value or run it may not hold, or is of another size
            than the image.
        """
        found = self.annotation(record, image_size(record.image) if size is None else size)
        return found.decode() if isinstance(found, RLE) else found

    def annotation(self, record: Record, size: tuple[int, int]) -> RLE | npt.NDArray[np.uint8]:
        """Read the mask of a record as `mask` does, but leave run lengths as they are."""
        if record.size not in (None, size):
            # Before decoding: a table can ask for any amount of memory.
            assert record.size is not None
            problem = size_problem(record.size, size, record.image)
            raise InputError(f"{record.where}: {problem}")
        found = self._read(record, size)
        if found.shape != size:
            raise InputError(f"{record.where}: {size_problem(found.shape, size, record.image)}")
        return found

    def runs(self, record: Record, shape: tuple[int, int]) -> list[RLE]:
        """Read the run-length rows of a record for a mask of `shape`, which is not allocated.

        Raises
        ------
        InputError
            If a row is malformed or does not fit; the message names it.
        """
        assert record.rle is not None
        rows = []
        for text, row in zip(record.rle, record.rows, strict=True):
            try:
                rows.append(RLE.from_kaggle(text, shape, order=self.order, base=self.base))
            except ValueError as error:
                raise InputError(f"{self.table} row {row}: {error}") from None
        return rows

    def decode(self, record: Record, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Read or decode the mask of a record without holding it to its image.

        Parameters
        ----------
        record
            One of ``self.records``.
        size
            Height and width of run-length masks whose table does not give them.
        """
        found = self._read(record, size)
        return found.decode() if isinstance(found, RLE) else found

    def _read(self, record: Record, size: tuple[int, int]) -> RLE | npt.NDArray[np.uint8]:
        if record.rle is not None:
            return union(self.runs(record, record.size or size))
        assert record.label is not None
        if self.rule is None:
            assert isinstance(record.label, Member)
            return shards.read_rle(record.label)
        try:
            return self.rule.apply(read_labels(record.label))
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{record.label}: {error}") from None


def size_problem(mask: Sequence[int], image: Sequence[int], path: Path | Member) -> str:
    """Word the defect of a mask that is not of its image's size."""
    hint = "; swapped: is the image turned by its EXIF data?" if mask[::-1] == image else ""
    return f"mask of {mask[0]}x{mask[1]} for an image of {image[0]}x{image[1]} ({path}){hint}"


def open_source(
    path: str | os.PathLike[str],
    *,
    split: str = "train",
    task: str = "face",
    classes: Sequence[int] | None = None,
    images: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    image_column: str | None = None,
    rle_column: str | None = None,
    order: Order = "F",
    base: int = 1,
    ignore_index: int = -1,
) -> Source:
    """Open one split of a data set, whatever its layout.

    Parameters
    ----------
    path
        A CSV table; a folder with ``images/{train,val,test}`` and ``annotations/{train,val,test}``
        (EasyPortrait); a folder with ``1/face_crop`` and ``1/face_crop_segmentation`` (MSFD); a
        folder of shards.
    split
        A table without a split column, and folders without split folders, are all ``"train"``;
        such a table gives its rows whatever the split.
    task
        ``"face"`` or ``"mask"`` (two classes), or ``"parse"`` (EasyPortrait's nine).
    classes
        EasyPortrait classes that make the foreground, instead of 2 to 8.
    images, masks
        Any two folders, matched by file name without extension; with a table `images` is where
        its images are.
    image_column, rle_column
        Columns of the table, where they have names of their own.
    order, base
        Of the table's run-length text: ``"F"`` down columns or ``"C"`` along rows; number of the
        first pixel.
    ignore_index
        Value that label images may hold beside their own for pixels that neither train nor score;
        it stays in the masks. -1 is none.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If there is no such layout, split or column, or the split is empty; if a listed image is
        missing or a name is there twice; if run lengths of an image whose size the table gives
        are malformed.
    """
    source = index_source(
        path,
        split=split,
        task=task,
        classes=classes,
        images=images,
        masks=masks,
        image_column=image_column,
        rle_column=rle_column,
        order=order,
        base=base,
        ignore_index=ignore_index,
    )
    for record in source.records:
        # Now rather than in the middle of a run; it takes about a second for 40,000 rows.
        if record.rle is not None and record.size is not None:
            source.runs(record, record.size)
    return source


def index_source(
    path: str | os.PathLike[str],
    *,
    split: str = "train",
    task: str = "face",
    classes: Sequence[int] | None = None,
    images: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    image_column: str | None = None,
    rle_column: str | None = None,
    order: Order = "F",
    base: int = 1,
    ignore_index: int = -1,
    on_defect: Callable[[Defect], None] | None = None,
) -> Source:
    """List the records as :func:`open_source` does, without looking into any mask.

    Parameters
    ----------
    on_defect
        Called for each entry that makes no record, which is then left out. By default the first
        one raises InputError.
    """
    if task not in TASKS:
        raise InputError(f"task {task!r}{suggest(task, TASKS)}")
    if order not in ("F", "C") or base not in (0, 1):
        raise InputError(f"order {order!r} and base {base}, expected 'F' or 'C' and 0 or 1")
    report = on_defect or refuse
    root = Path(path)
    kind = find_layout(root, images=images, masks=masks)
    if kind == "shards":
        if classes is not None or image_column or rle_column or (order, base) != ("F", 1):
            raise InputError(
                f"{path}: shards say themselves how masks are stored; leave out classes, columns, "
                "order and base"
            )
        return _open_shards(root, split, task, ignore_index)
    table: Path | None = None
    records: Sequence[Record]
    unpaired: list[Defect] = []
    if kind == "table":
        table = root
        rows = read_table(root, image_column=image_column, rle_column=rle_column, report=report)
        records = _table_records(root, rows, split, images, report)
    elif image_column or rle_column:
        raise InputError(f"{path}: image_column and rle_column are for a CSV table")
    elif kind == "msfd":
        root = _msfd_root(root)
        listing = root / "dataset.csv"
        table = listing if _lists_splits(listing) else None
        records = _msfd_records(root, table, split, report, unpaired)
    else:
        if kind == "folders":
            assert images is not None
            assert masks is not None
            image_folder, label_folder = Path(images), Path(masks)
        else:
            image_folder, label_folder = root / "images", root / "annotations"
            table = next(
                (p for p in (root / "meta.csv", label_folder / "meta.csv") if p.is_file()), None
            )
        records = _pairs(_split_folder(image_folder, label_folder, split), split, report, unpaired)
        if table is not None:
            records = _with_groups(records, table)
    if not records and on_defect is None:
        raise InputError(f"{path}: no image with its mask in split {split!r}")

    rule = None
    names: tuple[str, ...] = ("background", task)
    if kind == "table":
        if task == "parse" or classes is not None:
            raise InputError(f"{path}: run lengths hold one class: use task face or mask")
        _refuse_class_of_runs(root, ignore_index)
    else:
        fallback = "parts" if kind == "easyportrait" and task != "mask" else "0/255"
        form = label_form(
            [record.label for record in records if isinstance(record.label, Path)],
            default=fallback if on_defect else None,
            ignore_index=ignore_index,
        )
        rule = _choose_rule(root, kind, form, task, classes).ignoring(ignore_index)
        if form != "parts" and kind == "easyportrait":
            kind = "folders"
        if task == "parse":
            names = PARTS
    return Source(
        kind=kind,
        path=Path(path),
        split=split,
        task=task,
        classes=names,
        records=records,
        rule=rule,
        order=order,
        base=base,
        table=table,
        unpaired=tuple(unpaired),
    )


def find_layout(
    path: Path,
    *,
    images: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
) -> str:
    """Return ``"easyportrait"``, ``"msfd"``, ``"table"``, ``"folders"`` or ``"shards"``.

    Raises
    ------
    InputError
        If it is none of them.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    for folder in (images, masks):
        if folder is not None and not Path(folder).is_dir():
            raise InputError(f"{folder}: no such folder")
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise InputError(
                f"{path}: expected a folder or a .csv table; other mask files become a table by "
                "faceseg data convert IN OUT.csv --to kaggle"
            )
        if masks is not None:
            raise InputError(f"{path}: a table holds its masks; leave out the folder of masks")
        return "table"
    if images is not None or masks is not None:
        if images is None or masks is None:
            raise InputError(f"{path}: give both folders, images and masks")
        return "folders"
    if not any(path.iterdir()):
        raise InputError(f"{path}: this folder is empty")
    if (path / shards.INDEX).is_file() or any(path.glob("*.tar")):
        return "shards"
    if (path / "images").is_dir() and (path / "annotations").is_dir():
        return "easyportrait"
    if (_msfd_root(path) / "face_crop").is_dir():
        return "msfd"
    raise InputError(
        f"{path}: none of the layouts known (images/ and annotations/; 1/face_crop/; a .csv "
        "table; shards); name any two folders by --images and --masks"
    )


def list_splits(
    path: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
) -> tuple[str, ...]:
    """Return the names of the splits there are: ``("train",)`` for a set without splits."""
    root = Path(path)
    kind = find_layout(root, images=images, masks=masks)
    if kind == "table":
        return splits_of_column(root)
    if kind == "shards":
        return tuple(shards.read_index(root)["splits"])
    if kind == "msfd":
        listing = _msfd_root(root) / "dataset.csv"
        return splits_of_column(listing) if _lists_splits(listing) else ("train",)
    return _split_folders(Path(images or root / "images"), Path(masks or root / "annotations"))


def group_folds(groups: Sequence[str], k: int, seed: int) -> npt.NDArray[np.int64]:
    """Divide records into `k` folds of about equal size, no group in two of them.

    Parameters
    ----------
    groups
        Group of each record.
    k
        Number of folds, from 2 to the number of groups.
    seed
        The same seed and groups give the same folds, whatever the order of the records.

    Returns
    -------
    (n,) int64 array
        Fold of each record, 0 to k - 1.

    Raises
    ------
    InputError
        If there are fewer groups than folds.
    """
    names, inverse, sizes = np.unique(
        np.asarray(groups, dtype=np.str_), return_inverse=True, return_counts=True
    )
    if not 2 <= k <= len(names):
        raise InputError(f"{k} folds of {len(names)} subjects, expected 2 to {len(names)} folds")
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    totals = np.zeros(k, np.int64)
    fold_of = np.zeros(len(names), np.int64)
    for group in order:
        fold_of[group] = totals.argmin()
        totals[fold_of[group]] += sizes[group]
    return fold_of[inverse]


def split_off(source: Source, fraction: float, seed: int) -> tuple[Source, Source]:
    """Divide a source in two by group, for sets without a split of their own.

    Parameters
    ----------
    source
        What to divide.
    fraction
        About this share of the records goes to the second part, between 0 and 1.
    seed
        The same seed gives the same parts.

    Returns
    -------
    tuple of Source
        The split ``"train"``, which is the larger part of a small fraction, and ``"val"``.

    Raises
    ------
    InputError
        If there is only one group.
    ValueError
        If `fraction` is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction {fraction}, expected a number between 0 and 1")
    sizes = Counter(record.group for record in source.records)
    if len(sizes) < 2:
        raise InputError(
            f"{source.path}: cannot hold out records of one subject alone; add subjects or "
            "name a validation set"
        )
    groups = sorted(sizes)
    order = np.random.default_rng(seed).permutation(len(groups))
    target = fraction * len(source.records)
    held: set[str] = set()
    total = 0
    for group in (groups[place] for place in order[:-1]):
        if held and total + sizes[group] / 2 > target:
            break
        held.add(group)
        total += sizes[group]
    inside = [record.group in held for record in source.records]
    train, val = (
        [i for i, part in enumerate(inside) if part == wanted] for wanted in (False, True)
    )
    return source.subset(train, split="train"), source.subset(val, split="val")


# --- tables ---------------------------------------------------------------------------------------


def _table_records(
    path: Path,
    rows: Iterable[TableRow],
    split: str,
    images: str | os.PathLike[str] | None,
    report: Callable[[Defect], None],
) -> Records:
    records = Records()
    by_image: dict[str, list[tuple[TableRow, tuple[int, int]]]] = {}
    splits: set[str] = set()
    for row in rows:
        if row.split is not None:
            splits.add(row.split)
        known = by_image.setdefault(row.image, [])
        problem = contradiction(known[0][0], row) if known else None
        if problem:
            report(Defect(str(path), row.row, problem))
        elif row.split in (None, split):
            # The texts are nearly all of a table: none is ever there twice.
            known.append((replace(row, text=""), records.add_text(row.text)))
        else:
            known.append((replace(row, text=""), (0, 0)))
    if splits and split not in splits:
        raise InputError(f"{path}: no rows of split {split!r}; there are: {_listed(splits)}")

    if images is not None:
        finder = ImageFinder([Path(images)])
    else:
        beside = path.parent
        folders = ("", "images", "images/train", "images/val", "images/test", "face_crop")
        finder = ImageFinder([beside / folder for folder in (*folders, "1/face_crop")])
    row_of: dict[str, int] = {}
    for image, parts in by_image.items():
        first = parts[0][0]
        if first.split not in (None, split):
            continue
        found = finder.find(image)
        name = without_extension(image)
        if not found:
            searched = ", ".join(str(folder) for folder in finder.folders)
            report(Defect(str(path), first.row, f"no image {image!r} in {searched}"))
        elif len(found) > 1:
            problem = f"{image!r} may mean {found[0]} or {found[1]}: duplicate names"
            report(Defect(str(path), first.row, problem))
        elif name in row_of:
            problem = f"duplicate name {image!r}: the same as in row {row_of[name]}"
            report(Defect(str(path), first.row, problem))
        else:
            row_of[name] = first.row
            numbers = tuple(part.row for part, _ in parts)
            records.add(
                Record(
                    name=name,
                    image=found[0],
                    label=None,
                    rle=None,
                    size=first.size,
                    group=first.group or name,
                    where=f"{path} {_row_words(numbers)}",
                    rows=numbers,
                ),
                [place for _, place in parts],
            )
    return records


def _row_words(rows: Sequence[int]) -> str:
    return f"row {rows[0]}" if len(rows) == 1 else f"rows {', '.join(map(str, rows))}"


# --- shards ---------------------------------------------------------------------------------------


def _open_shards(root: Path, split: str, task: str, ignore_index: int) -> Source:
    index = shards.read_index(root)
    if index["task"] != task:
        raise InputError(f"{root}: shards of task {index['task']!r}: use task {index['task']}")
    if split not in index["splits"]:
        raise InputError(f"{root}: no split {split!r}; there are: {_listed(index['splits'])}")
    rule = label_rule("parts").ignoring(ignore_index) if index["masks"] == "png" else None
    if rule is None:
        _refuse_class_of_runs(root, ignore_index)
    records = Records()
    for entry in shards.read_entries(root, index, split):
        label = entry.mask
        records.add(
            Record(entry.name, entry.image, label, None, entry.size, entry.group, str(label)), None
        )
    return Source(
        kind="shards",
        path=root,
        split=split,
        task=task,
        classes=tuple(index["classes"]),
        records=records,
        rule=rule,
    )


def _refuse_class_of_runs(path: Path, ignore_index: int) -> None:
    # Labels may hold such pixels beside these tables, in the other split: a value that run lengths
    # never give is no error.
    if ignore_index in (0, 1):
        raise InputError(
            f"{path}: ignore_index {ignore_index} is a class of run lengths (0 background, 1 "
            "foreground), none of which would train or score; give a value above 1, or leave it out"
        )


# --- folders --------------------------------------------------------------------------------------


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _split_folders(images: Path, labels: Path) -> tuple[str, ...]:
    """Return the names that are folders in both; ("train",) where images lie in `images` itself."""
    names = {p.name for p in images.iterdir() if p.is_dir() and (labels / p.name).is_dir()}
    if not names:
        return ("train",)
    first = [name for name in ("train", "val", "test") if name in names]
    return (*first, *sorted(names.difference(first)))


def _split_folder(images: Path, labels: Path, split: str) -> tuple[Path, Path]:
    splits = _split_folders(images, labels)
    if split not in splits:
        raise InputError(f"{images}: no split {split!r}; there are: {', '.join(splits)}")
    if (images / split).is_dir() and (labels / split).is_dir():
        return images / split, labels / split
    return images, labels


def _by_stem(folder: Path, report: Callable[[Defect], None]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in list_images(folder):
        other = found.setdefault(path.stem, path)
        if other is not path:
            report(Defect(str(path), None, f"duplicate name: the same as {other.name}"))
    return found


def _pairs(
    folders: tuple[Path, Path],
    split: str,
    report: Callable[[Defect], None],
    unpaired: list[Defect],
) -> list[Record]:
    images, labels = (_by_stem(folder, report) for folder in folders)
    if not images and not labels:
        raise InputError(f"{folders[0]}: no images in split {split!r}")
    for name in sorted(images.keys() - labels.keys()):
        unpaired.append(Defect(str(images[name]), None, f"no label {name}.* in {folders[1]}"))
    for name in sorted(labels.keys() - images.keys()):
        unpaired.append(Defect(str(labels[name]), None, f"no image {name}.* in {folders[0]}"))
    return [
        Record(name, images[name], labels[name], None, None, name, str(labels[name]))
        for name in sorted(images.keys() & labels.keys())
    ]


def _with_groups(records: Iterable[Record], meta: Path) -> list[Record]:
    """Fill in the subjects that EasyPortrait's meta.csv names."""
    rows = csv_rows(meta)
    header = read_header(rows, meta)
    name_at = find_column(header, (*IMAGE_COLUMNS[:-1], "attachment_id"))
    group_at = find_column(header, GROUP_COLUMNS)
    if name_at is None or group_at is None:
        raise InputError(
            f"{meta}: no columns for image and subject (attachment_id or image_name, user_id) "
            f"among {', '.join(header[:8])}; rename them or remove the file"
        )
    known: dict[str, tuple[str, int]] = {}
    for row, fields in rows:
        if len(fields) != len(header):
            raise InputError(
                f"{meta} row {row}: {len(fields)} fields where the header has {len(header)}"
            )
        known[without_extension(fields[name_at].strip())] = fields[group_at].strip(), row
    filled = []
    for record in records:
        group, row = known.get(record.name, ("", 0))
        filled.append(replace(record, group=group, rows=(row,)) if group else record)
    return filled


def _msfd_root(path: Path) -> Path:
    return path / "1" if (path / "1").is_dir() else path


def _lists_splits(listing: Path) -> bool:
    """Tell whether MSFD's dataset.csv says which face crop is whose, or in which split."""
    if not listing.is_file():
        return False
    header = read_header(csv_rows(listing), listing)
    spoken = (*SPLIT_COLUMNS, *GROUP_COLUMNS)
    return (
        find_column(header, ("filename",)) is not None and find_column(header, spoken) is not None
    )


def _msfd_records(
    root: Path,
    listing: Path | None,
    split: str,
    report: Callable[[Defect], None],
    unpaired: list[Defect],
) -> list[Record]:
    folders = root / "face_crop", root / "face_crop_segmentation"
    if not folders[1].is_dir():
        raise InputError(f"{folders[1]}: no such folder")
    if listing is None:
        if split != "train":
            raise InputError(
                f"{root}: no split {split!r}: without dataset.csv every image is in 'train'"
            )
        return _pairs(folders, split, report, unpaired)

    images, labels = (_by_stem(folder, report) for folder in folders)
    rows = csv_rows(listing)
    header = read_header(rows, listing)
    name_at = named_column(listing, header, None, ("filename",), "image", "--image-column")
    split_at, group_at = find_column(header, SPLIT_COLUMNS), find_column(header, GROUP_COLUMNS)
    records: list[Record] = []
    row_of: dict[str, int] = {}
    splits: set[str] = set()
    for row, fields in rows:
        if len(fields) != len(header):
            problem = f"{len(fields)} fields where the header has {len(header)}"
            report(Defect(str(listing), row, problem))
            continue
        file = fields[name_at].strip()
        name = without_extension(file)
        this_split = "train" if split_at is None else fields[split_at].strip()
        splits.add(this_split)
        if name in row_of:
            problem = f"duplicate name {file!r}: the same as in row {row_of[name]}"
            report(Defect(str(listing), row, problem))
            continue
        row_of[name] = row
        if this_split != split:
            continue
        missing = folders[0] if name not in images else folders[1]
        if name not in images or name not in labels:
            report(Defect(str(listing), row, f"no {file!r} in {missing}"))
            continue
        group = name if group_at is None else fields[group_at].strip() or name
        label = labels[name]
        records.append(Record(name, images[name], label, None, None, group, str(label), (row,)))
    if split not in splits:
        raise InputError(f"{listing}: no rows of split {split!r}; there are: {_listed(splits)}")
    for files in (images, labels):
        for name in sorted(files.keys() - row_of.keys()):
            unpaired.append(Defect(str(files[name]), None, f"not listed in {listing.name}"))
    return records


def _choose_rule(
    root: Path, kind: str, form: str, task: str, classes: Sequence[int] | None
) -> Rule:
    if kind == "msfd" and task != "mask":
        raise InputError(f"{root}: MSFD labels the medical mask, not {task!r}: use task mask")
    if form != "parts":
        if task == "parse" or classes is not None:
            raise InputError(
                f"{root}: labels are {form}, two classes: use task face or mask, without classes"
            )
        return label_rule(form)
    if task == "parse":
        if classes is not None:
            raise InputError("task parse keeps all nine classes: use task face to choose some")
        return label_rule(form)
    if classes is None and task == "mask":
        raise InputError(
            f"{root}: EasyPortrait's classes hold no medical mask: use task face or parse, "
            "or name classes"
        )
    return foreground_rule(range(2, len(PARTS)) if classes is None else classes)
