"""Time of prediction: eager PyTorch against every runtime, with the same weights and pictures.

Each contender goes from raw pixels to a mask, both in NumPy arrays, in a process of its own: what
one allocator, thread pool or import does to the next is not measured. Their masks are compared
before anything is timed; then they take turns.
"""

from __future__ import annotations

from faceseg.benchmark.plot import check_plot, write_plot
from faceseg.benchmark.result import Benchmark, Row
from faceseg.benchmark.suite import run

__all__ = ["Benchmark", "Row", "check_plot", "run", "write_plot"]
