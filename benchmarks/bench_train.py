"""Training against the usual recipe and the rivals' loops: the step, the loader, memory.

python benchmarks/run.py train
pytest benchmarks/bench_train.py --seconds 0.1 -k step

Every contender has the same network, batch and data. Times are those of a step of 8 pictures of
256 x 256 or of one sample; contenders take turns in one process.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from interleave import Entry, interleave
from pytest_benchmark.fixture import BenchmarkFixture
from torch.utils.data import DataLoader
from trainers import (
    CPU,
    Batch,
    Ours,
    Plain,
    PlainSet,
    Smp,
    Torchvision,
    endless,
    numpy_decode,
    time_lightning,
    time_loop,
    to_float,
)

from faceseg import RLE
from faceseg.config import Config
from faceseg.data import TrainingSet, make_loader
from faceseg.device import choose_amp
from faceseg.draw import draw_portrait
from faceseg.files import write_csv
from faceseg.images import write_jpeg
from faceseg.models.convolution import Conv2d
from faceseg.records import Source, open_source
from faceseg.shards import write_shards

SIZE = (256, 256)
CONFIG = Config(size=SIZE, batch_size=8)
# For each second that `--seconds` gives: steps in a round, and rounds.
STEPS = 30
ROUNDS = 25


def _portraits(folder: Path, count: int, shape: tuple[int, int]) -> Source:
    """Draw portraits with a camera's noise, their outlines as ragged as those of real masks."""
    rng = np.random.default_rng(0)
    rows = []
    for place in range(count):
        image, labels = draw_portrait(rng, size=shape)
        noise = cv2.GaussianBlur(rng.normal(0, 6, image.shape), (0, 0), 0.8)
        ragged = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), 3)
        soft = cv2.GaussianBlur((labels >= 2).astype(np.float32), (0, 0), 4)
        text = RLE.from_mask(soft + 0.75 * ragged > 0.5).to_kaggle()
        name = f"p{place:03d}.jpg"
        write_jpeg(folder / name, (image + noise).clip(0, 255).astype(np.uint8), quality=90)
        rows.append((name, text, *shape))
    write_csv(folder / "train.csv", ("image", "rle_mask", "height", "width"), rows)
    return open_source(folder / "train.csv")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return _portraits(tmp_path_factory.mktemp("portraits"), 32, (512, 512))


@pytest.fixture(scope="module")
def batches(source: Source) -> list[Batch]:
    return list(make_loader(source, CONFIG.replace({"workers": 0}), last=4))


class _Timed:
    """A contender that times itself, once in each round."""

    def __init__(self, run: Callable[[], float]) -> None:
        self.run = run
        self.seconds: list[float] = []

    def summary(self) -> dict[str, float | int]:
        low, high = min(self.seconds), max(self.seconds)
        values = {"us": median(self.seconds), "low": low, "high": high}
        return {k: round(v * 1e6, 1) for k, v in values.items()} | {"rounds": len(self.seconds)}


def _steps(seconds: float) -> int:
    return max(2, round(STEPS * seconds))


def _turns(
    benchmark: BenchmarkFixture, ways: dict[str, Callable[[], float]], seconds: float
) -> dict[str, dict[str, float | int]]:
    timed = {name: _Timed(run) for name, run in ways.items()}
    names = list(timed)

    def turn() -> None:
        done = len(timed[names[0]].seconds)
        for place in range(len(names)):
            way = timed[names[(place + done) % len(names)]]
            gc.collect()
            way.seconds.append(way.run())

    benchmark.pedantic(turn, rounds=max(2, round(ROUNDS * seconds)))
    return {name: way.summary() for name, way in timed.items()}


def _report(
    benchmark: BenchmarkFixture,
    case: str,
    times: dict[str, Any],
    targets: dict[str, float],
    **notes: Any,
) -> None:
    benchmark.group = case
    benchmark.extra_info.update(case=case, times=times, targets=targets, notes=notes)


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--seconds"))


def test_step(benchmark: BenchmarkFixture, seconds: float, batches: list[Batch]) -> None:
    """The step alone, on batches in memory, in the form that the contender's loader gives."""
    warnings.simplefilter("ignore")  # of Lightning, about loaders without workers
    steps = _steps(seconds)
    floats = [to_float(batch) for batch in batches]
    exact = CONFIG.replace({"amp": "fp32"})
    contenders: dict[str, Ours | Plain] = {
        "faceseg": Ours(CONFIG),
        "faceseg fp32": Ours(exact),
        "plain": Plain(CONFIG),
        "torchvision": Torchvision(CONFIG),
        "segmentation_models_pytorch": Smp(CONFIG),
    }
    losses = {
        name: way.loss((floats if way.floats else batches)[0]) for name, way in contenders.items()
    }
    for name, loss in losses.items():
        # The same loss at the same weights; bfloat16 has three digits.
        assert loss == pytest.approx(losses["plain"], rel=2e-2 if name == "faceseg" else 1e-4), name
    ways: dict[str, Callable[[], float]] = {
        name: partial(time_loop, way.run, endless(floats if way.floats else batches), steps)
        for name, way in contenders.items()
    }
    for name, precision in (("lightning", "32-true"), ("lightning bf16", "bf16-mixed")):
        some = [floats[i % len(floats)] for i in range(steps)]
        ways[name] = partial(time_lightning, CONFIG, some, precision)
    times = _turns(benchmark, ways, seconds)
    targets = {name: 1.0 for name in ways if not name.startswith("faceseg")} | {"plain": 2.6}
    _report(
        benchmark, "step", times, targets,
        losses=losses, threads=torch.get_num_threads(), arithmetic=str(choose_amp("auto", CPU)),
    )  # fmt: skip


def test_deeplab(benchmark: BenchmarkFixture, seconds: float, batches: list[Batch]) -> None:
    """DeepLabV3 over a MobileNetV3: the step with our convolutions and with PyTorch's own."""
    warnings.simplefilter("ignore")  # of a loss that is read as a number
    config = CONFIG.replace({"model": "deeplabv3", "aux_weight": 0.0})
    ways: dict[str, Ours | Plain] = {
        "faceseg": Ours(config),
        "faceseg, PyTorch's convolutions": Ours(config),
        "plain": Plain(config),
    }
    for name, way in ways.items():
        for layer in way.network.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0  # else the losses could not be compared
            if isinstance(layer, Conv2d) and name != "faceseg":
                layer.__class__ = torch.nn.Conv2d  # type: ignore[assignment]
    floats = [to_float(batch) for batch in batches]
    losses = {n: way.loss((floats if way.floats else batches)[0]) for n, way in ways.items()}
    for name, loss in losses.items():
        assert loss == pytest.approx(losses["plain"], rel=2e-2), name
    steps = max(2, _steps(seconds) // 5)
    times = _turns(
        benchmark,
        {
            name: partial(time_loop, way.run, endless(floats if way.floats else batches), steps)
            for name, way in ways.items()
        },
        seconds,
    )
    _report(
        benchmark, "step of DeepLabV3-MobileNetV3", times,
        {"faceseg, PyTorch's convolutions": 1.0, "plain": 2.6},
        losses=losses, threads=torch.get_num_threads(), arithmetic=str(choose_amp("auto", CPU)),
    )  # fmt: skip


def test_loop(benchmark: BenchmarkFixture, seconds: float, source: Source) -> None:
    """The step with its loader, workers and all."""
    steps = _steps(seconds)
    ours, plain = Ours(CONFIG), Plain(CONFIG)

    def loaded(workers: int) -> float:
        config = CONFIG.replace({"workers": workers})
        # No batch more than is used: workers fill their queue in the time of the steps otherwise.
        return time_loop(ours.run, make_loader(source, config, last=2 * steps + 1), 2 * steps)

    def recipe(workers: int) -> float:
        loader = DataLoader(
            PlainSet(source, SIZE), CONFIG.batch_size, shuffle=True, num_workers=workers
        )
        return time_loop(plain.run, (b for _ in range(steps + 2) for b in loader), steps)

    samples = DataLoader(PlainSet(source, SIZE), 8)
    assert next(iter(samples))[0].shape == (8, 3, *SIZE)
    times = _turns(
        benchmark,
        {
            "faceseg": partial(loaded, 1),
            "faceseg 2 workers": partial(loaded, 2),
            "plain": partial(recipe, 0),
            "plain 2 workers": partial(recipe, 2),
        },
        seconds,
    )
    targets = {"plain": 2.6, "plain 2 workers": 2.6}
    _report(benchmark, "loop with loader", times, targets, threads=torch.get_num_threads())


def test_loading(
    benchmark: BenchmarkFixture, seconds: float, source: Source, batches: list[Batch]
) -> None:
    """What reading and augmenting adds to a step on the same core: turns of one step each."""
    ours = Ours(CONFIG)
    turns = max(10, round(200 * seconds))
    loaders = [
        iter(make_loader(source, CONFIG.replace({"workers": 0}), last=turns)) for _ in range(2)
    ]
    memory = endless(batches)

    def once(stream: Iterator[Batch], run: Callable[[Batch], None]) -> float:
        start = time.perf_counter()
        run(next(stream))
        return time.perf_counter() - start

    ours.run(batches[0])
    times = _turns(
        benchmark,
        {
            "faceseg": partial(once, loaders[0], ours.run),
            "from memory": partial(once, memory, ours.run),
            "reading and augmenting alone": partial(once, loaders[1], lambda batch: None),
        },
        turns / ROUNDS,
    )
    _report(
        benchmark, "step with and without loading", times, {"from memory": 0.95},
        threads=torch.get_num_threads(), workers=0,
    )  # fmt: skip


def _usual(source: Source, size: tuple[int, int], place: int) -> tuple[Any, Any]:
    record = source.records[place]
    assert record.rle is not None
    image = cv2.cvtColor(cv2.imread(str(record.image)), cv2.COLOR_BGR2RGB)
    mask = numpy_decode(record.rle[0], image.shape[:2])
    return (
        cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA),
        cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST),
    )


def test_full_hd(benchmark: BenchmarkFixture, seconds: float, tmp_path: Path) -> None:
    """A FullHD JPEG and its run lengths to a sample of 384 x 384, nothing moved or coloured."""
    cv2.setNumThreads(1)
    source = _portraits(tmp_path / "large", 4, (1080, 1920))
    write_shards([source], tmp_path / "shards")
    write_shards([source], tmp_path / "reduced", min_side=384)
    still = Config(
        size=(384, 384), flip=0, rotate=0, zoom=1, stretch=1, shift=0, colour=0, degrade=0
    )
    sets = {
        name: TrainingSet(open_source(tmp_path / folder), still)
        for name, folder in (
            ("faceseg", "large/train.csv"), ("faceseg shards", "shards"),
            ("faceseg shards, --min-side 384", "reduced"),
        )
    }  # fmt: skip
    differing = {}
    for name, samples in sets.items():
        pairs = [(samples[0, i], _usual(source, still.size, i)) for i in range(len(source))]
        pixels = [np.abs(a[0].astype(int) - b[0]).mean() for a, b in pairs]
        masks = [(a[1] != b[1]).mean() for a, b in pairs]
        # A JPEG at reduced size, and stored anew, is off by a grey value or two. OpenCV's nearest
        # pixel is that at the corner of a sample's pixel, ours that in the middle.
        assert np.mean(pixels) < 3
        assert np.mean(masks) < 4e-3
        differing[name] = {
            "mean grey values": round(float(np.mean(pixels)), 3),
            "share of mask": round(float(np.mean(masks)), 5),
        }
    inputs = [(i,) for i in range(len(source))]
    entries = {
        name: Entry(lambda i, samples=samples: samples[0, i], inputs)  # type: ignore[misc]
        for name, samples in sets.items()
    }
    ours = entries.pop("faceseg")
    entries["usual"] = Entry(partial(_usual, source, still.size), inputs)
    times = interleave(benchmark, ours, entries, ["usual"], max(4.0, seconds))
    times["faceseg"] = times.pop("")
    sizes = [record.image.stat().st_size for record in source.records]  # type: ignore[union-attr]
    _report(
        benchmark, "FullHD to 384²", times, {"usual": 4.0},
        differing=differing, mean_file_bytes=round(float(np.mean(sizes))),
    )  # fmt: skip


# Of this program alone: ru_maxrss begins with the memory of the process that started it.
_INDEX = """
import gc, json, os, re, sys
import torch, cv2
from faceseg.data import make_loader
from faceseg.records import open_source
def of(name):
    found = re.search(name + r":\\s+(\\d+)", open("/proc/self/smaps_rollup").read())
    return int(found[1]) / 1024
before = of("Rss")
source = open_source(sys.argv[1])
gc.collect()
after = of("Rss")
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
own = []
for worker in range(2):
    reader, writer = os.pipe()
    if not os.fork():
        start = of("Private_Dirty")
        for record in source.records:
            source.runs(record, record.size)
        os.write(writer, str(of("Private_Dirty") - start).encode())
        os._exit(0)
    own.append(float(os.read(reader, 99)))
    os.wait()
print(json.dumps({"index": after - before, "peak": peak - before, "worker": max(own)}))
"""

_LIGHT = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import torch
from trainers import Ours, Plain, to_float
from faceseg.config import Config
from faceseg.device import keep_memory
if sys.argv[3] == "kept":
    assert keep_memory()
shape = 16, 256, 256
batch = torch.zeros(*shape, 3, dtype=torch.uint8), torch.zeros(shape, dtype=torch.uint8)
way = {"faceseg": Ours, "plain": Plain}[sys.argv[2]](Config(size=(256, 256), stride=2))
batch = to_float(batch) if way.floats else batch
times = []
for _ in range(12):
    start = time.perf_counter()
    way.run(batch)
    times.append(time.perf_counter() - start)
print(json.dumps(sorted(times[2:])[5]))
"""

_STEP = """
import json, re, sys
sys.path.insert(0, sys.argv[1])
import torch
from trainers import Ours, Plain, to_float
from faceseg.config import Config
batch = torch.zeros(8, 256, 256, 3, dtype=torch.uint8), torch.zeros(8, 256, 256, dtype=torch.uint8)
way = {"faceseg": Ours, "plain": Plain}[sys.argv[2]](Config(size=(256, 256), batch_size=8))
batch = to_float(batch) if way.floats else batch
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
before = peak()
for _ in range(3):
    way.run(batch)
print(json.dumps(peak() - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is one of glibc")
def test_allocator(benchmark: BenchmarkFixture, seconds: float) -> None:
    """The light U-Net's step in programs of their own, freed memory kept or given back."""
    names = {
        f"{way}, memory {kept}": (way, kept)
        for way in ("faceseg", "plain")
        for kept in ("kept", "given back")
    }
    ways: dict[str, Callable[[], float]] = {
        name: partial(_program, _LIGHT, Path(__file__).parent, *pair)
        for name, pair in names.items()
    }
    times = _turns(benchmark, ways, seconds)
    times["faceseg"] = times.pop("faceseg, memory kept")
    _report(
        benchmark, "step of the light U-Net", times, {"faceseg, memory given back": 1.0},
        threads=os.environ.get("OMP_NUM_THREADS", "torch's choice"),
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Megabytes of an index of 40,000 FullHD images with 600 runs each, and of a step."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    texts = []
    for _ in range(100):
        ends = np.sort(rng.choice(1080 * 1920 // 2, 1200, replace=False)) * 2 + 1
        texts.append(" ".join(map(str, np.stack([ends[::2], np.diff(ends)[::2]], axis=1).ravel())))
    with (tmp_path / "train.csv").open("w") as stream:
        stream.write("image,rle_mask,height,width\n")
        for place in range(40_000):
            stream.write(f"p{place:05d}.jpg,{texts[place % 100]},1080,1920\n")
            (tmp_path / "images" / f"p{place:05d}.jpg").touch()
    found: dict[str, Any] = {}

    def look() -> None:
        found["index"] = _program(_INDEX, tmp_path / "train.csv")
        for name in ("faceseg", "plain"):
            found[f"step, {name}"] = _program(_STEP, Path(__file__).parent, name)

    benchmark.pedantic(look, rounds=1)
    assert found["index"]["peak"] < 400
    size = os.path.getsize(tmp_path / "train.csv") / 2**20
    _report(benchmark, "memory, MiB", {}, {}, table=size, **found)


def _program(text: str, *arguments: object) -> Any:
    import json

    command = [sys.executable, "-c", text, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
