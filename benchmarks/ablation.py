"""What each choice of the recipe is worth: short trainings with one thing changed at a time.

The network is the light U-Net with the default settings, once for each variant and seed. Runs of
one seed start from the same weights and see the same pictures in the same order, so differences to
the default are taken seed by seed. What is scored are the weights after the last epoch, in float32:
no epoch is chosen on the pictures that are scored. Each finished run is written at once, and a run
that is there already is not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any
from unittest import mock

import cv2
import numpy as np
import torch
from run import heading, stem_of
from tqdm import tqdm

from faceseg import checkpoint, data, metrics
from faceseg.augment import augment, swap_table
from faceseg.config import Config
from faceseg.data import Sample, TrainingSet, read_picture
from faceseg.device import choose_amp
from faceseg.errors import InputError
from faceseg.evaluate import evaluate
from faceseg.files import write_json, write_text
from faceseg.models.pipeline import segmenter
from faceseg.records import TASKS, Source, open_source
from faceseg.segment import load_segmenter
from faceseg.train import train

STILL = {"flip": 0, "rotate": 0, "zoom": 1, "stretch": 1, "shift": 0}
NO_COLOUR = {"colour": 0, "degrade": 0}
MIRROR_ROTATE = {"zoom": 1, "stretch": 1, "shift": 0}


class ApartSet(TrainingSet):
    """The mistake: picture and mask each get a move of their own."""

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """Return a picture, and a mask that was mirrored and rotated without it."""
        epoch, place = key
        return _apart(self.source, place, (self.config.seed, epoch, place), self.config)


def _apart(source: Source, place: int, seed: tuple[int, ...], config: Config) -> Sample:
    record, swap = source.records[place], swap_table(source.classes)
    image, size = read_picture(record.image, config.size)
    mask = source.annotation(record, size)
    moved, _ = augment(np.random.default_rng(seed), image, mask, config, swap)
    _, labels = augment(np.random.default_rng((*seed, 1)), image, mask, config, swap)
    return moved, labels


def _score_apart(folder: Path, source: Source, config: Config) -> float:
    """Return the IoU with the mistake in the validation, too: one move of each picture."""
    config = config.replace(NO_COLOUR)
    pipeline, _ = checkpoint.load_pipeline(folder)
    segment = segmenter(pipeline)
    classes = len(source.classes)
    counts = np.zeros((classes, classes), np.int64)
    for place in range(len(source.records)):
        image, labels = _apart(source, place, (config.seed, config.epochs, place), config)
        np.add.at(counts, (labels, segment(image)), 1)
    return float(np.nanmean(metrics.iou(counts)[1:]))


def _score_mirrored(folder: Path, source: Source, config: Config) -> float:
    segment = load_segmenter(str(folder), device="cpu", tta="flip").segment
    return evaluate(segment, source, ignore_index=config.ignore_index).scores["iou"]


@dataclass(frozen=True)
class Variant:
    """One row of the table, two with a second way to score.

    Attributes
    ----------
    title
        What is changed.
    settings
        Fields of `Config` that differ.
    base
        The variant that differences are taken to.
    apart
        Train with the mistake.
    again
        Title of a second row and how its IoU is found from the same run.
    """

    title: str
    settings: dict[str, Any]
    base: str = "default"
    apart: bool = False
    again: tuple[str, Callable[[Path, Source, Config], float]] | None = None


VARIANTS = {
    "default": Variant(
        "default", {}, again=("test-time flip, the default's weights", _score_mirrored)
    ),
    "mirror-rotate": Variant("of the moves, mirror and rotation alone", MIRROR_ROTATE),
    "apart": Variant(
        "**the same, drawn apart for picture and mask**; against the row above",
        MIRROR_ROTATE,
        base="mirror-rotate",
        apart=True,
        again=("its weights, the mistake in validation, too", _score_apart),
    ),
    "none": Variant("no augmentation", STILL | NO_COLOUR),
    "no-colour": Variant("no changes of colour, no degradation", NO_COLOUR),
    "no-moves": Variant("no moves", STILL),
    "ce": Variant("cross-entropy alone", {"dice_weight": 0}),
    "dice": Variant("Dice alone", {"ce_weight": 0}),
    "lovasz": Variant("+ 0.5 Lovász", {"lovasz_weight": 0.5}),
    "focal": Variant("focal, γ = 2", {"focal": 2}),
    "ema": Variant("averaged weights, `ema` 0.99", {"ema": 0.99}),
    "constant": Variant("constant learning rate", {"schedule": "constant"}),
    "occlude": Variant("`occlude` 0.3", {"occlude": 0.3}),
    "balanced": Variant("balanced class weights", {"class_weights": "balanced"}),
    "group": Variant("group normalisation", {"norm": "group"}),
    "fp32": Variant("float32", {"amp": "fp32"}),
}


def run_one(
    variant: Variant, config: Config, source: Source, validation: Source
) -> dict[str, float | None]:
    """Train and score one variant with one seed."""
    started, used = time.perf_counter(), time.process_time()
    swapped: AbstractContextManager[Any] = nullcontext()
    if variant.apart:
        swapped = mock.patch.object(data, "TrainingSet", ApartSet)
    with tempfile.TemporaryDirectory() as folder, swapped:
        run = train(source, validation, config, folder)
        if not run.finished:
            raise KeyboardInterrupt
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        again = variant.again and variant.again[1](Path(folder), validation, config)
    return {
        **{name: round(value, 5) for name, value in run.scores.items()},
        "again": None if again is None else round(again, 5),
        "loss": round(run.history[-1]["loss"], 5),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
    }


def rows(result: dict[str, Any]) -> list[tuple[str, list[float], list[float], list[float]]]:
    """Return title, IoU of each seed, differences to the base and CPU seconds, for each row."""
    runs, found = result["runs"], []
    for name, variant in VARIANTS.items():
        ious = {seed: run["iou"] for seed, run in runs.get(name, {}).items()}
        if not ious:
            continue
        base = {seed: run["iou"] for seed, run in runs.get(variant.base, {}).items()}
        seconds = [run["cpu_seconds"] for run in runs[name].values()]
        away = [iou - base[seed] for seed, iou in ious.items() if seed in base]
        found.append((variant.title, list(ious.values()), away if name != variant.base else [],
                      seconds))  # fmt: skip
        if variant.again:
            # Scored a second time: what that changes, with the weights as they are.
            second = {seed: run["again"] for seed, run in runs[name].items()}
            away = [iou - ious[seed] for seed, iou in second.items()]
            found.append((variant.again[0], list(second.values()), away, []))
    return found


def _spread(values: list[float], sign: str = "") -> str:
    if not values:
        return ""
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):{sign}.3f}{spread}"


def table(result: dict[str, Any]) -> str:
    """Return the rows as Markdown."""
    lines = ["| variant | IoU | difference | CPU s |", "|---|---:|---:|---:|"]
    for title, ious, away, seconds in rows(result):
        cpu = f"{mean(seconds):.0f}" if seconds else ""
        lines.append(f"| {title} | {_spread(ious)} | {_spread(away, '+')} | {cpu} |")
    return "\n".join(lines) + "\n"


def report(result: dict[str, Any]) -> str:
    """Return the table with what it was measured on."""
    asked, pictures = result["asked"], result["pictures"]
    seeds = sorted({seed for runs in result["runs"].values() for seed in runs}, key=int)
    return "\n".join(
        [
            f"{result['machine']['cpu']}, {result['date']}, commit {result['commit']}",
            "",
            ", ".join(f"{name} {v}" for name, v in result["versions"].items() if v),
            "",
            f"{asked['data']}, names {asked['prefix'] or 'of all kinds'}*, task {asked['task']}: "
            f"{pictures['train']} pictures to train on, {pictures['val']} to score. "
            f"{asked['terms']}",
            "",
            f"U-Net of width {Config().width} and depth {Config().depth}, "
            f"{asked['size'][0]} × {asked['size'][1]}, {asked['epochs']} epochs, "
            f"{result['arithmetic']} on one core; seeds {', '.join(seeds)}. IoU over all pixels, "
            "at the pictures' own size, of the last epoch's weights in float32: mean ± sample "
            "deviation over the seeds. Differences are taken seed by seed, to the default if "
            "nothing else is said; ± is their sample deviation. The machine was shared, so CPU "
            "seconds of training and scoring are noisy; wall time is in the JSON.",
            "",
            table(result),
        ]
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python benchmarks/ablation.py --data data/MSFD --prefix aba_ "
        '--terms "MIT" --only default,apart\n\n'
        "variants:\n"
        + "\n".join(f"  {name:14} {v.title.replace('**', '')}" for name, v in VARIANTS.items()),
    )
    parser.add_argument("--data", type=Path, required=True, help="data set with train and val")
    parser.add_argument("--task", choices=TASKS, default="mask", help="default: %(default)s")
    parser.add_argument("--prefix", default="", help="take records whose names start so")
    parser.add_argument("--terms", default="", help="terms of the data, for the result's heading")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each; default: %(default)s")
    parser.add_argument("--epochs", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--only", default="", help="variants, with commas between; default: all")
    parser.add_argument(
        "--json", type=Path, help="result to write or continue; default: by machine, date, commit"
    )
    return parser


def main(words: list[str] | None = None) -> None:
    """Run what is missing and write the table."""
    arguments = _arguments().parse_args(words)
    wanted = arguments.only.split(",") if arguments.only else list(VARIANTS)
    unknown = [name for name in wanted if name not in VARIANTS]
    if unknown:
        raise InputError(f"--only: unknown {', '.join(unknown)}; expected {', '.join(VARIANTS)}")
    sources = {}
    for split in ("train", "val"):
        whole = open_source(arguments.data, task=arguments.task, split=split)
        names = [record.name for record in whole.records]
        sources[split] = whole.subset(
            [place for place, name in enumerate(names) if name.startswith(arguments.prefix)]
        )
    base = Config(
        size=(arguments.size, arguments.size), epochs=arguments.epochs, device="cpu", workers=0,
        # The last epoch alone is validated, so best.pt holds its weights.
        validate_every=arguments.epochs, patience=0,
    )  # fmt: skip
    # One core: OpenCV's threads would compete with the network.
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    amp = choose_amp(base.amp, torch.device("cpu")) or torch.float32
    result = heading("ablation") | {
        "asked": {
            "data": arguments.data.name, "prefix": arguments.prefix, "task": arguments.task,
            "terms": arguments.terms, "size": list(base.size), "epochs": base.epochs,
        },
        "pictures": {split: len(source.records) for split, source in sources.items()},
        "arithmetic": str(amp).removeprefix("torch."),
        "runs": {},
    }  # fmt: skip
    path = arguments.json or stem_of(result).with_suffix(".json")
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        for key in ("asked", "pictures", "arithmetic"):
            if before[key] != result[key]:
                raise InputError(
                    f"{path}: was run with {key} {before[key]}, asked for {result[key]}; give "
                    "another --json"
                )
        result = before
    missing = [
        (name, seed)
        for name in wanted
        for seed in range(arguments.seeds)
        if str(seed) not in result["runs"].get(name, {})
    ]
    for name, seed in tqdm(missing, unit="run", dynamic_ncols=True):
        variant = VARIANTS[name]
        config = base.replace({**variant.settings, "seed": seed})
        scores = run_one(variant, config, sources["train"], sources["val"])
        result["runs"].setdefault(name, {})[str(seed)] = scores
        write_json(path, result)
        write_text(path.with_suffix(".md"), report(result))
        tqdm.write(f"{name} {seed}: {json.dumps(scores)}")
    print(table(result))
    print(f"table: {path.with_suffix('.md')}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
