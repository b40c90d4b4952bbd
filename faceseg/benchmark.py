"""Time of prediction: eager PyTorch against the exported files, on the same pictures.

Each contender goes from raw pixels to a mask, both in NumPy arrays, so copies to and from a GPU
count. All hold the same weights and use the same number of threads. Their masks are compared
before anything is timed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceseg.checkpoint import load
from faceseg.device import choose_device
from faceseg.draw import draw_portrait
from faceseg.draw.portrait import Task
from faceseg.errors import InputError
from faceseg.export.torchscript import load_torchscript
from faceseg.machine import machine, versions
from faceseg.models.pipeline import Pipeline
from faceseg.predict import Predictor

Images = NDArray[np.uint8]

# TorchScript optimises during its first two runs, ONNX Runtime tunes convolutions in the first.
_WARM_UP = 3
# Both runtimes' threads spin for some milliseconds after their work and would slow the next one.
_PAUSE = 0.01


@dataclass(frozen=True)
class Contender:
    """One way to run a model.

    Attributes
    ----------
    name
        ``"eager"``, ``"eager channels_last"``, ``"eager bf16"`` or the name of a file.
    precision
        ``"fp32"`` or ``"bf16"``.
    runs_on
        Runtime with its device or execution provider.
    run
        Maps (N, H, W, 3) uint8 RGB to (N, H, W) uint8.
    """

    name: str
    precision: str
    runs_on: str
    run: Callable[[Images], Images]


@dataclass(frozen=True)
class Row:
    """Result of one contender.

    Attributes
    ----------
    name, precision, runs_on
        As in `Contender`.
    differing
        Pixels whose class differs from the first contender's.
    median_ms, p95_ms
        Of the time for a batch, in milliseconds.
    speed
        Median of the first contender over this median.
    """

    name: str
    precision: str
    runs_on: str
    differing: int
    median_ms: float
    p95_ms: float
    speed: float


@dataclass(frozen=True)
class Benchmark:
    """Rows with all that is needed to judge and repeat them; plain values, so JSON holds it."""

    rows: tuple[Row, ...]
    size: tuple[int, int]
    batch: int
    threads: int
    repeats: int
    device: str
    weights_sha256: str
    date: str
    machine: dict[str, str | int]
    versions: dict[str, str]

    def table(self) -> str:
        """Return the rows as text of at most 80 columns."""
        height, width = self.size
        pixels = self.batch * height * width
        lines = [
            f"batch {self.batch}, {height} x {width} pixels, threads: {self.threads}, "
            f"interleaved rounds: {self.repeats}",
            f"{self.machine['cpu']}, torch {self.versions['torch']}, device {self.device}",
            "",
            f"{'model':<22}{'':<6}{'runs on':<18}{'differ':>8}{'median':>9}{'p95':>9}{'speed':>7}",
        ]
        for row in self.rows:
            share = f"{row.differing / pixels:.0e}" if row.differing else "0"
            lines.append(
                f"{row.name[:21]:<22}{row.precision:<6}{row.runs_on[:17]:<18}{share:>8}"
                f"{row.median_ms:>6.1f} ms{row.p95_ms:>6.1f} ms{row.speed:>6.2f}x"
            )
        lines.append("differ: share of pixels whose class is not that of the first row")
        return "\n".join(lines)


def run(
    models: Sequence[str | os.PathLike[str]],
    *,
    size: tuple[int, int] = (512, 512),
    batch: int = 1,
    threads: int | None = None,
    repeats: int = 30,
    device: str = "cpu",
    seed: int = 0,
    progress: Callable[[range], Iterator[int]] = iter,
) -> Benchmark:
    """Compare and time models that hold the same weights.

    Parameters
    ----------
    models
        A checkpoint or run folder, which gives three eager rows, and ``.ts`` and ``.onnx`` files.
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
    progress
        Wraps the rounds to show progress, as `tqdm` does.

    Raises
    ------
    InputError
        If a model cannot be read, the models hold different weights, or the device or its
        execution provider is missing.
    """
    if repeats < 1 or batch < 1 or (threads is not None and threads < 1):
        raise InputError(
            f"repeats {repeats}, batch {batch}, threads {threads}: expected 1 or more of each"
        )
    chosen = choose_device(device).type
    threads = threads or torch.get_num_threads()
    rng = np.random.default_rng(seed)
    with _threads(threads):
        found, sha256, task = contenders([Path(m) for m in models], chosen, threads)
        drawn: Task = "mask" if task == "mask" else "face"
        images = np.stack([draw_portrait(rng, task=drawn, size=size)[0] for _ in range(batch)])
        rows = time_contenders(found, images, repeats, progress)
    return Benchmark(
        rows=tuple(rows),
        size=size,
        batch=batch,
        threads=threads,
        repeats=repeats,
        device=torch.cuda.get_device_name() if chosen == "cuda" else "cpu",
        weights_sha256=sha256,
        date=datetime.now(timezone.utc).date().isoformat(),
        machine=machine(),
        versions=versions(),
    )


def time_contenders(
    contenders: Sequence[Contender],
    images: Images,
    repeats: int,
    progress: Callable[[range], Iterator[int]] = iter,
) -> list[Row]:
    """Compare the masks of `contenders` on `images`, then time them in turns."""
    masks = [contender.run(images) for contender in contenders]
    for _ in range(_WARM_UP):
        for contender in contenders:
            contender.run(images)
    seconds = np.empty((len(contenders), repeats))
    for round_ in progress(range(repeats)):
        for turn in range(len(contenders)):
            index = (turn + round_) % len(contenders)
            time.sleep(_PAUSE)
            start = time.perf_counter()
            contenders[index].run(images)
            seconds[index, round_] = time.perf_counter() - start
    medians = np.median(seconds, axis=1)
    worst = np.percentile(seconds, 95, axis=1)
    return [
        Row(
            name=contender.name,
            precision=contender.precision,
            runs_on=contender.runs_on,
            differing=int((mask != masks[0]).sum()),
            median_ms=float(median * 1e3),
            p95_ms=float(p95 * 1e3),
            speed=float(medians[0] / median),
        )
        for contender, mask, median, p95 in zip(contenders, masks, medians, worst, strict=True)
    ]


def contenders(
    models: Sequence[Path], device: str, threads: int
) -> tuple[list[Contender], str, str]:
    """Return the ways to run `models` on ``"cpu"`` or ``"cuda"``, eager ones first.

    Returns
    -------
    list of Contender
        Three for a checkpoint, one for each exported file.
    str
        Digest of the weights, which are the same in all of them.
    str
        The task.

    Raises
    ------
    InputError
        As in :func:`run`.
    """
    found: list[Contender] = []
    origins: list[tuple[Path, str, str]] = []
    for path in sorted(models, key=lambda path: path.suffix in (".ts", ".onnx")):
        if path.suffix == ".onnx":
            predictor = Predictor(path, provider=device, threads=threads)
            provider = predictor.provider.removesuffix("ExecutionProvider")
            found.append(Contender(path.name, "fp32", f"ONNX Runtime {provider}", predictor))
            contract = predictor.contract
            origins.append((path, contract.weights_sha256, contract.task))
        elif path.suffix == ".ts":
            module, contract = load_torchscript(path)
            run = _torch_run(module, device)
            found.append(Contender(path.name, "fp32", f"TorchScript {device}", run))
            origins.append((path, contract.weights_sha256, contract.task))
        else:
            eager, sha256, task = _eager(path, device)
            found += eager
            origins.append((path, sha256, task))
    first, sha256, task = origins[0]
    for path, other, _ in origins[1:]:
        if other != sha256:
            raise InputError(
                f"{path}: other weights than {first}; time models of one checkpoint together"
            )
    return found, sha256, task


def _eager(path: Path, device: str) -> tuple[list[Contender], str, str]:
    checkpoint = load(path)
    size = checkpoint.config.size
    plain = Pipeline(_Contiguous(checkpoint.model()), size)
    last = Pipeline(checkpoint.model().to(memory_format=torch.channels_last), size)
    on = f"torch {device}"
    contenders = [
        Contender("eager", "fp32", on, _torch_run(plain, device)),
        Contender("eager channels_last", "fp32", on, _torch_run(last, device)),
        Contender("eager bf16", "bf16", on, _torch_run(last, device, bf16=True)),
    ]
    return contenders, checkpoint.sha256, checkpoint.task


class _Contiguous(nn.Module):
    """A network given (N, C, H, W) memory order, which is what plain PyTorch code has."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images.contiguous())
        return logits


def _torch_run(module: nn.Module, device: str, *, bf16: bool = False) -> Callable[[Images], Images]:
    module.to(device).eval()

    def run(images: Images) -> Images:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bf16):
            result = module(torch.from_numpy(images).to(device))
        mask = result if isinstance(result, Tensor) else result[0]
        return np.asarray(mask.cpu())

    return run


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
