"""Run lengths against every peer that is installed, on pools of distinct masks.

    python benchmarks/run.py rle                                      # all, JSON and tables
    pytest benchmarks/bench_rle.py -k "encode/ and 1080p" --seconds 2   # some

All versions of our kernels that the machine can run take part. Every contender's answer is compared
with ours on every input that it is timed on; one that differs is named in ``extra_info["wrong"]``
and not timed. One of the peers at least has to agree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from answers import same
from cases import PATTERNS, SIZES, pool
from ceiling import entries
from contenders import CASES, Case, Contender
from inputs import Inputs
from interleave import Entry, interleave
from pytest_benchmark.fixture import BenchmarkFixture

from faceseg import _kernels

VERSIONS = _kernels.versions()
BEST = VERSIONS[-1]
# Sorted so that each pool of masks is made once.
PARAMETERS = [
    pytest.param(case, size, pattern, id=f"{case.name}/{pattern}/{size}")
    for size in ("tiny", *SIZES)
    for pattern in (("ellipse",) if size == "tiny" else PATTERNS)
    for case in CASES.values()
    if (case.call_cost if size == "tiny" else size in case.sizes and pattern in case.patterns)
]


@pytest.mark.parametrize(("case", "size", "pattern"), PARAMETERS)
@pytest.mark.filterwarnings("ignore")  # of the peers: deprecated calls, empty divisions
def test_rle(
    benchmark: BenchmarkFixture, request: pytest.FixtureRequest, case: Case, size: str, pattern: str
) -> None:
    inputs = _inputs(pattern, size)
    items = case.items or len(inputs)
    prepared = _Prepared(inputs, items)
    ours = Entry(case.ours.run, prepared(case.ours), lambda: _kernels.select(BEST))
    others: dict[str, Entry] = {}
    for version in VERSIONS[:-1]:
        others[f"faceseg {version}"] = Entry(
            ours.run, ours.inputs, lambda version=version: _kernels.select(version)
        )
    wrong = []
    peers = []
    try:
        expected = [case.check(_answer(BEST, ours.run, one)) for one in ours.inputs]
        for version in VERSIONS[:-1]:
            for one, answer in zip(ours.inputs, expected, strict=True):
                assert same(case.check(_answer(version, ours.run, one)), answer, 0)
        for name, peer in case.peers.items():
            entry = Entry(peer.run, prepared(peer))
            if _agrees(entry, expected, case):
                others[name] = entry
                peers.append(name)
            else:
                wrong.append(name)
        assert peers, f"no peer agrees with us, not even {', '.join(wrong)}"
        ceilings = entries(case.ceiling, inputs.masks[:items])
        seconds = request.config.getoption("--seconds") * (3 if pattern == "ellipse" else 1)
        times = interleave(benchmark, ours, others | ceilings, peers, seconds)
    finally:
        _kernels.select(BEST)
    times[f"faceseg {BEST}"] = times.pop("")
    benchmark.group = f"{case.title}, {pattern} {size}"
    benchmark.extra_info.update(
        case=case.title,
        section=case.section,
        place=list(CASES).index(case.title),
        pattern=pattern,
        size=size,
        shape=list(inputs.shape),
        wrong=wrong,
        peers=peers,
        ceiling=case.ceiling,
        times=times,
        targets={
            version: case.target(pattern, size, version)
            for version in VERSIONS
            if case.target(pattern, size, version)
        },
        share=case.share if (pattern, size) == ("ellipse", "1080p") else (0, 0),
    )


@lru_cache(maxsize=1)
def _inputs(pattern: str, size: str) -> Inputs:
    return Inputs(pattern, size, pool(pattern, size))


class _Prepared:
    """Arguments of a contender for all items; contenders that want the same share them."""

    def __init__(self, inputs: Inputs, items: int) -> None:
        self.inputs = inputs
        self.items = items

    def __call__(self, contender: Contender) -> list[tuple[Any, ...]]:
        return [contender.make(self.inputs, i) for i in range(self.items)]


def _answer(version: str, run: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    _kernels.select(version)
    return run(*arguments)


def _agrees(entry: Entry, expected: list[Any], case: Case) -> bool:
    """Whether a peer gives the expected answers; a slow one is asked about some of them."""
    few = max(1, int(1 / max(entry.call(), 1e-9)))
    pairs = zip(entry.inputs[:few], expected[:few], strict=False)
    return all(same(case.check(entry.run(*one)), answer, case.tolerance) for one, answer in pairs)
