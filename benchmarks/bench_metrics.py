"""Class confusion against NumPy, torch and scikit-learn, and memcpy as the ceiling.

pytest benchmarks/bench_metrics.py
"""

from __future__ import annotations

import numpy as np
import pytest
from baselines import CONFUSION
from cases import SIZES, labels
from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = [
    pytest.mark.benchmark(max_time=0.2, min_rounds=5, warmup=True, warmup_iterations=2),
    pytest.mark.parametrize("size", SIZES),
    pytest.mark.parametrize("classes", [2, 9]),
]


@pytest.mark.parametrize("contender", CONFUSION)
def test_confusion(benchmark: BenchmarkFixture, size: str, classes: int, contender: str) -> None:
    benchmark.group = f"confusion of {classes} classes, uint8 labels, {size}"
    prediction, target = (np.minimum(array, classes - 1) for array in labels(size))
    function = CONFUSION[contender]
    np.testing.assert_array_equal(
        function(prediction, target, classes), CONFUSION["numpy"](prediction, target, classes)
    )
    benchmark(function, prediction, target, classes)


def test_memcpy(benchmark: BenchmarkFixture, size: str, classes: int) -> None:
    """Copy as many bytes as the two arrays of labels have."""
    benchmark.group = f"confusion of {classes} classes, uint8 labels, {size}"
    both = np.stack(labels(size))
    benchmark(np.copyto, np.empty_like(both), both)
