"""The page of a training run: settings, curves, scores with intervals, mistakes, probabilities."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from faceseg import checkpoint
from faceseg.checkpoint import Checkpoint
from faceseg.classical import METHODS
from faceseg.device import choose_device
from faceseg.evaluate import Segmenter, evaluate, timed
from faceseg.files import nan_as_null, write_json, write_text
from faceseg.machine import machine, versions
from faceseg.models.pipeline import segmenter
from faceseg.page import document, picture
from faceseg.pictures import best_and_worst, jpeg, worst_boundaries
from faceseg.records import Record, Source
from faceseg.run_page import sections
from faceseg.run_scores import Probabilities, Scored, score_images
from faceseg.runs import RunInfo, read_run, settings_of, shown, shown_path

Figures = dict[str, Any]

_TIMED = 50


def write_run_report(
    folder: str | os.PathLike[str],
    validation: Source,
    *,
    training: Source | None = None,
    other_set: bool = False,
    classical: int | None = None,
    out: str | os.PathLike[str] | None = None,
    device: str = "auto",
    log: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> Path:
    """Score the best checkpoint of a run and write its page, and its figures as JSON.

    Parameters
    ----------
    folder
        The run; it must have a ``best.pt``.
    validation
        What to score on.
    training
        What it was trained on, for the page to tell.
    other_set
        `validation` is not the set that the best epoch was chosen on.
    classical
        Score the classical methods of the task on so many of the images at most, evenly spaced;
        None is all, 0 leaves them out.
    out
        The page; by default ``report.html`` in `folder`. The figures lie beside it as ``.json``.
    device
        Where the network runs.
    log
        Receives one line for each stage.
    progress
        Show progress bars on stderr.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the run cannot be read or its classes are not those of `validation`.
    """
    folder = Path(folder)
    page = Path(out) if out is not None else folder / "report.html"
    info = read_run(folder)
    pipeline, loaded = checkpoint.load_pipeline(folder, probabilities=True)
    validation.expect_classes(loaded.path, loaded.classes)
    chosen = str(choose_device(device))
    ignore_index = loaded.config.ignore_index

    def scored(name: str, source: Source, segment: Segmenter, **options: Any) -> Scored:
        def bar(records: Sequence[Record]) -> Iterator[Record]:
            return iter(tqdm(records, name, leave=False, disable=not progress))

        log(f"report: {name} on {len(source)} images")
        return score_images(
            name, source, segment, ignore_index=ignore_index, progress=bar, **options
        )

    probabilities = Probabilities(len(validation.classes), ignore_index)
    last: list[NDArray[np.float32]] = []
    pipeline.register_forward_hook(
        lambda _module, _given, found: last.append(found[1][0].float().cpu().numpy())
    )
    model = scored(
        folder.name, validation, segmenter(pipeline, device=chosen),
        each=lambda mask, truth: probabilities.add(last.pop(), mask, truth),
    )  # fmt: skip
    # The first picture warms up; probabilities are no part of what is timed.
    plain = segmenter(checkpoint.load_pipeline(folder)[0], device=chosen)
    some = _some(validation, _TIMED)
    warm = some.subset([0, *range(len(some))])
    model.seconds.clear()
    evaluate(timed(plain, model.seconds), warm, ignore_index=ignore_index)
    del model.seconds[0]

    few = validation if classical is None else _some(validation, classical)
    methods = [m for m in METHODS.values() if validation.task in m.tasks] if len(few) else []
    same = model.part({record.name for record in few.records})
    rows = [scored(method.name, few, method).row(same) for method in methods]
    tables: list[Figures] = [{"on": f"all {len(validation)} images", "rows": [model.row()]}]
    if len(few) == len(validation):
        tables[0]["rows"] += rows
    elif methods:
        on = f"{len(few)} of the {len(validation)} images, evenly spaced"
        tables.append({"on": on, "rows": [same.row(), *rows]})

    figures: Figures = nan_as_null(
        {
            "title": f"{folder.name}: {loaded.config.model}, task {loaded.task}",
            "run": _run(info, loaded, validation, training),
            "history": info.history,
            "scores": tables,
            "classes": model.classes(),
            "images": model.images(),
            **probabilities.figures(),
            "timing": _timing(info, model, chosen),
        }
    )
    figures["headline"] = _headline(figures, other_set)
    figures["limits"] = _limits(figures, info, model, other_set)

    mistakes = _mistakes(figures["images"], model, validation, plain, ignore_index)
    write_json(page.with_suffix(".json"), figures)
    body = sections(figures, mistakes)
    write_text(page, document(figures["title"], figures["headline"], body))
    return page


def _mistakes(
    images: Figures, model: Scored, source: Source, segment: Segmenter, ignore_index: int
) -> list[str]:
    """Return the sheets of best and worst images and of the worst boundaries, as HTML."""
    if not images["worst"]:
        return []
    best = best_and_worst(model.evaluation, source, segment, ignore_index=ignore_index)
    pairs = [(row["image"], row["boundary_iou"]) for row in images["worst_boundary"]]
    boundaries = worst_boundaries(pairs, source, segment, ignore_index=ignore_index)
    confused = ", yellow has another class" if len(source.classes) > 2 else ""
    return [
        picture(
            jpeg(best),
            "jpeg",
            "Best and worst by IoU. Green was found, orange invented, pink missed.",
        ),
        picture(
            jpeg(boundaries),
            "jpeg",
            "Lowest boundary IoU. White is the true outline, blue the predicted one; orange was "
            f"invented, pink missed{confused}. The frame is what the last column enlarges.",
        ),
    ]


def _some(source: Source, most: int) -> Source:
    """Return at most so many records, evenly spaced: the same ones each time."""
    count = len(source)
    kept = [place * count // most for place in range(most)] if most < count else range(count)
    return source.subset(kept)


def _run(info: RunInfo, loaded: Checkpoint, validation: Source, training: Source | None) -> Figures:
    best = info.best
    subjects = len({record.group for record in validation.records})
    trained = "" if training is None else f"{len(training)} images to train on; "
    here = machine()
    told = {
        "command": info.command,
        "data": f"{trained}{len(validation)} images of {subjects} subjects to score: "
        f"{shown_path(validation.path)} ({validation.kind})",
        "classes": ", ".join(validation.classes),
        "checkpoint": f"epoch {best['epoch']:.0f} of {len(info.history)}, the best IoU"
        if best
        else None,
        "started": info.plan.get("started"),
        "trained with": ", ".join(f"{k} {v}" for k, v in loaded.versions.items()),
        "commit": info.plan.get("commit"),
        "report made": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "on": f"{here['cpu']}, {here['cores']} cores, {here['system']}",
        "with": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "weights": f"SHA-256 {loaded.sha256}",
    }
    changed = info.changed
    return {
        "facts": {name: value for name, value in told.items() if value},
        "changed": changed,
        "default": {k: v for k, v in settings_of(info.config).items() if k not in changed},
    }


def _timing(info: RunInfo, model: Scored, device: str) -> Figures:
    milliseconds = np.array(model.seconds) * 1e3
    return {
        "median_ms": float(np.median(milliseconds)),
        "p95_ms": float(np.percentile(milliseconds, 95)),
        "pictures": len(milliseconds),
        "device": device,
        "threads": torch.get_num_threads(),
        "training_seconds": info.seconds,
        "seconds_an_epoch": info.seconds / len(info.history) if info.history else None,
    }


def _headline(figures: Figures, other_set: bool) -> str:
    own = figures["scores"][0]["rows"][0]
    unseen = "of another set" if other_set else "that it was not trained on"
    text = f"{own['model']} has an IoU of {_between(own['iou'])} on {own['images']} images {unseen}"
    rows = [row for row in figures["scores"][-1]["rows"][1:] if row["iou"]["score"] is not None]
    if not rows:
        return text + "."
    best = max(rows, key=lambda row: row["iou"]["score"])
    gap = {key: value or 0.0 for key, value in best["model_minus_this"].items()}
    than = f"{best['model']}, the best classical method"
    if len(figures["scores"]) > 1:
        than += f" (on {best['images']} of them)"
    if gap["low"] <= 0 <= gap["high"]:
        return f"{text}. Its difference to {than}, may be chance."
    more = "more" if gap["score"] > 0 else "less"
    return f"{text}: {abs(gap['score']):.4f} {more} than {than}."


def _between(interval: Mapping[str, float | None]) -> str:
    if interval["low"] is None:
        return shown(interval["score"])
    return f"{shown(interval['score'])} ({shown(interval['low'])} to {shown(interval['high'])})"


def _limits(figures: Figures, info: RunInfo, model: Scored, other_set: bool) -> list[str]:
    own = figures["scores"][0]["rows"][0]
    subjects = len(set(model.groups))
    limits = [
        "Intervals tell what other images of the same kind would give; they know nothing of "
        "another camera or crowd, and nothing of another seed of the training."
    ]
    if not other_set:
        limits.insert(
            0,
            "The best epoch was chosen on these images, and the best threshold below, too: both "
            "are a little better here than on images that nothing was chosen on.",
        )
    if subjects < 20:
        limits.append(f"Subjects are few ({subjects}) for an interval: it is too narrow.")
    if subjects == len(model.groups):
        limits.append(
            "No two images are said to show the same subject; if some do, intervals are too narrow."
        )
    if not info.finished:
        limits.append(f"The run has not finished: {len(info.history)} epochs are done.")
    saved = info.scores.get("iou", float("nan"))
    if info.finished and not other_set and abs(saved - (own["iou"]["score"] or 0)) > 1e-4:
        limits.append(
            f"The run's own scores.json has an IoU of {saved:.4f}: the data or the arithmetic has "
            "changed since."
        )
    if len(figures["scores"]) > 1:
        limits.append(
            f"Classical methods were scored on {figures['scores'][1]['on']}; faceseg report "
            "scores them on all."
        )
    if figures["scores"][-1]["rows"][1:]:
        limits.append(
            "Classical methods see a portrait with one face in the middle and do not learn; they "
            "are a floor, not rivals."
        )
    limits.append("Times are of this machine as busy as it was; faceseg benchmark is more careful.")
    return limits
