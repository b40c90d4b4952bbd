"""The HTML of `run_report`: every figure shown is one of ``report.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from faceseg.page import Html, Line, bullets, chart, facts, note, run_charts, settings, table
from faceseg.runs import shown, shown_time

Figures = dict[str, Any]

_SCORES = {
    "iou": "IoU:",
    "dice": "Dice:",
    "pixel_accuracy": "accuracy:",
    "boundary_iou": "boundary IoU:",
    "boundary_f_score": "boundary F:",
}


def sections(figures: Figures, mistakes: Sequence[str]) -> Iterator[str]:
    """Give the sections of the page.

    Parameters
    ----------
    figures
        What ``report.json`` holds.
    mistakes
        The figures of best, worst and boundaries, as HTML.
    """
    run, images, timing = figures["run"], figures["images"], figures["timing"]
    yield "<h2>What was run</h2>"
    yield from facts(run["facts"])
    yield note("Settings that are not the default:" if run["changed"] else "All settings: default.")
    yield settings(run["changed"])
    yield f"<details><summary>{len(run['default'])} settings as they are by default</summary>"
    yield settings(run["default"])
    yield "</details>"

    yield "<h2>Curves</h2>"
    yield from run_charts({"": figures["history"]})

    yield "<h2>Scores</h2>"
    yield from _scores(figures["scores"])
    yield from _by_class(figures["classes"])
    spread = ", ".join(f"{q} % under {shown(v)}" for q, v in images["iou_percentiles"].items())
    without = images["without_foreground"]
    yield note(
        f"IoU of single images: mean {shown(images['mean_iou'])}; {spread}."
        + (f" In {without} nothing is foreground, true or predicted." if without else "")
    )

    yield "<h2>Best, worst, boundaries</h2>"
    yield from mistakes
    if not mistakes:
        yield note("No image has foreground, true or predicted.")

    yield "<h2>Threshold</h2>"
    yield from _sweep(figures["thresholds"])
    yield "<h2>Calibration</h2>"
    yield from _reliability(figures["calibration"])

    yield "<h2>Timing</h2>"
    epoch = timing["seconds_an_epoch"]
    yield from facts(
        {
            "a picture": f"median {timing['median_ms']:.1f} ms, 95 % within "
            f"{timing['p95_ms']:.1f} ms, from raw pixels to mask at its own size",
            "measured on": f"{timing['pictures']} pictures, one at a time, {timing['device']}, "
            f"threads: {timing['threads']}",
            "training": f"{shown_time(timing['training_seconds'])} in all"
            + (f", {epoch:.1f} s an epoch, validation included" if epoch else ""),
        }
    )
    yield "<h2>Limits</h2>"
    yield from bullets(figures["limits"])


def _cell(interval: Mapping[str, float | None], sign: str = "") -> Html:
    """Return a score with its interval below it."""

    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:{sign}.4f}"

    low, high = number(interval["low"]), number(interval["high"])
    between = "" if interval["low"] is None else f"<small>{low} to {high}</small>"
    return Html(f"{number(interval['score'])}{between}")


def _scores(tables: Sequence[Figures]) -> Iterator[str]:
    compared = any("model_minus_this" in row for part in tables for row in part["rows"])
    ahead = ["ahead by:"] if compared else []
    rows: list[Sequence[str] | str] = []
    for part in tables:
        rows.append(part["on"])
        for row in part["rows"]:
            cells = [_cell(row[name]) for name in _SCORES]
            if compared:
                gap = row.get("model_minus_this")
                cells.append(_cell(gap, "+") if gap else Html())
            rows.append((row["model"], *cells, f"{row['median_ms']:.1f}"))
    yield from table(("", *_SCORES.values(), *ahead, "ms:"), rows)
    yield note(
        "Small numbers: 95 % intervals, from drawing subjects again with replacement. IoU, Dice "
        "and accuracy are of all pixels together, boundary scores means over images. "
        + (
            "Ahead by: IoU of the network minus that of the method, same draws. "
            if compared
            else ""
        )
        + "ms: median for a picture."
    )


def _by_class(classes: Sequence[Figures]) -> Iterator[str]:
    names = ("iou", "dice", "precision", "recall")
    return table(
        ("class", "IoU:", "Dice:", "precision:", "recall:", "pixels:"),
        [
            (
                row["class"],
                *(_cell(row[name]) for name in names),
                f"{100 * row['share_of_pixels']:.2f} %",
            )
            for row in classes
        ],
    )


def _sweep(found: Figures | None) -> Iterator[str]:
    if found is None:
        yield note("A threshold is for two classes; of more, the likeliest is taken.")
        return
    yield note(
        f"Foreground is what has a probability over 0.5, which gives an IoU of "
        f"{shown(found['iou_at_half'])}; the best on these images is {found['best_threshold']:.3f} "
        f"with {shown(found['best_iou'])}. Average precision {shown(found['average_precision'])}."
    )
    yield '<div class="charts">'
    lines = [
        Line(name, found["threshold"], found[key], dots=False)
        for name, key in (("IoU", "iou"), ("precision", "precision"), ("recall", "recall"))
    ]
    yield chart("by threshold", lines, x="threshold", x_range=(0, 1), y_range=(0, 1))
    seen = [
        (r, p) for r, p in zip(found["recall"], found["precision"], strict=True) if r is not None
    ]
    line = Line("precision", [r for r, _ in seen], [p for _, p in seen], dots=False)
    yield chart(
        "precision and recall", [line], x="recall", y="precision", x_range=(0, 1), y_range=(0, 1)
    )
    yield "</div>"


def _reliability(found: Figures) -> Iterator[str]:
    what = (
        "The probability of the foreground against how often it is foreground, all pixels."
        if found["of"] == "foreground"
        else "The probability of the predicted class against how often it is right, all pixels."
    )
    yield note(
        f"{what} On the dashed line probabilities mean what they say; under it the network is too "
        f"sure. Expected calibration error {shown(found['expected_error'])}."
    )
    pixels = np.array(found["pixels"], float)
    bins = [(x, y) for x, y in zip(found["mean_probability"], found["frequency"], strict=True)]
    seen = [(x, y) for x, y in bins if x is not None]
    yield '<div class="charts">'
    yield chart(
        "reliability",
        [
            Line("network", [x for x, _ in seen], [y for _, y in seen]),
            Line("perfect", [0, 1], [0, 1], dots=False, dashed=True),
        ],
        x="probability", y="share that is true", x_range=(0, 1), y_range=(0, 1),
    )  # fmt: skip
    centres = ((np.arange(len(pixels)) + 0.5) / len(pixels)).tolist()
    shares = (pixels / max(pixels.sum(), 1)).tolist()
    yield chart(
        "share of the pixels", [Line("pixels", centres, shares)],
        x="probability", x_range=(0, 1), y_range=(0, 1),
    )  # fmt: skip
    yield "</div>"
