"""``faceseg train``, ``eval``, ``report``, ``runs`` and ``demo``."""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faceseg
from faceseg import zoo
from faceseg.cli.extras import ALL
from faceseg.cli.source import (
    add_frames_arguments,
    add_source_arguments,
    open_from,
    quoted,
    source_options,
    with_frames,
)
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.machine import commit

# Of the report after training, which is not to take longer than it; `faceseg report` takes all.
_CLASSICAL_IMAGES = 50

if TYPE_CHECKING:
    from faceseg.evaluate import Evaluation
    from faceseg.records import Record, Source


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    train = commands.add_parser(
        "train",
        help="train a network",
        description="Train a network on images with masks; leave checkpoints, log and scores.\n"
        "Under torchrun each process is one rank; they share each batch.",
        epilog="examples:\n"
        "  faceseg train portraits --out runs/face\n"
        "  faceseg train train_rle.csv --val val_rle.csv --images photos --out runs/face\n"
        "  faceseg train msfd --task mask --model deeplabv3 --epochs 60 --out runs/mask\n"
        "  faceseg train portraits --folds 5 --out runs/face5\n"
        f"  faceseg train photos --init {zoo.DEFAULT} --epochs 10 --out runs/tuned\n"
        "  faceseg train --resume runs/face\n"
        "  torchrun --nproc-per-node 2 -m faceseg train portraits --out runs/face",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("data", nargs="?", type=Path, help="data set: a folder or a CSV of RLE")
    train.add_argument("--val", type=Path, metavar="DATA", help="validate on this set instead")
    train.add_argument("--out", type=Path, metavar="RUN", help="folder of the run")
    train.add_argument("--folds", type=int, metavar="K", help="cross-validate with K folds")
    train.add_argument(
        "--init",
        metavar="MODEL",
        help="start from a checkpoint, an .onnx file or a shipped model: its weights, network and "
        "size",
    )
    train.add_argument("--resume", type=Path, metavar="RUN", help="continue an interrupted run")
    train.add_argument("--no-report", action="store_true", help="write no report.html at the end")
    train.add_argument(
        "--print-config", action="store_true", help="print the settings as JSON and stop"
    )
    add_source_arguments(train)
    settings = train.add_argument_group("settings")
    for spec in fields(Config):
        default, choices = spec.default, spec.metadata["choices"]
        shown = "x".join(map(str, default)) if isinstance(default, tuple) else default
        kind = ", ".join(choices) if choices else ""
        settings.add_argument(
            "--" + spec.name.replace("_", "-"),
            dest="set_" + spec.name,
            metavar=type(default).__name__.upper() if not isinstance(default, tuple) else "HxW",
            help=f"{spec.metadata['help']}{f' ({kind})' if kind else ''} (default: {shown})",
        )
    # The defaults tell which flags were given: a resumed run takes none.
    train.set_defaults(run=_train, defaults=vars(train.parse_args([])), extras=("train",))

    score = commands.add_parser(
        "eval",
        help="score models and classical methods in one table",
        description="Score any number of models on one set, at the masks' own resolution.",
        epilog="examples:\n"
        "  faceseg eval portraits runs/face\n"
        "  faceseg eval portraits runs/face face-unet classical --out scores\n"
        "  faceseg eval val_rle.csv --images photos otsu grabcut\n\n"
        "a model is a run folder, a .pt, .onnx or .ts file, the name of a shipped model\n"
        "(faceseg models) or a classical method, or 'classical' for all of the task.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    score.add_argument("data", type=Path, help="data set: a folder or a CSV of RLE")
    score.add_argument("models", nargs="+", metavar="MODEL", help="see below")
    score.add_argument("--split", default="val", help="split to score (default: val)")
    score.add_argument(
        "--ignore-index", type=int, default=-1, metavar="ID", help="label that does not count"
    )
    score.add_argument("--only", metavar="PREFIX", help="images whose name starts so")
    score.add_argument("--out", type=Path, metavar="DIR", help="write tables and pictures here")
    score.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    score.add_argument(
        "--tta", default="none", choices=("none", "flip"),
        help="checkpoints alone: flip averages over the mirror image, in twice the time",
    )  # fmt: skip
    add_frames_arguments(score)
    add_source_arguments(score)
    score.set_defaults(run=_eval)

    report = commands.add_parser(
        "report",
        help="write the page of a run: curves, scores, mistakes, calibration",
        description="Score the best checkpoint of a run beside the classical methods and write\n"
        "RUN/report.html, one page that needs no network, and report.json, its figures.",
        epilog="examples:\n"
        "  faceseg report runs/face\n"
        "  faceseg report runs/face --data other_portraits --out other.html\n"
        "  faceseg report runs/face5/fold1 --no-classical",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument("run_folder", type=Path, metavar="RUN", help="folder of the run")
    report.add_argument(
        "--data", type=Path, help="score on this set, its val split if it has one, instead"
    )
    report.add_argument(
        "--out", type=Path, metavar="FILE", help="the page (default: RUN/report.html)"
    )
    report.add_argument("--no-classical", action="store_true", help="without classical methods")
    report.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    report.set_defaults(run=_report, extras=("train",))

    runs = commands.add_parser(
        "runs",
        help="list and compare runs",
        description="List the runs below a folder, the best IoU first, or compare some of them.",
        epilog="examples:\n"
        "  faceseg runs\n"
        "  faceseg runs runs --compare face face-dice --html compare.html\n"
        "  faceseg runs --csv runs.csv",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    runs.add_argument(
        "folder", nargs="?", type=Path, default=Path("runs"), metavar="DIR",
        help="where the runs are (default: runs)",
    )  # fmt: skip
    runs.add_argument(
        "--compare", nargs="+", metavar="RUN", help="settings and scores of these side by side"
    )
    runs.add_argument("--json", action="store_true", help="print JSON")
    runs.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV, too")
    runs.add_argument("--html", type=Path, metavar="FILE", help="--compare: write a page, too")
    runs.set_defaults(run=_runs)

    demo = commands.add_parser(
        "demo",
        help="the whole road on drawn portraits, ending in an HTML report",
        description="Draw portraits, train two networks on their run lengths, score them\n"
        "beside the classical methods, export, verify, time, and write one HTML report.",
        epilog="example:\n  faceseg demo --out demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument(
        "--out", type=Path, metavar="DIR", help="a new folder (default: demo, or demo-2 and so on)"
    )
    demo.add_argument("--n", type=int, default=320, help="portraits to draw (default: 320)")
    demo.add_argument("--epochs", type=int, default=12, help="epochs of the U-Net (default: 12)")
    demo.add_argument("--seed", type=int, default=0, help="seed of everything (default: 0)")
    demo.set_defaults(run=_demo, extras=ALL)


def _train(args: argparse.Namespace) -> int:
    given = {
        name.removeprefix("set_"): value
        for name, value in vars(args).items()
        if name.startswith("set_") and value is not None
    }
    if args.print_config:
        print(json.dumps(Config().replace(given).to_dict(), indent=2))
        return 0
    from faceseg.distributed import restarted

    if args.resume:
        extra = [name for name, value in args.defaults.items() if getattr(args, name) != value]
        if set(extra) - {"no_report"} != {"resume"}:
            raise InputError("--resume takes its data and settings from the run: give it alone")
        plan = _read_plan(args.resume)
        folder = args.resume
    else:
        if not args.data or not args.out:
            raise InputError("train needs DATA and --out RUN, or --resume RUN")
        folder = args.out
        config = Config().replace({**_network_of(args.init), **given})
        _refuse_settings_of_others(config, given)
        if args.folds is not None and args.folds < 2:
            raise InputError(f"folds: {args.folds} given, expected 2 or more")
        if args.folds and args.val:
            raise InputError("--folds validates on parts of DATA: give it without --val")
        holds = any(folder.glob("last.pt")) or any(folder.glob("fold*/last.pt"))
        if holds and not restarted():
            raise InputError(
                f"{folder}: holds a run; choose another --out or use --resume {folder}"
            )
        plan = {
            "faceseg": faceseg.__version__,
            "commit": commit(),
            "started": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
            # Absolute, so that a run resumes from any folder.
            "data": str(args.data.absolute()),
            "val": str(args.val.absolute()) if args.val else None,
            "options": {**source_options(args), "ignore_index": config.ignore_index},
            "folds": args.folds,
            # A shipped model by its name, which is the same on another machine.
            "init": _absolute(args.init) if args.init else None,
            "config": config.to_dict(),
        }
    resume = bool(args.resume) or restarted()
    return _run_plan(plan, folder, resume=resume, report=not args.no_report)


def _absolute(init: str) -> str:
    path = Path(init)
    return str(path.absolute()) if zoo.locate(init) == path else init


def _network_of(init: str | None) -> dict[str, Any]:
    """Return the settings without which the weights of a checkpoint would not fit."""
    if init is None:
        return {}
    from faceseg import checkpoint

    config = checkpoint.load(init).config
    # Those of its network, but not where that started from and how its loss was put together.
    return {
        spec.name: getattr(config, spec.name)
        for spec in fields(Config)
        if spec.name in ("model", "size")
        or (spec.metadata["model"] == config.model and spec.name not in ("weights", "aux_weight"))
    }


def _refuse_settings_of_others(config: Config, given: dict[str, Any]) -> None:
    """Refuse a setting that the chosen network would not look at."""
    for spec in fields(Config):
        owner = spec.metadata["model"]
        if spec.name in given and owner not in (None, config.model):
            flag = spec.name.replace("_", "-")
            raise InputError(f"--{flag} is a setting of {owner}, but the model is {config.model}")


def _read_plan(folder: Path) -> dict[str, Any]:
    try:
        plan: dict[str, Any] = json.loads((folder / "run.json").read_text())
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no run.json: not a run that can be resumed") from error
    except ValueError as error:
        raise InputError(f"{folder / 'run.json'}: not readable as JSON: {error}") from error
    if not isinstance(plan, dict):
        raise InputError(f"{folder / 'run.json'}: expected an object of settings")
    missing = {"data", "val", "options", "folds", "init", "config"} - set(plan)
    if missing:
        raise InputError(f"{folder / 'run.json'}: without {', '.join(sorted(missing))}")
    for name in ("options", "config"):
        if not isinstance(plan[name], dict):
            raise InputError(f"{folder / 'run.json'}: {name} is {plan[name]!r}, expected an object")
    return plan


def _run_plan(plan: dict[str, Any], folder: Path, *, resume: bool, report: bool) -> int:
    from faceseg import checkpoint
    from faceseg.distributed import is_first
    from faceseg.train import cross_validate, train

    config = Config.from_dict(plan["config"])
    folds = plan["folds"]
    source = open_from(plan["data"], "train", plan["options"])
    # A run that goes on has its weights; a fold that has not begun has not.
    begun = resume and not folds and (folder / "last.pt").exists()
    init = checkpoint.load(plan["init"]) if plan["init"] and not begun else None
    if init and init.path.suffix == ".onnx" and init.config.model == "deeplabv3":
        _say(f"{plan['init']} holds no auxiliary head: that starts anew")
    shared: dict[str, Any] = {
        "init": init, "resume": resume, "plan": plan, "log": _say, "progress": sys.stderr.isatty(),
    }  # fmt: skip
    if folds:
        summary = cross_validate(source, config, folder, folds, **shared)
        if not is_first():
            return 0
        if summary is None:
            return _interrupted(folder)
        print(f"\n{'':12}{'mean':>8}{'deviation':>12}   over {folds} folds")
        for name, mean in summary["mean"].items():
            print(f"{name:15}{mean:.4f}{summary['deviation'][name]:12.4f}")
        print(f"\nnext: faceseg export {quoted(folder / 'fold1')} --format onnx")
        return 0
    source, validation = _with_validation(source, plan)
    _say(f"{source.kind}: {len(source)} to train on, {len(validation)} to validate")
    if source.unpaired:
        _say(
            f"{len(source.unpaired)} files without partner are left out; "
            f"faceseg data check {plan['data']} lists them"
        )
    # A run that was killed before its first checkpoint starts anew.
    shared["resume"] = resume and (folder / "last.pt").exists()
    run = train(source, validation, config, folder, **shared)
    if not is_first():
        return 0
    if not run.finished:
        return _interrupted(folder)
    print("\n" + "   ".join(f"{name} {value:.4f}" for name, value in run.scores.items()))
    print(f"best checkpoint: {folder / 'best.pt'}")
    if report:
        from faceseg.run_report import write_run_report

        page = write_run_report(
            folder, validation, training=source, classical=_CLASSICAL_IMAGES,
            device=config.device, log=_say, progress=sys.stderr.isatty(),
        )  # fmt: skip
        print(f"report: {page}")
    print(f"next: faceseg export {quoted(folder)} --format torchscript,onnx")
    return 0


def _with_validation(source: Source, plan: dict[str, Any]) -> tuple[Source, Source]:
    """Return training and validation sets; without a val split, 15 % of the groups are that."""
    from faceseg.records import list_splits, split_off

    options = plan["options"]
    if plan["val"]:
        # A set of one split is that split, whatever its name.
        return source, open_from(plan["val"], _val_split(plan["val"], options), options)
    if "val" in list_splits(plan["data"], images=options["images"], masks=options["masks"]):
        return source, open_from(plan["data"], "val", options)
    _say("no val split: 15 % of the groups are kept for validation (name a set with --val)")
    return split_off(source, 0.15, plan["config"]["seed"])


def _val_split(data: str, options: dict[str, Any]) -> str:
    from faceseg.records import list_splits

    splits = list_splits(data, images=options["images"], masks=options["masks"])
    return splits[0] if len(splits) == 1 else "val"


def _interrupted(folder: Path) -> int:
    print(f"\ninterrupted; next: faceseg train --resume {quoted(folder)}", file=sys.stderr)
    return 130


def _say(line: str) -> None:
    from tqdm import tqdm

    from faceseg.distributed import is_first

    if is_first():
        tqdm.write(line, file=sys.stderr)


def _report(args: argparse.Namespace) -> int:
    from faceseg import checkpoint
    from faceseg.records import list_splits
    from faceseg.run_report import write_run_report
    from faceseg.runs import read_run

    folder: Path = args.run_folder
    task = checkpoint.load(folder).task
    training = None
    if args.data:
        options = read_run(_plan_folder(folder)).plan.get("options") or {"task": task}
        split = "val" if "val" in list_splits(args.data) else "train"
        validation = open_from(args.data, split, {**options, "images": None, "masks": None})
    else:
        training, validation = _sets_of(folder)
    page = write_run_report(
        folder, validation, training=training, other_set=bool(args.data),
        classical=0 if args.no_classical else None, out=args.out, device=args.device,
        log=_say, progress=sys.stderr.isatty(),
    )  # fmt: skip
    print(f"report: {page}")
    return 0


def _plan_folder(folder: Path) -> Path:
    """Return where the plan of a run is: a fold's is that of the run it is part of."""
    outside = folder.absolute().parent
    fold = re.fullmatch(r"fold\d+", folder.absolute().name)
    return outside if fold and (outside / "run.json").exists() else folder


def _sets_of(folder: Path) -> tuple[Source, Source]:
    """Open again what a run was trained and validated on."""
    from dataclasses import replace

    from faceseg.records import group_folds

    outside = _plan_folder(folder)
    plan = _read_plan(outside)
    source = open_from(plan["data"], "train", plan["options"])
    if outside == folder:
        return _with_validation(source, plan)
    number = int(folder.absolute().name.removeprefix("fold")) - 1
    groups = [record.group for record in source.records]
    folds = group_folds(groups, plan["folds"], plan["config"]["seed"])
    pairs = list(zip(source.records, folds, strict=True))
    others = tuple(record for record, fold in pairs if fold != number)
    own = tuple(record for record, fold in pairs if fold == number)
    return replace(source, records=others), replace(source, records=own)


def _runs(args: argparse.Namespace) -> int:
    from faceseg import runs
    from faceseg.files import write_csv

    if args.html and not args.compare:
        raise InputError("--html is for --compare")
    found, problems = runs.find_runs(args.folder)
    if args.compare:
        compared = runs.compare(runs.choose(found, args.compare))
        print(json.dumps(compared.figures(), indent=2) if args.json else compared.text())
        header, rows = ["", *(run.name for run in compared.runs)], compared.rows()
    else:
        figures = [run.figures() for run in found]
        problem = {"not_readable": problems} if problems else {}
        print(
            json.dumps({"runs": figures, **problem}, indent=2)
            if args.json
            else runs.listing(found, problems, args.folder)
        )
        header = list(figures[0]) if figures else ["name"]
        rows = [
            ["" if v is None else "x".join(map(str, v)) if isinstance(v, list) else v for v in row]
            for row in (figure.values() for figure in figures)
        ]
    if args.csv:
        write_csv(args.csv, header, rows)
        print(f"table: {args.csv}", file=sys.stderr)
    if args.html:
        compared.write_html(args.html)
        print(f"page: {args.html}", file=sys.stderr)
    return 0


def _eval(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from tqdm import tqdm

    from faceseg.evaluate import evaluate
    from faceseg.records import list_splits
    from faceseg.segment import load_segmenter

    options = {**source_options(args), "ignore_index": args.ignore_index}
    source = open_from(args.data, args.split, options)
    if args.only:
        chosen = tuple(r for r in source.records if r.name.startswith(args.only))
        if not chosen:
            raise InputError(f"{args.data}: no image whose name starts with {args.only!r}")
        source = replace(source, records=chosen)
    names = _expand(args.models, source.task)
    loaded = [
        # Classical methods in the table of a GPU's models run on the CPU, and the table says so.
        load_segmenter(
            name,
            task=source.task,
            device=args.device if zoo.locate(name).exists() else "auto",
            tta=args.tta,
        )
        for name in names
    ]
    for model in loaded:
        source.expect_classes(model.name, model.classes)
    loaded = [with_frames(args, model) for model in loaded]
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    splits = list_splits(args.data, images=args.images, masks=args.masks)
    part = args.split if args.split in splits else "all"
    how = "" if args.tta == "none" else f", test-time augmentation {args.tta}"
    how += ", whole frames in two passes" if args.frames else ""
    print(f"{source.kind}, {part}: {len(source.records)} images, task {source.task}{how}\n")
    print(f"{'model':24}{'IoU':>8}{'Dice':>8}{'accuracy':>10}{'image IoU':>11}   runs on")
    evaluations: list[tuple[str, Evaluation]] = []
    for model in loaded:

        def progress(records: Sequence[Record], name: str = model.name) -> Iterator[Record]:
            return iter(tqdm(records, name, leave=False, disable=not sys.stderr.isatty()))

        result = evaluate(model.segment, source, ignore_index=args.ignore_index, progress=progress)
        evaluations.append((model.name, result))
        s = result.scores
        print(
            f"{model.name[:23]:24}{s['iou']:8.4f}{s['dice']:8.4f}{s['pixel_accuracy']:10.4f}"
            f"{result.mean_image_iou:11.4f}   {model.runs_on}",
            flush=True,
        )
    if args.out:
        from faceseg.pictures import write_evaluation

        for (name, result), model in zip(evaluations, loaded, strict=True):
            write_evaluation(args.out, name, result, source, model.segment)
        _write_table(args.out, evaluations)
        print(f"\ntables and pictures: {args.out}")
        print(f"next: faceseg predict {quoted(args.models[0])} IMAGE --out masks")
    else:
        words = quoted(args.data, *args.models)
        print(f"\nnext: faceseg eval {words} --out scores   for each image, best and worst")
    return 0


def _expand(models: list[str], task: str) -> list[str]:
    """Replace ``classical`` by the names of all classical methods of the task."""
    names: list[str] = []
    for model in models:
        if model == "classical":
            from faceseg.classical import choose

            names += [method.name for method in choose(task)]
        else:
            names.append(model)
    return names


def _write_table(folder: Path, evaluations: list[tuple[str, Evaluation]]) -> None:
    from faceseg.files import write_csv

    header = ["model", "iou", "dice", "pixel_accuracy", "mean_image_iou", "images"]
    rows = [
        [name, *(f"{v:.6f}" for v in (*e.scores.values(), e.mean_image_iou)), len(e.names)]
        for name, e in evaluations
    ]
    write_csv(folder / "scores.csv", header, rows)


def _demo(args: argparse.Namespace) -> int:
    from faceseg.demo import demo

    report = demo(
        args.out or _unused("demo"),
        count=args.n, epochs=args.epochs, seed=args.seed, log=_say, progress=sys.stderr.isatty(),
    )  # fmt: skip
    print(f"report: {report.resolve()}")
    return 0


def _unused(name: str) -> Path:
    """Return `name`, or the first of ``name-2``, ``name-3`` that is not there yet."""
    return next(
        path
        for path in (Path(f"{name}-{n}" if n > 1 else name) for n in itertools.count(1))
        if not path.exists()
    )
