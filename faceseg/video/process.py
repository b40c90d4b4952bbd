"""A video through the stages, into a file, and what that took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceseg.errors import InputError
from faceseg.predict import Predictor
from faceseg.video.effects import Effect
from faceseg.video.overlap import overlapped
from faceseg.video.sink import open_sink
from faceseg.video.smooth import Smoother
from faceseg.video.source import Source
from faceseg.video.stages import WAITING, Stages, Times


@dataclass(frozen=True)
class Summary:
    """What a run did; plain values, so JSON holds it.

    Attributes
    ----------
    source, out, model, provider
        What was read and written, and what ran where.
    size : tuple of int
        Height and width of the frames.
    frames : int
        Frames that were segmented.
    dropped : int
        Frames of a live source that came too fast; in the result the frame before stands for each.
    seconds, fps
        Of the whole run without loading the model, and frames segmented in each of those seconds.
    median_ms, p99_ms
        Of a frame's latency, from decoded to encoded.
    stages_ms : dict of float
        Median of each stage. Stages overlap: the slowest sets the pace, not the sum.
    audio : str
        What became of the sound.
    ended : str
        ``"end"``, ``"stopped"``, or what went wrong after the last frame of the result.
    """

    source: str
    out: str
    model: str
    provider: str
    size: tuple[int, int]
    frames: int
    dropped: int
    seconds: float
    fps: float
    median_ms: float
    p99_ms: float
    stages_ms: dict[str, float]
    audio: str
    ended: str


def warm_up(predictor: Predictor) -> None:
    """Let OpenVINO compile before the first frame comes, if that does not decide the size."""
    contract = predictor.contract
    if contract.letterbox and not contract.picture:
        return
    size = contract.picture or contract.size
    blank = np.zeros((*size, 3), np.uint8)
    for _ in range(3):
        predictor(blank)


def process(
    source: Source,
    out: Path,
    predictor: Predictor,
    effect: Effect,
    *,
    smooth: float = 0.7,
    codec: str | None = None,
    workers: int = 2,
    stop: threading.Event | None = None,
    watch: Callable[[int, Times], None] | None = None,
) -> Summary:
    """Segment a video, frame by frame, and write what an effect makes of it.

    Parameters
    ----------
    source
        What to read.
    out
        What to write: a video file, or a folder of PNG files if it has no suffix. It is put in
        place at the end, whole.
    predictor
        The model.
    effect
        See `faceseg.video.effects.effect_of`.
    smooth
        Share of the past in the mask where the picture stands still, 0 up to, not including, 1.
    codec
        Four letters, for another codec than the usual one of the suffix.
    workers
        Frames that are predicted at a time. With a predictor of one thread this uses that many
        cores, better than one frame at a time with several threads does.
    stop
        Ends the run after the frame at hand, as the end of the video would.
    watch
        Called after each frame with their number and the times so far.

    Raises
    ------
    InputError
        If no frame can be decoded or the result cannot be encoded.
    """
    if not 0 <= smooth < 1:
        raise InputError(f"smooth: {smooth} given, expected 0 up to, not including, 1")
    stop = stop or threading.Event()
    times = Times()
    stages = Stages(source, predictor, stop, times, workers)
    start = time.perf_counter()
    done = shown = 0
    with open_sink(out, source, codec) as sink:
        with closing(overlapped(stages.painted(effect, Smoother(smooth)), WAITING)) as frames:
            for frame, image in frames:
                with times.of("encode"):
                    sink.write(image, frame.number - shown)
                shown = frame.number
                times.latency.append(time.perf_counter() - frame.decoded)
                done += 1
                if watch is not None:
                    watch(done, times)
        if not done:
            raise InputError(f"{source.name}: no frame could be decoded")
    seconds = time.perf_counter() - start
    return Summary(
        source=source.name,
        out=str(out),
        model=predictor.contract.name,
        provider=predictor.provider,
        size=stages.size,
        frames=done,
        dropped=times.dropped,
        seconds=seconds,
        fps=done / seconds,
        median_ms=float(np.median(times.latency) * 1e3),
        p99_ms=float(np.percentile(times.latency, 99) * 1e3),
        stages_ms={name: float(np.median(spent) * 1e3) for name, spent in times.stages.items()},
        audio=sink.audio,
        ended=_ending(stages, done),
    )


def _ending(stages: Stages, done: int) -> str:
    source = stages.source
    if stages.fault:
        return stages.fault
    if stages.stop.is_set():
        return "stopped"
    if source.cut_short(done):
        return f"ended after {done} of {source.frames} frames; is the file cut short?"
    return "end"
