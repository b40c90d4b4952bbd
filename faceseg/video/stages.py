"""Decode, predict, compose: each stage a generator over the one before, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from faceseg.contract import Contract
from faceseg.predict import Predictor
from faceseg.video.effects import Effect, enlarge, shrink
from faceseg.video.overlap import overlapped
from faceseg.video.smooth import Smoother
from faceseg.video.source import Source

Image = NDArray[np.uint8]

STAGES = ("decode", "predict", "compose", "encode")
# Frames that wait between two stages: enough to even out, few enough for a short latency.
WAITING = 2
# Times of the last 20 minutes or so, so that a camera may run for weeks.
_KEPT = 36_000


@dataclass
class Times:
    """Seconds of each stage, and from a frame's decoding to its place in the file."""

    stages: dict[str, deque[float]] = field(
        default_factory=lambda: {name: deque(maxlen=_KEPT) for name in STAGES}
    )
    latency: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    dropped: int = 0

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Time the block as one call of a stage."""
        start = time.perf_counter()
        yield
        self.stages[stage].append(time.perf_counter() - start)

    def drop(self) -> None:
        """Count a frame that no stage had time for."""
        self.dropped += 1


@dataclass
class Frame:
    """A frame (H, W, 3) uint8 BGR, its number from 1, and when it was decoded."""

    number: int
    decoded: float
    image: Image


@dataclass
class Look:
    """What the model makes of a frame, all at its own size."""

    small: Image
    labels: Image
    soft: Image


class Stages:
    """The stages before the encoder; see `faceseg.video.process.process` for the parameters."""

    def __init__(
        self,
        source: Source,
        predictor: Predictor,
        stop: threading.Event,
        times: Times,
        workers: int,
    ) -> None:
        self.source = source
        self.predictor = predictor
        self.stop = stop
        self.times = times
        self.workers = workers
        self.size = (0, 0)
        self.fault = ""

    def decoded(self) -> Generator[Frame, None, None]:
        """Give the frames of the source, until it ends or they change size."""
        images = iter(self.source)
        number = 0
        while not self.stop.is_set():
            with self.times.of("decode"):
                image = next(images, None)
            if image is None:
                return
            size = image.shape[:2]
            if number and size != self.size:
                self.fault = (
                    f"frame {number + 1} is {size[1]} x {size[0]}, those before were "
                    f"{self.size[1]} x {self.size[0]}; the result ends before it"
                )
                return
            self.size = size
            number += 1
            yield Frame(number, time.perf_counter(), image)

    def looked(self) -> Generator[tuple[Frame, Future[Look]], None, None]:
        """Have several frames predicted at a time, and keep their order."""
        drop = self.times.drop if self.source.live else None
        with (
            ThreadPoolExecutor(self.workers) as pool,
            closing(overlapped(self.decoded(), WAITING, drop)) as frames,
        ):
            for frame in frames:
                yield frame, pool.submit(self.look, frame.image)

    def painted(
        self, effect: Effect, smoother: Smoother
    ) -> Generator[tuple[Frame, Image], None, None]:
        """Make masks steady and apply the effect."""
        with closing(overlapped(self.looked(), self.workers)) as looks:
            for frame, future in looks:
                look = future.result()
                with self.times.of("compose"):
                    alpha = enlarge(smoother(look.small, look.soft), self.size)
                    image = effect(frame.image, alpha, look.labels)
                yield frame, image

    def look(self, image: Image) -> Look:
        """Segment a frame (H, W, 3) uint8 BGR at the model's size.

        Given a 1280 x 720 frame, the graph shrinks a float picture and enlarges logits, which
        takes 20 to 25 ms more and gives no better mask (docs/video.md).
        """
        contract = self.predictor.contract
        with self.times.of("predict"):
            small = shrink(image, _size_for(contract, image.shape[:2]))
            pixels = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)
            if contract.probabilities:
                shares = self.predictor.probabilities(pixels)
                labels = shares.argmax(axis=0).astype(np.uint8)
                soft = np.rint((1 - shares[0]) * 255).astype(np.uint8)
            else:
                labels = self.predictor(pixels)
                # Rounds the stairs of a mask that is to be enlarged.
                inside = np.where(labels > 0, np.uint8(255), np.uint8(0))
                soft = np.asarray(cv2.GaussianBlur(inside, (5, 5), 0), np.uint8)
        return Look(small, labels, soft)


def _size_for(contract: Contract, frame: tuple[int, ...]) -> tuple[int, int]:
    """Return the size that a frame is given to the graph at."""
    if contract.picture or not contract.letterbox:
        return contract.picture or contract.size
    scale = min(contract.size[0] / frame[0], contract.size[1] / frame[1])
    return max(1, round(frame[0] * scale)), max(1, round(frame[1] * scale))
