"""Medians and 99th percentiles as a chart of bars, drawn as SVG or PNG from the same marks."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from faceseg.benchmark.result import Benchmark, Row, shortened
from faceseg.errors import InputError
from faceseg.files import atomic_path

# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS = {"fp32": "#0072b2", "bf16": "#d55e00", "fp16": "#d55e00", "int8": "#009e73"}
_INK, _GREY, _PAPER = "#222222", "#c8c8c8", "#ffffff"
_WIDTH, _ROW, _TOP, _FOOT = 820, 24, 64, 44
_LEFT, _RIGHT = 230, 610


@dataclass(frozen=True)
class _Bar:
    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True)
class _Text:
    x: float
    y: float
    text: str
    size: int = 13
    anchor: str = "start"


_Mark = _Bar | _Text


def check_plot(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a chart's name; InputError if it is neither ``.svg`` nor ``.png``."""
    suffix = Path(path).suffix.lower()
    if suffix not in (".svg", ".png"):
        raise InputError(f"{path}: expected a name that ends in .svg or .png")
    return suffix


def write_plot(result: Benchmark, path: str | os.PathLike[str]) -> None:
    """Write a chart of the rows, atomically; InputError as in `check_plot`."""
    suffix = check_plot(path)
    height = _TOP + _ROW * len(result.rows) + _FOOT
    draw = _svg if suffix == ".svg" else _png
    with atomic_path(path) as temporary:
        temporary.write_bytes(draw(list(_marks(result)), height))


def _marks(result: Benchmark) -> Iterable[_Mark]:
    size = f"{result.size[0]} x {result.size[1]}"
    title = f"{result.model}: milliseconds for a batch of {result.batch}, {size}"
    yield _Text(16, 24, title, 16)
    about = f"{result.machine['cpu']}, threads {result.threads}, device {result.device}"
    yield _Text(16, 44, f"{about}; bar: median, line: to the 99th percentile", 12)
    # One straggler is not to press all bars into a corner.
    longest = max(row.median_ms for row in result.rows)
    end = min(max(row.p99_ms for row in result.rows), 1.4 * longest)
    scale = (_RIGHT - _LEFT) / end
    foot = _TOP + _ROW * len(result.rows)
    step = _step(end)
    for tick in range(int(end / step) + 1):
        x = _LEFT + tick * step * scale
        yield _Bar(x, _TOP, 1, foot - _TOP + 4, _GREY)
        yield _Text(x, foot + 20, f"{tick * step:g}", 12, "middle")
    yield _Text((_LEFT + _RIGHT) / 2, foot + 38, "ms", 12, "middle")
    for place, row in enumerate(result.rows):
        yield from _row(row, _TOP + _ROW * place, scale, end)


def _row(row: Row, top: float, scale: float, end: float) -> Iterable[_Mark]:
    middle = top + _ROW / 2
    yield _Text(_LEFT - 8, middle + 5, f"{shortened(row.name, 22)} {row.precision}", 13, "end")
    colour = _COLOURS.get(row.precision.split("+")[0], _INK)
    yield _Bar(_LEFT, top + 4, row.median_ms * scale, _ROW - 8, colour)
    most = min(row.p99_ms, end)
    start = _LEFT + row.median_ms * scale
    yield _Bar(start, middle - 0.75, (most - row.median_ms) * scale, 1.5, _INK)
    cut = row.p99_ms > end
    if not cut:
        yield _Bar(_LEFT + most * scale, middle - 4, 1.5, 8, _INK)
    told = f"{row.median_ms:.1f} ms, {row.speed:.2f} x"
    yield _Text(_RIGHT + 12, middle + 5, told + (f", p99 {row.p99_ms:.0f} ms" if cut else ""))


def _step(end: float) -> float:
    """Return a round step that divides an axis into four to ten."""
    power = 10.0 ** len(str(int(end))) / 1000
    return next(
        n * power for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if end / n / power < 10
    )


def _svg(marks: Iterable[_Mark], height: int) -> bytes:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="sans-serif" fill="{_INK}">',
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>',
    ]
    for mark in marks:
        if isinstance(mark, _Bar):
            parts.append(
                f'<rect x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}" '
                f'height="{mark.height:.1f}" fill="{mark.colour}"/>'
            )
        else:
            parts.append(
                f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" font-size="{mark.size}" '
                f'text-anchor="{mark.anchor}">{escape(mark.text)}</text>'
            )
    return "\n".join([*parts, "</svg>\n"]).encode()


def _png(marks: Iterable[_Mark], height: int) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    # Twice the size, for screens of today.
    image = Image.new("RGB", (2 * _WIDTH, 2 * height), _PAPER)
    draw = ImageDraw.Draw(image)
    anchors = {"start": "ls", "middle": "ms", "end": "rs"}
    for mark in marks:
        x, y = 2 * mark.x, 2 * mark.y
        if isinstance(mark, _Bar):
            box = (x, y, x + 2 * mark.width, y + 2 * mark.height)
            draw.rectangle(box, mark.colour)
        else:
            font = ImageFont.load_default(2 * mark.size)
            draw.text((x, y), mark.text, _INK, font, anchor=anchors[mark.anchor])
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
