"""Prediction from raw pixels to mask: every runtime, three networks, several sizes and batches.

    python benchmarks/bench_inference.py                  # JSON and a table in benchmarks/results
    python benchmarks/bench_inference.py --device cuda    # the GPU alone
    python benchmarks/bench_inference.py --only classic --repeats 5

Each case is what `faceseg benchmark` does: masks compared first, contenders in processes of their
own, interleaved. `benchmarks/run.py inference` is the same. The classic U-Net is trained for two
minutes on drawn portraits, so that its masks have edges to compare; its IoU says nothing of real
use.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import run as results
import table
import torch

from faceseg import benchmark
from faceseg.checkpoint import load, save
from faceseg.config import Config
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.files import write_json, write_text
from faceseg.models import build
from faceseg.models.pipeline import Normalise

NETWORK_SIZE = (256, 256)
CLASSES = ("background", "face")


@dataclass(frozen=True)
class Case:
    """What is timed: a network on pictures of a size, so many in a batch, in so many rounds."""

    network: str
    batch: int
    size: tuple[int, int]
    share: float = 1.0

    def __str__(self) -> str:
        return f"{NAMES[self.network]}, batch {self.batch}, {self.size[0]} × {self.size[1]}"


NAMES = {
    "light": "light U-Net (face-unet)",
    "deeplab": "DeepLabV3-MobileNetV3 (face-deeplabv3)",
    "classic": "classic U-Net 64–512",
}
CASES = {
    "cpu": (
        Case("light", 1, NETWORK_SIZE),
        Case("light", 8, NETWORK_SIZE, 0.5),
        Case("light", 1, (720, 1280)),
        Case("deeplab", 1, NETWORK_SIZE),
        Case("deeplab", 8, NETWORK_SIZE, 0.4),
        Case("classic", 1, NETWORK_SIZE, 0.5),
    ),
    "cuda": tuple(Case(name, batch, NETWORK_SIZE) for name in NAMES for batch in (1, 32)),
}


def checkpoint(name: str, folder: Path) -> Path:
    """Write a network at 256 x 256: the shipped weights, or the classic U-Net's."""
    path = folder / f"{name}.pt"
    if path.exists():
        return path
    if name == "classic":
        # 64 to 512 channels on the way down, 1024 at the bottom: 31 M parameters.
        config = Config(model="unet", width=64, depth=4, size=NETWORK_SIZE)
        weights = trained(config)
    else:
        shipped = load({"light": "face-unet", "deeplab": "face-deeplabv3"}[name])
        config = shipped.config.replace({"size": NETWORK_SIZE})
        weights = shipped.weights
    save(path, config=config, task="face", classes=CLASSES, weights=weights)
    return path


def trained(config: Config, steps: int = 80) -> dict[str, torch.Tensor]:
    """Return weights that find drawn faces, roughly: of noise int8 would make other noise."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = build(config, len(CLASSES)).train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        # At 64 x 64 the masks were so vague that int8 changed too many of their pixels.
        pairs = [draw_portrait(rng, size=(128, 128)) for _ in range(4)]
        pixels = Normalise()(torch.from_numpy(np.stack([image for image, _ in pairs])))
        # The classes from 2 on are the face.
        truth = torch.from_numpy(np.stack([mask >= 2 for _, mask in pairs])).long()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(pixels.to(memory_format=torch.channels_last))
        loss = torch.nn.functional.cross_entropy(logits.float(), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.state_dict()


def timed(case: Case, device: str, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run a case and return its result; one that cannot be run says why."""
    start = time.monotonic()
    try:
        result = benchmark.run(
            [checkpoint(case.network, folder)],
            runtimes=None if args.runtimes is None else args.runtimes.split(","),
            size=case.size,
            batch=case.batch,
            threads=args.threads,
            repeats=max(2, round(args.repeats * case.share)),
            device=device,
            folder=folder / case.network,
            tell=lambda line: print(f"  {line}", file=sys.stderr, flush=True),
        )
    except InputError as error:
        print(f"{case}: {error}", file=sys.stderr)
        return {"title": str(case), "failed": str(error)}
    print(f"\n{case}, {time.monotonic() - start:.0f} s\n{result.table()}", flush=True)
    return {"title": str(case), **dataclasses.asdict(result)}


def main(arguments: Sequence[str] | None = None) -> Path:
    """Run all cases and return the path of the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30, help="rounds; fewer in long cases")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--device", default="auto", choices=["auto", *CASES], help="auto: all that are here"
    )
    parser.add_argument("--only", choices=NAMES, help="one network")
    parser.add_argument("--runtimes", help="some, by comma; missing ones are an error then")
    parser.add_argument("--name", default="inference", help="of the files of results")
    args = parser.parse_args(arguments)
    cuda = torch.cuda.is_available()
    devices = [args.device] if args.device != "auto" else ["cpu", *["cuda"] * cuda]
    about = results.heading(args.name)
    stem = results.stem_of(about)
    found: dict[str, list[dict[str, Any]]] = {device: [] for device in devices}
    result = {**about, "gpu": torch.cuda.get_device_name() if cuda else None, "cases": found}
    with tempfile.TemporaryDirectory() as folder:
        for device in devices:
            for case in CASES[device]:
                if args.only in (None, case.network):
                    found[device].append(timed(case, device, args, Path(folder)))
                    # What is done stays, if a later case is cut off.
                    write_json(stem.with_suffix(".json"), result)
                    write_text(stem.with_suffix(".md"), table.inference(result))
    return stem.with_suffix(".md")


if __name__ == "__main__":
    print(f"table: {main()}")
