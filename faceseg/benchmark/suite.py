"""A whole comparison: files, processes, masks compared, turns, figures."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceseg import zoo
from faceseg.benchmark.agreement import compare, pictures_of
from faceseg.benchmark.given import Given
from faceseg.benchmark.loaders import Task
from faceseg.benchmark.made import Made
from faceseg.benchmark.result import Benchmark, Row
from faceseg.benchmark.turns import take_turns
from faceseg.benchmark.ways import RUNTIMES, WAYS, Way, check
from faceseg.benchmark.worker import Worker
from faceseg.errors import InputError, suggest
from faceseg.machine import commit, machine, versions


def run(
    models: Sequence[str | os.PathLike[str]],
    *,
    runtimes: Sequence[str] | None = None,
    size: tuple[int, int] = (512, 512),
    batch: int = 1,
    threads: int | None = None,
    repeats: int = 30,
    device: str = "cpu",
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[range], Iterator[int]] = iter,
    tell: Callable[[str], object] = lambda line: None,
) -> Benchmark:
    """Compare and time every way to run the same weights.

    Parameters
    ----------
    models
        A checkpoint, run folder or shipped model, which is also exported to what the runtimes
        read; with exported files after it, or exported files alone, those are timed instead.
    runtimes
        Of `faceseg.benchmark.ways.RUNTIMES`; None takes all that fit, and those that are missing
        here are told in the result.
    size
        Height and width of the pictures, drawn portraits.
    batch
        Number of pictures in a call.
    threads
        For each contender; None is what torch has now.
    repeats
        Rounds; each contender runs once in a round, in an order that changes.
    device
        ``"cpu"``, ``"cuda"`` or ``"auto"``, for all contenders.
    seed
        Of the pictures.
    folder
        Where the exported files stay for another run with as many threads; None is a temporary one.
    progress
        Wraps the rounds to show progress, as `tqdm` does.
    tell
        Called with a line for each step that takes long.

    Raises
    ------
    InputError
        If a model cannot be read, the models hold different weights, a device or a runtime that
        was asked for by name is missing, or masks in float32 differ from eager's.
    """
    import torch

    from faceseg.device import choose_device

    if repeats < 1 or batch < 1 or (threads is not None and threads < 1):
        raise InputError(
            f"repeats {repeats}, batch {batch}, threads {threads}: expected 1 or more of each"
        )
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device: {device} given, expected auto, cpu or cuda (the first GPU)")
    chosen = choose_device(device).type
    threads = threads or torch.get_num_threads()
    for name in runtimes or ():
        if name not in RUNTIMES:
            raise InputError(f"runtimes: unknown {name!r}{suggest(name, RUNTIMES)}")
        if name not in (way.runtime for way in WAYS[chosen]):
            raise InputError(
                f"runtimes: {name} asked for, which does not run on {chosen}; --device "
                f"{'cpu' if chosen == 'cuda' else 'cuda'} has it"
            )
    with tempfile.TemporaryDirectory() as temporary, _threads(threads), ExitStack() as stack:
        given = Given.of([Path(zoo.locate(model)) for model in models])
        given.check(batch, size)
        ways = given.ways(chosen, runtimes)
        pictures = pictures_of(given.contract.task, size, batch, seed)
        made = Made(given.checkpoint or Path(), Path(folder or temporary), size, tell)
        workers, left = [], []
        for way, path in ways:
            try:
                check(way)
                file = path or made.path(way, given.contract, batch)
                task = Task(way, file, (batch, *size), threads, chosen, given.contract.letterbox)
                workers.append((stack.enter_context(Worker(task)), path))
            except InputError as error:
                left.append(_Left(way, path, error))
        for worker, _ in workers:
            worker.ready()
        found = []
        for worker, path in workers:
            way = worker.task.way
            tell(f"loading {way.name}, {way.short}")
            try:
                found.append((worker, worker.start(pictures[0]), worker.masks(pictures)))
            except InputError as error:
                left.append(_Left(way, path, error))
        _insist([worker.task for worker, _, _ in found], left, ways[0][0], runtimes or ())
        expected, decided = given.reference(pictures, found[0][2])
        agreements = [
            compare(worker.task.way.name, facts["precision"], masks, expected, decided)
            for worker, facts, masks in found
        ]
        seconds = take_turns([worker.time for worker, _, _ in found], repeats, progress)
        rows = _rows([(worker.task, facts) for worker, facts, _ in found], agreements, seconds)
    return Benchmark(
        model=given.contract.name,
        rows=rows,
        missing=tuple(each.told() for each in left),
        size=size,
        network_size=given.contract.size,
        batch=batch,
        threads=threads,
        repeats=repeats,
        device=torch.cuda.get_device_name() if chosen == "cuda" else "cpu",
        weights_sha256=given.contract.weights_sha256,
        date=datetime.now(timezone.utc).isoformat(timespec="minutes"),
        commit=commit(),
        machine=machine(),
        versions=versions(),
    )


@dataclass(frozen=True)
class _Left:
    """A way that could not be gone, and why; `path` if its file was given."""

    way: Way
    path: Path | None
    error: InputError

    def told(self) -> dict[str, str]:
        way = self.way
        return {"name": way.name, "precision": way.short, "reason": str(self.error)}


def _insist(
    found: Sequence[Task], left: Sequence[_Left], first: Way, runtimes: Sequence[str]
) -> None:
    """Raise what left out the first way, or all ways of a given file or of a runtime's name."""
    files, names = {task.path for task in found}, {task.way.runtime for task in found}
    for each in left:
        way = each.way
        named = way.runtime in runtimes and way.runtime not in names
        if named or way == first or (each.path and each.path not in files):
            raise InputError(f"{way.name} {way.short}: {each.error}") from each.error


def _rows(
    contenders: Sequence[tuple[Task, dict[str, Any]]],
    agreements: Sequence[tuple[int, int, float | None]],
    seconds: NDArray[np.float64],
) -> tuple[Row, ...]:
    medians = np.median(seconds[..., 0], axis=1) * 1e3
    worst = np.percentile(seconds[..., 0], 99, axis=1) * 1e3
    on_device = np.median(seconds[..., 1], axis=1) * 1e3
    return tuple(
        Row(
            name=task.way.name,
            runtime=task.way.runtime,
            differing=agreement[0],
            pixels=agreement[1],
            iou=agreement[2],
            file=task.path.name if task.way.format else "",
            file_mb=_megabytes(task.path) if task.way.format else None,
            median_ms=float(medians[place]),
            p99_ms=float(worst[place]),
            speed=float(medians[0] / medians[place]),
            device_ms=float(on_device[place]) if np.isfinite(on_device[place]) else None,
            **facts,
        )
        for place, ((task, facts), agreement) in enumerate(zip(contenders, agreements, strict=True))
    )


def _megabytes(path: Path) -> float:
    files = [each for each in (path, *path.rglob("*")) if each.is_file()]
    return sum(each.stat().st_size for each in files) / 1e6


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Set torch's threads: AOTInductor compiles for the number that it finds."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
