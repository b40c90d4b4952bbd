"""One self-contained HTML page of a run's figures and pictures, and the same figures as JSON."""

from __future__ import annotations

import base64
import dataclasses
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from faceseg.files import write_json, write_text


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
    p95_ms: float
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
    speed: Sequence[SpeedRow]
    speed_note: str
    files: Sequence[FileRow]
    pictures: Sequence[Picture]
    limits: Sequence[str]
    commands: Sequence[str]


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --accent: #56b4e9; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin: 0; font-size: 1.7rem } h2 { margin: 2.2rem 0 .6rem; font-size: 1.2rem }
.headline { font-size: 1.15rem; margin: .6rem 0 1rem; border-left: 4px solid var(--accent);
  padding-left: .8rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .9rem }
dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
.scroll { overflow-x: auto }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .92rem }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left;
  white-space: nowrap }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
tr.group td { font-weight: 600; background: var(--soft) }
td b { color: var(--accent) }
.bar { display: inline-block; height: .7em; background: var(--accent); border-radius: 2px;
  min-width: 1px }
figure { margin: 1.4rem 0 } figcaption { font-size: .9rem; opacity: .8; margin-bottom: .3rem }
img { width: 100%; min-width: 36rem; height: auto; background: #fff; border-radius: 4px }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; border-radius: 4px }
code { font-size: .85rem }
td code { display: block; width: 16.5rem; white-space: normal; overflow-wrap: anywhere }
@media (max-width: 40rem) {
  body { padding: 1rem } table { font-size: .8rem } th, td { padding: .25rem .4rem }
  th:first-child, tr:not(.group) td:first-child { position: sticky; left: 0; background: Canvas }
}
"""


def write_report(path: str | os.PathLike[str], report: Report) -> Path:
    """Write the page, and its figures beside it with the suffix ``.json``; return the page's path.

    The page holds its pictures and needs neither network nor script. All text is escaped.
    """
    page = Path(path)
    figures = dataclasses.asdict(report)
    for picture in figures["pictures"]:
        picture["path"] = os.path.relpath(picture["path"], page.parent)
    for row in figures["scores"]:
        row.update((key, None) for key, value in row.items() if value != value)
    write_json(page.with_suffix(".json"), figures)
    write_text(page, "\n".join(_page(report)) + "\n")
    return page


def _page(report: Report) -> Iterable[str]:
    title = escape(report.title)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f'<h1>{title}</h1>\n<p class="headline">{escape(report.headline)}</p>\n<dl>'
    for name, value in report.facts.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    yield "<h2>Scores</h2>"
    yield from _scores(report.scores)
    for picture in report.pictures:
        yield from _figure(picture)
    yield "<h2>Speed</h2>"
    yield f"<p>{escape(report.speed_note)}</p>"
    yield from _speed(report.speed)
    yield "<h2>Exported files</h2>"
    yield from _files(report.files)
    yield "<h2>Limits</h2>\n<ul>"
    yield from (f"<li>{escape(limit)}</li>" for limit in report.limits)
    yield "</ul>\n<h2>Next</h2>"
    yield f"<pre><code>{escape(chr(10).join(report.commands))}</code></pre>"
    yield "</body>\n</html>"


def _scores(rows: Sequence[ScoreRow]) -> Iterable[str]:
    yield from _open("model", "IoU:", "Dice:", "pixel accuracy:", "parameters:", "ms a picture:")
    shown = {row: [_score(v) for v in (row.iou, row.dice, row.pixel_accuracy)] for row in rows}
    # Equal as shown is equal: a difference in the fifth digit is no reason to call one the best.
    best = [max(column) for column in zip(*shown.values(), strict=True)]
    group = None
    for row in rows:
        if row.group != group:
            group = row.group
            yield f'<tr class="group"><td colspan="6">{escape(group)}</td></tr>'
        cells = [f"<td>{escape(row.model)}</td>"]
        for text, top in zip(shown[row], best, strict=True):
            cells.append(f'<td class="n">{f"<b>{text}</b>" if text == top else text}</td>')
        parameters = "" if row.parameters is None else f"{row.parameters:,}"
        cells += [f'<td class="n">{parameters}</td>', f'<td class="n">{row.milliseconds:.1f}</td>']
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _score(value: float) -> str:
    """Four digits; nothing for NaN, the score of a class that is nowhere."""
    return "" if math.isnan(value) else f"{value:.4f}"


def _speed(rows: Sequence[SpeedRow]) -> Iterable[str]:
    yield from _open(
        "way", "precision", "runs on", "pixels that differ:", "median:", "p95:", "× eager:", ""
    )
    slowest = max((row.median_ms for row in rows), default=1.0)
    model = None
    for row in rows:
        if row.model != model:
            model = row.model
            yield f'<tr class="group"><td colspan="8">{escape(model)}</td></tr>'
        bar = f'<span class="bar" style="width:{7 * row.median_ms / slowest:.2f}rem"></span>'
        yield (
            f"<tr><td>{escape(row.way)}</td><td>{escape(row.precision)}</td>"
            f'<td>{escape(row.runs_on)}</td><td class="n">{row.differing:,}</td>'
            f'<td class="n">{row.median_ms:.1f} ms</td><td class="n">{row.p95_ms:.1f} ms</td>'
            f'<td class="n">{row.ratio:.2f}</td><td>{bar}</td></tr>'
        )
    yield "</tbody></table></div>"


def _files(rows: Sequence[FileRow]) -> Iterable[str]:
    yield from _open("file", "size:", "verified against PyTorch", "SHA-256")
    for row in rows:
        yield (
            f'<tr><td>{escape(row.name)}</td><td class="n">{row.size_bytes / 1e6:.1f} MB</td>'
            f"<td>{escape(row.verification)}</td><td><code>{row.sha256}</code></td></tr>"
        )
    yield "</tbody></table></div>"


def _open(*headers: str) -> Iterable[str]:
    """Open a table; a header that ends in a colon is of a column of numbers."""
    yield '<div class="scroll"><table><thead><tr>'
    for header in headers:
        number = ' class="n"' if header.endswith(":") else ""
        yield f"<th{number}>{escape(header.removesuffix(':'))}</th>"
    yield "</tr></thead><tbody>"


def _figure(picture: Picture) -> Iterable[str]:
    kind = "png" if picture.path.suffix == ".png" else "jpeg"
    data = base64.b64encode(picture.path.read_bytes()).decode()
    caption = escape(picture.caption)
    yield f'<figure><figcaption>{caption}</figcaption><div class="scroll">'
    yield f'<img alt="{caption}" src="data:image/{kind};base64,{data}"></div></figure>'
