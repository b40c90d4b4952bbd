"""Where the time of a prediction goes: ends and network of the graph, decoding, run lengths.

Kernels are timed by ONNX Runtime's own profiler, the network's and those around it. Turns of all
sizes are interleaved; medians are printed, in milliseconds.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from faceseg import zoo
from faceseg.config import parse_size
from faceseg.draw import draw_portrait
from faceseg.images import encode_jpeg
from faceseg.predict import Predictor


def kernels(path: Path, image: np.ndarray, threads: int, turns: int) -> dict[str, float]:
    """Return the milliseconds of the kernels before the network, in it and after it."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = os.path.join(folder, "profile")
        session = onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
        for _ in range(turns + 2):
            session.run(["mask"], {"image": image[None]})
        events = json.loads(Path(session.end_profiling()).read_text())
    runs: dict[str, list[float]] = defaultdict(list)
    ran = [e for e in events if e["name"].endswith("_kernel_time")]
    # From the first convolution to the last is the network; its names differ by exporter.
    order = list(dict.fromkeys(event["name"] for event in ran))
    convolutions = [e["name"] for e in ran if "Conv" in e["args"]["op_name"]]
    first, last = (order.index(convolutions[i]) for i in (0, -1))
    for event in ran:
        runs[event["name"]].append(event["dur"] / 1e3)
    parts = {"before": 0.0, "network": 0.0, "after": 0.0}
    for place, name in enumerate(order):
        part = "before" if place < first else "network" if place <= last else "after"
        parts[part] += statistics.median(runs[name][2:])
    return parts


def main() -> None:
    """Print one row for each size and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=zoo.DEFAULT, help="name or .onnx file")
    parser.add_argument("--sizes", nargs="+", default=["256x256", "720x1280"], metavar="HxW")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--turns", type=int, default=20)
    arguments = parser.parse_args()

    portrait, _ = draw_portrait(np.random.default_rng(0))
    calls: dict[tuple[str, int], dict[str, Callable[[], object]]] = {}
    parts: dict[tuple[str, int], dict[str, float]] = {}
    for size in arguments.sizes:
        height, width = parse_size(size)
        image = np.array(Image.fromarray(portrait).resize((width, height)))
        jpeg = encode_jpeg(image)
        for threads in arguments.threads:
            predictor = Predictor(arguments.model, provider="cpu", threads=threads)
            found = predictor.predict(image)
            calls[size, threads] = {
                "mask": lambda predictor=predictor, image=image: predictor(image),
                "decode": lambda jpeg=jpeg: np.array(Image.open(io.BytesIO(jpeg))),
                "rle": found.rle,
            }
            path = zoo.locate(arguments.model)
            parts[size, threads] = kernels(path, image, threads, arguments.turns)
    times: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for _ in range(arguments.turns + 2):
        for (size, threads), row in calls.items():
            for name, call in row.items():
                start = time.perf_counter()
                call()
                times[size, threads, name].append(1e3 * (time.perf_counter() - start))
    print("| size | threads | picture to mask | before | network | after | decode | rle |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for (size, threads), part in parts.items():
        whole, decode, rle = (
            statistics.median(times[size, threads, name][2:]) for name in ("mask", "decode", "rle")
        )
        cells = [whole, *part.values(), decode, rle]
        print(f"| {size} | {threads} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")


if __name__ == "__main__":
    main()
