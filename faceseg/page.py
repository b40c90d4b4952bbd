"""Building blocks of self-contained HTML pages: tables, facts, pictures, line charts as SVG."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0072b2;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b58900; --c5: #777 }
@media (prefers-color-scheme: dark) { :root { --accent: #56b4e9; --c0: #56b4e9; --c1: #f08a4b;
  --c2: #2fc79a; --c3: #e39ac6; --c4: #f0e442; --c5: #aaa } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin: 0; font-size: 1.7rem } h2 { margin: 2.2rem 0 .6rem; font-size: 1.2rem }
h1, p, li { overflow-wrap: anywhere }
.headline { font-size: 1.15rem; margin: .6rem 0 1rem; border-left: 4px solid var(--accent);
  padding-left: .8rem }
.note { font-size: .9rem; opacity: .8 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .9rem }
dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
summary { cursor: pointer; font-size: .9rem }
.scroll { overflow-x: auto }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .92rem }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left;
  white-space: nowrap; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td small { display: block; opacity: .7; line-height: 1.2 }
tr.group td { font-weight: 600; background: var(--soft) }
td b { color: var(--accent) }
.bar { display: inline-block; height: .7em; background: var(--accent); border-radius: 2px;
  min-width: 1px }
figure { margin: 1.4rem 0 } figcaption { font-size: .9rem; opacity: .8; margin-bottom: .3rem }
img { width: 100%; min-width: 36rem; height: auto; background: #fff; border-radius: 4px }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr));
  gap: 1rem 1.5rem; margin: 1rem 0 } .charts figure { margin: 0; max-width: 26rem }
svg { width: 100%; height: auto; display: block } svg text { font-size: 12px; fill: currentColor }
svg .grid { stroke: var(--line) } svg path { fill: none; stroke-width: 2 }
svg .dashed { stroke-dasharray: 5 4; stroke-width: 1.5 }
.key { white-space: nowrap; margin-left: .7em } .key::before { content: "\\25CF  " }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; border-radius: 4px }
code { font-size: .85rem }
.settings code { background: var(--soft); padding: .1rem .4rem; border-radius: 4px;
  display: inline-block; margin: .1rem .2rem .1rem 0 }
td code { display: block; width: 16.5rem; white-space: normal; overflow-wrap: anywhere }
@media (max-width: 40rem) {
  body { padding: 1rem } table { font-size: .8rem } th, td { padding: .25rem .4rem }
  dl { grid-template-columns: 1fr } dd { margin-bottom: .3rem }
  th:first-child, tr:not(.group) td:first-child { position: sticky; left: 0; background: Canvas }
}
""" + "".join(
    f".key.k{n} {{ color: var(--c{n}) }} svg .k{n} {{ stroke: var(--c{n}) }} "
    f"svg circle.k{n} {{ fill: var(--c{n}) }}\n"
    for n in range(6)
)


class Html(str):
    """Text that is HTML already; any other text is escaped where it is put on a page."""

    __slots__ = ()


def document(title: str, headline: str, body: Iterable[str]) -> str:
    """Return a whole page, which needs neither network nor script.

    Parameters
    ----------
    title, headline
        Text; escaped here.
    body
        HTML from the functions of this module.
    """
    name = escape(title)
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{name}</h1>\n<p class="headline">{escape(headline)}</p>'
    )
    return "\n".join([head, *body, "</body>\n</html>\n"])


def facts(values: Mapping[str, str]) -> Iterator[str]:
    """Give names and values as a list of definitions."""
    yield "<dl>"
    for name, value in values.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"


def settings(values: Mapping[str, str]) -> str:
    """Return names and short values as words of one paragraph."""
    words = (f"<code>{escape(name)}={escape(value)}</code>" for name, value in values.items())
    return f'<p class="settings">{" ".join(words)}</p>'


def bullets(sentences: Iterable[str]) -> Iterator[str]:
    """Give sentences as a list."""
    yield "<ul>"
    yield from (f"<li>{escape(sentence)}</li>" for sentence in sentences)
    yield "</ul>"


def note(sentence: str) -> str:
    """Return a paragraph that explains what stands beside it."""
    return f'<p class="note">{escape(sentence)}</p>'


def table(headers: Sequence[str], rows: Iterable[Sequence[str] | str]) -> Iterator[str]:
    """Give a table that scrolls sideways where the screen is narrow.

    Parameters
    ----------
    headers
        One that ends in a colon is of a column of numbers.
    rows
        A cell for each header; a text alone is the title of the rows below it.
    """
    kinds = [' class="n"' if header.endswith(":") else "" for header in headers]
    cells = (
        f"<th{kind}>{escape(header.removesuffix(':'))}</th>"
        for kind, header in zip(kinds, headers, strict=True)
    )
    yield f'<div class="scroll"><table><thead><tr>{"".join(cells)}</tr></thead><tbody>'
    for row in rows:
        if isinstance(row, str):
            yield f'<tr class="group"><td colspan="{len(headers)}">{escape(row)}</td></tr>'
        else:
            cells = (
                f"<td{kind}>{cell if isinstance(cell, Html) else escape(cell)}</td>"
                for kind, cell in zip(kinds, row, strict=True)
            )
            yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def picture(content: bytes, kind: str, caption: str) -> str:
    """Return a figure that holds a picture; `kind` is ``"png"`` or ``"jpeg"``."""
    data = base64.b64encode(content).decode()
    text = escape(caption)
    return (
        f'<figure><figcaption>{text}</figcaption><div class="scroll">'
        f'<img alt="{text}" src="data:image/{kind};base64,{data}"></div></figure>'
    )


@dataclass(frozen=True)
class Line:
    """A line of a chart; a NaN or None in `y` is a gap. `dots` marks each value."""

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    dots: bool = True
    dashed: bool = False


_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 340, 215, 52, 10, 10, 38


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x: str,
    y: str = "",
    x_range: tuple[float | None, float | None] = (None, None),
    y_range: tuple[float | None, float | None] = (None, None),
) -> str:
    """Return a line chart as a figure with an inline SVG.

    Parameters
    ----------
    title
        Stands above it, with the names of the lines if there is more than one.
    lines
        Drawn in this order; six colours.
    x, y
        What the axes show.
    x_range, y_range
        Ends of the axes; None is that of the values. A value beyond them is drawn outside.
    """
    seen = [(a, b) for line in lines for a, b in _values(line)]
    low_x, high_x = _ends([a for a, _ in seen], x_range)
    low_y, high_y = _ends([b for _, b in seen], y_range)

    def place(a: float, b: float) -> str:
        across = _LEFT + (a - low_x) / (high_x - low_x) * (_WIDTH - _LEFT - _RIGHT)
        down = _HEIGHT - _BOTTOM - (b - low_y) / (high_y - low_y) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f} {down:.1f}"

    parts = []
    foot = _HEIGHT - _BOTTOM
    for tick in _ticks(low_y, high_y):
        down = place(low_x, tick).split()[1]
        parts.append(f'<path class="grid" d="M{_LEFT} {down}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{down}" dy="4" text-anchor="end">{tick:.6g}</text>')
    # There is no epoch 1.5.
    whole = all(a == int(a) for a, _ in seen)
    for tick in _ticks(low_x, high_x, least=1.0 if whole else 0.0):
        across = place(tick, low_y).split()[0]
        parts.append(f'<path class="grid" d="M{across} {foot}v4"/>')
        parts.append(f'<text x="{across}" y="{foot + 17}" text-anchor="middle">{tick:.6g}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">{escape(x)}</text>')
    if y:
        parts.append(
            f'<text transform="translate(12 {(_TOP + foot) / 2}) rotate(-90)" '
            f'text-anchor="middle">{escape(y)}</text>'
        )
    keys = ""
    for number, line in enumerate(lines):
        kind = f"k{number % 6}"
        points = _values(line, gaps=True)
        steps = []
        for before, point in zip([None, *points], points, strict=False):
            if point is not None:
                steps.append(("M" if before is None else "L") + place(*point))
        dashed = " dashed" if line.dashed else ""
        parts.append(f'<path class="{kind}{dashed}" d="{"".join(steps)}"/>')
        if line.dots:
            for point in points:
                if point is not None:
                    cx, cy = place(*point).split()
                    said = escape(f"{line.name}: {point[0]:.6g}, {point[1]:.6g}")
                    parts.append(
                        f'<circle class="{kind}" cx="{cx}" cy="{cy}" r="2.5">'
                        f"<title>{said}</title></circle>"
                    )
        if len(lines) > 1:
            keys += f'<span class="key {kind}">{escape(line.name)}</span>'
    name = escape(title)
    return (
        f"<figure><figcaption>{name}{keys}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg></figure>"
    )


def run_charts(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Iterator[str]:
    """Give charts of training loss, validation scores and learning rate by epoch.

    Parameters
    ----------
    histories
        Rows with ``epoch``, ``loss``, ``lr`` and, where the run was validated, ``iou`` and
        ``dice``, by the name of the run. Dice is drawn where there is one run alone.
    """

    def line(name: str, rows: Sequence[Mapping[str, float]], key: str) -> Line:
        seen = [row for row in rows if key in row]
        return Line(name, [row["epoch"] for row in seen], [row[key] for row in seen])

    def by_run(key: str) -> list[Line]:
        return [line(name, rows, key) for name, rows in histories.items()]

    yield '<div class="charts">'
    yield chart("training loss", by_run("loss"), x="epoch", y_range=(0, None))
    if len(histories) == 1:
        rows = next(iter(histories.values()))
        lines = [line("IoU", rows, "iou"), line("Dice", rows, "dice")]
        yield chart("validation scores", lines, x="epoch", y_range=(None, 1))
    else:
        yield chart("validation IoU", by_run("iou"), x="epoch", y_range=(None, 1))
    yield chart("learning rate", by_run("lr"), x="epoch", y_range=(0, None))
    yield "</div>"


def _values(line: Line, gaps: bool = False) -> list[tuple[float, float]]:
    """Return the points of a line; with `gaps`, None where there is no value."""
    points = [
        None if b is None or math.isnan(b) else (a, b) for a, b in zip(line.x, line.y, strict=True)
    ]
    return points if gaps else [point for point in points if point is not None]  # type: ignore[return-value]


def _ends(values: Sequence[float], given: tuple[float | None, float | None]) -> tuple[float, float]:
    low = given[0] if given[0] is not None else min(values, default=0.0)
    high = given[1] if given[1] is not None else max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _ticks(low: float, high: float, least: float = 0.0) -> list[float]:
    """Return at most seven round numbers from `low` to `high`, at least `least` apart."""
    power = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(n * power for n in (1, 2, 5, 10) if (high - low) / (n * power) <= 6)
    step = max(step, least)
    return [n * step for n in range(math.ceil(low / step - 1e-9), int(high / step + 1e-9) + 1)]
