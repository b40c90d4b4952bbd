"""Awkward and malformed input, to us and to every peer that is installed.

    python benchmarks/robustness.py        # JSON and a table in benchmarks/results

Each input goes to each library in a process of its own, with limits of time and memory, since some
crash and some never return. Freed and fresh memory is filled with a pattern (``MALLOC_PERTURB_``),
so that an answer made of uninitialised memory shows. Needs Linux.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
import table

HERE = Path(__file__).parent
SECONDS = 10.0
MEMORY = 8 << 30

SHAPE = (3, 4)
MASK = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1]], np.uint8)
COUNTS = [4, 2, 1, 2, 2, 1]
STRING = b"42101O"
PIXELS = MASK.ravel(order="F").tolist()
EMPTY = [0] * 12
BIG = 2**31 + 10


@dataclass(frozen=True)
class Input:
    """One input.

    Attributes
    ----------
    title
        What is awkward about it.
    way
        What is done with it, a key of the libraries in `LIBRARIES`.
    given
        Arguments.
    right
        The right answer; None if there is none, so that it has to be an error.
    """

    title: str
    way: str
    given: tuple[Any, ...]
    right: Any = None


def groups(*values: int, differences: bool = True) -> bytes:
    """Return values in COCO's groups, whatever they are; from the fourth on as differences."""
    found = bytearray()
    for i, value in enumerate(values):
        x = value - values[i - 2] if differences and i > 2 else value
        while True:
            group, x = x & 0x1F, x >> 5
            more = x != (-1 if group & 0x10 else 0)
            found.append(48 + (group | 0x20 if more else group))
            if not more:
                break
    return bytes(found)


def _string(title: str, counts: Any, right: Any = None, size: Any = SHAPE) -> Input:
    return Input(title, "string", ({"size": list(size), "counts": counts},), right)


def _list(title: str, counts: Any, right: Any = None) -> Input:
    return Input(title, "list", ({"size": list(SHAPE), "counts": counts},), right)


def _kaggle(title: str, text: Any, right: Any = None) -> Input:
    return Input(title, "kaggle", (text,), right)


def _encode(title: str, mask: Any, right: Any = None) -> Input:
    return Input(title, "encode", (mask,), right)


def _dictionary(counts: Any, size: Any = SHAPE) -> dict[str, Any]:
    return {"size": list(size), "counts": counts}


def inputs() -> list[Input]:
    """Return all inputs."""
    wide = np.zeros((6, 8), np.int16)
    wide[::2, ::2] = MASK
    merged = [0] * 4 + [0] * 2 + [1] * 6
    good = _dictionary(STRING)
    return [
        # COCO's string to a mask
        _string("well formed, bytes", STRING, PIXELS),
        _string("well formed, str", STRING.decode(), PIXELS),
        _string("all foreground: first run 0", groups(0, 12), [1] * 12),
        _string("no pixels: size 0 x 4", groups(0), [], (0, 4)),
        _string("counts too short", groups(4, 2, 1, 2, 2)),
        _string("counts too long", groups(4, 2, 1, 2, 2, 2)),
        _string("counts far too long", groups(4, 10**6)),
        _string("empty string", b""),
        _string("cut inside a number", STRING[:-1] + b"o"),
        _string("1000 characters that never end a number", b"o" * 1000),
        _string("space in the middle", b"421 01O"),
        _string("newline at the end", STRING + b"\n"),
        _string("character above 'o'", b"42101~"),
        _string("NUL in the middle", b"42\x00101O"),
        _string("character that is not ASCII", "42101é"),
        _string("negative first run", groups(-1, 13)),
        _string("negative run, the sum fits", groups(4, 2, 1, -1, 6)),
        _string("run of 0 in the middle", groups(4, 0, 2, 6), merged),
        _string("run of 0 at the end", groups(12, 0), EMPTY),
        _string("number in more groups than needed", b"T0" + STRING[1:], PIXELS),
        _string("run over 32 bits that wraps to fit", groups(2**32 + 4, 2, 1, 2, 2, 1)),
        _string("sum over 32 bits that wraps to fit", groups(2**32 - 1, 13)),
        _string("number over 64 bits", b"o" * 13 + b"0" + STRING),
        _string("size 16384 x 16384, counts too short", groups(12), size=(16384, 16384)),
        _string("size 2^20 x 2^20, counts too short", groups(12), size=(2**20, 2**20)),
        _string("size that overflows 64 bits to 0", groups(0), size=(2**32, 2**32)),
        _string("negative size", STRING, size=(-3, -4)),
        _string("size of one number", STRING, size=(12,)),
        _string("size of three numbers", STRING, size=(3, 2, 2)),
        _string("counts missing: None", None),
        # Counts as a list to a mask
        _list("well formed", COUNTS, PIXELS),
        _list("list too short", COUNTS[:-1]),
        _list("list too long", [*COUNTS, 5]),
        _list("empty list", []),
        _list("negative count, the sum fits", [4, 2, 1, -1, 6]),
        _list("fractions", [4.5, 7.5]),
        _list("count over 32 bits that wraps to fit", [2**32 + 4, 8]),
        _list("count over 64 bits", [2**64 + 4, 8]),
        _list("count of 0 in the middle", [4, 0, 2, 6], merged),
        _list("numbers as text", ["4", "8"]),
        _list("list in a list", [[4, 8]]),
        # Kaggle's text to a mask
        _kaggle("well formed", "5 2 8 2 12 1", PIXELS),
        _kaggle("no text", "", EMPTY),
        _kaggle("tab and newline between", "5\t2\n8 2\n12 1\n", PIXELS),
        _kaggle("runs that touch", "5 1 6 1 8 2 12 1", PIXELS),
        _kaggle("odd count of numbers", "5 2 8"),
        _kaggle("start 0", "0 2"),
        _kaggle("negative start", "-5 2"),
        _kaggle("negative length", "5 -2"),
        _kaggle("length 0", "5 0"),
        _kaggle("overlap", "5 3 6 2"),
        _kaggle("the same run twice", "5 2 5 2"),
        _kaggle("not sorted", "8 2 5 2"),
        _kaggle("ends beyond the image", "12 2"),
        _kaggle("starts beyond the image", "13 1"),
        _kaggle("number over 32 bits that wraps to fit", f"{2**32 + 5} 2"),
        _kaggle("number over 64 bits that wraps to fit", f"{2**64 + 5} 2"),
        _kaggle("letters", "5 2x"),
        _kaggle("comma", "5,2"),
        _kaggle("decimal point", "5.0 2"),
        _kaggle("underscore", "1_0 2"),
        _kaggle("Arabic digits", "٥ ٢"),
        _kaggle("NUL", "5 2\x00"),
        _kaggle("nan, a float", float("nan")),
        # Mask to COCO's string
        _encode("row-major", MASK, STRING),
        _encode("column-major", np.asfortranarray(MASK), STRING),
        _encode("bool", MASK.astype(bool), STRING),
        _encode("0 and 255", MASK * 255, STRING),
        _encode("int16, 0 and 256", MASK.astype(np.int16) * 256, STRING),
        _encode("int8, 0 and -1", MASK.astype(np.int8) * -1, STRING),
        _encode("float, 0 and 0.5", MASK * 0.5, STRING),
        _encode("big-endian int16", MASK.astype(">i2"), STRING),
        _encode("every other pixel of a larger array", wide[::2, ::2], STRING),
        _encode("view turned upside down", MASK[::-1].copy()[::-1], STRING),
        _encode("one dimension", MASK.ravel()),
        # Measures and sets
        Input("area: 2^31 + 10 foreground pixels", "area",
              (_dictionary(groups(0, BIG), (1, BIG)),), BIG),
        Input("area: 2^32 foreground pixels", "area",
              (_dictionary(groups(0, 2**32), (65536, 65536)),), 2**32),
        Input("area: counts too short", "area", (_dictionary(groups(4, 2)),)),
        Input("area: counts too long", "area", (_dictionary(groups(4, 2, 1, 200)),)),
        Input("bounding box: counts too short", "box", (_dictionary(groups(4, 2)),)),
        Input("bounding box: counts too long", "box", (_dictionary(groups(4, 2, 1, 200)),)),
        Input("IoU: well formed", "iou", (good, good), 1.0),
        Input("IoU: sizes differ", "iou", (good, _dictionary(STRING, (4, 3)))),
        Input("IoU: one string too short", "iou", (good, _dictionary(groups(4, 2)))),
        Input("union: well formed", "union", (good, _dictionary(groups(12))), STRING),
        Input("union: sizes differ", "union", (good, _dictionary(STRING, (4, 3)))),
        Input("union: one string too short", "union", (good, _dictionary(groups(4, 2)))),
    ]  # fmt: skip


# --- the libraries ----------------------------------------------------------------------------


def _pixels(mask: Any) -> Any:
    """Return the pixels; only the number of them where nobody would wait for the list."""
    array = np.asarray(mask)
    return f"{array.size} pixels" if array.size > 1000 else array.ravel(order="F").tolist()


def _like_pycocotools(module: str) -> dict[str, Callable[..., Any]]:
    m = import_module(module)

    def encode(mask: Any) -> Any:
        # Their masks are column-major; everybody turns them so.
        return m.encode(np.asfortranarray(mask) if isinstance(mask, np.ndarray) else mask)["counts"]

    return {
        "string": lambda d: _pixels(m.decode(d)),
        "list": lambda d: _pixels(m.decode(m.frPyObjects(d, *d["size"]))),
        "encode": encode,
        "area": lambda d: int(m.area(d)),
        "box": lambda d: [float(x) for x in m.toBbox(d)],
        "iou": lambda a, b: float(m.iou([a], [b], [0])[0][0]),
        "union": lambda a, b: m.merge([a, b])["counts"],
    }


def _ours() -> dict[str, Callable[..., Any]]:
    from faceseg.rle import RLE

    return {
        "string": lambda d: _pixels(RLE.from_coco(d).decode()),
        "list": lambda d: _pixels(RLE.from_coco(d).decode()),
        "kaggle": lambda t: _pixels(RLE.from_kaggle(t, SHAPE).decode()),
        "encode": lambda m: RLE.from_mask(m).to_coco(),
        "area": lambda d: RLE.from_coco(d).area,
        "box": lambda d: list(RLE.from_coco(d).bbox),
        "iou": lambda a, b: RLE.from_coco(a).iou(RLE.from_coco(b)),
        "union": lambda a, b: (RLE.from_coco(a) | RLE.from_coco(b)).to_coco(),
    }


def _rlemasklib() -> dict[str, Callable[..., Any]]:
    from rlemasklib import RLEMask, encode

    of = RLEMask.from_dict
    return {
        "string": lambda d: _pixels(of(d).to_array()),
        "list": lambda d: _pixels(RLEMask.from_counts(d["counts"], d["size"]).to_array()),
        "encode": lambda m: encode(m)["counts"],
        "area": lambda d: int(of(d).area()),
        "box": lambda d: [float(x) for x in of(d).bbox()],
        "iou": lambda a, b: float(of(a).iou(of(b))),
        "union": lambda a, b: (of(a) | of(b)).to_dict()["counts"],
    }


def _recipes() -> dict[str, Callable[..., Any]]:
    from baselines import numpy_from_kaggle

    return {"kaggle": lambda t: _pixels(numpy_from_kaggle(t, SHAPE))}


def _lean() -> dict[str, Callable[..., Any]]:
    from baselines import lean_from_kaggle

    return {"kaggle": lambda t: _pixels(lean_from_kaggle(t, 12).reshape(SHAPE[::-1]).T)}


LIBRARIES: dict[str, tuple[str, Callable[[], dict[str, Callable[..., Any]]]]] = {
    "faceseg": ("faceseg", _ours),
    "faceseg.coco_mask": ("faceseg", lambda: _like_pycocotools("faceseg.coco_mask")),
    "pycocotools": ("pycocotools", lambda: _like_pycocotools("pycocotools.mask")),
    "rlemasklib": ("rlemasklib", _rlemasklib),
    "faster-coco-eval": (
        "faster-coco-eval",
        lambda: _like_pycocotools("faster_coco_eval.core.mask"),
    ),
    "hotcoco": ("hotcoco", lambda: _like_pycocotools("hotcoco.mask")),
    "NumPy, Kaggle's recipe": ("numpy", _recipes),
    "NumPy, `fromstring`": ("numpy", _lean),
}


# --- one library, in a process of its own -----------------------------------------------------


def _plain(answer: Any) -> Any:
    return answer.decode("latin-1") if isinstance(answer, bytes) else answer


def _attempt(run: Callable[..., Any], given: tuple[Any, ...]) -> dict[str, Any]:
    """Return what happened, from a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            said = {"answer": _plain(run(*given))}
        except BaseException as error:
            said = {"raised": type(error).__name__, "words": str(error)[:200]}
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    data, end = b"", time.monotonic() + SECONDS
    while (left := end - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
        if not (part := os.read(reading, 1 << 16)):
            break
        data += part
    late = time.monotonic() >= end
    if late:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(reading)
    if late:
        return {"hang": SECONDS}
    if os.WIFSIGNALED(status):
        return {"crash": signal.Signals(os.WTERMSIG(status)).name}
    return (
        dict(json.loads(data)) if data else {"crash": f"exit {os.waitstatus_to_exitcode(status)}"}
    )


def verdict(input_: Input, said: dict[str, Any]) -> str:
    """Return what a library did, in a word."""
    if "hang" in said or "crash" in said:
        return "hang" if "hang" in said else "crash"
    if "raised" in said:
        if said["raised"] == "PanicException":
            return "panic"
        return "error" if input_.right is None else "refused"
    right = _plain(input_.right)
    return "right" if right is not None and said["answer"] == right else "wrong"


def worker(name: str) -> None:
    """Print a JSON line of what one library does with each input."""
    warnings.simplefilter("ignore")
    ways = LIBRARIES[name][1]()
    for one in inputs():
        if one.way in ways:
            said = _attempt(ways[one.way], one.given)
            print(json.dumps({"verdict": verdict(one, said), **said}), flush=True)
        else:
            print(json.dumps({"verdict": ""}), flush=True)


# --- all libraries ----------------------------------------------------------------------------


MEANING = {
    "right": "the right answer",
    "error": "malformed input, an error",
    "refused": "an error where a right answer exists",
    "wrong": "no error, and not the right answer",
    "panic": "Rust's panic, which `except Exception` does not catch",
    "hang": f"no answer after {SECONDS:g} s",
    "crash": "the process died",
}
SECTIONS = {
    "string": "COCO string → mask",
    "list": "COCO list → mask",
    "kaggle": "Kaggle text → mask",
    "encode": "mask → COCO string",
    "area": "measures and sets",
}


def run() -> dict[str, Any]:
    """Return the verdicts of all installed libraries."""
    found: dict[str, list[dict[str, Any]]] = {}
    used: dict[str, str] = {}
    environment = {**os.environ, "MALLOC_PERTURB_": "165", "OMP_NUM_THREADS": "1"}
    for name, (package, _) in LIBRARIES.items():
        try:
            used[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        done = subprocess.run(
            [sys.executable, __file__, "--worker", name],
            cwd=HERE, env=environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        found[name] = [json.loads(line) for line in done.stdout.splitlines()]
    return {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "versions": used,
        "meaning": MEANING,
        "inputs": [{"title": one.title, "way": one.way} for one in inputs()],
        "verdicts": found,
    }


def full(result: dict[str, Any]) -> str:
    """Return a table of all verdicts."""
    names = list(result["verdicts"])
    lines = [
        "# What libraries do with awkward input",
        "",
        f"{result['date']}; " + ", ".join(f"{k} {v}" for k, v in result["versions"].items()),
        "",
        *(f"- {word}: {meaning}" for word, meaning in MEANING.items()),
        "",
        table.robustness_counts(result),
        "",
        f"| input | {' | '.join(names)} |",
        "|---|" + "---|" * len(names),
    ]
    section = ""
    for place, one in enumerate(result["inputs"]):
        if SECTIONS.get(one["way"], section) != section:
            section = SECTIONS[one["way"]]
            lines.append(f"| *{section}* |" + " |" * len(names))
        cells = [result["verdicts"][name][place]["verdict"] for name in names]
        shown = [f"**{c}**" if c in ("wrong", "panic", "hang", "crash") else c for c in cells]
        lines.append(f"| {one['title']} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run everything, or one library."""
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2])
        return
    result = run()
    stem = HERE / "results" / f"robustness_{result['date']}"
    stem.parent.mkdir(exist_ok=True)
    stem.with_suffix(".json").write_text(
        re.sub(r"\n {6,}", " ", json.dumps(result, indent=2, ensure_ascii=False)) + "\n",
        encoding="utf-8",
    )
    stem.with_suffix(".md").write_text(full(result), encoding="utf-8")
    print(table.robustness_counts(result))
    print(f"table: {stem.with_suffix('.md')}")


if __name__ == "__main__":
    main()
