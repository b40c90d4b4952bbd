"""Train the models that are shipped: ``python export/train_models.py DATA --out runs``.

DATA holds `easyportrait/` and `MSFD/` as docs/data.md lays them out. Each model is one `faceseg
train` command, printed before it runs; one that was interrupted goes on where it stopped, one that
is finished is not trained again. The weights kept are those of the last epoch, the only one that is
scored: no epoch is chosen on the validation pictures.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from faceseg import RLE
from faceseg.checkpoint import load, save
from faceseg.draw.wear import wear_mask
from faceseg.errors import InputError
from faceseg.files import write_csv
from faceseg.images import read_image, write_jpeg
from faceseg.records import Record, Source, open_source

_COMMON = "--ema 0.998 --patience 0 --occlude 0.1"
_UNET = f"{_COMMON} --stride 2"
_DEEPLAB = f"{_COMMON} --model deeplabv3"
_FACES = "{data}/easyportrait/train_rle.csv --val {data}/easyportrait/val_rle.csv"


@dataclass(frozen=True)
class Recipe:
    """How one model is trained.

    Attributes
    ----------
    data
        What `faceseg train` reads, with ``{data}`` for DATA and ``{out}`` for the folder of runs.
    settings
        Its settings.
    init
        The model that its weights start from; it is trained first.
    """

    data: str
    settings: str
    init: str | None = None


@dataclass(frozen=True)
class Average:
    """A model whose weights are the mean of those of others, one trained on from the other.

    After Wortsman et al., "Model soups", ICML 2022.
    """

    of: tuple[str, ...]


RECIPES: dict[str, Recipe | Average] = {
    "face-parse-unet": Recipe(
        "{data}/easyportrait --task parse",
        f"{_UNET} --size 256 --epochs 100 --validate-every 100 --lr 4e-3 --scene 0.15",
    ),
    "face-unet-1": Recipe(
        _FACES,
        f"{_UNET} --size 320 --epochs 36 --validate-every 36 --lr 2e-3 --scene 0.25",
        init="face-parse-unet",
    ),
    # Again, with fewer wider scenes: the last half thousandth on portraits.
    "face-unet-2": Recipe(
        _FACES,
        f"{_UNET} --size 320 --epochs 20 --validate-every 20 --lr 1.5e-3 --scene 0.15",
        init="face-unet-1",
    ),
    # Again, with samples of the colours of skin in which there is no face.
    "face-unet-3": Recipe(
        _FACES,
        f"{_UNET} --size 320 --epochs 30 --validate-every 30 --lr 1.5e-3 --scene 0.25",
        init="face-unet-2",
    ),
    "face-unet": Average(("face-unet-2", "face-unet-3")),
    "mask-unet": Recipe(
        "{out}/mask-data/train_rle.csv --val {data}/MSFD --task mask",
        f"{_UNET} --size 256 --epochs 20 --validate-every 20 --lr 3e-3 --scene 0.2",
        init="face-parse-unet",
    ),
    # Nothing else to start from: the nine classes, small, teach the encoder what there is.
    "face-parse-deeplabv3": Recipe(
        "{data}/easyportrait --task parse",
        f"{_DEEPLAB} --size 128 --epochs 36 --validate-every 36 --lr 3e-3 --scene 0.1",
    ),
    # Small pictures first: most of the steps at a fraction of the price.
    "face-deeplabv3-1": Recipe(
        _FACES,
        f"{_DEEPLAB} --size 192 --epochs 26 --validate-every 26 --lr 2e-3 --scene 0.15",
        init="face-parse-deeplabv3",
    ),
    "face-deeplabv3-2": Recipe(
        _FACES,
        f"{_DEEPLAB} --size 256 --epochs 16 --validate-every 16 --lr 1.2e-3 --scene 0.15",
        init="face-deeplabv3-1",
    ),
    "face-deeplabv3": Recipe(
        _FACES,
        f"{_DEEPLAB} --size 320 --epochs 8 --validate-every 8 --lr 1.2e-3 --scene 0.15",
        init="face-deeplabv3-2",
    ),
}


def write_mask_data(data: Path, folder: Path) -> None:
    """Write the training set of the medical masks: MSFD's, and drawn ones on real faces.

    Of EasyPortrait's training pictures seven in ten wear a drawn mask, the others wear none and
    have an empty one, so that the network learns to find nothing, too.
    """
    rows: list[list[object]] = []

    def add(record: Record, mask: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
        text = RLE.from_mask(mask).to_kaggle()
        rows.append([f"{record.name}.jpg", text, *mask.shape, record.group])

    masked = open_source(data / "MSFD", split="train", task="mask")
    for record in masked.records:
        link = folder / "images" / f"{record.name}.jpg"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        os.symlink(Path(str(record.image)).absolute(), link)
        add(record, masked.mask(record))
    bare: Source = open_source(data / "easyportrait", split="train", task="parse")
    for place, record in enumerate(tqdm(bare.records, "drawing masks", unit="image")):
        rng = np.random.default_rng(place)
        image, labels = read_image(record.image), bare.mask(record)
        drawn = wear_mask(rng, image, labels) if rng.random() < 0.7 else None
        image, mask = drawn or (image, np.zeros_like(labels))
        write_jpeg(folder / "images" / f"{record.name}.jpg", image, quality=92)
        add(record, mask)
    # Last, as what says that all is there.
    write_csv(folder / "train_rle.csv", ["image", "rle_mask", "height", "width", "subject"], rows)


def average(name: str, parts: Sequence[Path], run: Path) -> None:
    """Write a checkpoint of the mean weights of others, with the last one's settings."""
    found = [load(part) for part in parts]
    last = found[-1]
    weights = {
        key: torch.stack([each.weights[key].double() for each in found]).mean(0).to(value.dtype)
        for key, value in last.weights.items()
    }
    save(
        run / "best.pt",
        config=last.config,
        task=last.task,
        classes=last.classes,
        weights=weights,
        terms=last.terms,
    )
    shutil.copy(parts[-1] / "run.json", run / "run.json")
    print(f"{name}: the mean of {', '.join(part.name for part in parts)}", flush=True)


def train(name: str, data: Path, out: Path, extra: list[str]) -> None:
    """Train a model, and before it those that it starts from."""
    recipe, run = RECIPES[name], out / name
    if isinstance(recipe, Average):
        if not (run / "run.json").exists():
            for part in recipe.of:
                train(part, data, out, extra)
            average(name, [out / part for part in recipe.of], run)
        return
    if (run / "scores.json").exists():
        return
    if recipe.init:
        train(recipe.init, data, out, extra)
    if "mask-data" in recipe.data and not (out / "mask-data/train_rle.csv").exists():
        write_mask_data(data, out / "mask-data")
    if (run / "last.pt").exists():
        words = ["--resume", str(run)]
    else:
        words = [word.format(data=data, out=out) for word in recipe.data.split()]
        words += ["--out", str(run), *recipe.settings.split(), *extra]
        words += ["--init", str(out / recipe.init)] if recipe.init else []
    print(f"$ faceseg train {shlex.join(words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "faceseg", "train", *words, "--no-report"])
    if done.returncode:
        raise InputError(f"{name}: training ended with code {done.returncode}")


def main() -> int:
    """Train what is asked for."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="further arguments go to `faceseg train`: --device cuda --workers 8",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--only", action="append", choices=RECIPES, help="train this one")
    args, extra = parser.parse_known_args()
    try:
        for name in args.only or RECIPES:
            train(name, args.data, args.out, extra)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
