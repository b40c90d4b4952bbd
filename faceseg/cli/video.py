"""``faceseg video``."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceseg import zoo
from faceseg.cli.source import add_device_arguments, quoted
from faceseg.errors import InputError
from faceseg.files import write_json
from faceseg.machine import machine

if TYPE_CHECKING:
    from faceseg.video import Summary
    from faceseg.video.stages import Times


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    video = commands.add_parser(
        "video",
        help="overlay, blur, replace or cut out in videos, cameras and streams",
        usage="faceseg video IN [MODEL] --out OUT [--effect EFFECT] [--background WHAT]\n"
        "                     [--smooth SHARE] [--codec FOUR] [--device DEVICE]\n"
        "                     [--precision PRECISION] [--threads N] [--json FILE]",
        description="Segment a video frame by frame with a shipped or exported model, and write\n"
        "what an effect makes of it. Ctrl-C ends the run with a finished file.",
        epilog="examples:\n"
        "  faceseg video clip.mp4 --out seen.mp4\n"
        "  faceseg video clip.mp4 --out call.mp4 --effect blur\n"
        "  faceseg video clip.mp4 --out sea.mp4 --effect replace --background sea.jpg\n"
        "  faceseg video clip.mp4 mask-unet --out cut --effect cutout  (PNG with alpha)\n"
        "  faceseg video 0 --out camera.mp4                            (first camera)\n"
        "  faceseg video rtsp://192.168.0.7/live --out door.mkv --json door.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    video.add_argument("source", metavar="IN", help="video file, number of a camera, or URL")
    video.add_argument(
        "model",
        nargs="?",
        default=zoo.DEFAULT,
        metavar="MODEL",
        help=f"name from 'faceseg models', .onnx file or .openvino folder (default: {zoo.DEFAULT})",
    )
    video.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help=".mp4, .mov, .mkv or .avi file, or a new folder (no suffix) for PNG files",
    )
    video.add_argument(
        "--effect",
        default="overlay",
        choices=("overlay", "blur", "replace", "cutout"),
        help="paint the find, blur or replace what is around it, or cut it out with alpha "
        "(default: overlay)",
    )
    video.add_argument(
        "--background",
        metavar="WHAT",
        help="for replace: #rrggbb or a picture (default: #00b140, a green screen)",
    )
    video.add_argument(
        "--smooth",
        type=float,
        default=0.7,
        metavar="SHARE",
        help="of the past in the mask where the picture stands still, 0 to 0.99 (default: 0.7)",
    )
    video.add_argument(
        "--codec",
        metavar="FOUR",
        help="codec in four letters, if not the usual one of the suffix: avc1",
    )
    add_device_arguments(video)
    video.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="frames predicted at a time; with OpenVINO its threads (default: the cores)",
    )
    video.add_argument("--json", type=Path, metavar="FILE", help="write the summary here, too")
    video.set_defaults(run=_video)


def _video(args: argparse.Namespace) -> int:
    for module, package in (("cv2", "opencv-python-headless"), ("onnxruntime", "onnxruntime")):
        if find_spec(module) is None:
            raise InputError(f"this command needs {module}: pip install {package}")
    if args.background is not None and args.effect != "replace":
        raise InputError(f"--background: given with --effect {args.effect}; it goes with replace")
    # What FFmpeg inside OpenCV writes about a file is said here in one line of our own.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    from tqdm import tqdm

    from faceseg.exported import format_of
    from faceseg.predict import PROVIDERS, Predictor
    from faceseg.video import effect_of, process, warm_up
    from faceseg.video.sink import check_sink
    from faceseg.video.source import Source

    workers = int(machine()["cores"]) if args.threads is None else args.threads
    if workers < 1:
        raise InputError(f"--threads: {workers} given, expected 1 or more")
    effect = effect_of(args.effect, args.background or "#00b140")
    with Source(args.source) as source:
        check_sink(args.out, args.effect, source.file, args.codec)
        # ONNX Runtime predicts several frames at a time on the CPU, the others one.
        alone = args.device == "openvino" or format_of(Path(args.model)) == "openvino"
        predictor = Predictor(
            args.model,
            provider=args.device,
            threads=workers if alone else 1,
            precision=args.precision,
        )
        if predictor.provider != PROVIDERS["cpu"]:
            workers = 1
        if alone:
            warm_up(predictor)
        how = "chosen automatically" if args.device == "auto" else f"--device {args.device}"
        print(f"{predictor.contract.name}: on {predictor.provider}, {predictor.precision} ({how})")
        stop = threading.Event()
        before = signal.signal(signal.SIGINT, lambda *_: _stop(stop))
        try:
            with tqdm(total=source.frames, unit="frame", disable=None) as bar:

                def watch(done: int, times: Times) -> None:
                    latency = f"{times.latency[-1] * 1e3:.0f} ms"
                    bar.set_postfix(latency=latency, dropped=times.dropped, refresh=False)
                    bar.update(done - bar.n)

                summary = process(
                    source,
                    args.out,
                    predictor,
                    effect,
                    smooth=args.smooth,
                    codec=args.codec,
                    workers=workers,
                    stop=stop,
                    watch=watch,
                )
        finally:
            signal.signal(signal.SIGINT, before)
    _tell(summary)
    if args.json:
        write_json(args.json, dataclasses.asdict(summary))
        print(f"  {args.json}")
    if summary.ended not in ("end", "stopped"):
        print(f"faceseg: warning: {summary.source}: {summary.ended}", file=sys.stderr)
        return 1
    if args.effect == "overlay" and source.file is not None:
        print(f"next: faceseg video {quoted(args.source, args.model)} --effect blur --out blur.mp4")
    else:
        print(f"next: faceseg models {predictor.contract.name}   what the model can and cannot do")
    return 0


def _stop(stop: threading.Event) -> None:
    """End the run at the first Ctrl-C, and leave the second to Python."""
    stop.set()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _tell(summary: Summary) -> None:
    height, width = summary.size
    stages = ", ".join(f"{name} {ms:.1f}" for name, ms in summary.stages_ms.items())
    print(
        f"frames: {summary.frames} of {width} x {height}, {summary.seconds:.1f} s, "
        f"{summary.fps:.1f} a second; dropped: {summary.dropped}"
    )
    print(f"latency: median {summary.median_ms:.0f} ms, p99 {summary.p99_ms:.0f} ms")
    print(f"stages, median ms: {stages}")
    print(f"sound: {summary.audio}")
    if summary.ended == "stopped":
        print("stopped by Ctrl-C; the result is whole up to there")
    print(f"  {summary.out}")
