"""Which network is the fastest for what it scores: widths, depths, separable convolutions.

Light U-Nets are trained alike, a few epochs from random weights, exported, scored on the val split
and timed in turns. So short a training tells networks apart and is no measure of what a long one
reaches. A run that is in the folder already is not trained again.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from run import heading, stem_of
from tqdm import tqdm
from video import ways

from faceseg.checkpoint import load
from faceseg.config import Config
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.evaluate import evaluate
from faceseg.export import export_model
from faceseg.files import write_json, write_text
from faceseg.predict import Predictor
from faceseg.records import Source, open_source
from faceseg.train import train

# What differs from `BASE`, by the name of its run.
NETWORKS: dict[str, dict[str, Any]] = {
    "w8": {"width": 8},
    "w12": {"width": 12},
    "w16": {},
    "w24": {"width": 24},
    "w16d3": {"depth": 3},
    "w24d3": {"width": 24, "depth": 3},
    "w8s1": {"width": 8, "stride": 1},
    "sep16": {"separable": True},
    "sep24": {"separable": True, "width": 24},
    "sep32": {"separable": True, "width": 32},
    "sep32d3": {"separable": True, "width": 32, "depth": 3},
    "sep16s1": {"separable": True, "stride": 1},
}
BASE = Config(size=(192, 192), stride=2, patience=0, device="cpu")
PICTURE = (256, 256)
# Width and height of the plot, and its margins: left, top, right, bottom.
_PLOT, _MARGIN = (760, 470), (64, 24, 24, 52)
_COLOURS = {False: "#0072b2", True: "#d55e00"}


def runtimes() -> dict[str, dict[str, str]]:
    """Return the ways to run a file here, as arguments of `Predictor`, by their titles."""
    titles = {"cpu": "ONNX Runtime", "openvino": "OpenVINO"}
    return {f"{titles[way['provider']]} {way.get('precision', '')}".strip(): way for way in ways()}


def prepared(name: str, runs: Path, sources: Sequence[Source], epochs: int) -> dict[str, Any]:
    """Train, export and score one network, as far as that is not done; return its row."""
    folder = runs / name
    config = BASE.replace({**NETWORKS[name], "epochs": epochs, "validate_every": epochs})
    if not (folder / "best.pt").exists():
        train(*sources, config, folder)
    checkpoint = load(folder)
    if checkpoint.config.epochs != epochs:
        raise InputError(
            f"{folder}: was trained for {checkpoint.config.epochs} epochs, {epochs} asked for; "
            "give the same --epochs, or another --runs"
        )
    (made,) = export_model(folder, ["onnx"], folder)
    predictor = Predictor(made.path, provider="cpu")
    with tqdm(
        total=len(sources[1].records), desc=name, unit="image", leave=False, disable=None
    ) as bar:

        def segment(image: Any) -> Any:
            bar.update()
            return predictor(image)

        scores = evaluate(segment, sources[1]).scores
    parameters = sum(weights.numel() for weights in checkpoint.model().parameters())
    return {
        "name": name,
        **{key: getattr(config, key) for key in ("width", "depth", "stride", "separable")},
        "parameters": parameters,
        "bytes": made.path.stat().st_size,
        "iou": scores["iou"],
        "file": str(made.path),
    }


def timed(rows: Sequence[dict[str, Any]], threads: int, rounds: int) -> None:
    """Add to each row the median time of a picture on each runtime, in milliseconds."""
    image = draw_portrait(np.random.default_rng(0), task="face", size=PICTURE)[0]
    calls: dict[tuple[int, str], Callable[[], Any]] = {}
    for (place, row), (name, way) in itertools.product(enumerate(rows), runtimes().items()):
        predictor = Predictor(row["file"], **way, threads=threads)  # type: ignore[arg-type]
        calls[place, name] = lambda predictor=predictor: predictor(image)
    seconds: dict[tuple[int, str], list[float]] = {key: [] for key in calls}
    for _ in tqdm(range(rounds + 2), unit="round", disable=None):
        for key, call in calls.items():
            call()
            start = time.perf_counter()
            call()
            seconds[key].append(time.perf_counter() - start)
    for (place, name), found in seconds.items():
        rows[place].setdefault("ms", {})[name] = round(median(found[2:]) * 1e3, 3)


def front(rows: Sequence[dict[str, Any]], runtime: str) -> list[dict[str, Any]]:
    """Return the rows that no other one beats in both time and IoU, the fastest first.

    IoU counts as it is printed, to four digits.
    """
    kept: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: (row["ms"][runtime], -row["iou"])):
        if not kept or round(row["iou"], 4) > round(kept[-1]["iou"], 4):
            kept.append(row)
    return kept


def plot(rows: Sequence[dict[str, Any]], runtime: str) -> str:
    """Return IoU over the time on one runtime as SVG, with the front as a line."""
    left, top, right, bottom = _MARGIN
    width, height = _PLOT[0] - left - right, _PLOT[1] - top - bottom
    times = [math.log(row["ms"][runtime]) for row in rows]
    ious = [row["iou"] for row in rows]
    x0, x1 = min(times) - 0.12, max(times) + 0.2
    y0, y1 = min(ious) - 0.003, max(ious) + 0.003

    def at(ms: float, iou: float) -> tuple[float, float]:
        across, up = (math.log(ms) - x0) / (x1 - x0), (iou - y0) / (y1 - y0)
        return round(left + across * width, 1), round(top + (1 - up) * height, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_PLOT[0]} {_PLOT[1]}" '
        'font-family="sans-serif" font-size="13" fill="#222">',
        f'<rect width="{_PLOT[0]}" height="{_PLOT[1]}" fill="#fff"/>',
    ]
    for ms in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 50, 60, 80, 100):
        if x0 <= math.log(ms) <= x1:
            x, y = at(ms, y0)
            parts.append(f'<path d="M{x} {top}V{y}" stroke="#ddd"/>')
            parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{ms:g}</text>')
    step = 0.005 if y1 - y0 < 0.05 else 0.01
    for k in range(math.ceil(y0 / step), math.floor(y1 / step) + 1):
        x, y = at(math.exp(x0), k * step)
        parts.append(f'<path d="M{x} {y}H{left + width}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{k * step:.3f}</text>')
    line = " ".join(
        f"{x},{y}" for x, y in (at(r["ms"][runtime], r["iou"]) for r in front(rows, runtime))
    )
    parts.append(f'<polyline points="{line}" fill="none" stroke="#999" stroke-dasharray="5 4"/>')
    points = [at(row["ms"][runtime], row["iou"]) for row in rows]
    for row, (x, y), (left_of, base) in zip(rows, points, _labels(rows, points), strict=True):
        parts.append(f'<circle cx="{x}" cy="{y}" r="5" fill="{_COLOURS[row["separable"]]}"/>')
        parts.append(f'<text x="{left_of:.1f}" y="{base:.1f}">{escape(row["name"])}</text>')
    middle = left + width / 2
    parts.append(
        f'<text x="{middle}" y="{_PLOT[1] - 10}" text-anchor="middle">milliseconds a picture of '
        f"{PICTURE[0]} x {PICTURE[1]}, {escape(runtime)}</text>"
    )
    parts.append(f'<text x="{left}" y="{top - 8}">IoU</text>')
    for place, (separable, colour) in enumerate(_COLOURS.items()):
        y = top + height - 40 + 20 * place
        parts.append(f'<circle cx="{left + width - 190}" cy="{y - 4}" r="5" fill="{colour}"/>')
        title = "separable convolutions" if separable else "plain convolutions"
        parts.append(f'<text x="{left + width - 178}" y="{y}">{title}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _labels(
    rows: Sequence[dict[str, Any]], points: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return where each name begins, beside its point and, if it can be, over nothing else."""
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in points]
    found = []
    for row, (x, y) in zip(rows, points, strict=True):
        wide = 7.5 * len(row["name"])
        places = [(x + left, y + down) for down in (-6, 16) for left in (8, -8 - wide)]
        boxes = [(a, b - 11, a + wide, b + 2) for a, b in places]
        hits = [
            sum(
                a < right and b < bottom and left < c and top < d
                for left, top, right, bottom in taken
            )
            for a, b, c, d in boxes
        ]
        best = hits.index(min(hits))
        taken.append(boxes[best])
        found.append(places[best])
    return found


def table(result: dict[str, Any]) -> str:
    """Return the rows as Markdown, the fastest first."""
    rows = result["rows"]
    names = list(rows[0]["ms"])
    best = {name: {row["name"] for row in front(rows, name)} for name in names}
    asked = result["asked"]
    lines = [
        f"{result['machine']['cpu']}, {result['date']}, commit {result['commit']}, load "
        f"{result['load']:.1f}",
        "",
        ", ".join(f"{name} {v}" for name, v in result["versions"].items() if v),
        "",
        f"Trained alike for {asked['epochs']} epochs on {result['pictures'][0]} pictures at "
        f"{BASE.size[0]} × {BASE.size[1]} from random weights, one seed; IoU on "
        f"{result['pictures'][1]} others, which were not looked at before. Milliseconds: one "
        f"picture of {PICTURE[0]} × {PICTURE[1]} to its mask, {asked['threads']} threads, medians "
        "of turns. Bold: no other network is faster and better.",
        "",
        f"| network | channels | halvings | stride | parameters | IoU | {' | '.join(names)} |",
        "|---|---:|---:|---:|---:|---:|" + "---:|" * len(names),
    ]
    for row in sorted(rows, key=lambda row: row["ms"][names[0]]):
        cells = [
            f"**{row['ms'][name]:.1f}**" if row["name"] in best[name] else f"{row['ms'][name]:.1f}"
            for name in names
        ]
        title = f"{row['name']}, separable" if row["separable"] else row["name"]
        lines.append(
            f"| {title} | {row['width']} | {row['depth']} | {row['stride']} | "
            f"{row['parameters'] / 1e6:.2f} M | {row['iou']:.4f} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="example:\n  python benchmarks/networks.py --data data/easyportrait --runs runs/nets"
        f"\n\nnetworks: {', '.join(NETWORKS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="data set with train and val")
    parser.add_argument("--task", default="face", help="default: %(default)s")
    parser.add_argument("--terms", default="", help="of the data, for the result")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--only", default="", help="networks, with commas between; default: all")
    parser.add_argument("--epochs", type=int, default=14, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=40, help="default: %(default)s")
    return parser


def main(words: list[str] | None = None) -> None:
    """Train what is missing, score and time everything, write table and plot."""
    arguments = _arguments().parse_args(words)
    wanted = arguments.only.split(",") if arguments.only else list(NETWORKS)
    unknown = [name for name in wanted if name not in NETWORKS]
    if unknown:
        raise InputError(f"--only: unknown {', '.join(unknown)}; expected {', '.join(NETWORKS)}")
    cv2.setNumThreads(0)
    sources = [
        open_source(arguments.data, task=arguments.task, split=split) for split in ("train", "val")
    ]
    rows = [prepared(name, arguments.runs, sources, arguments.epochs) for name in wanted]
    timed(rows, arguments.threads, arguments.rounds)
    result = heading("networks") | {
        "load": os.getloadavg()[0],
        "asked": {
            "data": arguments.data.name, "task": arguments.task, "terms": arguments.terms,
            "epochs": arguments.epochs, "size": list(BASE.size), "picture": list(PICTURE),
            "threads": arguments.threads, "rounds": arguments.rounds,
        },
        "pictures": [len(source.records) for source in sources],
        "rows": [{k: v for k, v in row.items() if k != "file"} for row in rows],
    }  # fmt: skip
    path = stem_of(result)
    write_json(path.with_suffix(".json"), result)
    write_text(path.with_suffix(".md"), table(result))
    write_text(path.with_suffix(".svg"), plot(rows, "ONNX Runtime"))
    print(table(result))
    print(f"table: {path.with_suffix('.md')}\nplot: {path.with_suffix('.svg')}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
