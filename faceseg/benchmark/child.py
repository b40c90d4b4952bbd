"""One contender in its own process: reads requests from standard input, answers on the output.

Started by `faceseg.benchmark.worker`; each request is a pickled name of a method of `Subject` with
its arguments, each answer a pickled value or the `InputError` to raise.
"""

from __future__ import annotations

import os
import pickle
import statistics
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np

from faceseg.benchmark.loaders import IMPORTS, Images, Loaded, Task, load
from faceseg.errors import InputError

# Loading is repeated where that costs little: PyTorch's first run of a graph may compile for long.
_LOADS = 3
_LOAD_SECONDS = 1.0
# TorchScript optimises during its first two runs, ONNX Runtime tunes convolutions in the first.
_WARM_UP = 3


class Subject:
    """A contender and what it is timed on."""

    loaded: Loaded
    images: Images

    def prepare(self, runtime: str) -> None:
        """Import what a runtime needs, which is not counted as loading."""
        for module in IMPORTS[runtime]:
            import_module(module)

    def start(self, task: Task, images: Images) -> dict[str, float | str | None]:
        """Load the model and run it once."""
        before = _reset_peak()
        start = time.perf_counter()
        self.loaded = load(task)
        loads = [time.perf_counter() - start]
        self.loaded.run(images)
        first = time.perf_counter() - start - loads[0]
        peak = _memory("VmHWM")
        while len(loads) < _LOADS and loads[0] < _LOAD_SECONDS:
            start = time.perf_counter()
            load(task)
            loads.append(time.perf_counter() - start)
        self.images = images
        return {
            "precision": self.loaded.precision,
            "runs_on": self.loaded.runs_on,
            "load_ms": statistics.median(loads) * 1e3,
            "first_ms": first * 1e3,
            "memory_mb": None if before is None or peak is None else (peak - before) / 1e6,
        }

    def masks(self, pictures: Images) -> Images:
        """Return the masks of (K, N, H, W, 3) pictures, and be warm after that."""
        found = np.stack([self.loaded.run(images) for images in pictures])
        for _ in range(_WARM_UP):
            self.loaded.run(self.images)
        return found

    def time(self) -> tuple[float, float]:
        """Return the seconds of a run, and of one without copies to and from a GPU, or NaN.

        The run before each wakes the threads and brings the weights back into the caches, which
        the others' turns took: in use, one picture follows the other.
        """
        run = self.loaded.run
        run(self.images)
        start = time.perf_counter()
        run(self.images)
        seconds = time.perf_counter() - start
        if self.loaded.on_device is None:
            return seconds, float("nan")
        there = self.loaded.on_device(self.images)
        there()
        start = time.perf_counter()
        there()
        return seconds, time.perf_counter() - start


def _reset_peak() -> float | None:
    """Let the peak of memory begin anew, and return the bytes in use; None if it is not told."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _memory("VmRSS")


def _memory(name: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith(name)), None)


def main() -> None:
    """Answer until the input ends."""
    # What libraries print is not to get among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    subject = Subject()
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = getattr(subject, name)(*arguments)
        except InputError as error:
            answer = error
        except Exception as error:
            # A runtime may raise anything; the others are timed all the same.
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            answer = InputError(f"{type(error).__name__}: {lines[0] if lines else 'no message'}")
        pickle.dump(answer, answers)
        answers.flush()
