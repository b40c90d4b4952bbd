"""Predict on Ray with a worker that dies once; the rows go to OUT/rows.json.

Usage: ``killed_worker.py OUT PNG...``.

A program of its own: Ray leaves processes to be waited for, which pytest takes for leaks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

from faceseg import bulk
from faceseg.segment import Loaded


def bright(image: np.ndarray) -> np.ndarray:
    """Call foreground what has much red."""
    return (image[..., 0] > 128).astype(np.uint8)


def loaded(segment: object = bright) -> Loaded:
    """Return a model of no weights."""
    return Loaded("bright", "classical", "face", ("background", "face"), segment, None, "CPU")  # type: ignore[arg-type]


def main() -> None:
    """Write a list of [place, row]; the first to see picture 11 is killed by it."""
    out, *paths = map(Path, sys.argv[1:])
    killed = out / "killed"

    def load() -> Loaded:
        def segment(image: np.ndarray) -> np.ndarray:
            if image[0, 0, 0] == 11 and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return bright(image)

        return loaded(segment)

    rows = list(bulk.on_ray(load, paths, out, ["mask", "rle"]))
    (out / "rows.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
