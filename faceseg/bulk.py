"""Many pictures to files and rows of a table: in this process, or on the workers of Ray Data.

Both go through `to_files`, and both give each picture's row with its place in the list, once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from faceseg.decode import ahead
from faceseg.errors import InputError

if TYPE_CHECKING:
    from faceseg.segment import Loaded

SAVES = ("mask", "overlay", "rle")
HEADER = ("image", "rle_mask", "height", "width")

Row: TypeAlias = tuple[str, str, int, int]

# Pictures that a worker of Ray takes at a time, and repeats if it is killed.
_BATCH = 8


def to_files(
    model: Loaded, path: Path, image: NDArray[np.uint8], out: Path, saves: Sequence[str]
) -> Row:
    """Segment a picture and save what is asked for; return its row, as `HEADER` names it.

    Files are whole or not there, and their names follow from `path` alone, so doing it twice leaves
    what doing it once does. The run lengths are empty unless `saves` names them.
    """
    from faceseg.images import write_jpeg, write_png
    from faceseg.rle import RLE

    try:
        mask = model.segment(image)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if "mask" in saves:
        binary = len(model.classes) == 2
        write_png(out / "mask" / f"{path.stem}.png", mask * 255 if binary else mask)
    if "overlay" in saves:
        from faceseg.pictures import overlay

        write_jpeg(out / "overlay" / f"{path.stem}.jpg", overlay(image, mask))
    text = RLE.from_mask(mask).to_kaggle() if "rle" in saves else ""
    return path.name, text, *mask.shape


def here(
    model: Loaded, paths: Sequence[Path], out: Path, saves: Sequence[str]
) -> Iterator[tuple[int, Row]]:
    """Segment pictures in this process, the next one decoded meanwhile.

    Raises
    ------
    InputError
        If a picture cannot be read, when its turn comes.
    """
    from faceseg.images import read_image

    for place, image in enumerate(ahead(read_image, paths, workers=1)):
        yield place, to_files(model, paths[place], image, out, saves)


def on_ray(
    load: Callable[[], Loaded],
    paths: Sequence[Path],
    out: Path,
    saves: Sequence[str],
    *,
    address: str | None = None,
    threads: int = 1,
    gpu: bool = False,
) -> Iterator[tuple[int, Row]]:
    """Segment pictures on a cluster; what a killed worker had in hand is done again by another.

    Parameters
    ----------
    load
        Called once by each worker; Ray pickles it.
    paths, out, saves
        As for `here`; the workers see the same files under the same names.
    address
        Of a Ray cluster; None starts one on this machine, and ends it.
    threads
        Cores of a worker. There are as many workers as have room.
    gpu
        Give each worker a GPU.

    Raises
    ------
    InputError
        If the cluster is not there, or a picture cannot be read.
    """
    # Ray would send statistics of use to its makers, and write its own log to the terminal.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # Imported so, type checks are the same with Ray and without.
    ray: Any = import_module("ray")
    data: Any = import_module("ray.data")

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    folder = os.getcwd()
    try:
        # Workers look for modules in what is the current folder now, before all others. In a
        # checkout that is the package without its kernels; so let it be where this one is.
        os.chdir(Path(__file__).parents[1])
        ray.init(
            address or "local",
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        raise InputError(f"--address: no Ray cluster at {address}: {error}") from error
    finally:
        os.chdir(folder)
    try:
        data.DataContext.get_current().enable_progress_bars = False
        items = [{"place": i, "path": os.path.abspath(path)} for i, path in enumerate(paths)]
        batches = -(-len(items) // _BATCH)
        room = int(ray.cluster_resources().get("GPU" if gpu else "CPU", 1))
        workers = max(1, min(batches, room if gpu else room // threads))
        found = data.from_items(items, override_num_blocks=batches).map_batches(
            _Worker,
            fn_constructor_args=(load, out.absolute(), saves),
            batch_size=_BATCH,
            compute=data.ActorPoolStrategy(size=workers),
            num_cpus=threads,
            num_gpus=int(gpu),
        )
        for row in found.iter_rows():
            if row["error"]:
                raise InputError(row["error"])
            yield row["place"], (row["image"], row["rle_mask"], row["height"], row["width"])
    finally:
        ray.shutdown()


class _Worker:
    """One model in one process of the cluster."""

    def __init__(self, load: Callable[[], Loaded], out: Path, saves: Sequence[str]) -> None:
        self.model = load()
        self.out = out
        self.saves = saves

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, list[Any]]:
        from faceseg.images import read_image

        columns: dict[str, list[Any]] = {"place": batch["place"].tolist(), "error": []}
        rows = []
        for path in map(Path, batch["path"].tolist()):
            try:
                rows.append(to_files(self.model, path, read_image(path), self.out, self.saves))
                columns["error"].append("")
            except InputError as error:
                # Raised here it would count as the worker's failure, and be tried again.
                rows.append((path.name, "", 0, 0))
                columns["error"].append(str(error))
        return columns | {name: [row[i] for row in rows] for i, name in enumerate(HEADER)}
