"""From records to batches: read, augment, collate; the place in a run is all the state there is."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from faceseg.augment import augment, swap_table
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.files import Member
from faceseg.images import plain_jpeg_size, read_reduced
from faceseg.records import Source

Sample = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class TrainingSet(Dataset[Sample]):
    """Augmented samples of a source, addressed by (epoch, record).

    Every choice of a sample is drawn from (seed, epoch, record), so that samples do not depend on
    the number of workers, on the order they are read in or on where a run was resumed.

    Parameters
    ----------
    source
        Where records and masks come from.
    config
        Settings of the run.
    """

    def __init__(self, source: Source, config: Config) -> None:
        self.source = source
        self.config = config
        self.swap = swap_table(source.classes)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, place = key
        record = self.source.records[place]
        image, size = read_picture(record.image, self.config.size)
        mask = self.source.annotation(record, size)
        rng = np.random.default_rng((self.config.seed, epoch, place))
        return augment(rng, image, mask, self.config, self.swap)


_REDUCED = {
    8: cv2.IMREAD_REDUCED_COLOR_8,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    1: cv2.IMREAD_COLOR,
}


def read_picture(
    file: Path | Member, min_size: tuple[int, int]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Read an image as `images.read_reduced` does, the same pixels in less time.

    OpenCV decodes a JPEG in three quarters of the time of Pillow, but takes one that is cut short
    for whole and CMYK for colour: whatever is not plain goes to Pillow, which words the error, too.
    """
    try:
        data = file.read_bytes()
    except OSError:
        data = b""
    whole = plain_jpeg_size(data)
    if whole is not None:
        fits = min(side // least for side, least in zip(whole, min_size, strict=True))
        flag = next((flag for step, flag in _REDUCED.items() if step <= fits), cv2.IMREAD_COLOR)
        pixels = np.frombuffer(data, np.uint8)
        decoded = cv2.imdecode(pixels, flag | cv2.IMREAD_IGNORE_ORIENTATION)
        if decoded is not None:
            return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8), whole
    return read_reduced(file, min_size)


class Batches(Sampler[list[tuple[int, int]]]):
    """The batches of a whole run, from any step on.

    Each epoch visits every record once, in an order drawn from (seed, epoch); what is left over at
    the end of an epoch and does not fill a batch is left out, as another draw leaves out others. A
    set smaller than a batch makes one batch of itself.

    Parameters
    ----------
    count
        Number of records.
    config
        Settings of the run.
    first, last
        Steps to give, `last` not included, counted from the start of the run.
    rank, world
        Of each batch, which is the same for any `world`, the records ``rank::world`` are given.

    Raises
    ------
    InputError
        If a batch has fewer records than there are processes.
    """

    def __init__(
        self, count: int, config: Config, first: int, last: int, rank: int = 0, world: int = 1
    ) -> None:
        self.count = count
        self.size = max(1, min(config.batch_size, count))
        if self.size < world:
            raise InputError(
                f"batches of {self.size} for {world} processes: raise batch_size, add images or "
                "start fewer processes"
            )
        self.seed = config.seed
        self.first = first
        self.last = last
        self.rank = rank
        self.world = world

    @property
    def per_epoch(self) -> int:
        """Number of steps in an epoch."""
        return self.count // self.size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order: Sequence[int] = ()
        drawn = -1
        for step in range(self.first, self.last):
            epoch, place = divmod(step, self.per_epoch)
            if epoch != drawn:
                order = np.random.default_rng((self.seed, epoch)).permutation(self.count).tolist()
                drawn = epoch
            batch = order[place * self.size : (place + 1) * self.size]
            yield [(epoch, i) for i in batch[self.rank :: self.world]]

    def __len__(self) -> int:
        return self.last - self.first


def collate(samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
    """Stack samples to (N, h, w, 3) uint8 pictures and (N, h, w) uint8 masks."""
    images = np.stack([image for image, _ in samples])
    masks = np.stack([mask for _, mask in samples])
    return torch.from_numpy(images), torch.from_numpy(masks)


def _start_worker(_worker: int) -> None:
    # A worker is one process for one core; OpenCV's own threads would compete with the network.
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    # Ctrl-C, and what a scheduler sends, reach the whole group of processes; the training loop ends
    # its workers itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def make_loader(
    source: Source,
    config: Config,
    *,
    first: int = 0,
    last: int,
    rank: int = 0,
    world: int = 1,
    pin_memory: bool = False,
) -> DataLoader[Sample]:
    """Return a loader of the steps `first` to `last` of a run.

    Parameters
    ----------
    source
        Where records and masks come from.
    config
        Settings of the run; `batch_size` is that of all processes together.
    first, last
        Steps to give, `last` not included.
    rank, world
        Number of this process, from 0, and of all that train together.
    pin_memory
        Put batches where a GPU can fetch them while it computes.

    Raises
    ------
    InputError
        If the source has no record, too few for every process, or too few for the network
        (DeepLabV3's pooled branch has one value per picture and channel, which batch normalisation
        cannot use alone).
    """
    count = len(source.records)
    if not count:
        raise InputError(f"{source.path}: no record to train on")
    batches = Batches(count, config, first, last, rank, world)
    # Batch normalisation cannot use a map of one value: DeepLabV3 pools to one pixel, and so does a
    # U-Net that halves the picture as often as it can.
    one_pixel = config.model == "deeplabv3" or (
        config.norm == "batch" and max(config.size) <= config.stride * 2**config.depth
    )
    least = batches.size // world // config.accumulate
    if least < 1:
        raise InputError(
            f"accumulate: {config.accumulate} parts of {batches.size // world} images in a "
            "process: lower accumulate, raise batch_size or add images"
        )
    if one_pixel and least < 2:
        raise InputError(
            f"{config.model} at size {config.size} trains on batches of 2 or more: "
            "raise batch_size, lower accumulate or add images"
        )
    # Forked workers share the records, which others would each get a copy of; it is what torch does
    # on Linux, said here because newer Pythons do otherwise by themselves.
    fork = config.workers and sys.platform == "linux"
    return DataLoader(
        TrainingSet(source, config),
        batch_sampler=batches,
        num_workers=config.workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        worker_init_fn=_start_worker,
        prefetch_factor=4 if config.workers else None,
        multiprocessing_context="fork" if fork else None,
    )
