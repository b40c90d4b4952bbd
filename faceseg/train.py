"""The training loop, from a source of records to a run folder."""

from __future__ import annotations

import hashlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau
from torch.utils.tensorboard.writer import SummaryWriter
from tqdm import tqdm

from faceseg import checkpoint
from faceseg.checkpoint import Checkpoint
from faceseg.config import Config
from faceseg.data import Batches, make_loader
from faceseg.device import choose_amp, choose_device
from faceseg.errors import InputError
from faceseg.evaluate import Evaluation, evaluate
from faceseg.files import write_csv, write_json
from faceseg.losses import segmentation_loss
from faceseg.models import SegmentationModel, build
from faceseg.models.pipeline import Pipeline, segmenter
from faceseg.records import Source, group_folds

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

    Parameters
    ----------
    source, validation
        Records to train on and to score; no augmentation is applied to the latter.
    config
        Settings of the run.
    folder
        The run's folder; it must not hold another run.
    init
        Start from the weights of this checkpoint.
    resume
        Continue from ``last.pt`` in `folder`: losses and weights are those of a run that was
        never stopped.
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
        or the loss stops being a finite number.
    """
    folder = Path(folder)
    device = choose_device(config.device)
    amp = choose_amp(config.amp, device)
    log(f"device {device}, arithmetic {str(amp or torch.float32).removeprefix('torch.')}")

    torch.manual_seed(config.seed)
    model = build(config, len(source.classes))
    if init is not None:
        checkpoint.load_weights(model, init.weights, str(init.path))
    model.to(device)
    if config.channels_last:
        model.to(memory_format=torch.channels_last)
    pipeline = Pipeline(model, config.size).to(device)
    optimizer = torch.optim.AdamW(_parameter_groups(model, config), lr=config.lr, fused=True)
    batches = Batches(len(source.records), config, 0, 0)
    per_epoch = batches.per_epoch
    total = config.epochs * per_epoch
    scheduler = _make_scheduler(optimizer, config, total)
    scaler = torch.amp.GradScaler(device.type, enabled=amp == torch.float16)

    place = _Place(data=_fingerprint(source))
    if resume:
        saved = checkpoint.load(folder / "last.pt")
        place = _restore(saved, config, source, model, optimizer, scheduler, scaler)
    elif (folder / "last.pt").exists():
        raise InputError(f"{folder}: holds a run; choose another --out or continue it with resume")
    loader = make_loader(
        source,
        config,
        first=place.step,
        last=place.step if place.stopped_early else total,
        pin_memory=device.type == "cuda",
    )
    if not resume:
        write_json(folder / "run.json", plan or {"config": config.to_dict()})

    def save(name: str, state: dict[str, Any] | None, scores: dict[str, float]) -> None:
        checkpoint.save(
            folder / name,
            config=config,
            task=source.task,
            classes=source.classes,
            weights=model.state_dict(),
            scores=scores,
            state=state,
        )

    def state() -> dict[str, Any]:
        return {
            "place": vars(place),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "scaler": scaler.state_dict(),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    writer = SummaryWriter(str(folder), purge_step=place.step)
    bar = tqdm(
        total=total * batches.size,
        initial=place.step * batches.size,
        unit="img",
        disable=not progress,
        dynamic_ncols=True,
    )
    loss_sum = torch.full((), place.loss_sum, dtype=torch.float64, device=device)
    started = time.monotonic() - place.seconds
    model.train()
    with writer, bar, _interruptible() as interrupted:
        for images, masks in loader:
            loss = _step(model, pipeline, images, masks, optimizer, scaler, config, device, amp)
            if isinstance(scheduler, LambdaLR):
                scheduler.step()
            loss_sum += loss
            place.step += 1
            bar.update(len(images))

            epoch_ends = place.step % per_epoch == 0
            if epoch_ends or place.step % _LOOK == 0 or interrupted.is_set():
                place.loss_sum = loss_sum.item()  # the one place where the loop waits
                done = (place.step - 1) % per_epoch + 1
                bar.set_postfix(loss=f"{place.loss_sum / done:.4f}", iou=f"{place.best:.4f}")
                if not math.isfinite(place.loss_sum):
                    raise InputError(
                        f"loss is {place.loss_sum} at step {place.step}: lower lr or use amp fp32; "
                        f"{folder / 'last.pt'} is as it was after the last epoch"
                    )
            if epoch_ends:
                epoch = place.step // per_epoch
                row = {
                    "epoch": epoch,
                    "loss": place.loss_sum / per_epoch,
                    "lr": optimizer.param_groups[0]["lr"],
                    "seconds": time.monotonic() - started,
                }
                if epoch % config.validate_every == 0 or epoch == config.epochs:
                    segment = segmenter(pipeline, device=str(device), amp=amp)
                    row |= evaluate(segment, validation).scores
                    # Without foreground in truth and prediction there is no IoU: below any score.
                    iou = row["iou"] if math.isfinite(row["iou"]) else -1.0
                    if isinstance(scheduler, ReduceLROnPlateau):
                        scheduler.step(iou)
                    if place.best_epoch == 0 or iou > place.best:
                        place.best, place.best_epoch = iou, epoch
                        save("best.pt", None, {k: row[k] for k in ("iou", "dice")})
                place.history.append(row)
                place.loss_sum = 0.0
                loss_sum.zero_()
                _log_epoch(folder, writer, place, row, log)
            stop = (
                config.patience > 0
                and epoch_ends
                and place.step // per_epoch - place.best_epoch >= config.patience
            )
            if epoch_ends or interrupted.is_set():
                place.seconds = time.monotonic() - started
                place.stopped_early = stop
                save("last.pt", state(), {})
            if interrupted.is_set():
                return Run(folder, {}, place.history, finished=False)
            if stop:
                log(f"stopped early: no better IoU in {config.patience} epochs")
                break
    evaluation = score(folder, validation, device=str(device))
    write_json(folder / "scores.json", _finite(evaluation.scores))
    evaluation.write_csv(folder / "per_image.csv")
    return Run(folder, evaluation.scores, place.history, finished=True)


def score(
    path: str | os.PathLike[str], source: Source, *, device: str = "cpu", progress: Any = iter
) -> Evaluation:
    """Score a checkpoint (or the best one of a run folder) on a source, in float32."""
    pipeline, loaded = checkpoint.load_pipeline(path)
    if loaded.classes != source.classes:
        raise InputError(
            f"{loaded.path}: its classes are {', '.join(loaded.classes)}; "
            f"{source.path} gives {', '.join(source.classes)}"
        )
    return evaluate(segmenter(pipeline, device=device), source, progress=progress)


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
        The scores of each fold, their mean and standard deviation, as written to ``folds.json``;
        None if it was interrupted.

    Raises
    ------
    InputError
        If there are fewer groups than folds, and as `train`.
    """
    folder = Path(folder)
    fold_of = group_folds([record.group for record in source.records], folds, config.seed)
    if not resume:
        # What the first fold would refuse is refused before anything is written.
        choose_amp(config.amp, choose_device(config.device))
        build(config, len(source.classes))
        write_json(folder / "run.json", plan or {"config": config.to_dict(), "folds": folds})
    scores = []
    for fold in range(folds):
        log(f"fold {fold + 1} of {folds}")
        inside = folder / f"fold{fold + 1}"
        run = train(
            _subset(source, fold_of != fold),
            _subset(source, fold_of == fold),
            config,
            inside,
            init=init,
            resume=resume and (inside / "last.pt").exists(),
            log=log,
            progress=progress,
        )
        if not run.finished:
            return None
        scores.append(run.scores)
    names = list(scores[0])
    table = np.array([[row[name] for name in names] for row in scores])
    summary = {
        "folds": [_finite(row) for row in scores],
        "mean": _finite(dict(zip(names, table.mean(axis=0).tolist(), strict=True))),
        # The sample deviation: the folds stand for other splits that might have been drawn.
        "deviation": _finite(dict(zip(names, table.std(axis=0, ddof=1).tolist(), strict=True))),
    }
    write_json(folder / "folds.json", summary)
    return summary


@dataclass
class _Place:
    """Where a run stands; saved whole in ``last.pt``."""

    data: str
    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best: float = 0.0
    best_epoch: int = 0
    stopped_early: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


def _step(
    model: SegmentationModel,
    pipeline: Pipeline,
    images: Tensor,
    masks: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    config: Config,
    device: torch.device,
    amp: torch.dtype | None,
) -> Tensor:
    """Take one optimizer step on a batch of uint8 pictures and masks; return the loss."""
    x = pipeline.normalise(images.to(device, non_blocking=True))
    if not config.channels_last:
        x = x.contiguous()
    target = masks.to(device, non_blocking=True).long()
    with torch.autocast(device.type, dtype=amp, enabled=amp is not None):
        outputs = model.forward_train(x)
    loss = segmentation_loss(
        outputs,
        target,
        ce_weight=config.ce_weight,
        dice_weight=config.dice_weight,
        aux_weight=config.aux_weight,
    )
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(scaler.scale(loss))
    if config.clip:
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def _parameter_groups(model: SegmentationModel, config: Config) -> list[dict[str, Any]]:
    """Decay the weights of convolutions, not shifts and the scales of normalisation."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


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


def _restore(
    saved: Checkpoint,
    config: Config,
    source: Source,
    model: SegmentationModel,
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler | ReduceLROnPlateau,
    scaler: torch.amp.GradScaler,
) -> _Place:
    """Put a saved state back and return the place of the run."""
    if saved.config != config:
        ours, theirs = config.to_dict(), saved.config.to_dict()
        name = next(key for key in ours if ours[key] != theirs[key])
        raise InputError(
            f"{saved.path}: was run with {name}={theirs[name]}, asked to resume with {ours[name]}"
        )
    place = _Place(**saved.state["place"])
    if place.data != _fingerprint(source):
        raise InputError(f"{saved.path}: was run on other records than {source.path} holds now")
    checkpoint.load_weights(model, saved.weights, str(saved.path))
    optimizer.load_state_dict(saved.state["optimizer"])
    scheduler.load_state_dict(saved.state["scheduler"])
    scaler.load_state_dict(saved.state["scaler"])
    torch.set_rng_state(saved.state["rng"])
    if saved.state["cuda_rng"] is not None:
        torch.cuda.set_rng_state(saved.state["cuda_rng"])
    return place


def _fingerprint(source: Source) -> str:
    names = "\n".join(record.name for record in source.records)
    return hashlib.sha256(f"{source.task}\n{names}".encode()).hexdigest()


def _subset(source: Source, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Source:
    return replace(source, records=tuple(source.records[i] for i in np.flatnonzero(chosen)))


def _log_epoch(
    folder: Path,
    writer: SummaryWriter,
    place: _Place,
    row: dict[str, float],
    log: Callable[[str], None],
) -> None:
    header = ["epoch", "loss", "lr", "seconds", "iou", "dice", "pixel_accuracy"]
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
    """Turn the first Ctrl-C into an event, so that the step under way is finished and saved."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def handle(*_: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    old = signal.signal(signal.SIGINT, handle)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, old)
