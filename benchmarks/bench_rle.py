"""Masks to texts and back, against rivals; the kernels alone, against memcpy.

pytest benchmarks/bench_rle.py
"""

from __future__ import annotations

import numpy as np
import pytest
from baselines import FROM_COCO, FROM_KAGGLE, TO_COCO, TO_KAGGLE
from cases import MASKS, mask
from pytest_benchmark.fixture import BenchmarkFixture

from faceseg import rle

pytestmark = [
    pytest.mark.benchmark(max_time=0.2, min_rounds=5, warmup=True, warmup_iterations=2),
    pytest.mark.parametrize(("pattern", "size"), MASKS),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # pycocotools
]


@pytest.mark.parametrize("contender", TO_KAGGLE)
def test_mask_to_kaggle(
    benchmark: BenchmarkFixture, pattern: str, size: str, contender: str
) -> None:
    benchmark.group = f"mask to Kaggle text, {pattern} {size}"
    array, function = mask(pattern, size), TO_KAGGLE[contender]
    assert function(array) == TO_KAGGLE["numpy"](array)
    benchmark(function, array)


@pytest.mark.parametrize("contender", FROM_KAGGLE)
def test_kaggle_to_mask(
    benchmark: BenchmarkFixture, pattern: str, size: str, contender: str
) -> None:
    benchmark.group = f"Kaggle text to mask, {pattern} {size}"
    array, function = mask(pattern, size), FROM_KAGGLE[contender]
    text = TO_KAGGLE["numpy"](array)
    np.testing.assert_array_equal(function(text, array.shape), array)
    benchmark(function, text, array.shape)


@pytest.mark.parametrize("layout", ["row-major", "column-major"])
@pytest.mark.parametrize("contender", TO_COCO)
def test_mask_to_coco(
    benchmark: BenchmarkFixture, pattern: str, size: str, contender: str, layout: str
) -> None:
    benchmark.group = f"{layout} mask to COCO text, {pattern} {size}"
    array = np.array(mask(pattern, size), order="C" if layout == "row-major" else "F")
    function = TO_COCO[contender]
    assert function(array) == TO_COCO["pycocotools"](array)
    benchmark(function, array)


@pytest.mark.parametrize("contender", FROM_COCO)
def test_coco_to_mask(benchmark: BenchmarkFixture, pattern: str, size: str, contender: str) -> None:
    benchmark.group = f"COCO text to mask, {pattern} {size}"
    array, function = mask(pattern, size), FROM_COCO[contender]
    text = TO_COCO["pycocotools"](array)
    np.testing.assert_array_equal(function(text, array.shape), array)
    benchmark(function, text, array.shape)


@pytest.mark.parametrize("order", ["C", "F"])
def test_encode(benchmark: BenchmarkFixture, pattern: str, size: str, order: rle.Order) -> None:
    benchmark.group = f"kernels alone, {pattern} {size}"
    array = mask(pattern, size)
    np.testing.assert_array_equal(
        rle.decode(rle.encode(array, order=order), array.shape, order=order), array
    )
    benchmark(rle.encode, array, order=order)


@pytest.mark.parametrize("order", ["C", "F"])
def test_decode(benchmark: BenchmarkFixture, pattern: str, size: str, order: rle.Order) -> None:
    benchmark.group = f"kernels alone, {pattern} {size}"
    array = mask(pattern, size)
    counts, out = rle.encode(array, order=order), np.empty_like(array)
    np.testing.assert_array_equal(rle.decode(counts, array.shape, order=order, out=out), array)
    benchmark(rle.decode, counts, array.shape, order=order, out=out)


def test_memcpy(benchmark: BenchmarkFixture, pattern: str, size: str) -> None:
    benchmark.group = f"kernels alone, {pattern} {size}"
    array = mask(pattern, size)
    benchmark(np.copyto, np.empty_like(array), array)
