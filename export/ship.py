r"""Put a trained run into the package: its file, its card and the card's page.

    python export/ship.py runs/face --name face-unet --store float16 --notes face-unet.json \
        --terms "research only" --set "EasyPortrait, val" data/easyportrait
    python export/ship.py --export   # write the shipped files again, as they are exported today
    python export/ship.py --time     # time the shipped files again, on a quiet machine
    python export/ship.py --cards    # write the pages again

The scores are those of the file that is shipped, on the val split of each ``--set TITLE DATA
[PREFIX]``. NOTES is a JSON object with the fields of a card that nothing here can know: ``data``
and ``fails``, and, if there are any, ``groups``, ``notes``, more ``scores``, another ``command``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceseg import zoo
from faceseg.checkpoint import resolve
from faceseg.config import Config
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.export import export_model
from faceseg.files import atomic_path, write_json, write_text
from faceseg.images import read_image, write_png
from faceseg.labels import PARTS
from faceseg.machine import machine
from faceseg.onnx_weights import read
from faceseg.pictures import overlay
from faceseg.predict import Predictor
from faceseg.records import Source, list_splits, open_source
from faceseg.run_scores import score_images
from faceseg.zoo import Card

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "faceseg" / "weights"
PAGES = ROOT / "docs" / "models"

_KEPT = ("images", "iou", "dice", "pixel_accuracy", "boundary_iou")
_TIMED = (512, 512)


@dataclass(frozen=True)
class Set:
    """A set to score on: its title in the card, where it is, and how its images' names begin."""

    title: str
    data: Path
    prefix: str = ""


def ship(
    run: Path,
    name: str,
    *,
    sets: Sequence[Set],
    terms: str,
    notes: dict[str, Any],
    store: str = "float16",
    threads: int = 1,
    weights: Path = WEIGHTS,
    pages: Path = PAGES,
) -> Card:
    """Export a run, score the file, and write file, card, page and example.

    Parameters
    ----------
    run
        Run folder or ``.pt`` file.
    name
        Of the model.
    sets
        What its file is scored on.
    terms
        Terms of use that follow from the data.
    notes
        Fields of the card that are not found here; they win over what is.
    store
        How the weights are stored, see `faceseg.export.export_model`.
    threads
        Of ONNX Runtime, for the scores and the time.
    weights, pages
        Folders of the files and of the pages.

    Returns
    -------
    Card

    Raises
    ------
    InputError
        If the run cannot be exported, a field of the card is missing, a path of this machine would
        get into it, or the shipped files would be larger than `faceseg.zoo.LIMIT`.
    """
    plan = json.loads((resolve(run).parent / "run.json").read_text())
    missing = {"started", "commit", "data", "val", "options", "init", "config"} - set(plan)
    if missing:
        raise InputError(f"{run}: run.json without {', '.join(sorted(missing))}")
    with tempfile.TemporaryDirectory() as folder:
        (exported,) = export_model(run, ["onnx"], folder, terms=terms, store=store, name=name)
        print(f"{name}: {exported.verification}", file=sys.stderr)
        content = exported.path.read_bytes()
        others = sum(p.stat().st_size for p in weights.glob("*.onnx") if p.stem != name)
        if others + len(content) > zoo.LIMIT:
            raise InputError(
                f"{name}: {len(content):,} bytes and {others:,} of the other models are more than "
                f"{zoo.LIMIT:,}; store it as float16 or int8"
            )
        stored = read(exported.path)
        predict = Predictor(exported.path, provider="cpu", threads=threads)
        trained = [v for k, v in stored.weights.items() if ".running_" not in k]
        scored = [_score(each, predict) for each in sets]
        card = Card.of(
            {
                "name": name,
                "task": stored.contract.task,
                "classes": list(stored.contract.classes),
                "network_size": list(stored.contract.size),
                "parameters": sum(value.size for value in trained),
                "store": store,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "terms": terms,
                "date": plan["started"][:10],
                "faceseg": stored.contract.faceseg,
                "commit": plan["commit"] or "none",
                "command": command_of(plan),
                "rounding": exported.verification.rounding,
                "latency": latency(predict, threads),
                **notes,
                "scores": [*(row for row, _ in scored), *notes.get("scores", [])],
                "groups": [*(g for _, groups in scored for g in groups), *notes.get("groups", [])],
            },
            "the card",
        )
        here = {str(path.absolute()) for path in (ROOT, Path.home(), *(s.data for s in sets))}
        text = json.dumps(card.to_dict())
        for path in sorted(here - {"/"}):
            if path in text:
                raise InputError(f"{name}: {path} would get into the card; give a --command")
        with atomic_path(weights / f"{name}.onnx") as temporary:
            temporary.write_bytes(content)
        write_json(weights / f"{name}.json", card.to_dict())
        write_text(pages / f"{name}.md", card.markdown())
        write_png(pages / f"{name}.png", example(predict))
    return card


def command_of(plan: dict[str, Any]) -> str:
    """Return the command of a run, without the folders of this machine."""

    def shown(folder: str, path: str) -> str:
        # A file with the folder that it is in.
        parts = Path(path).parts
        return "/".join([folder, *parts[-2 if Path(path).suffix else -1 :]])

    words = ["faceseg", "train", shown("data", plan["data"])]
    if plan["val"]:
        words += ["--val", shown("data", plan["val"])]
    if plan["options"].get("task", "face") != "face":
        words += ["--task", plan["options"]["task"]]
    if plan["init"]:
        init = plan["init"]
        words += ["--init", shown("runs", init) if Path(init).is_absolute() else init]
    config = Config.from_dict(plan["config"])
    for spec in fields(Config):
        value = getattr(config, spec.name)
        if value != spec.default:
            text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [f"--{spec.name.replace('_', '-')}", text]
    return shlex.join([*words, "--out", "runs/new"])


def latency(predict: Predictor, threads: int, repeats: int = 30) -> dict[str, Any]:
    """Return the median time of one drawn portrait, from pixels to mask, and where it was taken."""
    image = draw_portrait(np.random.default_rng(0), size=_TIMED)[0]
    seconds = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        predict(image)
        seconds.append(time.perf_counter() - start)
    return {
        "median_ms": round(float(np.median(seconds[3:])) * 1e3, 2),
        "size": list(_TIMED),
        "threads": threads,
        "cpu": machine()["cpu"],
        "runtime": f"ONNX Runtime {onnxruntime.__version__}",
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def example(predict: Predictor) -> np.ndarray:
    """Return four drawn portraits above what the model finds in them, (256, 512, 3) uint8."""
    task = "mask" if predict.contract.task == "mask" else "face"
    rng = np.random.default_rng(1)
    images = [draw_portrait(rng, task=task, size=(128, 128))[0] for _ in range(4)]
    found = [overlay(image, predict(image)) for image in images]
    return np.concatenate([np.concatenate(row, axis=1) for row in (images, found)])


def write_pages(weights: Path = WEIGHTS, pages: Path = PAGES) -> None:
    """Write the page of each card again."""
    for path in sorted(weights.glob("*.json")):
        write_text(pages / f"{path.stem}.md", Card.read(path).markdown())


def export_again(weights: Path = WEIGHTS) -> None:
    """Write each shipped file again, as it is exported today; weights and masks stay.

    Raises
    ------
    InputError
        If a mask of a drawn portrait would change by more than one pixel in 10,000.
    """
    rng = np.random.default_rng(2)
    images = [draw_portrait(rng, size=size)[0] for size in ((512, 512), (720, 1280), (97, 131))]
    for path in sorted(weights.glob("*.onnx")):
        card = Card.read(path.with_suffix(".json"))
        with tempfile.TemporaryDirectory() as folder:
            (made,) = export_model(
                path, ["onnx"], folder, terms=card.terms, store=card.store, name=card.name
            )
            content = made.path.read_bytes()
            before, after = (Predictor(file, provider="cpu") for file in (path, made.path))
            differing = sum(int((before(image) != after(image)).sum()) for image in images)
        pixels = sum(image.shape[0] * image.shape[1] for image in images)
        if differing > 1e-4 * pixels:
            raise InputError(f"{path}: {differing} of {pixels} pixels would change; left as it was")
        sha256 = hashlib.sha256(content).hexdigest()
        print(f"{path.stem}: {differing} of {pixels} pixels differ, SHA-256 {sha256[:12]}")
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        card = replace(card, bytes=len(content), sha256=sha256)
        write_json(path.with_suffix(".json"), card.to_dict())


def time_again(threads: int, weights: Path = WEIGHTS) -> None:
    """Time each shipped file again."""
    for path in sorted(weights.glob("*.onnx")):
        predict = Predictor(path, provider="cpu", threads=threads)
        card = Card.read(path.with_suffix(".json"))
        card = replace(card, latency=latency(predict, threads))
        write_json(path.with_suffix(".json"), card.to_dict())
        print(f"{path.stem}: {card.latency['median_ms']} ms")


def _score(each: Set, predict: Predictor) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of a set, and of its thirds by light and by pose, as far as labels tell."""
    split = "val" if "val" in list_splits(each.data) else "train"
    contract = predict.contract
    source = open_source(each.data, split=split, task=contract.task)
    source.expect_classes(contract.name, contract.classes)
    chosen = tuple(r for r in source.records if r.name.startswith(each.prefix))
    if not chosen:
        raise InputError(f"{each.data}: no image whose name starts with {each.prefix!r}")
    source = replace(source, records=chosen)
    scored = score_images(contract.name, source, predict)
    row = scored.row()
    groups = []
    thirds = [(f"light on {_LIT[contract.task][1]}", _BY_LIGHT, _luma(source))]
    turn = _turn(each.data, source)
    if turn is not None and np.isfinite(turn).any():
        thirds.append(("turn of the head", _BY_POSE, turn))
    for by, titles, values in thirds:
        order = np.argsort(values, kind="stable")[: np.isfinite(values).sum()]
        for title, part in zip(titles, np.array_split(order, len(titles)), strict=True):
            of = scored.part({source.records[place].name for place in part}).row()
            about = {"set": each.title, "by": by, "group": title}
            groups.append({**about, **{key: of[key] for key in ("images", "iou")}})
    if len(contract.classes) > 2:
        for found in scored.classes()[1:]:
            about = {"set": each.title, "by": "class", "group": found["class"]}
            groups.append({**about, "images": row["images"], "iou": found["iou"]})
    return {"set": each.title, **{key: row[key] for key in _KEPT}}, groups


_BY_LIGHT = ("darkest third", "middle third", "brightest third")
_BY_POSE = ("most frontal third", "middle third", "most turned third")
# The class whose pixels tell, and what it is called.
_LIT = {"face": (1, "the face"), "mask": (1, "the mask"), "parse": (2, "the skin")}


def _luma(source: Source) -> NDArray[np.float64]:
    """Return the mean luma (ITU-R BT.601) of a class in each image."""
    part, _ = _LIT[source.task]
    luma = []
    for record in source.records:
        image = read_image(record.image)
        pixels = image[source.mask(record, image.shape[:2]) == part].mean(axis=0)
        luma.append(pixels @ (0.299, 0.587, 0.114))
    return np.array(luma)


def _turn(data: Path, source: Source) -> NDArray[np.float64] | None:
    """Return how far the eyes are from the middle of the face, in its widths; NaN without eyes.

    None if the set has no labels of eyes.
    """
    try:
        parts = open_source(data, split=source.split, task="parse")
        labels = {record.name: record for record in parts.records}
        return np.array([_of_eyes(parts.mask(labels[r.name])) for r in source.records])
    except InputError:
        return None


def _of_eyes(labels: NDArray[np.uint8]) -> float:
    skin, left, right = (labels == PARTS.index(name) for name in ("skin", "left eye", "right eye"))
    across, eyes = np.flatnonzero(skin.any(axis=0)), np.nonzero(left | right)[1]
    if not (len(across) and len(eyes)):
        return float("nan")
    return float(abs(eyes.mean() - (across[0] + across[-1]) / 2) / (across[-1] - across[0] + 1))


def main() -> int:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN")
    parser.add_argument("--name")
    parser.add_argument("--store", default="float16", choices=("float32", "float16", "int8"))
    parser.add_argument("--terms")
    parser.add_argument("--notes", type=Path, metavar="FILE")
    parser.add_argument(
        "--set", dest="sets", nargs="+", action="append", default=[], metavar="TITLE DATA [PREFIX]"
    )
    parser.add_argument("--command", help="instead of what run.json tells")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export", action="store_true")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--cards", action="store_true")
    args = parser.parse_args()
    if args.run:
        if not (args.name and args.terms and args.notes and all(len(s) > 1 for s in args.sets)):
            parser.error("RUN needs --name, --terms, --notes, and --set with a title and a set")
        notes = json.loads(args.notes.read_text(encoding="utf-8"))
        if args.command:
            notes["command"] = args.command
        try:
            card = ship(
                args.run,
                args.name,
                sets=[Set(title, Path(data), *rest) for title, data, *rest in args.sets],
                terms=args.terms,
                notes=notes,
                store=args.store,
                threads=args.threads,
            )
        except InputError as error:
            parser.error(str(error))
        print(zoo.listing([card]))
    if args.export:
        try:
            export_again()
        except InputError as error:
            parser.error(str(error))
    if args.time:
        time_again(args.threads)
    if args.export or args.time or args.cards:
        write_pages()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
