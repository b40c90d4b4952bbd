"""Ways to train one network on the same batches: ours, the usual recipe, and the rivals' loops.

All minimise cross-entropy + Dice of the foreground, each as it is usually written; `loss` gives it
at the network's present weights, which the benchmark compares before it times anything.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import segmentation_models_pytorch as smp
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional as tv

from faceseg.config import Config
from faceseg.device import choose_amp
from faceseg.models import build
from faceseg.models.pipeline import MEAN, STD
from faceseg.records import Source
from faceseg.step import Step

Batch = tuple[Tensor, Tensor]
CPU = torch.device("cpu")


def to_float(batch: Batch) -> Batch:
    """Turn uint8 (N, H, W, 3) into what loaders usually give: normalised float32 (N, 3, H, W)."""
    images = batch[0].permute(0, 3, 1, 2).float().div(255)
    images = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    return images.contiguous(), batch[1].long()


def plain_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy + Dice as notebooks have it."""
    probability = logits.softmax(dim=1)[:, 1]
    overlap = (probability * target).sum()
    dice = (2 * overlap + 1) / (probability.sum() + target.sum() + 1)
    return nn.functional.cross_entropy(logits, target) + 1 - dice


class Ours:
    """The package's step."""

    floats = False

    def __init__(self, config: Config) -> None:
        torch.manual_seed(0)
        self.network = build(config, 2)
        self.config = config
        self.step = Step(self.network, config, CPU, choose_amp(config.amp, CPU))

    def run(self, batch: Batch) -> None:
        self.step(*batch)

    def loss(self, batch: Batch) -> float:
        alone = Step(copy.deepcopy(self.network), self.config, CPU, self.step.amp)
        return float(alone(*batch)[0])


class Plain:
    """The notebooks' step: float32, (N, C, H, W), Adam, `loss.item()` each time."""

    floats = True

    def __init__(self, config: Config) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = build(config, 2)
        self.criterion: Callable[[Tensor, Tensor], Tensor] = plain_loss
        self.optimizer: torch.optim.Optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        self.network.train()
        self.running = 0.0

    def run(self, batch: Batch) -> None:
        images, target = batch
        self.optimizer.zero_grad()
        loss = self.criterion(self.network(images), target)
        loss.backward()
        self.optimizer.step()
        self.running += loss.item()

    def loss(self, batch: Batch) -> float:
        network = copy.deepcopy(self.network).train()
        return float(self.criterion(network(batch[0]), batch[1]))


class Torchvision(Plain):
    """`train_one_epoch` of references/segmentation/train.py: SGD, a polynomial schedule, meters."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4
        )
        self.schedule = torch.optim.lr_scheduler.PolynomialLR(self.optimizer, 10**6, 0.9)

    def run(self, batch: Batch) -> None:
        super().run(batch)
        self.schedule.step()


class Smp(Plain):
    """The losses of segmentation_models_pytorch, in the step of its examples."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        dice = smp.losses.DiceLoss("multiclass", classes=[1], smooth=1.0)
        entropy = smp.losses.SoftCrossEntropyLoss(smooth_factor=0.0)
        self.criterion = lambda logits, target: entropy(logits, target) + dice(logits, target)


def lightning_module(config: Config, done: Callable[[], None]) -> Any:
    """Return a LightningModule around the same network; `done` is called after each step."""
    import lightning.pytorch as pl

    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.network = build(config, 2)

        def training_step(self, batch: Batch, place: int) -> Tensor:
            loss = plain_loss(self.network(batch[0]).float(), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=1e-3)

        def on_train_batch_end(self, *_: Any) -> None:
            done()

    return Module()


def time_lightning(config: Config, batches: list[Batch], precision: str) -> float:
    """Return seconds for one step of Lightning's Trainer, its start and one step left out."""
    import lightning.pytorch as pl

    ends: list[float] = []
    module = lightning_module(config, lambda: ends.append(time.perf_counter()))
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", precision=precision, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # type: ignore[arg-type]  # fmt: skip
    trainer.fit(module, DataLoader([batches[0], *batches], batch_size=None))  # type: ignore[arg-type]
    return (ends[-1] - ends[0]) / (len(ends) - 1)


class PlainSet(Dataset[Batch]):
    """The notebooks' data set: PIL, run lengths by NumPy, transforms of torchvision on PIL."""

    def __init__(self, source: Source, size: tuple[int, int]) -> None:
        self.source = source
        self.size = size

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, place: int) -> Batch:
        record = self.source.records[place]
        assert record.rle is not None
        assert isinstance(record.image, Path)
        image = Image.open(record.image).convert("RGB")
        mask = Image.fromarray(numpy_decode(record.rle[0], (image.height, image.width)))
        if random.random() < 0.5:
            image, mask = tv.hflip(image), tv.hflip(mask)
        angle, zoom = random.uniform(-20, 20), 1.6 ** random.uniform(-1, 1)
        shift = [int(random.uniform(-0.12, 0.12) * side) for side in image.size]
        image = tv.affine(image, angle, shift, zoom, [0.0], tv.InterpolationMode.BILINEAR)
        mask = tv.affine(mask, angle, shift, zoom, [0.0], tv.InterpolationMode.NEAREST)
        image = tv.resize(image, list(self.size))
        mask = tv.resize(mask, list(self.size), tv.InterpolationMode.NEAREST)
        image = tv.adjust_brightness(image, random.uniform(0.6, 1.4))
        image = tv.adjust_contrast(image, random.uniform(0.6, 1.4))
        image = tv.adjust_saturation(image, random.uniform(0.6, 1.4))
        x = tv.normalize(tv.to_tensor(image), list(MEAN), list(STD))
        return x, torch.as_tensor(np.array(mask), dtype=torch.int64)


def numpy_decode(text: str, shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Decode Kaggle's text as its forum does."""
    numbers = np.asarray(text.split(), dtype=int)
    starts, lengths = numbers[0::2] - 1, numbers[1::2]
    mask = np.zeros(shape[0] * shape[1], np.uint8)
    for start, end in zip(starts, starts + lengths, strict=True):
        mask[start:end] = 1
    return mask.reshape(shape[::-1]).T


def endless(batches: list[Batch]) -> Iterator[Batch]:
    """Give batches that are in memory, without end."""
    while True:
        yield from batches


def time_loop(run: Callable[[Batch], None], batches: Iterable[Batch], count: int) -> float:
    """Return seconds for one of `count` steps, one before them left out."""
    stream = iter(batches)
    run(next(stream))
    start = time.perf_counter()
    for _ in range(count):
        run(next(stream))
    return (time.perf_counter() - start) / count
