"""Time contenders in turns, so that a change of the machine's load meets all of them alike.

pytest-benchmark times one function. Here it times ours, and the set-up of each of its rounds times
all others: peer, peer, ours, peer, peer, ours ... Each round is a pass over a pool of inputs.
Ratios are of medians over the rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

Arguments = Sequence[tuple[Any, ...]]

# A contender this many times slower than the fastest peer is timed in few rounds on few inputs.
_SLOW = 4
_SLOW_ROUNDS = 3
_SLOW_SECONDS = 0.05
# The pool shrinks where even the fastest peer needs longer than this for a pass.
_PASS_SECONDS = 0.05
_ROUNDS = (5, 60)


@dataclass
class Entry:
    """One contender: what it does, on what, and what a call took in each round, in seconds."""

    run: Callable[..., Any]
    inputs: Arguments
    before: Callable[[], Any] = lambda: None
    seconds: list[float] = field(default_factory=list)
    slow: bool = False

    def call(self) -> float:
        """Return the time of one call, the second of two."""
        self.before()
        self.run(*self.inputs[0])
        start = time.perf_counter()
        self.run(*self.inputs[0])
        return time.perf_counter() - start

    def round(self) -> None:
        """Time a pass over the inputs."""
        self.before()
        start = time.perf_counter()
        passes(self.run, self.inputs)
        self.seconds.append((time.perf_counter() - start) / len(self.inputs))

    def summary(self) -> dict[str, float | int]:
        """Return median and quartiles in microseconds, and how they were measured."""
        low, _, high = quantiles(self.seconds, n=4) if len(self.seconds) > 1 else self.seconds * 3
        return {
            "us": round(median(self.seconds) * 1e6, 4),
            "low": round(low * 1e6, 4),
            "high": round(high * 1e6, 4),
            "rounds": len(self.seconds),
            "inputs": len(self.inputs),
        }


def passes(run: Callable[..., Any], inputs: Arguments) -> None:
    """Call a function with each of the inputs."""
    for arguments in inputs:
        run(*arguments)


def interleave(
    benchmark: BenchmarkFixture,
    ours: Entry,
    others: dict[str, Entry],
    peers: Sequence[str],
    seconds: float,
) -> dict[str, dict[str, float | int]]:
    """Time `ours` and all `others` and return a summary of each; ours is "".

    `peers` names those of the others that are not ours, which decide what is slow.
    """
    calls = {name: entry.call() for name, entry in others.items()}
    fastest = min((calls[name] for name in peers), default=ours.call())
    items = max(2, min(len(ours.inputs), int(_PASS_SECONDS / fastest) + 1))
    ours.inputs = ours.inputs[:items]
    for name, entry in others.items():
        entry.slow = calls[name] > _SLOW * fastest
        few = max(1, int(_SLOW_SECONDS / calls[name])) if entry.slow else items
        entry.inputs = entry.inputs[: min(items, few)]
    turn = sum(calls[name] * items for name, entry in others.items() if not entry.slow)
    turn += ours.call() * items
    rounds = max(_ROUNDS[0], min(_ROUNDS[1], int(seconds / turn)))
    done = 0
    order = list(others)

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        nonlocal done
        for place in range(len(order)):
            entry = others[order[(place + done) % len(order)]]
            if not entry.slow or done < _SLOW_ROUNDS:
                entry.round()
        done += 1
        ours.before()
        return (ours.run, ours.inputs), {}

    benchmark.pedantic(passes, setup=setup, rounds=rounds)
    ours.seconds = [one / items for one in benchmark.stats.stats.data]
    return {"": ours.summary()} | {name: entry.summary() for name, entry in others.items()}
