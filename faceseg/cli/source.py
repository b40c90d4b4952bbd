"""Flags that name a set of images and masks, the same for every command that reads one."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceseg.errors import InputError

if TYPE_CHECKING:
    from faceseg.records import Source
    from faceseg.segment import Loaded

_FIELDS = (
    "task", "classes", "images", "masks", "image_column", "rle_column", "order", "base",
)  # fmt: skip


def quoted(*words: object) -> str:
    """Return words as a shell takes them, for the command that is suggested next."""
    return shlex.join(map(str, words))


def class_ids(text: str) -> list[int]:
    """Read ``"2,3,4"``."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected numbers such as 2,3,4") from None


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of where an exported model runs."""
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu or cuda; of exported files also tensorrt, or openvino: their CPU runtime "
        "(default: auto)",
    )
    parser.add_argument(
        "--precision",
        help="compute in bfloat16 with openvino, float16 with tensorrt (default: as the file says)",
    )


def add_frames_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `with_frames` reads."""
    parser.add_argument(
        "--frames", action="store_true",
        help="whole frames, small faces: segment each find again, from near (docs/frames.md)",
    )  # fmt: skip
    parser.add_argument(
        "--levels", type=int, metavar="N",
        help="--frames: 2 looks for faces half as large, in many more calls (default: 1)",
    )  # fmt: skip


def with_frames(args: argparse.Namespace, model: Loaded) -> Loaded:
    """Return the model as one of whole frames, if that was asked for."""
    if not args.frames:
        if args.levels is not None:
            raise InputError(f"--levels: {args.levels} given without --frames; add --frames")
        return model
    levels = 1 if args.levels is None else args.levels
    if levels < 1:
        raise InputError(f"--levels: {levels} given, expected 1 or more")
    from faceseg.frames import whole_frames

    return replace(model, segment=whole_frames(model.segment, levels=levels))


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `open_from` reads."""
    group = parser.add_argument_group(
        "data", "the layout is found by looking: EasyPortrait, MSFD, a CSV of RLE, two folders"
    )
    group.add_argument(
        "--task",
        default="face",
        choices=("face", "mask", "parse"),
        help="face, the medical mask worn, or all nine EasyPortrait classes (default: face)",
    )
    group.add_argument(
        "--classes",
        type=class_ids,
        metavar="A,B",
        help="stored class ids that make the foreground, instead of the task's",
    )
    group.add_argument("--images", type=Path, metavar="DIR", help="folder of the images")
    group.add_argument("--masks", type=Path, metavar="DIR", help="folder of the masks")
    group.add_argument("--image-column", metavar="NAME", help="CSV column of the image's name")
    group.add_argument("--rle-column", metavar="NAME", help="CSV column of the run lengths")
    group.add_argument(
        "--order", default="F", choices=("F", "C"),
        help="runs go down columns (F, the default) or along rows (C)",
    )  # fmt: skip
    group.add_argument(
        "--base", type=int, default=1, choices=(0, 1), help="number of the first pixel (default: 1)"
    )


def source_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `open_source` that the flags gave, as values JSON can hold."""
    values = {name: getattr(args, name) for name in _FIELDS}
    return {k: str(v.absolute()) if isinstance(v, Path) else v for k, v in values.items()}


def open_from(path: str | Path, split: str, options: dict[str, Any]) -> Source:
    """Open one split of the set that the flags describe."""
    from faceseg.records import open_source

    return open_source(path, split=split, **options)
