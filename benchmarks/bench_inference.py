"""Prediction from raw pixels to mask: eager against exported, seeded networks, drawn portraits.

    pytest benchmarks/bench_inference.py --benchmark-only --benchmark-group-by=group

Every contender's mask is compared with that of plain eager PyTorch first; the number of pixels that
differ is stored with the timing. `faceseg benchmark RUN` gives the same comparison in interleaved
rounds for trained weights.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from faceseg.benchmark import Contender, contenders
from faceseg.checkpoint import save
from faceseg.config import Config
from faceseg.draw import draw_portrait
from faceseg.export import DEFAULT, export_model
from faceseg.models import build

NETWORKS = {
    "unet-w16": Config(),
    "deeplabv3-mobilenet": Config(model="deeplabv3"),
}
CONTENDERS = ("eager", "eager channels_last", "eager bf16", "torchscript", "onnx")
THREADS = torch.get_num_threads()


@pytest.fixture(scope="module", params=NETWORKS)
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Contender]]:
    folder = tmp_path_factory.mktemp(request.param)
    config = NETWORKS[request.param]
    torch.manual_seed(0)
    weights = build(config, 2).state_dict()
    save(
        folder / "best.pt",
        config=config,
        task="face",
        classes=("background", "face"),
        weights=weights,
    )
    files = [e.path for e in export_model(folder, DEFAULT, folder)]
    found, _, _ = contenders([folder, *files], "cpu", THREADS)
    return request.param, dict(zip(CONTENDERS, found, strict=True))


@pytest.mark.parametrize("name", CONTENDERS)
@pytest.mark.parametrize(
    ("batch", "size"), [(1, (256, 256)), (1, (512, 512)), (8, (512, 512)), (1, (1080, 1920))]
)
def test_predict(
    benchmark: BenchmarkFixture,
    network: tuple[str, dict[str, Contender]],
    name: str,
    batch: int,
    size: tuple[int, int],
) -> None:
    title, ways = network
    rng = np.random.default_rng(0)
    images = np.stack([draw_portrait(rng, size=size)[0] for _ in range(batch)])
    way = ways[name]
    benchmark.group = f"{title} {batch} x {size[0]} x {size[1]}"
    benchmark.extra_info["differing"] = int((way.run(images) != ways["eager"].run(images)).sum())
    benchmark.extra_info["precision"] = way.precision
    benchmark.extra_info["runs_on"] = way.runs_on
    benchmark.extra_info["threads"] = THREADS
    benchmark.pedantic(way.run, args=(images,), warmup_rounds=3, rounds=10)
