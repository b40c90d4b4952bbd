"""``faceseg data draw``, ``check``, ``convert`` and ``shard``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceseg.cli.source import (
    add_source_arguments,
    class_ids,
    open_from,
    quoted,
    source_options,
)
from faceseg.errors import InputError

if TYPE_CHECKING:
    from faceseg.tables import Defect


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    data = commands.add_parser(
        "data",
        help="draw, check, convert and shard data sets",
        description="Draw a data set, look for defects in one, convert masks between formats,\n"
        "write shards.",
        epilog="examples:\n"
        "  faceseg data draw --out portraits --n 400\n"
        "  faceseg data check portraits\n"
        "  faceseg data convert portraits/train_rle.csv masks --to png\n"
        "  faceseg data shard portraits --out shards",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subcommands = data.add_subparsers(dest="data_command", metavar="COMMAND", required=True)
    _register_draw(subcommands)
    _register_check(subcommands)
    _register_convert(subcommands)
    _register_shard(subcommands)


def _register_draw(commands: argparse._SubParsersAction[Any]) -> None:
    draw = commands.add_parser(
        "draw",
        help="draw portraits with exact labels",
        description="Draw a data set of portraits with exact labels, free to use for anything:\n"
        "EasyPortrait's layout for the face, MSFD's for the medical mask, and with either\n"
        "a table of run lengths for each split.",
        epilog="examples:\n"
        "  faceseg data draw --out portraits --n 400\n"
        "  faceseg data draw --out masked --n 200 --task mask --size 128 --seed 7",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    draw.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    draw.add_argument("--n", type=int, default=400, help="portraits to draw (default: 400)")
    draw.add_argument("--seed", type=int, default=0, help="the same seed, the same files")
    draw.add_argument(
        "--task", choices=("face", "mask"), default="face",
        help="label the nine classes of a face, or the medical mask worn (default: face)",
    )  # fmt: skip
    draw.add_argument("--size", type=int, default=256, help="side in pixels (default: 256)")
    draw.set_defaults(run=_draw, extras=("train",))


def _register_check(commands: argparse._SubParsersAction[Any]) -> None:
    check = commands.add_parser(
        "check",
        help="list every defect of a data set",
        description="Open every image, decode every mask of all splits, and list every defect:\n"
        "files without partner, missing images, duplicate names, broken files, masks of\n"
        "another size, labels out of range, malformed run lengths, and subjects or images\n"
        "in two splits. Exit status 1 if there is any.",
        epilog="examples:\n"
        "  faceseg data check portraits\n"
        "  faceseg data check train_rle.csv val_rle.csv --images photos\n"
        "  faceseg data check . --images photos --masks labels --json defects.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument(
        "data", nargs="+", type=Path, metavar="DATA",
        help="a folder or a CSV of RLE; several are checked as splits of one set",
    )  # fmt: skip
    check.add_argument("--json", type=Path, metavar="FILE", help="write the list there, too")
    add_source_arguments(check)
    check.set_defaults(run=_check, task=None)


def _register_convert(commands: argparse._SubParsersAction[Any]) -> None:
    convert = commands.add_parser(
        "convert",
        help="binary masks between PNG, Kaggle text and COCO JSON",
        description="Convert binary masks, without loss, between a folder of PNG (0/255), a CSV\n"
        "of Kaggle run lengths and COCO JSON. Several rows or annotations of one image\n"
        "are joined into one mask, except from COCO to COCO.",
        epilog="examples:\n"
        "  faceseg data convert masks masks.csv --to kaggle\n"
        "  faceseg data convert masks.csv masks.json --to coco\n"
        "  faceseg data convert train.csv masks --to png --order C --images photos\n"
        "  faceseg data convert annotations/val val.csv --to kaggle --classes 2,3,4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    convert.add_argument("source", type=Path, metavar="IN", help="a folder, .csv or .json")
    convert.add_argument("out", type=Path, metavar="OUT", help="a new folder, or a file")
    convert.add_argument(
        "--to", required=True, choices=("png", "kaggle", "coco", "coco-uncompressed"),
        help="format to write",
    )  # fmt: skip
    convert.add_argument(
        "--from", dest="source_format", choices=("png", "kaggle", "coco"),
        help="format of IN (default: by looking at it)",
    )  # fmt: skip
    for prefix, what in (("", "IN"), ("out-", "OUT")):
        convert.add_argument(
            f"--{prefix}order", choices=("F", "C"),
            help=f"Kaggle text of {what} goes down columns (F, the default) or along rows (C)",
        )  # fmt: skip
        convert.add_argument(
            f"--{prefix}base", type=int, choices=(0, 1),
            help=f"number of the first pixel in Kaggle text of {what} (default: 1)",
        )  # fmt: skip
    convert.add_argument(
        "--images", type=Path, metavar="DIR",
        help="folder of the images, for a CSV without height and width",
    )  # fmt: skip
    convert.add_argument(
        "--classes", type=class_ids, metavar="A,B",
        help="EasyPortrait classes that are foreground in the PNG labels of IN",
    )  # fmt: skip
    convert.add_argument("--image-column", metavar="NAME", help="CSV column of the image's name")
    convert.add_argument("--rle-column", metavar="NAME", help="CSV column of the run lengths")
    convert.set_defaults(run=_convert)


def _register_shard(commands: argparse._SubParsersAction[Any]) -> None:
    shard = commands.add_parser(
        "shard",
        help="write tars of images and masks, for sets that are large or far away",
        description="Write all splits of a data set as tars that WebDataset reads, with an index\n"
        "by which training reads any sample alone. Images are copied as they are, unless\n"
        "--min-side reduces them.",
        epilog="examples:\n"
        "  faceseg data shard portraits --out shards\n"
        "  faceseg data shard train_rle.csv val_rle.csv --out shards --min-side 512",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shard.add_argument(
        "data", nargs="+", type=Path, metavar="DATA",
        help="a folder or a CSV of RLE; several are the splits train, val and test of one set",
    )  # fmt: skip
    shard.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    shard.add_argument(
        "--size-mb", type=float, default=256, metavar="MB",
        help="largest size of a shard (default: 256)",
    )  # fmt: skip
    shard.add_argument(
        "--min-side", type=int, metavar="N",
        help="store JPEGs at 1/2, 1/4 or 1/8, with their masks, while both sides are N or more",
    )  # fmt: skip
    add_source_arguments(shard)
    shard.set_defaults(run=_shard)


def _draw(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from faceseg.draw import draw_dataset

    with tqdm(
        total=args.n, desc="drawing", unit="img", leave=False, disable=not sys.stderr.isatty()
    ) as bar:
        draw_dataset(
            args.out, args.n,
            seed=args.seed, task=args.task, size=args.size, progress=bar.update,
        )  # fmt: skip
    print(f"portraits drawn: {args.n}, in {args.out}")
    print(f"next: faceseg data check {quoted(args.out)}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from faceseg.check import check, default_task
    from faceseg.files import write_json

    with tqdm(desc="checking", unit=" pairs", leave=False, disable=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = check(args.data, progress=progress, **source_options(args))
    root = Path(os.path.commonpath([p if p.is_dir() else p.parent for p in args.data]))
    if args.json:
        defects = [
            {"file": defect.file, "row": defect.row, "problem": defect.problem}
            for defect in report.defects
        ]
        write_json(
            args.json,
            {"data": list(map(str, args.data)), "pairs": report.pairs, "defects": defects},
        )
    for line in _table(report.defects, root, min(shutil.get_terminal_size().columns, 80)):
        print(line)
    pairs = ", ".join(f"{count} in {split}" for split, count in report.pairs.items())
    given = _given_options(args)
    if report.defects:
        files = len({defect.file for defect in report.defects})
        print(
            f"\n{_count(len(report.defects), 'defect')} in {_count(files, 'file')}; pairs: {pairs}"
        )
        print(f"next: mend them, then faceseg data check {quoted(*args.data, *given)}")
        return 1
    task = args.task or default_task(args.data[0], images=args.images, masks=args.masks)
    validation = ("--val", args.data[1]) if len(args.data) == 2 else ()
    if args.task is None:
        given += ["--task", task]
    command = quoted(args.data[0], *validation, *given, "--out", f"runs/{task}")
    print(f"no defects; pairs: {pairs}")
    print(f"next: faceseg train {command}")
    return 0


def _given_options(args: argparse.Namespace) -> list[str]:
    """Return the flags that describe the data, as they were given."""
    words = []
    for name, value in source_options(args).items():
        if value not in (None, {"order": "F", "base": 1}.get(name)):
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    return words


def _table(defects: Sequence[Defect], root: Path, width: int) -> list[str]:
    """Lay the defects out in three columns: file, row, problem."""
    if not defects:
        return []
    names = [os.path.relpath(defect.file, root) for defect in defects]
    room = min(max(map(len, names)), 40)
    indent = " " * (room + 8)
    lines = [f"{'file':{room}} {'row':>5}  problem"]
    for name, defect in zip(names, defects, strict=True):
        row = "" if defect.row is None else defect.row
        text = textwrap.wrap(defect.problem, width - len(indent), break_on_hyphens=False)
        if len(name) > room:
            lines.append(name)
            name = ""
        lines.append(f"{name:{room}} {row:>5}  {text[0]}")
        lines.extend(indent + line for line in text[1:])
    return lines


def _convert(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from faceseg.convert import convert, guess_format

    source_format = args.source_format or guess_format(args.source)
    for end, form, prefix in (("IN", source_format, ""), ("OUT", args.to, "out_")):
        for flag in (f"{prefix}order", f"{prefix}base"):
            if form != "kaggle" and getattr(args, flag) is not None:
                name = flag.replace("_", "-")
                raise InputError(f"--{name} is for Kaggle text, but {end} is {form}")
    given = ("order", "base", "out_order", "out_base")
    options = {name: getattr(args, name) for name in given if getattr(args, name) is not None}
    with tqdm(desc="converting", unit=" masks", leave=False) as bar:
        done = convert(
            args.source, args.out,
            to=args.to, source_format=source_format, images=args.images, classes=args.classes,
            image_column=args.image_column, rle_column=args.rle_column, progress=bar.update,
            **options,
        )  # fmt: skip
    print(f"wrote {_count(done.masks, 'mask')} to {args.out}")
    if done.joined:
        print(f"{_count(done.joined, 'mask')} joined from several rows or annotations of one image")
    out = quoted(args.out)
    following = {
        "png": f"data check . --images PHOTOS --masks {out}",
        "kaggle": f"data check {out} --images PHOTOS"
        + "".join(f" --{k[4:]} {v}" for k, v in options.items() if k.startswith("out_")),
    }.get(args.to, f"data convert {out} masks --to png")
    print(f"next: faceseg {following}")
    return 0


def _shard(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from tqdm import tqdm

    from faceseg.records import list_splits
    from faceseg.shards import write_shards

    if not args.size_mb > 0:
        raise InputError(f"--size-mb {args.size_mb}, expected more than 0")
    if args.min_side is not None and args.min_side < 1:
        raise InputError(f"--min-side {args.min_side}, expected 1 or more")
    if len(args.data) > 3:
        raise InputError(f"{len(args.data)} sets, expected at most three: train, val and test")
    options = source_options(args)
    sources = []
    if len(args.data) == 1:
        for split in list_splits(args.data[0], images=args.images, masks=args.masks):
            sources.append(open_from(args.data[0], split, options))
    else:
        for path, split in zip(args.data, ("train", "val", "test"), strict=False):
            sources.append(replace(open_from(path, split, options), split=split))
    with tqdm(
        total=sum(map(len, sources)), desc="writing", unit="img", leave=False,
        disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        shards = write_shards(
            sources, args.out,
            size_mb=args.size_mb, min_side=args.min_side, progress=bar.update,
        )  # fmt: skip
    for source in sources:
        count = _count(shards[source.split], "shard")
        print(f"{source.split}: {_count(len(source), 'image')} in {count}")
    task = "" if args.task == "face" else f" --task {args.task}"
    print(f"next: faceseg train {quoted(args.out)}{task} --out {quoted(f'runs/{args.task}')}")
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
