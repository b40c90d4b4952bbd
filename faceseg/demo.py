"""The whole road on drawn portraits, from pixels to a report."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from tqdm import tqdm

from faceseg import benchmark
from faceseg.check import check
from faceseg.classical import choose
from faceseg.config import Config
from faceseg.draw import draw_dataset
from faceseg.errors import InputError
from faceseg.evaluate import Evaluation, Segmenter, evaluate, read_pairs, timed
from faceseg.export import DEFAULT, Exported, export_model
from faceseg.images import write_jpeg
from faceseg.machine import machine, versions
from faceseg.pictures import best_and_worst, contact_sheet, overlay
from faceseg.records import Source, open_source
from faceseg.report import FileRow, Picture, Report, ScoreRow, SpeedRow, write_report
from faceseg.segment import Loaded, load_segmenter
from faceseg.train import Run, train

Log = Callable[[str], None]

_SIZE = 256
_NETWORKS = "networks, PyTorch"
_EXPORTED = "the same, exported, without torch"
_CLASSICAL = "classical methods"
_LIMITS = (
    "The portraits are drawn: the scores say that the road works, not how well real faces are "
    "found.",
    "Training is cut to minutes; both networks still gain with more epochs, DeepLabV3, which "
    "starts from nothing here, most of all.",
    "Times are of this machine as busy as it was; compare ratios, and repeat with "
    "faceseg benchmark.",
)


@dataclass(frozen=True)
class _Scored:
    """A model, its scores and its median time for one picture."""

    model: Loaded
    group: str
    evaluation: Evaluation
    milliseconds: float

    @property
    def iou(self) -> float:
        return self.evaluation.scores["iou"]


def demo(
    folder: str | os.PathLike[str],
    *,
    count: int = 320,
    epochs: int = 12,
    seed: int = 0,
    log: Log = print,
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
        Passes of the U-Net over them; DeepLabV3, which is slower, makes a third as many.
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
        If the folder is not empty, or a stage finds something wrong.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not an empty folder; name a new one with --out")
    if count < 10:
        raise InputError(f"n: {count} portraits given, expected 10 or more")
    shared = Config(
        size=(96, 96), batch_size=8, epochs=epochs, patience=0, validate_every=3, seed=seed,
        # The drawing varies pose, light and camera by itself; in so few steps more only slows down.
        rotate=10.0, zoom=1.2, stretch=1.1, shift=0.05, colour=0.2, degrade=0.0,
    )  # fmt: skip
    started = time.monotonic()

    log(f"drawing {count} portraits")
    with tqdm(total=count, unit="img", disable=not progress, leave=False) as bar:
        data = draw_dataset(folder / "portraits", count, seed=seed, size=_SIZE, progress=bar.update)
    tables = [data / "train_rle.csv", data / "val_rle.csv"]
    defects = check(tables).defects
    if defects:
        raise InputError(f"{defects[0]} ({len(defects)} defects in all)")
    source, validation = (open_source(table) for table in tables)
    log(f"{len(source)} to train on, {len(validation)} to validate, no defects")

    slower = {"model": "deeplabv3", "epochs": max(1, epochs // 3), "lr": 1e-3}
    runs: dict[str, Run] = {}
    files: dict[str, list[Exported]] = {}
    for name, config in {"unet": shared, "deeplabv3": shared.replace(slower)}.items():
        log(f"training {name} from run lengths")
        runs[name] = train(source, validation, config, folder / name, log=log, progress=progress)
        if not runs[name].finished:
            raise KeyboardInterrupt
        files[name] = export_model(folder / name, DEFAULT, folder / "models")
        for item in files[name]:
            log(f"{item.path.name}: {item.verification}")

    log("scoring networks and classical methods")
    models = [(load_segmenter(str(folder / name)), _NETWORKS) for name in runs]
    models += [
        (load_segmenter(str(item.path)), _EXPORTED)
        for items in files.values()
        for item in items
        if item.format == "onnx"
    ]
    models += [(load_segmenter(m.name, task="face"), _CLASSICAL) for m in choose("face")]
    scored = []
    for model, group in tqdm(models, disable=not progress, leave=False):
        result, milliseconds = _score(model.segment, validation)
        scored.append(_Scored(model, group, result, milliseconds))

    log("timing PyTorch against the exported files")
    timed = {
        name: benchmark.run(
            [run.folder, *(item.path for item in files[name])],
            runtimes=["eager", "torchscript", "onnx"],
            size=(_SIZE, _SIZE),
            repeats=15,
            seed=seed,
        )
        for name, run in runs.items()
    }
    return write_report(
        folder / "report.html",
        Report(
            title="faceseg demo: drawn portraits",
            headline=_headline(scored, time.monotonic() - started),
            facts={
                "command": f"faceseg demo --n {count} --epochs {epochs} --seed {seed}"
                f" --out {folder}",
                **_facts(source, validation, seed),
            },
            scores=[_score_row(s) for s in scored],
            history={name: run.history for name, run in runs.items()},
            speed=[
                SpeedRow(
                    name, row.name, row.precision, row.runs_on, row.differing,
                    row.median_ms, row.p99_ms, row.speed,
                )
                for name, result in timed.items()
                for row in result.rows
            ],
            speed_note=f"One picture of {_SIZE} x {_SIZE} pixels from raw pixels to mask, "
            f"{timed['unet'].threads} threads, median of interleaved rounds.",
            files=[_file_row(item) for items in files.values() for item in items],
            pictures=_pictures(folder / "pictures", scored, validation),
            limits=_LIMITS,
            commands=[
                f"faceseg predict {files['unet'][-1].path} YOUR_PHOTO.jpg --out masks "
                "--save mask,overlay",
                f"faceseg train {data} --epochs 40 --out runs/face",
                "faceseg train YOUR_DATA --out runs/mine",
            ],
        ),
    )  # fmt: skip


def _score(segment: Segmenter, source: Source) -> tuple[Evaluation, float]:
    """Return the scores and the median time of a picture in milliseconds."""
    seconds: list[float] = []
    evaluation = evaluate(timed(segment, seconds), source)
    return evaluation, float(np.median(seconds) * 1e3)


def _score_row(scored: _Scored) -> ScoreRow:
    scores = scored.evaluation.scores
    return ScoreRow(
        model=scored.model.name,
        group=scored.group,
        iou=scores["iou"],
        dice=scores["dice"],
        pixel_accuracy=scores["pixel_accuracy"],
        parameters=scored.model.parameters,
        milliseconds=scored.milliseconds,
    )


def _headline(scored: list[_Scored], seconds: float) -> str:
    network, rule = (_best(scored, group)[0] for group in (_NETWORKS, _CLASSICAL))
    return (
        f"The better network, {network.model.name}, has an IoU of {network.iou:.3f} on portraits "
        f"it has not seen; the best classical method, {rule.model.name}, {rule.iou:.3f}. All of "
        f"this took {seconds / 60:.1f} minutes."
    )


def _best(scored: list[_Scored], group: str) -> list[_Scored]:
    """Return the models of a group, the best first."""
    return sorted((s for s in scored if s.group == group), key=lambda s: -s.iou)


def _facts(source: Source, validation: Source, seed: int) -> dict[str, str]:
    here = machine()
    return {
        "data": f"{len(source)} drawn portraits to train on, {len(validation)} to validate, masks "
        f"as run lengths, seed {seed}",
        "machine": f"{here['cpu']}, {here['cores']} cores, {here['system']}",
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }


def _file_row(item: Exported) -> FileRow:
    content = item.path.read_bytes()
    return FileRow(
        name=item.path.name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        verification=str(item.verification),
    )


def _pictures(folder: Path, scored: list[_Scored], source: Source) -> list[Picture]:
    """Write the pictures of the report and return them with their captions."""
    folder.mkdir()
    found = []
    few = source.subset(range(min(6, len(source))))
    shown = [s.model for s in [*_best(scored, _NETWORKS), *_best(scored, _CLASSICAL)[:2]]]
    rows, names = [], []
    for record, image, truth in read_pairs(few, few.records):
        masks = [truth, *(model.segment(image) for model in shown)]
        rows.append([image, *(overlay(image, mask) for mask in masks)])
        names.append(record.name)
    write_jpeg(
        folder / "side_by_side.jpg",
        contact_sheet(rows, ["picture", "truth", *(m.name for m in shown)], names, cell=160),
    )
    found.append(Picture(folder / "side_by_side.jpg", "The same portraits, by each model."))
    for s in _best(scored, _NETWORKS):
        path = folder / f"{s.model.name}.jpg"
        write_jpeg(path, best_and_worst(s.evaluation, source, s.model.segment))
        colours = "Green was found, orange invented, pink missed."
        found.append(Picture(path, f"{s.model.name}: best and worst. {colours}"))
    return found
