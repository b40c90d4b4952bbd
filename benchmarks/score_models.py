"""What the shipped models and the classical methods are worth on real pictures.

python benchmarks/score_models.py DATA    # DATA holds easyportrait/ and MSFD/, see docs/data.md

Gives ``results/models_<cpu>_<date>_<commit>.json`` and a table beside it. Scores are those of the
shipped ONNX files on the val splits, at the pictures' own size, with 95 % intervals over subjects;
the time is that of one picture on one thread, median over the set, pixels to mask.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
from run import heading, stem_of
from table import models
from tqdm import tqdm

from faceseg import zoo
from faceseg.classical import METHODS
from faceseg.errors import InputError
from faceseg.files import write_json, write_text
from faceseg.records import Source, open_source
from faceseg.run_scores import score_images
from faceseg.segment import load_segmenter


@dataclass(frozen=True)
class Part:
    """A set to score on: its title, its folder under DATA, its task, how names begin."""

    title: str
    folder: str
    task: str
    prefix: str = ""

    def open(self, data: Path) -> Source:
        """Return its val split."""
        source = open_source(data / self.folder, split="val", task=self.task)
        chosen = [r for r in source.records if r.name.startswith(self.prefix)]
        return replace(source, records=chosen)


PARTS = (
    Part("face: EasyPortrait's layout, 100 portraits", "easyportrait", "face"),
    Part("medical mask: MSFD aba_*, real masks", "MSFD", "mask", "aba_"),
    Part("medical mask: MSFD mfn_*, one drawn mask", "MSFD", "mask", "mfn_"),
    Part("nine classes: EasyPortrait's layout", "easyportrait", "parse"),
)


def score(part: Part, data: Path) -> list[dict[str, Any]]:
    """Return a row for each shipped model and each classical method of the part's task."""
    source = part.open(data)
    shipped = [name for name in zoo.names() if zoo.card(name).task == part.task]
    classical = [name for name, method in METHODS.items() if part.task in method.tasks]
    rows = []
    for name in [*shipped, *classical]:
        threads = 1 if name in shipped else None
        model = load_segmenter(name, task=part.task, device="cpu", threads=threads)

        def progress(records: Any, name: str = name) -> Any:
            return tqdm(records, name, unit="image", leave=False, disable=not sys.stderr.isatty())

        row = score_images(name, source, model.segment, progress=progress).row()
        parameters = zoo.card(name).parameters if name in shipped else None
        rows.append({**row, "parameters": parameters})
        print(f"{part.title}: {name} {row['iou']['score']:.4f}", flush=True)
    first = rows[: len(shipped)]
    return [*first, *sorted(rows[len(shipped) :], key=lambda row: -row["iou"]["score"])]


def main() -> int:
    """Score everything and keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    data = parser.parse_args().data
    cv2.setNumThreads(1)
    result = heading("models")
    try:
        result["parts"] = [{"title": p.title, "rows": score(p, data)} for p in PARTS]
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    path = stem_of(result)
    write_json(path.with_suffix(".json"), result)
    write_text(path.with_suffix(".md"), models(result))
    print(f"table: {path.with_suffix('.md')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
