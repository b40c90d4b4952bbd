"""A video from file to file: each stage, the whole, and what smoothing does to the masks.

    python benchmarks/video.py

A person drawn by rule walks to and fro in frames of 1280 x 720. `faceseg video` runs on them with
each effect and each runtime that is here; the stages are also timed one by one, in CPU time, which
a busy machine distorts less. The smoothing is judged by the true masks: flicker of a person who
stands still, IoU of one who moves.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from run import heading, stem_of

from faceseg.draw.moving import draw_moving
from faceseg.errors import InputError
from faceseg.files import write_json
from faceseg.predict import PROVIDERS, Predictor, works
from faceseg.video import EFFECTS, effect_of, process, warm_up
from faceseg.video.effects import enlarge, shrink
from faceseg.video.smooth import Smoother
from faceseg.video.source import Source

SIZE = (720, 1280)
FPS = 30.0


def draw_video(path: Path, frames: int) -> None:
    """Write a person who swings 150 pixels to either side."""
    turns = np.arange(frames) / 12
    ways = np.stack([150 * np.sin(turns), 20 * np.sin(turns * 0.6)], axis=1)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE[::-1])
    for frame, _ in draw_moving(np.random.default_rng(3), SIZE, [tuple(w) for w in ways]):
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


def whole(
    video: Path, model: str, way: dict[str, str], workers: int, folder: Path
) -> list[dict[str, Any]]:
    """Run the command's pipeline with each effect."""
    alone = way["provider"] == "openvino"
    predictor = Predictor(model, **way, threads=workers if alone else 1)
    workers = 1 if alone else workers
    warm_up(predictor)
    folder = Path(tempfile.mkdtemp(dir=folder))
    rows = []
    for effect in EFFECTS:
        out = folder / (effect if effect == "cutout" else f"{effect}.mp4")
        spent = time.process_time()
        with Source(str(video)) as source:
            summary = process(source, out, predictor, effect_of(effect), workers=workers)
        cpu = (time.process_time() - spent) / summary.frames * 1e3
        row = {k: v for k, v in dataclasses.asdict(summary).items() if k not in ("source", "out")}
        row |= {"effect": effect, "precision": predictor.precision, "workers": workers}
        rows.append({**row, "cpu_ms_a_frame": cpu, "load": os.getloadavg()[0]})
        print(
            f"{predictor.provider[:8]} {predictor.precision} {effect:<8} {summary.fps:5.1f} fps, "
            f"CPU {cpu:5.1f} ms a frame, latency {summary.median_ms:.0f}, "
            f"p99 {summary.p99_ms:.0f} ms, load {os.getloadavg()[0]:.1f}"
        )
    return rows


def single(video: Path, model: str, repeat: int, folder: Path) -> dict[str, dict[str, float]]:
    """Time each step by itself, in one thread."""
    predictor = Predictor(model, provider="cpu", threads=1)
    capture = cv2.VideoCapture(str(video))
    frame = np.asarray(capture.read()[1], np.uint8)
    size = predictor.contract.size
    small = shrink(frame, size)
    pixels = np.ascontiguousarray(small[..., ::-1])
    large = np.ascontiguousarray(frame[..., ::-1])
    mask = predictor(pixels)
    soft = np.where(mask > 0, np.uint8(255), np.uint8(0))
    alpha = enlarge(soft, SIZE)
    smoother = Smoother(0.7)
    writer = cv2.VideoWriter(
        str(folder / "single.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE[::-1]
    )
    steps: dict[str, Callable[[], object]] = {
        "decode": capture.read,
        "shrink to the model's size": lambda: shrink(frame, size),
        "predict at the model's size": lambda: predictor(pixels),
        **{
            f"predict by OpenVINO, {other.precision}": lambda other=other: other(pixels)
            for way in ways()[1:]
            for other in [Predictor(model, **way, threads=1)]
        },
        "predict at 1280 x 720, for comparison": lambda: predictor(large),
        "smooth": lambda: smoother(small, soft),
        "enlarge the mask": lambda: enlarge(soft, SIZE),
        "copy of a frame (in each effect's time)": frame.copy,
    }
    for name in EFFECTS:
        effect = effect_of(name)
        steps[name] = lambda effect=effect: effect(frame.copy(), alpha, mask)  # type: ignore[misc]
    steps["encode mp4v"] = lambda: writer.write(frame)
    found = {name: _timed(step, repeat) for name, step in steps.items()}
    writer.release()
    return found


def ways() -> list[dict[str, str]]:
    """Return where the model may run here, as arguments of `Predictor`."""
    found = [{"provider": "cpu"}]
    if works(PROVIDERS["openvino"]):
        found.append({"provider": "openvino"})
        try:
            Predictor(provider="openvino", precision="bfloat16")
        except InputError as error:
            print(f"OpenVINO in bfloat16 left out: {error}")
        else:
            found.append({"provider": "openvino", "precision": "bfloat16"})
    return found


def _timed(step: Callable[[], object], repeat: int) -> dict[str, float]:
    wall, cpu = np.empty(repeat), np.empty(repeat)
    for k in range(-2, repeat):
        start, spent = time.perf_counter(), time.process_time()
        step()
        cpu[k], wall[k] = time.process_time() - spent, time.perf_counter() - start
    return {
        "cpu_median_ms": float(np.median(cpu) * 1e3),
        "cpu_least_ms": float(cpu.min() * 1e3),
        "wall_median_ms": float(np.median(wall) * 1e3),
    }


def steadiness(model: str, people: int) -> list[dict[str, Any]]:
    """Judge no smoothing, ours, and a plain average, on people who stand, walk and run."""
    predictor = Predictor(model, provider="cpu", threads=1)
    height, width = predictor.contract.size
    ways = {"none": 0.0, "smooth 0.5": 0.5, "smooth 0.7": 0.7, "smooth 0.85": 0.85}
    rows = []
    for speed in (0, 1, 4, 12):
        scores: dict[str, list[tuple[float, float]]] = {}
        for person in range(people):
            path = [(speed * (6.0 - abs(k % 24 - 12.0)), 0.0) for k in range(24)]
            seen, truths = [], []
            rng = np.random.default_rng(person)
            for frame, face in draw_moving(rng, (height, width), path):
                seen.append((frame, np.where(predictor(frame) > 0, np.uint8(255), np.uint8(0))))
                truths.append(face > 0)
            for name, keep in ways.items():
                smoother = Smoother(keep)
                steady = [smoother(frame, soft) >= 128 for frame, soft in seen]
                scores.setdefault(name, []).append(_score(steady, truths))
            average = seen[0][1].astype(np.float32)
            plain = []
            for _, soft in seen:
                average += 0.3 * (soft - average)
                plain.append(average >= 127.5)
            scores.setdefault("plain average 0.7", []).append(_score(plain, truths))
        for name, pairs in scores.items():
            flicker, iou = np.mean(pairs, axis=0)
            rows.append({"speed": speed, "way": name, "flicker": flicker, "iou": iou})
            print(f"{speed:>3} pixels a frame  {name:<18} flicker {flicker:.4f}  IoU {iou:.4f}")
    return rows


def _score(masks: list[NDArray[np.bool_]], truths: list[NDArray[np.bool_]]) -> tuple[float, float]:
    """Return flicker, pixels that change without the truth's changing over the face, and IoU."""
    changed, overlap = [], []
    for k, (mask, truth) in enumerate(zip(masks, truths, strict=True)):
        overlap.append((mask & truth).sum() / max(1, (mask | truth).sum()))
        if k:
            own = (mask != masks[k - 1]) & (truth == truths[k - 1])
            changed.append(own.sum() / max(1, truth.sum()))
    return float(np.mean(changed)), float(np.mean(overlap))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="face-unet")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="default: by machine, date and commit")
    args = parser.parse_args()
    result: dict[str, Any] = heading("video") | {
        "load_before": os.getloadavg(),
        "model": args.model,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_video(folder / "in.mp4", args.frames)
        result["whole"] = [
            row
            for way in ways()
            for row in whole(folder / "in.mp4", args.model, way, args.workers, folder)
        ]
        result["steps"] = single(folder / "in.mp4", args.model, args.repeat, folder)
    for step, ms in result["steps"].items():
        print(f"{step:<40} CPU {ms['cpu_median_ms']:6.2f} ms, least {ms['cpu_least_ms']:6.2f}")
    result["smoothing"] = steadiness(args.model, args.people)
    path = args.json or stem_of(result).with_suffix(".json")
    write_json(path, result)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
