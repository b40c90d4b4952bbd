"""Counting of pixels against every peer that is installed, answers compared first.

python benchmarks/run.py metrics
pytest benchmarks/bench_metrics.py -k "logits" --seconds 1
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import SIZES, draw, labels
from counters import Array, Case, cases
from interleave import Entry, interleave
from pytest_benchmark.fixture import BenchmarkFixture

from faceseg import _kernels, metrics
from faceseg.rle import RLE

CASES = {case.title: case for case in cases()}
PARAMETERS = [
    pytest.param(case, size, id=f"{case.title}/{size}")
    for case in CASES.values()
    for size in case.sizes
]
BEST = _kernels.versions()[-1]
# Pairs of arrays that are gone over in turn, so that they are not in the nearest caches.
POOL = 4


def _masks(size: str, number: int) -> Array:
    shape = SIZES[size.removeprefix("8x")]
    if size.startswith("8x"):
        return np.stack([draw("ellipse", shape, 8 * number + i) for i in range(8)])
    return draw("ellipse", shape, number)


def _labels(size: str, classes: int, number: int) -> tuple[Array, Array]:
    prediction, target = (np.minimum(x, classes - 1) for x in labels(size.removeprefix("8x")))
    turned = np.roll(prediction, number, 0), np.roll(target, number, 0)
    if size.startswith("8x"):
        return tuple(np.stack([np.roll(x, i, 1) for i in range(8)]) for x in turned)  # type: ignore
    return turned


@cache
def _pair(kind: str, classes: int, size: str, number: int) -> tuple[Any, Any]:
    """Return prediction and target."""
    rng = np.random.default_rng(number)
    if kind in ("labels", "random"):
        pair = _labels(size, classes, number)
        if kind == "labels":
            return pair
        shape = pair[0].shape
        return tuple(rng.integers(0, classes, shape).astype(np.uint8) for _ in range(2))  # type: ignore
    if kind == "classes":
        prediction, target = _labels(size, classes, number)
        shape = (len(target), classes, *target.shape[1:])
        logits = rng.normal(0, 1, shape).astype(np.float32)
        np.put_along_axis(logits, prediction[:, None], 6, 1)
        return logits, target
    prediction, target = _masks(size, number), _masks(size, number + POOL)
    if kind == "runs":
        return RLE.from_mask(prediction).to_coco_dict(), RLE.from_mask(target).to_coco_dict()
    if kind == "logits":
        noise = np.abs(rng.normal(0, 3, prediction.shape)) + 0.01
        return np.where(prediction, noise, -noise).astype(np.float32), target
    return prediction, target


def _bytes(pair: tuple[Any, Any]) -> list[tuple[bytearray, bytes]]:
    return [(bytearray(array.nbytes), b"\1") for array in pair]


@pytest.mark.parametrize(("case", "size"), PARAMETERS)
@pytest.mark.filterwarnings("ignore")  # of the peers
def test_counts(
    benchmark: BenchmarkFixture, request: pytest.FixtureRequest, case: Case, size: str
) -> None:
    pairs = [_pair(case.kind, case.classes, size, number) for number in range(POOL)]
    ours = Entry(case.ours, pairs, lambda: _kernels.select(BEST))
    others = {
        f"faceseg {version}": Entry(case.ours, pairs, lambda v=version: _kernels.select(v))  # type: ignore
        for version in _kernels.versions()[:-1]
    }
    peers, wrong = [], []
    try:
        for version in _kernels.versions():
            _kernels.select(version)
            expected = [case.ours(*pair) for pair in pairs]
        for name, way in case.peers.items():
            right = all(
                np.allclose(way(*pair), answer, rtol=1e-12, atol=0)
                for pair, answer in zip(pairs, expected, strict=True)
            )
            (peers if right else wrong).append(name)
            if right:
                others[name] = Entry(way, pairs)
        assert peers
        if case.kind != "runs":
            reads = [one for pair in pairs for one in _bytes(pair)]
            others["read"] = Entry(bytearray.find, reads)
        seconds = request.config.getoption("--seconds")
        times = interleave(benchmark, ours, others, peers, 4 * seconds)
    finally:
        _kernels.select(BEST)
    times[f"faceseg {BEST}"] = times.pop("")
    if "read" in times:  # of both arrays
        times["read"] = {
            k: v * 2 if k in ("us", "low", "high") else v for k, v in times["read"].items()
        }
    benchmark.group = f"{case.title}, {size}"
    benchmark.extra_info.update(
        case=case.title,
        size=size,
        peers=peers,
        wrong=wrong,
        times=times,
        share=case.share,
        targets={
            peer: aim if isinstance(aim, (int, float)) else aim[size]
            for peer, aim in case.targets.items()
        },
    )


def test_sweep(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> None:
    """255 thresholds against one."""
    pairs = [_pair("logits", 2, "8x512", number) for number in range(POOL)]
    thresholds = np.linspace(-3, 3, 255)
    ours = Entry(lambda v, t: metrics.sweep(v, t, thresholds=thresholds), pairs)
    one = Entry(lambda v, t: metrics.confusion_matrix(v, t, threshold=thresholds[127]), pairs)
    for pair in pairs:
        swept = metrics.sweep(*pair, thresholds=thresholds).counts[127]
        np.testing.assert_array_equal(swept, one.run(*pair))
    others = {"one threshold": one}
    times = interleave(benchmark, ours, others, list(others), request.config.getoption("--seconds"))
    times[f"faceseg {BEST}"] = times.pop("")
    benchmark.group = "sweep of 255 thresholds, 8x512"
    benchmark.extra_info.update(
        case="sweep of 255 thresholds", size="8x512", peers=list(others), wrong=[], times=times,
        share=0, targets={"one threshold": 0.25},
    )  # fmt: skip
