"""The whole road on drawn portraits, from pixels to a report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from faceseg import benchmark, checkpoint
from faceseg.benchmark import Benchmark
from faceseg.check import check
from faceseg.classical import choose
from faceseg.config import Config
from faceseg.draw import draw_dataset
from faceseg.errors import InputError
from faceseg.evaluate import Evaluation, Segmenter, evaluate
from faceseg.export import FORMATS, Exported, export_model
from faceseg.predict import Predictor
from faceseg.records import Source, open_source
from faceseg.train import Run, train


@dataclass(frozen=True)
class Trained:
    """One network of the demo: its run, its files and what was measured of them."""

    name: str
    config: Config
    parameters: int
    run: Run
    segment: Segmenter
    exported: list[Exported]
    speed: Benchmark


def demo(
    folder: str | os.PathLike[str],
    *,
    count: int = 400,
    epochs: int = 12,
    seed: int = 0,
    log: Callable[[str], None] = print,
    progress: bool = False,
) -> Path:
    """Draw, check, train, score, export, verify, time and report.

    Parameters
    ----------
    folder
        Filled with the portraits, the runs, the exported files and ``report.html``; it must not
        exist or be empty.
    count
        Portraits to draw.
    epochs
        Passes of the U-Net over them; DeepLabV3, which is slower, makes half as many.
    seed
        Of the portraits and of training.
    log
        Receives one line for each stage and each epoch.
    progress
        Show progress bars on stderr.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    InputError
        If the folder is not empty, or the portraits have defects.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not an empty folder; name a new one with --out")
    started = time.monotonic()

    log(f"drawing {count} portraits")
    with tqdm(total=count, unit="img", disable=not progress, leave=False) as bar:
        data = draw_dataset(folder / "portraits", count, seed=seed, size=256, progress=bar.update)
    tables = [data / "train_rle.csv", data / "val_rle.csv"]
    defects = list(check(tables))
    if defects:
        raise InputError(f"{defects[0]} (and {len(defects) - 1} more)")
    source, validation = (open_source(table, images=data / "images" / table.stem[:-4]) for table in tables)
    log(f"{len(source)} to train on, {len(validation)} to validate; no defects")

    shared = Config(size=(128, 128), seed=seed, epochs=epochs, patience=0, validate_every=2)
    networks = {
        "unet": shared,
        "deeplabv3": shared.replace(
            {"model": "deeplabv3", "epochs": max(1, epochs // 2), "lr": 1e-3}
        ),
    }
    trained = [
        _make(name, config, source, validation, folder, log, progress)
        for name, config in networks.items()
    ]
    return folder
