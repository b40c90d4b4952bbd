"""Whole frames: what the second pass is worth, on frames composed of real portraits and drawn ones.

Portraits with known masks are put at random places of drawn backgrounds, small, their borders
faded; nothing of them is kept. Each way to a mask is scored at the frame's own size: IoU over all
pixels of the set, and, face by face in the face's own box with a margin, IoU and boundary IoU. On
pictures without a face what counts is how much of them is called a face.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from run import heading, stem_of
from tqdm import tqdm

from faceseg.boundary import boundary_iou
from faceseg.draw import draw_portrait
from faceseg.draw.background import draw_background
from faceseg.errors import InputError
from faceseg.files import write_json, write_text
from faceseg.frames import whole_frames
from faceseg.images import read_image
from faceseg.predict import Predictor
from faceseg.records import Source, open_source

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Frame:
    """A picture, its true mask and the box of each face: left, top, right, bottom."""

    image: Image
    truth: Image
    faces: tuple[Box, ...]


def background(rng: np.random.Generator, height: int, width: int) -> Image:
    """Draw a background at a quarter of the size, enlarge it and add the grain of a sensor."""
    small = draw_background(rng, (height // 4, width // 4))
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = np.zeros((height, width), np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(grain, np.zeros(1), np.full(1, rng.uniform(1, 6)))
    return np.asarray((large + grain[..., None]).clip(0, 255), np.uint8)


def compose(rng: np.random.Generator, source: Source, height: int, width: int) -> Frame:
    """Put one to four portraits, 100 to 900 pixels large, on a drawn background."""
    image, truth, faces = background(rng, height, width), np.zeros((height, width), np.uint8), []
    taken: list[Box] = []
    for _ in range(int(rng.integers(1, 5))):
        record = source.records[int(rng.integers(len(source.records)))]
        picture = read_image(record.image)
        mask = (source.mask(record, picture.shape[:2]) > 0).astype(np.float32)
        side = round(100 * 9 ** rng.random())
        shape = (
            round(side * picture.shape[0] / max(picture.shape[:2])),
            round(side * picture.shape[1] / max(picture.shape[:2])),
        )
        shrink = cv2.INTER_AREA if side < max(picture.shape[:2]) else cv2.INTER_CUBIC
        size = shape[::-1]
        picture = np.asarray(cv2.resize(picture, size, interpolation=shrink))
        part = cv2.resize(mask, size, interpolation=min(shrink, cv2.INTER_LINEAR + 2)) > 0.5
        for _ in range(20):
            y, x = int(rng.integers(height - shape[0] + 1)), int(rng.integers(width - shape[1] + 1))
            box = x, y, x + shape[1], y + shape[0]
            if not any(_meet(box, other) for other in taken):
                break
        else:
            continue
        taken.append(box)
        cover = np.zeros(shape, np.float32)
        edge = max(2, side // 40)
        cover[edge:-edge, edge:-edge] = 1
        cover = cv2.blur(cover, (2 * edge + 1, 2 * edge + 1))
        where = np.s_[y : y + shape[0], x : x + shape[1]]
        image[where] = cv2.blendLinear(
            picture, np.ascontiguousarray(image[where]), cover, 1 - cover
        )
        truth[where] |= part
        left, top, w, h = cv2.boundingRect(part.view(np.uint8))
        if w and h:
            faces.append((x + left, y + top, x + left + w, y + top + h))
    return Frame(image, truth, tuple(faces))


def _meet(a: Box, b: Box) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _whole(image: Image, labels: Image, foreground: int = 1) -> Frame:
    truth = (labels >= foreground).astype(np.uint8)
    left, top, w, h = cv2.boundingRect(truth)
    faces = ((left, top, left + w, top + h),) if w and h else ()
    return Frame(np.ascontiguousarray(image), np.ascontiguousarray(truth), faces)


def _dark(image: Image) -> Image:
    table = ((np.arange(256) / 255) ** 2.2 * 160).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _grey(image: Image) -> Image:
    return np.asarray(
        cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8
    )


def _small(image: Image, labels: Image) -> Frame:
    picture = np.asarray(cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA), np.uint8)
    share = cv2.resize(
        (labels > 0).astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA
    )  # fmt: skip
    return _whole(picture, (share > 0.5).astype(np.uint8))


CHANGES: dict[str, Callable[[Image, Image], Frame]] = {
    "as they are": _whole,
    "64 x 64": _small,
    "turned by 90°": lambda i, t: _whole(np.rot90(i), np.rot90(t)),
    "grey": lambda i, t: _whole(_grey(i), t),
    "dark": lambda i, t: _whole(_dark(i), t),
}


def no_faces(rng: np.random.Generator, count: int) -> Iterator[Frame]:
    """Give drawn backgrounds, textures, and photographs without a face."""
    pictures = [background(rng, 1080, 1920) for _ in range(count)]
    for _ in range(count):
        cells = rng.integers(0, 256, (*rng.integers(3, 40, 2), 3), dtype=np.uint8)
        pictures.append(np.asarray(cv2.resize(cells, (1920, 1080)), np.uint8))
    pictures += list(photographs())
    for picture in pictures:
        yield Frame(picture, np.zeros(picture.shape[:2], np.uint8), ())


def photographs() -> Iterator[Image]:
    """Give the sample photographs, of a temple and a flower, that scikit-learn brings."""
    from sklearn.datasets import load_sample_images

    yield from (np.asarray(image, np.uint8) for image in load_sample_images().images)


def sets(source: Source, count: int, seed: int) -> dict[str, Callable[[], Iterator[Frame]]]:
    """Return, by name, what gives the frames of each set anew."""

    def rng(number: int) -> np.random.Generator:
        return np.random.default_rng((seed, number))

    def frames(number: int, n: int, height: int, width: int) -> Iterator[Frame]:
        generator = rng(number)
        return (compose(generator, source, height, width) for _ in range(n))

    def drawn() -> Iterator[Frame]:
        generator = rng(3)
        for _ in range(count):
            image, labels = draw_portrait(generator, size=(1080, 1920))
            yield _whole(image, labels, 2)

    def plain(change: Callable[[Image, Image], Frame]) -> Iterator[Frame]:
        for record in source.records[: 4 * count]:
            image = read_image(record.image)
            yield change(image, (source.mask(record, image.shape[:2]) > 0).astype(np.uint8))

    found: dict[str, Callable[[], Iterator[Frame]]] = {
        "portraits in frames, 1080 x 1920": lambda: frames(1, count, 1080, 1920),
        "portraits in frames, 3000 x 4000": lambda: frames(2, max(1, count // 3), 3000, 4000),
        "drawn portraits, 1080 x 1920": drawn,
        "no face": lambda: no_faces(rng(4), count),
    }
    for name, change in CHANGES.items():
        found[f"portraits {name}"] = lambda change=change: plain(change)  # type: ignore[misc]
    return found


def score(mask: Image, frame: Frame) -> dict[str, Any]:
    """Return counts over the frame and scores of each face in its box with a margin."""
    mask = (mask > 0).astype(np.uint8)
    result: dict[str, Any] = {
        "both": int(np.count_nonzero(mask & frame.truth)),
        "either": int(np.count_nonzero(mask | frame.truth)),
        "false": float(np.count_nonzero(mask & ~frame.truth & 1) / mask.size),
        "faces": [],
    }
    for left, top, right, bottom in frame.faces:
        edge = max(right - left, bottom - top) // 4
        where = np.s_[max(top - edge, 0) : bottom + edge, max(left - edge, 0) : right + edge]
        a, b = mask[where], frame.truth[where]
        result["faces"].append(
            {
                "side": max(right - left, bottom - top),
                "iou": float(np.count_nonzero(a & b) / max(1, np.count_nonzero(a | b))),
                "boundary": boundary_iou(a, b, zero_division=1.0),
            }
        )
    return result


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the scores of a set."""
    faces = [face for row in rows for face in row["faces"]]
    either = sum(row["either"] for row in rows)
    return {
        "pictures": len(rows),
        "faces": len(faces),
        "iou": sum(row["both"] for row in rows) / either if either else None,
        "found": float(np.mean([f["iou"] > 0.5 for f in faces])) if faces else None,
        "face_iou": float(np.mean([f["iou"] for f in faces])) if faces else None,
        "boundary_iou": float(np.mean([f["boundary"] for f in faces])) if faces else None,
        "false": float(np.mean([row["false"] for row in rows])),
        "calls": float(np.mean([row["calls"] for row in rows])),
        "cpu_ms": float(np.median([row["cpu_ms"] for row in rows])),
    }


def table(result: dict[str, Any]) -> str:
    """Return the summary as Markdown."""
    lines = [
        "| pictures | way | IoU | found | face IoU | boundary IoU | false area, % | calls "
        "| CPU ms |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]

    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    for name, ways in result["sets"].items():
        for way, s in ways.items():
            lines.append(
                f"| {name} | {way} | {shown(s['iou'])} | {shown(s['found'])} | "
                f"{shown(s['face_iou'])} | {shown(s['boundary_iou'])} | {100 * s['false']:.3f} | "
                f"{s['calls']:.1f} | {s['cpu_ms']:.0f} |"
            )
    return "\n".join(lines) + "\n"


def measure(
    frames: Iterator[Frame],
    ways: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]],
    segment: Callable[..., Any],
) -> dict[str, list[dict[str, Any]]]:
    """Score each way on each frame, one frame after another, so that one is in memory."""
    rows: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for frame in frames:
        for way, wrap in ways.items():
            calls = 0

            def counted(image: Image) -> Any:
                nonlocal calls
                calls += 1
                return segment(image)

            run = wrap(counted)
            start = time.process_time()
            mask = run(frame.image)
            seconds = time.process_time() - start
            rows[way].append(score(mask, frame) | {"calls": calls, "cpu_ms": 1000 * seconds})
    return rows


WAYS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "plain": lambda segment: segment,
    "two passes": whole_frames,
    "two passes; 2 levels": lambda segment: whole_frames(segment, levels=2),
}


def main(words: list[str] | None = None) -> None:
    """Measure and write JSON and table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python benchmarks/frames.py face-unet.onnx --data data/easyportrait",
    )
    parser.add_argument("model", help=".onnx file")
    parser.add_argument("--data", type=Path, required=True, help="portraits with masks")
    parser.add_argument("--split", default="val", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=12, help="frames a set; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--only", default="", help="sets whose names begin so")
    parser.add_argument("--ways", default=",".join(WAYS), help="default: %(default)s")
    parser.add_argument("--terms", default="", help="terms of the data, for the heading")
    parser.add_argument("--json", type=Path, help="result; default: by machine, date, commit")
    arguments = parser.parse_args(words)
    cv2.setNumThreads(1)
    source = open_source(arguments.data, task="face", split=arguments.split)
    segment = Predictor(arguments.model, provider="cpu", threads=1)
    chosen = {
        name: frames
        for name, frames in sets(source, arguments.count, arguments.seed).items()
        if name.startswith(arguments.only)
    }
    if not chosen:
        raise InputError(f"--only: no set begins with {arguments.only!r}")
    wanted = arguments.ways.split(",")
    if not set(wanted) <= set(WAYS):
        raise InputError(f"--ways: {arguments.ways!r} given, expected some of {','.join(WAYS)}")
    ways = {name: WAYS[name] for name in wanted}
    result = heading("frames") | {
        "asked": {"data": arguments.data.name, "split": arguments.split, "terms": arguments.terms,
                  "count": arguments.count, "seed": arguments.seed},
        "model": segment.contract.weights_sha256,
        "sets": {},
        "faces": {},
    }  # fmt: skip
    path = arguments.json or stem_of(result).with_suffix(".json")
    for name, frames in tqdm(chosen.items(), disable=not sys.stderr.isatty()):
        rows = measure(frames(), ways, segment)
        result["sets"][name] = {way: summary(found) for way, found in rows.items()}
        result["faces"][name] = {
            way: [[f["side"], round(f["iou"], 4), round(f["boundary"], 4)]
                  for row in found for f in row["faces"]]
            for way, found in rows.items()
        }  # fmt: skip
        write_json(path, result)
        write_text(path.with_suffix(".md"), report(result))
        print(name, flush=True)
    print(table(result))
    print(f"table: {path.with_suffix('.md')}")


def report(result: dict[str, Any]) -> str:
    """Return the table with what it was measured on."""
    asked = result["asked"]
    return "\n".join(
        [
            f"{result['machine']['cpu']}, {result['date']}, commit {result['commit']}",
            "",
            ", ".join(f"{name} {v}" for name, v in result["versions"].items() if v),
            "",
            f"{asked['data']}, {asked['split']}, seed {asked['seed']}. {asked['terms']} Weights "
            f"{result['model'][:12]}. `found` is the share of faces with an IoU over 0.5 in their "
            "own box with a margin of a quarter; face IoU and boundary IoU (2 % of that box's "
            "diagonal) are means over faces in the same boxes. CPU ms: median, one thread.",
            "",
            table(result),
        ]
    )


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
