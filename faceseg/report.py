"""The page of `demo`: its figures and pictures in one HTML file, and the same figures as JSON."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from faceseg.files import nan_as_null, write_json, write_text
from faceseg.page import Html, bullets, document, facts, picture, run_charts, table


@dataclass(frozen=True)
class ScoreRow:
    """Scores of one model; `milliseconds` is the time for one picture, `parameters` may be none."""

    model: str
    group: str
    iou: float
    dice: float
    pixel_accuracy: float
    parameters: int | None
    milliseconds: float


@dataclass(frozen=True)
class SpeedRow:
    """One way to run a network; `ratio` is the time of eager over this one's."""

    model: str
    way: str
    precision: str
    runs_on: str
    differing: int
    median_ms: float
    p99_ms: float
    ratio: float


@dataclass(frozen=True)
class FileRow:
    """An exported file and the sentence that its verification ended with."""

    name: str
    size_bytes: int
    sha256: str
    verification: str


@dataclass(frozen=True)
class Picture:
    """A PNG or JPEG file with what there is to see in it."""

    path: Path
    caption: str


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    Attributes
    ----------
    title, headline
        What was run, and its result in one sentence.
    facts
        Name and value of what a reader needs to judge and repeat it: command, machine, date.
    scores, speed, files
        The tables.
    history
        Log of each run by its name; drawn as curves.
    pictures
        Shown in order, each with its caption.
    limits
        Sentences on what the figures do not say.
    commands
        What to do next.
    """

    title: str
    headline: str
    facts: dict[str, str]
    scores: Sequence[ScoreRow]
    history: Mapping[str, Sequence[Mapping[str, float]]]
    speed: Sequence[SpeedRow]
    speed_note: str
    files: Sequence[FileRow]
    pictures: Sequence[Picture]
    limits: Sequence[str]
    commands: Sequence[str]


def write_report(path: str | os.PathLike[str], report: Report) -> Path:
    """Write the page, and its figures beside it with the suffix ``.json``; return the page's path.

    The page holds its pictures and needs neither network nor script. All text is escaped.
    """
    page = Path(path)
    figures = dataclasses.asdict(report)
    for row in figures["pictures"]:
        row["path"] = os.path.relpath(row["path"], page.parent)
    write_json(page.with_suffix(".json"), nan_as_null(figures))
    write_text(page, document(report.title, report.headline, _page(report)))
    return page


def _page(report: Report) -> Iterable[str]:
    yield from facts(report.facts)
    yield "<h2>Scores</h2>"
    yield from _scores(report.scores)
    if report.history:
        yield from run_charts(report.history)
    for shown in report.pictures:
        kind = "png" if shown.path.suffix == ".png" else "jpeg"
        yield picture(shown.path.read_bytes(), kind, shown.caption)
    yield "<h2>Speed</h2>"
    yield f"<p>{escape(report.speed_note)}</p>"
    yield from _speed(report.speed)
    yield "<h2>Exported files</h2>"
    yield from table(
        ("file", "size:", "verified against PyTorch", "SHA-256"),
        (
            (
                row.name,
                f"{row.size_bytes / 1e6:.1f} MB",
                row.verification,
                Html(f"<code>{row.sha256}</code>"),
            )
            for row in report.files
        ),
    )
    yield "<h2>Limits</h2>"
    yield from bullets(report.limits)
    yield "<h2>Next</h2>"
    yield f"<pre><code>{escape(chr(10).join(report.commands))}</code></pre>"


def _scores(rows: Sequence[ScoreRow]) -> Iterable[str]:
    shown = {row: [_score(v) for v in (row.iou, row.dice, row.pixel_accuracy)] for row in rows}
    # Equal as shown is equal: a difference in the fifth digit is no reason to call one the best.
    best = [max(column) for column in zip(*shown.values(), strict=True)]
    lines: list[Sequence[str] | str] = []
    for group, members in groupby(rows, lambda row: row.group):
        lines.append(group)
        for row in members:
            cells = [
                Html(f"<b>{text}</b>") if text == top else text
                for text, top in zip(shown[row], best, strict=True)
            ]
            parameters = "" if row.parameters is None else f"{row.parameters:,}"
            lines.append((row.model, *cells, parameters, f"{row.milliseconds:.1f}"))
    return table(
        ("model", "IoU:", "Dice:", "pixel accuracy:", "parameters:", "ms a picture:"), lines
    )


def _score(value: float) -> str:
    """Four digits; nothing for NaN, the score of a class that is nowhere."""
    return "" if math.isnan(value) else f"{value:.4f}"


def _speed(rows: Sequence[SpeedRow]) -> Iterable[str]:
    slowest = max((row.median_ms for row in rows), default=1.0)
    lines: list[Sequence[str] | str] = []
    for model, members in groupby(rows, lambda row: row.model):
        lines.append(model)
        for row in members:
            bar = f'<span class="bar" style="width:{7 * row.median_ms / slowest:.2f}rem"></span>'
            lines.append(
                (
                    row.way, row.precision, row.runs_on, f"{row.differing:,}",
                    f"{row.median_ms:.1f} ms", f"{row.p99_ms:.1f} ms", f"{row.ratio:.2f}",
                    Html(bar),
                )
            )  # fmt: skip
    return table(
        (
            "way", "precision", "runs on", "pixels that differ:", "median:", "p99:", "× eager:", "",
        ),
        lines,
    )  # fmt: skip
