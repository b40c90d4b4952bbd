"""Run folders as tables: what was trained, how far, how good; and how two runs differ.

Everything is read from the JSON and CSV files of a run; torch is not needed.
"""

from __future__ import annotations

import csv
import json
import os
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceseg import metrics
from faceseg.config import Config
from faceseg.errors import InputError, suggest
from faceseg.files import write_text
from faceseg.page import document, note, run_charts, table

_WIDTH = 80
# What the flags of the data are where they are not given.
_OPTIONS = {"task": "face", "order": "F", "base": 1}


@dataclass(frozen=True)
class RunInfo:
    """What the files of a run folder tell.

    Attributes
    ----------
    name
        Its path below the folder that was listed.
    folder
        Where it is.
    plan
        ``run.json``: what was asked for.
    config
        Settings, as in ``run.json``.
    history
        Rows of ``log.csv``; of all folds, one after the other.
    scores
        ``scores.json``, the mean of ``folds.json``, or, of a run that has not finished, the best
        of ``log.csv``. NaN where a score is not defined.
    finished
        False if it was interrupted or is still going on.
    date
        When its log was written last, UTC, as ``YYYY-MM-DD HH:MM``.
    """

    name: str
    folder: Path
    plan: dict[str, Any] = field(repr=False)
    config: Config
    history: list[dict[str, float]] = field(repr=False)
    scores: dict[str, float]
    finished: bool
    date: str

    @property
    def task(self) -> str | None:
        """The task; None where ``run.json`` does not tell."""
        return (self.plan.get("options") or {}).get("task")

    @property
    def epochs(self) -> tuple[int, int]:
        """Epochs done and asked for, over all folds."""
        return len(self.history), self.config.epochs * (self.plan.get("folds") or 1)

    @property
    def seconds(self) -> float:
        """Time of training; of all folds, the sum."""
        # The log counts up within a fold and starts over with the next.
        ends = [
            row["seconds"]
            for row, after in pairwise([*self.history, {"epoch": 0.0}])
            if after["epoch"] <= row["epoch"]
        ]
        return float(sum(ends))

    @property
    def iou(self) -> float:
        """Best IoU; NaN where there is none yet."""
        return self.scores.get("iou", float("nan"))

    @property
    def best(self) -> dict[str, float] | None:
        """The row of the log that ``best.pt`` was saved after; None before a validation."""
        return best_row(self.history)

    @property
    def changed(self) -> dict[str, str]:
        """Settings that are not the default, as text."""
        default = settings_of(Config())
        return {k: v for k, v in settings_of(self.config).items() if v != default[k]}

    @property
    def command(self) -> str | None:
        """The command that makes this run again; None for a run that was made from Python."""
        plan = self.plan
        if "data" not in plan:
            return None
        given = {key: plan.get(key) for key in ("val", "folds", "init")}
        # ignore_index is a setting, too, and stands among those changed.
        given |= {k: v for k, v in plan["options"].items() if v != _OPTIONS.get(k)}
        given.pop("ignore_index", None)
        words = ["faceseg", "train", shown_path(plan["data"])]
        for name, value in {**given, **self.changed}.items():
            if value is not None:
                text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
                text = shown_path(text) if Path(text).is_absolute() else text
                words += ["--" + name.replace("_", "-"), text]
        return shlex.join([*words, "--out", shown_path(self.folder)])

    def figures(self) -> dict[str, Any]:
        """Return the row of the table as plain values; NaN is None."""
        done, asked = self.epochs
        return {
            "name": self.name,
            "model": self.config.model,
            "task": self.task,
            "size": list(self.config.size),
            "epochs": done,
            "epochs_asked": asked,
            **{k: _number(self.scores.get(k)) for k in ("iou", "dice", "pixel_accuracy")},
            "seconds": self.seconds,
            "date": self.date,
            "finished": self.finished,
        }


def read_run(folder: Path, name: str | None = None) -> RunInfo:
    """Read a run folder.

    Raises
    ------
    InputError
        If a file is missing or not what it should be; the message names it.
    """
    plan = _json(folder / "run.json")
    if not isinstance(plan.get("config"), dict):
        raise InputError(f"{folder / 'run.json'}: without config: not a run of faceseg train")
    try:
        config = Config.from_dict(plan["config"])
    except InputError as error:
        raise InputError(f"{folder / 'run.json'}: {error}") from None
    inside = [folder]
    if plan.get("folds"):
        inside = [folder / f"fold{n + 1}" for n in range(int(plan["folds"]))]
    history = [row for part in inside for row in _log(part / "log.csv")]
    summary = folder / ("folds.json" if plan.get("folds") else "scores.json")
    finished = summary.exists()
    if finished:
        scores = _json(summary)
        scores = scores.get("mean", scores)
    else:
        scores = best_row(history) or {}
    stamp = max(
        path.stat().st_mtime
        for path in (folder / "run.json", *(part / "log.csv" for part in inside))
        if path.exists()
    )
    return RunInfo(
        name=name or folder.name,
        folder=folder,
        plan=plan,
        config=config,
        history=history,
        scores={
            key: float("nan") if scores.get(key) is None else float(scores[key])
            for key in ("iou", "dice", "pixel_accuracy")
        },
        finished=finished,
        date=f"{datetime.fromtimestamp(stamp, timezone.utc):%Y-%m-%d %H:%M}",
    )


def best_row(history: Iterable[dict[str, float]]) -> dict[str, float] | None:
    """Return the first row with the highest IoU; one that is NaN is below any other."""
    seen = [row for row in history if "iou" in row]
    return max(seen, key=lambda row: -1.0 if np.isnan(row["iou"]) else row["iou"], default=None)


def find_runs(folder: Path) -> tuple[list[RunInfo], list[str]]:
    """Return all runs in and below a folder, the best IoU first, and why others are not readable.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the one that holds the runs")
    found, problems = [], []
    for path in _run_folders(folder):
        name = str(path.relative_to(folder)) if path != folder else path.absolute().name
        try:
            found.append(read_run(path, name))
        except InputError as error:
            problems.append(str(error))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            problems.append(f"{path}: not readable as a run: {' '.join(str(error).split())}")
    return sorted(found, key=lambda run: (np.isnan(run.iou), -run.iou, run.name)), problems


def _run_folders(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        if "run.json" in files:
            folders.clear()  # the folds of a run are part of it
            yield Path(place)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: not a run folder") from None
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds no JSON object")
    return value


def _log(path: Path) -> list[dict[str, float]]:
    """Read ``log.csv``; cells that are empty are left out of their row."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [
                {key: float(cell) for key, cell in row.items() if cell}
                for row in csv.DictReader(stream)
            ]
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: not the log of a run: {error}") from None


def listing(runs: Sequence[RunInfo], problems: Iterable[str], folder: Path) -> str:
    """Return the runs as text of at most 80 columns."""
    header = ["name", "model", "task", "size", "epochs", "IoU", "Dice", "time", "date"]
    rows = []
    for run in runs:
        done, asked = run.epochs
        rows.append(
            [
                run.name, run.config.model, run.task or "–", shown_size(run.config.size),
                f"{done}/{asked}{'' if run.finished else '*'}", shown(run.iou),
                shown(run.scores.get("dice")), shown_time(run.seconds), run.date[:10],
            ]
        )  # fmt: skip
    if not rows:
        lines = [f"no runs below {folder}"]
    else:
        rest = sum(max(map(len, column)) + 1 for column in zip(header, *rows, strict=True))
        # Names take what the other columns leave.
        longest = max(len(row[0]) for row in [header, *rows])
        room = max(12, _WIDTH - rest + longest + 1)
        for row in rows:
            row[0] = row[0] if len(row[0]) <= room else "…" + row[0][1 - room :]
        lines = _columns([header, *rows], left=3)
    unfinished = [run for run in runs if not run.finished]
    if unfinished:
        lines += ["", "* not finished; faceseg train --resume RUN goes on"]
    problems = list(problems)
    if problems:
        lines += ["", "not readable:"]
        for problem in problems:
            lines += textwrap.wrap(problem, _WIDTH, subsequent_indent="  ", break_long_words=False)
    return "\n".join(lines)


def _columns(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Align columns; the first `left` of them on the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        " ".join(
            f"{cell:<{width}}" if place < left else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def shown(value: float | None) -> str:
    """Return four digits; a dash for what is not defined."""
    return "–" if value is None or np.isnan(value) else f"{value:.4f}"


def shown_size(size: Sequence[int]) -> str:
    """Return ``192`` or ``256x192``."""
    return str(size[0]) if size[0] == size[1] else "x".join(map(str, size))


def shown_path(path: str | os.PathLike[str]) -> str:
    """Return a path as it is seen from the working folder, if it is inside."""
    absolute = Path(path).absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else path)


def shown_time(seconds: float) -> str:
    """Return seconds as ``45s``, ``12m`` or ``3.5h``."""
    if seconds < 100:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 6000 else f"{seconds / 3600:.1f}h"


def _number(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else value


@dataclass(frozen=True)
class Comparison:
    """Several runs beside each other.

    Attributes
    ----------
    runs
        The first is what the others are compared with.
    settings
        What they differ in: name, and the value of each run as text.
    differences
        IoU of each run minus that of the first with its 95 % interval, or None where they were not
        validated on the same images; the first is left out.
    images
        Number of images that the intervals are of; 0 where there are none.
    """

    runs: tuple[RunInfo, ...]
    settings: dict[str, list[str]]
    differences: list[dict[str, float] | None]
    images: int

    def figures(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "runs": [run.figures() for run in self.runs],
            "settings": self.settings,
            "iou_minus_first": self.differences,
            "images": self.images,
        }

    def rows(self) -> list[list[str]]:
        """Return the table: a title, then a value for each run."""
        runs = self.runs
        rows = [[name, *values] for name, values in self.settings.items()]
        rows.append(["epochs done", *("/".join(map(str, run.epochs)) for run in runs)])
        rows.append(["time", *(shown_time(run.seconds) for run in runs)])
        for title, key in (("IoU", "iou"), ("Dice", "dice"), ("accuracy", "pixel_accuracy")):
            rows.append([title, *(shown(run.scores.get(key)) for run in runs)])
        # The column of the first run is what the others are compared with.
        for title, key in (("IoU - first", "score"), ("  from", "low"), ("  to", "high")):
            rows.append([title, "", *(f"{d[key]:+.4f}" if d else "–" for d in self.differences)])
        return rows

    @property
    def note(self) -> str:
        """What the interval is of."""
        if not self.images:
            return (
                "no interval: the runs were not validated on the same images, or have not finished"
            )
        return (
            f"from, to: 95 % interval of the difference, by drawing the {self.images} shared "
            "images again"
        )

    def text(self) -> str:
        """Return the table as text of at most 80 columns, in several parts where runs are many."""
        rows = [["", *(run.name for run in self.runs)], *self.rows()]
        rows = [[cell if len(cell) <= 30 else "…" + cell[-29:] for cell in row] for row in rows]
        lines: list[str] = []
        start = 1
        while start < len(rows[0]):
            stop = start + 1
            while stop < len(rows[0]) and _span(rows, start, stop + 1) <= _WIDTH:
                stop += 1
            part = [[row[0], *row[start:stop]] for row in rows]
            lines += [*([""] if lines else []), *_columns(part, left=1)]
            start = stop
        return "\n".join([*lines, "", self.note])

    def write_html(self, path: Path) -> None:
        """Write the table and the curves as one page."""
        body = [
            *table(["", *(f"{run.name}:" for run in self.runs)], self.rows()),
            note(self.note),
            "<h2>Curves</h2>",
            *run_charts({run.name: run.history for run in self.runs}),
        ]
        best = max(self.runs, key=lambda run: -1.0 if np.isnan(run.iou) else run.iou)
        headline = f"The best IoU, {shown(best.iou)}, is that of {best.name}."
        write_text(path, document("faceseg runs", headline, body))


def _span(rows: Sequence[Sequence[str]], start: int, stop: int) -> int:
    chosen = [0, *range(start, stop)]
    return sum(max(len(row[place]) for row in rows) + 1 for place in chosen) - 1


def compare(runs: Sequence[RunInfo]) -> Comparison:
    """Compare runs with the first of them.

    The difference of IoU has the interval of `metrics.bootstrap`, with the same images drawn for
    both runs, where ``per_image.csv`` has the same images with the same true pixels.

    Raises
    ------
    InputError
        If there are fewer than two.
    """
    if len(runs) < 2:
        raise InputError("compare needs two runs or more")
    settings = {}
    plans = [_settings(run) for run in runs]
    for name in dict.fromkeys(name for plan in plans for name in plan):
        values = [plan.get(name, "–") for plan in plans]
        if len(set(values)) > 1:
            settings[name] = values
    counted = [_per_image(run.folder / "per_image.csv") for run in runs]
    differences: list[dict[str, float] | None] = []
    images = 0
    for other in counted[1:]:
        if counted[0] is None or other is None or not _same_truth(counted[0], other):
            differences.append(None)
            continue
        names = sorted(other)
        images = len(names)
        pair = [np.stack([matrices[name] for name in names]) for matrices in (other, counted[0])]
        score, low, high = difference(*pair)
        differences.append({"score": score, "low": low, "high": high})
    return Comparison(tuple(runs), settings, differences, images)


def difference(first: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return IoU of `first` minus that of `second` with its 95 % interval.

    Parameters
    ----------
    first, second
        (N, C, C) int64 confusion matrices of the same images or groups of them.
    """
    images, size = first.shape[:2]
    # Both in one matrix, so that each resample draws the same images for both.
    both = np.zeros((images, 2 * size, 2 * size), np.int64)
    both[:, :size, :size], both[:, size:, size:] = first, second

    def score(m: NDArray[np.int64]) -> NDArray[np.float64]:
        return foreground_iou(m[..., :size, :size]) - foreground_iou(m[..., size:, size:])

    found = metrics.bootstrap(both, score)
    return float(found.score), float(found.low), float(found.high)


def foreground_iou(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean IoU of the classes but the background, as `evaluate` does."""
    return metrics.iou(matrix, average="macro", classes=range(1, matrix.shape[-1]))


def _settings(run: RunInfo) -> dict[str, str]:
    """Return all that was asked for, as text."""
    plan = {key: run.plan.get(key) for key in ("data", "val", "folds", "init")}
    values = {**plan, **(run.plan.get("options") or {})}
    return {**{key: str(value) for key, value in values.items()}, **settings_of(run.config)}


def settings_of(config: Config) -> dict[str, str]:
    """Return all settings as text."""
    values = config.to_dict()
    return {k: shown_size(v) if k == "size" else str(v) for k, v in values.items()}


def _per_image(path: Path) -> dict[str, NDArray[np.int64]] | None:
    """Read the confusion matrix of each image; None if there are none."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        start = rows[0].index("truth_0_as_0")
        size = round((len(rows[0]) - start) ** 0.5)
        return {
            row[0]: np.array(row[start:], np.int64).reshape(size, size) for row in rows[1:]
        } or None
    except (OSError, ValueError, IndexError):
        return None


def _same_truth(first: dict[str, NDArray[np.int64]], second: dict[str, NDArray[np.int64]]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(matrix.sum(axis=1), second[name].sum(axis=1))
        for name, matrix in first.items()
    )


def choose(runs: Sequence[RunInfo], names: Sequence[str]) -> list[RunInfo]:
    """Return runs by their names in the listing, or by the paths of their folders.

    Raises
    ------
    InputError
        If there is no such run.
    """
    known = {run.name: run for run in runs}
    chosen = []
    for name in names:
        if name in known:
            chosen.append(known[name])
        elif (Path(name) / "run.json").exists():
            chosen.append(read_run(Path(name), name))
        else:
            raise InputError(f"{name}: no such run{suggest(name, known)}")
    return chosen
