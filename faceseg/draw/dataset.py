"""Whole data sets of drawn portraits, laid out as EasyPortrait and MSFD are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceseg.draw.person import sample_person
from faceseg.draw.portrait import TASKS, Task, check_size, portrait
from faceseg.errors import InputError
from faceseg.files import write_csv
from faceseg.images import write_jpeg, write_png
from faceseg.rle import RLE

_LUMA = np.array([0.299, 0.587, 0.114])
_FIRST_FACE_CLASS = 2


def draw_dataset(
    out: str | os.PathLike[str],
    n: int,
    *,
    seed: int = 0,
    task: Task = "face",
    size: int | tuple[int, int] = 256,
    val_fraction: float = 0.2,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Draw a data set of `n` portraits into a new or empty folder.

    A person has one to three pictures, all in one split. Picture `i` is the same for every `n` and
    every `val_fraction`.

    For the face task the layout is EasyPortrait's: ``images/{train,val}/*.jpg``,
    ``annotations/{train,val}/*.png`` with classes 0 to 8, and ``meta.csv``. For the mask task it is
    MSFD's: ``1/face_crop/*.jpg``, ``1/face_crop_segmentation/*.jpg`` (grey JPEG, threshold 128)
    and ``1/dataset.csv``. Both have ``{train,val}_rle.csv``: the task's binary mask as Kaggle
    run-length text, column-major, the first pixel being 1.

    Parameters
    ----------
    out
        Folder to write.
    n : int
        How many portraits, at least 1.
    seed : int
        The same seed gives the same files.
    task : {"face", "mask"}
        What the labels tell, see `draw_portrait`.
    size : int or tuple of int
        Side of the square pictures, or their height and width, in pixels.
    val_fraction : float
        About the share of portraits that go to ``val``, 0 to 1.
    progress : callable, optional
        Called as ``progress(1)`` after each portrait, as a progress bar's ``update`` is.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If a setting is out of range or the folder holds anything already.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if n < 1:
        raise InputError(f"number of portraits is {n}; expected at least 1")
    if task not in TASKS:
        raise InputError(f"task is {task!r}; expected one of {', '.join(TASKS)}")
    if not 0 <= val_fraction <= 1:
        raise InputError(f"val_fraction is {val_fraction}; expected 0 to 1")
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")
    check_size((height, width))
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not an empty folder; name a new one")

    table: list[tuple[object, ...]] = []
    runs: dict[str, list[tuple[object, ...]]] = {"train": [], "val": []}
    for i, (subject, split, image, labels) in enumerate(
        _portraits(n, seed, task, (height, width), val_fraction)
    ):
        name = f"drawn_{i:06d}"
        if task == "face":
            write_jpeg(folder / "images" / split / f"{name}.jpg", image)
            write_png(folder / "annotations" / split / f"{name}.png", labels)
            mask = labels >= _FIRST_FACE_CLASS
            brightness = round(float((image @ _LUMA).mean()))
            table.append((name, subject, height, width, split, brightness))
            listed = name
        else:
            listed = f"1/face_crop/{name}.jpg"
            write_jpeg(folder / listed, image)
            write_jpeg(folder / "1" / "face_crop_segmentation" / f"{name}.jpg", labels * 255, 95)
            mask = labels > 0
            table.append((f"{name}.jpg", subject, split))
        text = RLE.from_mask(mask).to_kaggle()
        runs[split].append((listed, text, height, width))
        if progress is not None:
            progress(1)
    if task == "face":
        header = ("image_name", "user_id", "height", "width", "set", "brightness")
        write_csv(folder / "meta.csv", header, table)
    else:
        write_csv(folder / "1" / "dataset.csv", ("filename", "subject", "split"), table)
    for split, rows in runs.items():
        write_csv(folder / f"{split}_rle.csv", ("image", "rle_mask", "height", "width"), rows)
    return folder


def _portraits(
    n: int, seed: int, task: Task, size: tuple[int, int], val_fraction: float
) -> Iterator[tuple[str, str, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """Give `n` portraits as subject, split, image and labels, person by person."""
    people = np.random.SeedSequence(seed)
    done = in_val = number = 0
    while done < n:
        source = people.spawn(1)[0]
        rng = np.random.default_rng(source)
        person = sample_person(rng)
        count = int(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15]))
        # Whole persons go to val as its share asks; the first one stays, so that train has some.
        due = val_fraction * (done + count) - in_val >= 0.5
        split = "val" if due and (done or val_fraction == 1) else "train"
        in_val += count * (split == "val")
        for child in source.spawn(count)[: n - done]:
            image, labels = portrait(person, np.random.default_rng(child), task=task, size=size)
            yield f"person_{number:06d}", split, image, labels
            done += 1
        number += 1
