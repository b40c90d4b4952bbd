"""``faceseg export``, ``predict``, ``models``, ``benchmark`` and ``info``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import faceseg
from faceseg import zoo
from faceseg.cli.extras import ALL, install, missing
from faceseg.cli.source import add_device_arguments, add_frames_arguments, quoted, with_frames
from faceseg.config import parse_size
from faceseg.errors import InputError, suggest
from faceseg.files import write_csv, write_json

if TYPE_CHECKING:
    from faceseg.bulk import Row
    from faceseg.segment import Loaded


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    export = commands.add_parser(
        "export",
        help="write a model as ONNX, TorchScript and other files",
        description="Write a checkpoint as files that take raw pixels and give masks. Each is\n"
        "run and compared with PyTorch at several sizes before it is put in place.",
        epilog="examples:\n"
        "  faceseg export runs/face\n"
        "  faceseg export runs/face --format onnx --store float16\n"
        "  faceseg export runs/face --format onnx --precision int8 --calibrate photos\n"
        "  faceseg export face-unet --format onnx --size 320x320 --out models\n"
        "  faceseg export face-unet --format openvino,triton --out models\n"
        "  faceseg export runs/face/last.pt --format onnx --out models --probabilities",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument(
        "model", type=Path, metavar="RUN", help="run folder, .pt or .onnx file, or shipped model"
    )
    export.add_argument(
        "--format",
        type=lambda text: text.split(","),
        default=["torchscript", "onnx"],
        metavar="A,B",
        help="some of torchscript, onnx, pt2, aoti, openvino, triton (default: torchscript,onnx)",
    )
    export.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the files (default: that of RUN)"
    )
    export.add_argument(
        "--probabilities", action="store_true", help="second output: probability of each class"
    )
    export.add_argument(
        "--size",
        default="dynamic",
        metavar="HxW",
        help="the one size of picture to take, without a free side in the graph, as OpenCV 4 and "
        "some accelerators need it (default: dynamic, any size)",
    )
    export.add_argument(
        "--letterbox",
        action="store_true",
        help="keep the ratio of height to width: the mean colour beside the picture (default: "
        "stretch it)",
    )
    export.add_argument(
        "--precision",
        default="float32",
        choices=("float32", "float16", "bfloat16", "int8"),
        help="what the network computes in (default: float32)",
    )
    export.add_argument(
        "--calibrate",
        metavar="DATA",
        help="int8: folder of pictures, or data set, like what it will see (default: drawn ones)",
    )
    export.add_argument(
        "--data", metavar="DATA", help="data set to score eager and each file on (its val split)"
    )
    export.add_argument(
        "--logits", action="store_true", help="the network alone: scaled float32 in, logits out"
    )
    export.add_argument(
        "--store",
        default="float32",
        choices=("float32", "float16", "int8"),
        help="how ONNX files store convolutions: float16 in half the size, int8 in a quarter; all "
        "compute in float32 (default: float32)",
    )
    export.add_argument(
        "--terms", default="", metavar="TEXT", help="terms of use, written into the files"
    )
    export.set_defaults(run=_export, extras=ALL)

    predict = commands.add_parser(
        "predict",
        help="masks, overlays or run lengths of pictures",
        usage="faceseg predict [MODEL] IMAGE [IMAGE ...] --out DIR [--save A,B]\n"
        "                       [--device DEVICE] [--precision P] [--threads N]\n"
        "                       [--frames [--levels N]]\n"
        "                       [--engine ray [--address ADDRESS]]",
        description="Segment pictures with a shipped or exported model (both need no torch), a\n"
        f"checkpoint or a classical method; with {zoo.DEFAULT} if none is named.",
        epilog="examples:\n"
        "  faceseg predict photo.jpg --out masks\n"
        "  faceseg predict mask-unet photos --out masks\n"
        "  faceseg predict face-unet.onnx photos --out masks --save mask,overlay,rle\n"
        "  faceseg predict frames --out masks --frames\n"
        "  faceseg predict runs/face 'photos/*.jpg' --out masks --device cuda\n"
        "  faceseg predict photos --out masks --device openvino --precision bfloat16\n"
        "  faceseg predict photos --out masks --save rle --engine ray",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    predict.add_argument(
        "words",
        nargs="+",
        metavar="[MODEL] IMAGE",
        help="a model (name from 'faceseg models', exported file, run folder, .pt, classical "
        "method), then pictures: files, folders or globs",
    )
    predict.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to fill")
    predict.add_argument(
        "--save",
        type=lambda text: text.split(","),
        default=["mask"],
        metavar="A,B",
        help="mask (PNG: 0 and 255, or class ids if there are more than two), overlay (JPEG), "
        "rle (one CSV); default: mask",
    )
    add_device_arguments(predict)
    predict.add_argument(
        "--threads", type=int, metavar="N", help="threads of the runtime (default: its choice)"
    )
    add_frames_arguments(predict)
    predict.add_argument(
        "--engine",
        default="local",
        choices=("local", "ray"),
        help="ray: on all cores, each worker with --threads (1), by Ray Data (default: local)",
    )
    predict.add_argument(
        "--address", metavar="ADDRESS", help="--engine ray: a cluster to join (default: own one)"
    )
    predict.set_defaults(run=_predict)

    models = commands.add_parser(
        "models",
        help="the trained models that come with the package",
        description="List the shipped models, or print the card of one: scores, data, terms.",
        epilog="examples:\n"
        "  faceseg models\n"
        f"  faceseg models {zoo.DEFAULT}\n"
        "  faceseg models --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    models.add_argument("name", nargs="?", metavar="NAME", help="print the card of this one")
    models.add_argument("--json", action="store_true", help="print JSON")
    models.set_defaults(run=_models)

    benchmark = commands.add_parser(
        "benchmark",
        help="time PyTorch against every runtime",
        description="Compare, then time: eager PyTorch in several ways, torch.compile,\n"
        "exported files in every runtime that is here; same weights, pictures, threads.",
        epilog="examples:\n"
        "  faceseg benchmark runs/face                   (exports to a temporary folder)\n"
        f"  faceseg benchmark {zoo.DEFAULT} --runtimes onnx,openvino --plot times.svg\n"
        "  faceseg benchmark runs/face face-unet.onnx --size 1080x1920 --threads 4\n"
        "  faceseg benchmark face-unet.ts face-unet.onnx --batch 8 --json times.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    benchmark.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="run folder, .pt file or name of a shipped model; then, or instead, exported files",
    )
    benchmark.add_argument(
        "--runtimes",
        type=lambda text: None if text == "all" else text.split(","),
        metavar="A,B",
        help="some of eager, compile, torchscript, pt2, aoti, onnx, openvino, opencv; with "
        "--device cuda: cuda, tensorrt; an error if missing (default: all, told if missing)",
    )
    benchmark.add_argument(
        "--size", default="512x512", metavar="HxW", help="of the pictures (default: 512x512)"
    )
    benchmark.add_argument("--batch", type=int, default=1, metavar="N", help="default: 1")
    benchmark.add_argument(
        "--threads", type=int, metavar="N", help="for each contender (default: torch's choice)"
    )
    benchmark.add_argument(
        "--repeats", type=int, default=30, metavar="N", help="rounds that are timed (default: 30)"
    )
    benchmark.add_argument("--device", default="cpu", help="auto, cpu or cuda (default: cpu)")
    benchmark.add_argument("--json", type=Path, metavar="FILE", help="write the result here, too")
    benchmark.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the times as .svg or .png"
    )
    benchmark.set_defaults(run=_benchmark, extras=ALL)

    info = commands.add_parser(
        "info",
        help="versions, kernels and devices in use",
        description="Print what to put into a bug report.",
        epilog="example:\n  faceseg info",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    info.set_defaults(run=_info)


def _export(args: argparse.Namespace) -> int:
    from faceseg.checkpoint import resolve
    from faceseg.export import export_model

    source = resolve(args.model)
    if args.out is None and source.suffix == ".onnx":
        raise InputError(f"{args.model}: its files would lie beside it; name a folder by --out")
    folder = args.out or source.parent
    written = export_model(
        args.model,
        args.format,
        folder,
        probabilities=args.probabilities,
        terms=args.terms,
        store=args.store,
        picture=None if args.size == "dynamic" else parse_size(args.size),
        precision=args.precision,
        calibrate=args.calibrate,
        logits=args.logits,
        data=args.data,
        letterbox=args.letterbox,
    )
    if args.precision == "int8" and args.calibrate is None:
        print("calibrated on drawn portraits; --calibrate DATA takes pictures like your own")
    for item in written:
        files = [path for path in (item.path, *item.path.rglob("*")) if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        print(f"{item.path}  {size:.1f} MB")
        print(indent(str(item), "  "))
    run = [item.path for item in written if item.format in ("torchscript", "onnx")]
    if args.logits or args.size != "dynamic" or not run:
        print("next: docs/export.md says how each is run, and what the JSON of its contract holds")
        return 0
    print(f"next: faceseg predict {quoted(run[-1])} IMAGE --out masks")
    print(f"      faceseg benchmark {quoted(args.model, *run)}")
    return 0


def _predict(args: argparse.Namespace) -> int:
    from faceseg import bulk
    from faceseg.images import find_images, image_size

    named, images = _model_and_images(args.words)
    for name in args.save:
        if name not in bulk.SAVES:
            raise InputError(f"--save: unknown {name!r}{suggest(name, bulk.SAVES)}")
    if args.address and args.engine != "ray":
        raise InputError(f"--address: {args.address} given without --engine ray")
    paths = list(dict.fromkeys(path for given in images for path in find_images(given)))
    stems: dict[str, Path] = {}
    for path in paths:
        # What can be told without decoding is told before any work.
        image_size(path)
        if path.stem in stems:
            raise InputError(f"{path}: its results would replace those of {stems[path.stem]}")
        stems[path.stem] = path
    model = _load(named, args)
    if "rle" in args.save and len(model.classes) > 2:
        raise InputError(
            f"{named}: --save rle takes one foreground class, this model has "
            f"{len(model.classes) - 1}; use --save mask"
        )
    how = "chosen automatically" if args.device == "auto" else f"--device {args.device}"
    passes = "; whole frames in two passes" if args.frames else ""
    print(f"{model.name}: {', '.join(model.classes)}; on {model.runs_on} ({how}){passes}")
    start = time.perf_counter()
    if args.engine == "ray":
        absolute = str(Path(named).absolute()) if Path(named).exists() else named
        found = bulk.on_ray(
            partial(_load, absolute, args),
            paths,
            args.out,
            args.save,
            address=args.address,
            threads=args.threads or 1,
            gpu=model.runs_on.lower().startswith(("cuda", "tensorrt")),
        )
    else:
        found = bulk.here(model, paths, args.out, args.save)
    done = _collect(found, len(paths), args.out, args.save)
    seconds = time.perf_counter() - start
    print(f"pictures: {done}, {seconds:.1f} s, {done / seconds:.1f} a second")
    for name in args.save:
        print(f"  {args.out / (name if name != 'rle' else 'rle.csv')}")
    if zoo.locate(named).exists():
        print(f"next: faceseg benchmark {quoted(named)}")
    return 0


def _load(named: str, args: argparse.Namespace) -> Loaded:
    from faceseg.segment import load_segmenter

    threads = args.threads
    if args.engine == "ray" and zoo.locate(named).suffix.lower() in (".onnx", ".openvino"):
        threads = threads or 1
    loaded = load_segmenter(named, device=args.device, threads=threads, precision=args.precision)
    return with_frames(args, loaded)


def _model_and_images(words: list[str]) -> tuple[str, list[str]]:
    """Tell the model from the pictures; without a model it is the light one for faces."""
    from faceseg.segment import is_model

    if not is_model(words[0]):
        if zoo.DEFAULT not in zoo.names():
            raise InputError(
                f"{words[0]}: no model before the pictures, and {zoo.DEFAULT} does not come with "
                "this installation; name a model first"
            )
        print(f"model: {zoo.DEFAULT}, as none was named; others: faceseg models")
        return zoo.DEFAULT, words
    if len(words) == 1:
        raise InputError(f"{words[0]}: a model, but no pictures after it")
    return words[0], words[1:]


def _models(args: argparse.Namespace) -> int:
    cards = [zoo.card(name) for name in ([args.name] if args.name else zoo.names())]
    if args.json:
        documents = [card.to_dict() for card in cards]
        print(json.dumps(documents[0] if args.name else documents, indent=2))
    elif args.name:
        print(cards[0].markdown(), end="")
    else:
        print(zoo.listing(cards))
        if cards:
            print(f"next: faceseg models {cards[0].name}   its card")
            print(f"      faceseg predict {cards[0].name} IMAGE --out masks")
        else:
            print("next: faceseg train DATA --out runs/face")
    return 0


def _collect(found: Iterator[tuple[int, Row]], count: int, out: Path, saves: list[str]) -> int:
    """Take the rows of all pictures; one that cannot be read ends it and names what is done."""
    from tqdm import tqdm

    from faceseg.bulk import HEADER

    rows: dict[int, Row] = {}
    try:
        for place, row in tqdm(found, total=count, unit="image", disable=not sys.stderr.isatty()):
            rows[place] = row
    except InputError as error:
        raise InputError(
            f"{error}; stopped there: {len(rows)} of {count} pictures are done, in {out}"
        ) from error
    finally:
        if rows and "rle" in saves:
            write_csv(out / "rle.csv", HEADER, [rows[place] for place in sorted(rows)])
    return len(rows)


def _benchmark(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from faceseg.benchmark import check_plot, run, write_plot

    def progress(rounds: range) -> Iterator[int]:
        return iter(tqdm(rounds, "rounds", leave=False, disable=not sys.stderr.isatty()))

    def tell(line: str) -> None:
        if sys.stderr.isatty():
            print(line, file=sys.stderr)

    if args.plot:
        check_plot(args.plot)
    result = run(
        args.models,
        runtimes=args.runtimes,
        size=parse_size(args.size),
        batch=args.batch,
        threads=args.threads,
        repeats=args.repeats,
        device=args.device,
        progress=progress,
        tell=tell,
    )
    print(result.table())
    written = [path for path in (args.json, args.plot) if path]
    if args.json:
        write_json(args.json, dataclasses.asdict(result))
    if args.plot:
        write_plot(result, args.plot)
    for path in written:
        print(f"written: {path}")
    if not written:
        print("\nnext: --json FILE keeps the figures with machine and versions, --plot draws them")
    return 0


def _info(_: argparse.Namespace) -> int:
    from faceseg import _kernels
    from faceseg.machine import machine, versions

    here = machine()
    how = "forced by FACESEG_KERNELS" if _kernels.forced else "chosen"
    print(f"faceseg {faceseg.__version__}")
    print(f"kernels: {_kernels.version()} ({how} of {', '.join(_kernels.versions())})")
    print(f"{here['system']}, {here['cpu']}, {here['cores']} cores")
    print("\n".join(f"  {n:<24}{v}" for n, v in versions().items() if n != "faceseg"))
    print(_cuda())
    print(_providers())
    wanted = missing(ALL)
    print(f"next: {install(wanted)}; then faceseg demo" if wanted else "next: faceseg demo")
    return 0


def _cuda() -> str:
    try:
        import torch
    except ModuleNotFoundError:
        return f"torch: not installed ({install(['train'])})"
    if not torch.cuda.is_available():
        return "torch devices: cpu"
    names = (torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return "torch devices: cpu, " + ", ".join(f"cuda:{i} {n}" for i, n in enumerate(names))


def _providers() -> str:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        return f"onnxruntime: not installed ({install(['onnx'])})"
    from faceseg.predict import PROVIDERS, works

    listed: list[str] = onnxruntime.get_available_providers()
    short = ", ".join(name.removesuffix("ExecutionProvider") for name in listed)
    working = ", ".join(name for name, provider in PROVIDERS.items() if works(provider))
    return f"onnxruntime lists {short}; usable with --device: {working}"
