"""Binary masks between PNG files, Kaggle's run-length tables and COCO's JSON, without loss."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceseg.errors import InputError, suggest
from faceseg.files import atomic_folder, atomic_path
from faceseg.images import image_size, list_images, read_labels, write_png
from faceseg.labels import Rule, foreground_rule, label_form, label_rule
from faceseg.rle import RLE, Order, union
from faceseg.tables import ImageFinder, TableRow, contradiction, read_table, without_extension

FORMATS = ("png", "kaggle", "coco", "coco-uncompressed")


@dataclass(frozen=True, slots=True)
class Mask:
    """One image's mask on its way.

    Attributes
    ----------
    name
        The image's name, as the input has it.
    runs
        Its runs, down the columns.
    parts
        How many rows or annotations it was joined from.
    """

    name: str
    runs: RLE
    parts: int


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes
    ----------
    masks
        Number of images.
    joined
        Number of them whose mask was joined from several rows or annotations.
    """

    masks: int
    joined: int


def guess_format(path: str | os.PathLike[str]) -> str:
    """Return ``"png"`` for a folder, ``"kaggle"`` for .csv and ``"coco"`` for .json.

    Raises
    ------
    InputError
        If it is none of them, or missing.
    """
    source = Path(path)
    if not source.exists():
        raise InputError(f"{path}: no such file or folder")
    if source.is_dir():
        return "png"
    known = {".csv": "kaggle", ".json": "coco"}
    if source.suffix.lower() not in known:
        raise InputError(f"{path}: expected a folder of masks, a .csv or a .json; or name --from")
    return known[source.suffix.lower()]


def convert(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: str,
    source_format: str | None = None,
    order: Order = "F",
    base: int = 1,
    out_order: Order = "F",
    out_base: int = 1,
    images: str | os.PathLike[str] | None = None,
    classes: Sequence[int] | None = None,
    image_column: str | None = None,
    rle_column: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> Converted:
    """Write the masks of `source` in another format; `out` is complete or not there.

    Several rows or annotations of one image are joined into one mask (a pixel is foreground if
    any has it). From COCO to COCO nothing is joined: the run lengths alone are rewritten.

    Parameters
    ----------
    source
        A folder of PNG masks (0/1 or 0/255, or grey JPEG, foreground from 128 on), a CSV of Kaggle
        text, or a COCO JSON of compressed or uncompressed run lengths.
    out
        A new or empty folder for PNG (0 and 255), a file for the others. The CSV has the columns
        image, rle_mask, height and width, so that no image is needed to read it.
    to
        ``"png"``, ``"kaggle"``, ``"coco"`` or ``"coco-uncompressed"``.
    source_format
        ``"png"``, ``"kaggle"`` or ``"coco"``; by default as :func:`guess_format` finds.
    order, base, out_order, out_base
        Of Kaggle text read and written: ``"F"`` down columns or ``"C"`` along rows; number of the
        first pixel.
    images
        Folder of the images, for a table without height and width.
    classes
        Label values that are foreground, for PNG labels that hold EasyPortrait's classes.
    image_column, rle_column
        Columns of the table, where they have names of their own.
    progress
        Called as ``progress(1)`` after each mask.

    Raises
    ------
    InputError
        If the input is malformed, names are there twice, or `out` is a folder with files in it.
    """
    if to not in FORMATS:
        raise InputError(f"format {to!r}{suggest(to, FORMATS)}")
    source_format = source_format or guess_format(source)
    source, out = Path(source), Path(out)
    if to == "png":
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise InputError(f"{out}: already there; name a new folder for the PNG masks")
    elif out.is_dir():
        raise InputError(f"{out}: a folder, expected a file to write {to} to")
    if source_format == "coco" and to.startswith("coco"):
        return _recode_coco(source, out, compressed=to == "coco")

    if source_format == "png":
        masks = _read_png(source, classes)
    elif source_format == "kaggle":
        finder = None if images is None else ImageFinder([Path(images)])
        masks = _read_kaggle(source, order, base, finder, image_column, rle_column)
    else:
        masks = _read_coco(source)
    parts = Counter[bool]()

    def counted() -> Iterator[Mask]:
        for mask in masks:
            parts[mask.parts > 1] += 1
            yield mask
            if progress is not None:
                progress(1)

    if to == "png":
        _write_png(out, counted())
    elif to == "kaggle":
        _write_kaggle(out, counted(), out_order, out_base)
    else:
        _write_coco(out, counted(), compressed=to == "coco")
    return Converted(parts.total(), parts[True])


# --- PNG ------------------------------------------------------------------------------------------


def _read_png(folder: Path, classes: Sequence[int] | None) -> Iterator[Mask]:
    paths = list_images(folder)
    if not paths:
        raise InputError(f"{folder}: no masks right in this folder; name the folder they lie in")
    rule = _png_rule(folder, paths, classes)
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise InputError(f"{path}: duplicate name: the same as {other.name}")
        labels = read_labels(path)
        try:
            mask = rule.apply(labels)
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
        yield Mask(path.stem, RLE.from_mask(mask), 1)


def _png_rule(folder: Path, paths: Sequence[Path], classes: Sequence[int] | None) -> Rule:
    if classes is not None:
        return foreground_rule(classes)
    form = label_form(paths)
    if form == "parts":
        raise InputError(
            f"{folder}: labels with several classes; name those that are foreground, such as "
            "--classes 2,3,4,5,6,7,8 for the face"
        )
    return label_rule(form)


def _write_png(out: Path, masks: Iterable[Mask]) -> None:
    with atomic_folder(out) as folder:
        written: set[str] = set()
        for mask in masks:
            stem = without_extension(mask.name)
            if Path(stem).name != stem or "\\" in stem or stem.startswith("."):
                raise InputError(f"image name {mask.name!r}: expected a plain file name for PNG")
            if stem in written:
                raise InputError(f"duplicate name: {mask.name!r} would write {stem}.png again")
            written.add(stem)
            write_png(folder / f"{stem}.png", mask.runs.decode(value=255))


# --- Kaggle ---------------------------------------------------------------------------------------


def _read_kaggle(
    path: Path,
    order: Order,
    base: int,
    finder: ImageFinder | None,
    image_column: str | None,
    rle_column: str | None,
) -> Iterator[Mask]:
    def rows() -> Iterator[TableRow]:
        return read_table(path, image_column=image_column, rle_column=rle_column)

    # The rows of an image may stand far apart; counted first, a mask can go as soon as it is whole.
    missing = Counter(row.image for row in rows())
    if not missing:
        raise InputError(f"{path}: no rows")
    waiting: dict[str, list[TableRow]] = {}
    for row in rows():
        parts = waiting.setdefault(row.image, [])
        problem = contradiction(parts[0], row) if parts else None
        if problem:
            raise InputError(f"{path} row {row.row}: {problem}")
        parts.append(row)
        missing[row.image] -= 1
        if not missing[row.image]:
            yield _kaggle_mask(path, waiting.pop(row.image), order, base, finder)


def _kaggle_mask(
    path: Path, rows: Sequence[TableRow], order: Order, base: int, finder: ImageFinder | None
) -> Mask:
    first = rows[0]
    size = first.size
    if size is None:
        if finder is None:
            raise InputError(
                f"{path} row {first.row}: no height and width; name the folder of the images by "
                "--images"
            )
        found = finder.find(first.image)
        if len(found) != 1:
            what = "no image" if not found else "several images"
            folder = finder.folders[0] if finder.folders else "a folder that is not there"
            raise InputError(f"{path} row {first.row}: {what} {first.image!r} in {folder}")
        size = image_size(found[0])
    parts = []
    for row in rows:
        try:
            parts.append(RLE.from_kaggle(row.text, size, order=order, base=base))
        except ValueError as error:
            raise InputError(f"{path} row {row.row}: {error}") from None
    return Mask(first.image, union(parts).with_order("F"), len(parts))


def _write_kaggle(out: Path, masks: Iterable[Mask], order: Order, base: int) -> None:
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("image", "rle_mask", "height", "width"))
        for mask in masks:
            text = mask.runs.with_order(order).to_kaggle(base=base)
            writer.writerow((mask.name, text, *mask.runs.shape))


# --- COCO -----------------------------------------------------------------------------------------


def _load_coco(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as stream:
            document = json.load(stream)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    for key in ("images", "annotations"):
        if not isinstance(document, dict) or not isinstance(document.get(key), list):
            raise InputError(f"{path}: expected a COCO JSON with lists of images and annotations")
    return dict(document)


def _coco_images(path: Path, document: dict[str, Any]) -> dict[Any, tuple[str, tuple[int, int]]]:
    """Return name and size of each image id."""
    images: dict[Any, tuple[str, tuple[int, int]]] = {}
    names: set[str] = set()
    for place, image in enumerate(document["images"]):
        where = f"{path} images[{place}]"
        if not isinstance(image, dict) or not {"id", "file_name", "height", "width"} <= set(image):
            raise InputError(f"{where}: expected id, file_name, height and width")
        name, number = image["file_name"], image["id"]
        if not isinstance(name, str) or not isinstance(number, (int, str)):
            raise InputError(f"{where}: expected text in file_name and a number or text in id")
        if number in images or name in names:
            raise InputError(f"{where}: id {number!r} or file_name {name!r} is there twice")
        names.add(name)
        images[number] = name, _coco_size(where, (image["height"], image["width"]))
    return images


def _coco_size(where: str, size: object) -> tuple[int, int]:
    match size:
        case (int(height), int(width)) | [int(height), int(width)] if height > 0 and width > 0:
            return height, width
    raise InputError(f"{where}: size {size!r}, expected whole numbers height and width")


def _coco_mask(
    where: str, annotation: object, images: dict[Any, tuple[str, tuple[int, int]]]
) -> tuple[Any, RLE]:
    """Return image id and mask of an annotation."""
    if not isinstance(annotation, dict):
        raise InputError(f"{where}: expected an object")
    image, segmentation = annotation.get("image_id"), annotation.get("segmentation")
    if not isinstance(image, (int, str)) or image not in images:
        raise InputError(f"{where}: image_id {image!r} is among no images")
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= set(segmentation):
        raise InputError(
            f"{where}: expected a segmentation of run lengths (size and counts), not polygons"
        )
    size = _coco_size(where, segmentation["size"])
    name, expected = images[image]
    if size != expected:
        raise InputError(f"{where}: size {size}, but image {name!r} is {expected}")
    counts = segmentation["counts"]
    if not isinstance(counts, (str, list)):
        kind = type(counts).__name__
        raise InputError(f"{where}: counts of type {kind}, expected text or a list")
    try:
        return image, RLE.from_coco(counts, size)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def _read_coco(path: Path) -> Iterator[Mask]:
    document = _load_coco(path)
    images = _coco_images(path, document)
    if not images:
        raise InputError(f"{path}: no images")
    parts: dict[Any, list[RLE]] = {number: [] for number in images}
    for place, annotation in enumerate(document["annotations"]):
        image, mask = _coco_mask(f"{path} annotations[{place}]", annotation, images)
        parts[image].append(mask)
    for number, (name, size) in images.items():
        joined = union(parts[number]) if parts[number] else RLE.full(size, False)
        yield Mask(name, joined, len(parts[number]))


def _segmentation(mask: RLE, *, compressed: bool) -> dict[str, Any]:
    segmentation = mask.to_coco_dict(compressed=compressed)
    if compressed:
        segmentation["counts"] = segmentation["counts"].decode("ascii")
    return segmentation


def _write_coco(out: Path, masks: Iterable[Mask], *, compressed: bool) -> None:
    """Write annotations as they come and the images, which are short, after them."""
    images: list[dict[str, Any]] = []
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.write('{"annotations": [')
        separator = "\n"
        for number, mask in enumerate(masks, start=1):
            height, width = mask.runs.shape
            images.append({"id": number, "file_name": mask.name, "height": height, "width": width})
            # An empty mask is an image without annotation: COCO knows no objects without pixels.
            if not mask.runs.area:
                continue
            annotation = {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "segmentation": _segmentation(mask.runs, compressed=compressed),
                "area": mask.runs.area,
                "bbox": mask.runs.bbox,
                "iscrowd": 0,
            }
            stream.write(separator + json.dumps(annotation))
            separator = ",\n"
        categories = [{"id": 1, "name": "foreground"}]
        stream.write(
            f'\n],\n"images": {json.dumps(images)},\n"categories": {json.dumps(categories)}}}\n'
        )


def _recode_coco(path: Path, out: Path, *, compressed: bool) -> Converted:
    document = _load_coco(path)
    images = _coco_images(path, document)
    for place, annotation in enumerate(document["annotations"]):
        _, mask = _coco_mask(f"{path} annotations[{place}]", annotation, images)
        annotation["segmentation"] |= _segmentation(mask, compressed=compressed)
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as stream:
        json.dump(document, stream)
    return Converted(len(images), 0)
