"""The training loop, from a source of records to a run folder."""

from __future__ import annotations

import hashlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau
from torch.utils.tensorboard.writer import SummaryWriter
from tqdm import tqdm

from faceseg import checkpoint
from faceseg.balance import class_weights_of
from faceseg.checkpoint import Checkpoint
from faceseg.config import Config
from faceseg.data import Batches, make_loader
from faceseg.device import choose_amp, choose_device, keep_memory
from faceseg.distributed import World, device_of_rank, joined, restarted
from faceseg.errors import InputError
from faceseg.evaluate import Evaluation, Segmenter, evaluate
from faceseg.files import write_csv, write_json
from faceseg.images import write_png
from faceseg.models import build
from faceseg.models.pipeline import Pipeline, segmenter
from faceseg.records import Source, group_folds
from faceseg.rle import RLE
from faceseg.step import Step

# Steps between two looks at the loss: each look waits for the device.
_LOOK = 20


@dataclass(frozen=True)
class Run:
    """How a training run ended.

    Attributes
    ----------
    folder
        Holds ``best.pt``, ``last.pt``, ``run.json``, ``log.csv``, ``scores.json``,
        ``per_image.csv`` and TensorBoard's events.
    scores
        Scores of ``best.pt`` on the validation set in float32; empty after an interruption.
    history
        One row for each epoch.
    finished
        False if it was interrupted; ``last.pt`` resumes it.
    """

    folder: Path
    scores: dict[str, float]
    history: list[dict[str, float]]
    finished: bool


def train(
    source: Source,
    validation: Source,
    config: Config,
    folder: str | os.PathLike[str],
    *,
    init: Checkpoint | None = None,
    resume: bool = False,
    plan: dict[str, Any] | None = None,
    log: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> Run:
    """Train a network and leave its checkpoints, log and scores in `folder`.

    On a CPU the process keeps the memory it frees from then on, see `faceseg.device.keep_memory`.
    Started by torchrun it is one rank of several, which share each batch; rank 0 writes and logs.

    Parameters
    ----------
    source, validation
        Records to train on and to score; no augmentation is applied to the latter.
    config
        Settings of the run.
    folder
        The run's folder; it must not hold another run.
    init
        Start from the weights of this checkpoint; its last layer is left out where it has other
        classes than `source`.
    resume
        Continue from ``last.pt`` in `folder`: losses and weights are those of a run that was
        never stopped. Ranks that torchrun has started again do so by themselves.
    plan
        What was asked for, written as ``run.json`` once nothing is left to refuse; by default the
        settings alone.
    log
        Receives one line for each choice made automatically and for each epoch.
    progress
        Show a progress bar on stderr.

    Raises
    ------
    InputError
        If the folder holds another run, the data or settings are not those of the run to resume,
        or gradients stop being finite numbers.
    """
    folder = Path(folder)
    device = choose_device(device_of_rank(config.device))
    with joined(device) as world:
        first = world.rank == 0
        training = _Training(
            source, validation, config, folder, device, world, log if first else _silent
        )
        resume = resume or (restarted() and (folder / "last.pt").exists())
        training.prepare(init, resume)
        if first and not resume:
            write_json(folder / "run.json", plan or {"config": config.to_dict()})
        training.run(progress and first)
        world.agree(None)  # rank 0 has saved all
        place = training.place
        if not training.finished:
            return Run(folder, {}, place.history, finished=False)
        evaluation = score(folder, validation, device=str(device))
        if first:
            write_json(folder / "scores.json", _finite(evaluation.scores))
            evaluation.write_csv(folder / "per_image.csv")
        return Run(folder, evaluation.scores, place.history, finished=True)


class _Training:
    """A run under way: what the loop and its pieces share."""

    def __init__(
        self,
        source: Source,
        validation: Source,
        config: Config,
        folder: Path,
        device: torch.device,
        world: World,
        log: Callable[[str], None],
    ) -> None:
        self.source = source
        self.validation = validation
        self.config = config
        self.folder = folder
        self.device = device
        self.world = world
        self.log = log
        self.batches = Batches(len(source.records), config, 0, 0, world.rank, world.size)
        self.total = config.epochs * self.batches.per_epoch
        self.place = _Place(data=_fingerprint(source))
        self.finished = False
        # Of the weights that the run started from; what is trained inherits them.
        self.terms = ""
        # Steps without finite gradients since the last one that had them.
        self.bad: list[int] = []

    def prepare(self, init: Checkpoint | None, resume: bool) -> None:
        """Build the network and its optimizer, and go to where the run stands."""
        config, last = self.config, self.folder / "last.pt"
        amp = choose_amp(config.amp, self.device)
        kept = self.device.type == "cpu" and keep_memory()
        self.log(
            f"device {self.device}, arithmetic {str(amp or torch.float32).removeprefix('torch.')}"
            + f", {self.world.size} processes" * (self.world.size > 1)
            + ", freed memory kept" * kept
        )
        torch.manual_seed(config.seed)
        model = build(config, len(self.source.classes))
        if init is not None:
            weights = dict(init.weights)
            if init.classes != self.source.classes:
                weights |= {
                    k: v for k, v in model.state_dict().items() if k.startswith(model.heads)
                }
                self.log(f"{init.path} has other classes: the last layer starts anew")
            self.terms = init.terms
            checkpoint.load_weights(model, weights, str(init.path))
        balance = class_weights_of(config, self.source) if self.world.rank == 0 else None
        balance = self.world.agree(balance)
        self.step = Step(model, config, self.device, amp, class_weights=balance, world=self.world)
        self.segment = segmenter(
            Pipeline(self.step.scored, config.size), device=str(self.device), amp=amp
        )
        self.scheduler = _make_scheduler(self.step.optimizer, config, self.total)
        if resume:
            self._restore(checkpoint.load(last))
        elif last.exists():
            raise InputError(
                f"{self.folder}: holds a run; choose another --out or continue it with resume"
            )
        self.loader = make_loader(
            self.source,
            config,
            first=self.place.step,
            last=self.place.step if self.place.stopped_early else self.total,
            rank=self.world.rank,
            world=self.world.size,
            pin_memory=self.device.type == "cuda",
        )

    def run(self, progress: bool) -> None:
        """Take the steps that are left."""
        place, per_epoch = self.place, self.batches.per_epoch
        # What the device knows and the loop has not looked at: the sum of the losses of the epoch's
        # steps that were not left out, and for each step since the last look whether its gradients
        # were finite.
        sums = torch.full((1,), place.loss_sum, dtype=torch.float64, device=self.device)
        flags = torch.ones(_LOOK, dtype=torch.float64, device=self.device)
        looked = place.step
        self.started = time.monotonic() - place.seconds
        first = self.world.rank == 0
        writer = SummaryWriter(str(self.folder), purge_step=place.step + 1) if first else None
        bar = tqdm(
            total=self.total * self.batches.size,
            initial=place.step * self.batches.size,
            unit="img",
            disable=not progress,
            dynamic_ncols=True,
        )
        with writer or nullcontext(), bar, _interruptible() as interrupted:
            for images, masks in self.loader:
                self.step.freeze(place.step < self.config.freeze * per_epoch)
                _seed_step(self.config.seed, place.step, self.world.rank)
                loss, finite = self.step(images, masks)
                place.step += 1
                self.step.average(place.step)
                if isinstance(self.scheduler, LambdaLR):
                    self.scheduler.step()
                sums += torch.where(finite, loss, 0.0)
                flags[place.step - looked - 1] = finite
                bar.update(self.batches.size)

                epoch_ends = place.step % per_epoch == 0
                saves = self.config.save_every and place.step % self.config.save_every == 0
                stopping = interrupted.is_set() and self.world.size == 1
                if not (epoch_ends or saves or stopping or place.step - looked == _LOOK):
                    continue
                # The one place where the loop waits.
                place.loss_sum, *passed = torch.cat((sums, flags)).tolist()
                self._check(looked, passed[: place.step - looked])
                looked = place.step
                stopping = any(self.world.gather(interrupted.is_set()))
                done = (place.step - 1) % per_epoch + 1
                bar.set_postfix(loss=f"{place.mean_loss(done):.4f}", iou=f"{place.best:.4f}")
                if epoch_ends:
                    self._end_epoch(writer)
                    sums.zero_()
                if epoch_ends or saves or stopping:
                    place.seconds = time.monotonic() - self.started
                    self._save("last.pt", self._state(), {})
                if stopping:
                    return
                if place.stopped_early:
                    self.log(f"stopped early: no better IoU in {self.config.patience} epochs")
                    break
        self.finished = True

    def _check(self, looked: int, passed: list[float]) -> None:
        """Count steps that were left out; stop where gradients cannot be used any more."""
        for step, finite in enumerate(passed, looked):
            self.place.skipped += not finite
            self.bad = [] if finite else [*self.bad, step]
        # Under autocast an overflow now and then is expected, and such a step is left out.
        if len(self.bad) < (_LOOK if self.step.scaler.is_enabled() else 1):
            return
        ((*keys,),) = Batches(len(self.source.records), self.config, self.bad[0], self.bad[0] + 1)
        names = ", ".join(self.source.records[i].name for _, i in keys)
        last = self.folder / "last.pt"
        kept = f"{last} is as it was when last saved" if last.exists() else "nothing was saved yet"
        raise InputError(
            f"gradients are no finite numbers at step {self.bad[0] + 1}, of the images {names}: "
            f"lower lr, use clip or amp fp32; {kept}"
        )

    def _end_epoch(self, writer: SummaryWriter | None) -> None:
        place, config = self.place, self.config
        epoch = place.step // self.batches.per_epoch
        row = {
            "epoch": epoch,
            "loss": place.mean_loss(self.batches.per_epoch),
            "lr": self.step.optimizer.param_groups[0]["lr"],
            "skipped": place.skipped,
            "seconds": time.monotonic() - self.started,
        }
        validated = epoch % config.validate_every == 0 or epoch == config.epochs
        if validated:
            row |= _evaluate(self.segment, self.validation, config, self.world).scores
            # Without foreground in truth and prediction there is no IoU: below any score.
            iou = row["iou"] if math.isfinite(row["iou"]) else -1.0
            if isinstance(self.scheduler, ReduceLROnPlateau):
                self.scheduler.step(iou)
            if place.best_epoch == 0 or iou > place.best:
                place.best, place.best_epoch = iou, epoch
                self._save("best.pt", None, {k: row[k] for k in ("iou", "dice")})
        place.history.append(row)
        place.loss_sum, place.skipped = 0.0, 0
        place.stopped_early = validated and 0 < config.patience <= epoch - place.best_epoch
        if writer:
            _log_epoch(self.folder, writer, place, row, self.log)

    def _save(self, name: str, state: dict[str, Any] | None, scores: dict[str, float]) -> None:
        if self.world.rank:
            return
        # What is scored is what serves; what learns is what resumes.
        model = self.step.scored if state is None else self.step.model
        checkpoint.save(
            self.folder / name,
            config=self.config,
            task=self.source.task,
            classes=self.source.classes,
            weights=model.state_dict(),
            scores=scores,
            state=state,
            terms=self.terms,
        )

    def _state(self) -> dict[str, Any]:
        return {
            "place": vars(self.place),
            "step": self.step.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def _restore(self, saved: Checkpoint) -> None:
        """Put a saved state back."""
        if saved.config != self.config:
            ours, theirs = self.config.to_dict(), saved.config.to_dict()
            name = next(key for key in ours if ours[key] != theirs[key])
            raise InputError(
                f"{saved.path}: was run with {name}={theirs[name]}, asked to resume with "
                f"{ours[name]}"
            )
        if "step" not in saved.state:
            raise InputError(f"{saved.path}: holds no state to resume from in this version")
        place = _Place(**saved.state["place"])
        if place.data != self.place.data:
            raise InputError(
                f"{saved.path}: was run on other records than {self.source.path} holds now"
            )
        self.place = place
        self.terms = saved.terms
        checkpoint.load_weights(self.step.model, saved.weights, str(saved.path))
        self.step.load_state_dict(saved.state["step"])
        self.scheduler.load_state_dict(saved.state["scheduler"])


def score(
    path: str | os.PathLike[str], source: Source, *, device: str = "cpu", progress: Any = iter
) -> Evaluation:
    """Score a checkpoint (or the best one of a run folder) on a source, in float32."""
    pipeline, loaded = checkpoint.load_pipeline(path)
    source.expect_classes(loaded.path, loaded.classes)
    segment = segmenter(pipeline, device=device)
    with joined(torch.device(device)) as world:
        return _evaluate(segment, source, loaded.config, world, progress=progress)


def _evaluate(
    segment: Segmenter, source: Source, config: Config, world: World, *, progress: Any = iter
) -> Evaluation:
    """Score a source; each rank looks at its share of the images, each image is counted once."""
    ignore = config.ignore_index
    if world.size == 1:
        return evaluate(segment, source, ignore_index=ignore, progress=progress)
    mine = np.arange(len(source.records)) % world.size == world.rank
    counts = np.zeros((0, len(source.classes), len(source.classes)), np.int64)
    if mine.any():
        part = evaluate(segment, _subset(source, mine), ignore_index=ignore, progress=progress)
        counts = part.counts
    whole = np.zeros((len(source.records), *counts.shape[1:]), np.int64)
    for rank, some in enumerate(world.gather(counts)):
        whole[rank :: world.size] = some
    names = tuple(record.name for record in source.records)
    return Evaluation(names, source.classes, whole)


def cross_validate(
    source: Source,
    config: Config,
    folder: str | os.PathLike[str],
    folds: int,
    *,
    init: Checkpoint | None = None,
    resume: bool = False,
    plan: dict[str, Any] | None = None,
    log: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> dict[str, Any] | None:
    """Train once for each fold, all other folds being the training set; no group is in two folds.

    The parameters are those of `train`, with the number of folds.

    Returns
    -------
    dict or None
        The scores of each fold, their mean and standard deviation, and the scores of all images,
        each predicted by the fold that has not seen it, as written to ``folds.json``; None if it
        was interrupted, empty on all ranks but the first.

    Raises
    ------
    InputError
        If there are fewer groups than folds, and as `train`.
    """
    folder = Path(folder)
    fold_of = group_folds([record.group for record in source.records], folds, config.seed)
    device = choose_device(device_of_rank(config.device))
    with joined(device) as world:
        if not resume:
            # What the first fold would refuse is refused before anything is written.
            choose_amp(config.amp, device)
            build(config, len(source.classes))
            if world.rank == 0:
                write_json(
                    folder / "run.json", plan or {"config": config.to_dict(), "folds": folds}
                )
        scores = []
        for fold in range(folds):
            if world.rank == 0:
                log(f"fold {fold + 1} of {folds}")
            inside = folder / f"fold{fold + 1}"
            run = train(
                _subset(source, fold_of != fold),
                _subset(source, fold_of == fold),
                config,
                inside,
                init=init,
                resume=world.agree(resume and (inside / "last.pt").exists()),
                log=log,
                progress=progress,
            )
            if not run.finished:
                return None
            scores.append(run.scores)
        if world.rank == 0:
            together = _predict_out_of_fold(source, fold_of, config, folder, str(device))
        world.agree(None)  # the others wait
        if world.rank:
            return {}
    names = list(scores[0])
    table = np.array([[row[name] for name in names] for row in scores])
    summary = {
        "folds": [_finite(row) for row in scores],
        "mean": _finite(dict(zip(names, table.mean(axis=0).tolist(), strict=True))),
        # The sample deviation: the folds stand for other splits that might have been drawn.
        "deviation": _finite(dict(zip(names, table.std(axis=0, ddof=1).tolist(), strict=True))),
        "out_of_fold": _finite(together.scores),
    }
    write_json(folder / "folds.json", summary)
    return summary


def _predict_out_of_fold(
    source: Source,
    fold_of: np.ndarray[Any, np.dtype[np.int64]],
    config: Config,
    folder: Path,
    device: str,
) -> Evaluation:
    """Predict each image by the fold that has not seen it; write the masks and their scores.

    Two classes are written as ``out_of_fold.csv`` of run lengths, which is a data set's table;
    more as label images in ``out_of_fold/``.
    """
    counts = np.zeros((len(source), len(source.classes), len(source.classes)), np.int64)
    rows: list[list[object]] = []
    for fold in range(fold_of.max() + 1):
        inside = folder / f"fold{fold + 1}"
        part = _subset(source, fold_of == fold)
        left = iter(part.records)

        def keep(mask: np.ndarray[Any, Any], _truth: object, left: Any = left) -> None:
            record = next(left)
            if len(source.classes) == 2:
                text = RLE.from_mask(mask).to_kaggle()
                rows.append([record.name, text, *mask.shape, record.group])
            else:
                write_png(folder / "out_of_fold" / f"{record.name}.png", mask)

        segment = segmenter(checkpoint.load_pipeline(inside)[0], device=device)
        counts[fold_of == fold] = evaluate(
            segment, part, ignore_index=config.ignore_index, each=keep
        ).counts
    if rows:
        header = ["image", "rle_mask", "height", "width", "subject"]
        write_csv(folder / "out_of_fold.csv", header, sorted(rows, key=lambda row: str(row[0])))
    names = tuple(record.name for record in source.records)
    evaluation = Evaluation(names, source.classes, counts)
    evaluation.write_csv(folder / "per_image.csv")
    return evaluation


@dataclass
class _Place:
    """Where a run stands; saved whole in ``last.pt``."""

    data: str
    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best: float = 0.0
    best_epoch: int = 0
    skipped: int = 0
    stopped_early: bool = False
    history: list[dict[str, float]] = field(default_factory=list)

    def mean_loss(self, steps: int) -> float:
        """Return the mean over the epoch's first `steps`, less those left out; NaN if all were."""
        taken = steps - self.skipped
        return self.loss_sum / taken if taken else math.nan


def _silent(line: str) -> None:
    pass


def _seed_step(seed: int, step: int, rank: int) -> None:
    """Make what a network draws (dropout) a function of the step: there is no state to save."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0]))


def _make_scheduler(
    optimizer: torch.optim.Optimizer, config: Config, total: int
) -> LRScheduler | ReduceLROnPlateau:
    if config.schedule == "plateau":
        return ReduceLROnPlateau(optimizer, mode="max", factor=0.3, patience=3)
    rise = max(1, round(config.warmup * total))

    def factor(step: int) -> float:
        if config.schedule == "constant":
            return 1.0
        if step < rise:
            # Both rise in a straight line; one-cycle from 1/25 (Smith and Topin, 2017).
            low = 0.04 if config.schedule == "one-cycle" else 0.0
            return low + (1 - low) * (step + 1) / rise
        done = (step - rise) / max(1, total - rise)
        if config.schedule == "one-cycle":
            return max(1 - done, 1e-4)
        return 0.5 * (1 + math.cos(math.pi * done))

    return LambdaLR(optimizer, factor)


def _fingerprint(source: Source) -> str:
    names = "\n".join(record.name for record in source.records)
    return hashlib.sha256(f"{source.task}\n{names}".encode()).hexdigest()


def _subset(source: Source, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Source:
    return source.subset(np.flatnonzero(chosen).tolist())


def _log_epoch(
    folder: Path,
    writer: SummaryWriter,
    place: _Place,
    row: dict[str, float],
    log: Callable[[str], None],
) -> None:
    header = ["epoch", "loss", "lr", "skipped", "seconds", "iou", "dice", "pixel_accuracy"]
    rows = [[f"{r[k]:.6g}" if k in r else "" for k in header] for r in place.history]
    write_csv(folder / "log.csv", header, rows)
    for name in header[1:]:
        if name in row:
            writer.add_scalar(name, row[name], place.step)
    scores = "".join(f"  {k} {row[k]:.4f}" for k in ("iou", "dice") if k in row)
    log(f"epoch {int(row['epoch']):3d}  loss {row['loss']:.4f}{scores}  {row['seconds']:.0f} s")


def _finite(scores: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: a score that is not defined is null."""
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C, or request to end, into an event: the step under way is finished."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def handle(*_: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    old = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, before in old.items():
            signal.signal(number, before)
