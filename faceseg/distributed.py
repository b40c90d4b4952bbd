"""Several processes on one run, as torchrun starts them: ranks, sums over them, their batch norm.

A run of N ranks takes the same global batches as a run of one; each rank computes its part of every
batch. Sums of losses and of batch statistics run over all ranks, so that the result does not depend
on their number but for the order of additions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from faceseg.errors import InputError


@dataclass(frozen=True)
class World:
    """The ranks of a run.

    Attributes
    ----------
    rank
        Number of this process, from 0 on. Rank 0 alone writes and speaks.
    size
        How many processes there are.
    """

    rank: int = 0
    size: int = 1

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all ranks; gradients flow to each."""
        return _total(values) if self.size > 1 else values

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks, in their order."""
        values: list[Any] = [value]
        if self.size > 1:
            values = [None] * self.size
            dist.all_gather_object(values, value)
        return values

    def agree(self, value: Any) -> Any:
        """Return the value of rank 0."""
        values = [value]
        if self.size > 1:
            dist.broadcast_object_list(values)
        return values[0]


ALONE = World()


class _Total(torch.autograd.Function):
    """The sum over all ranks; its gradient is the sum of the ranks' gradients."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        summed = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        return _Total.forward(None, gradient)


def _total(values: Tensor) -> Tensor:
    summed: Tensor = _Total.apply(values)
    return summed


def started_by_torchrun() -> bool:
    """Tell whether this process is one rank of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def restarted() -> bool:
    """Tell whether torchrun has started the ranks again after one of them failed."""
    return _restarts() > 0


def _restarts() -> int:
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def is_first() -> bool:
    """Tell whether this process is rank 0, before or without `joined`."""
    return int(os.environ.get("RANK", "0")) == 0


def device_of_rank(asked: str) -> str:
    """Return the device of this rank: ``"auto"`` and ``"cuda"`` mean one GPU for each.

    Raises
    ------
    InputError
        If one GPU is asked for by number, and there are several ranks.
    """
    if not started_by_torchrun() or asked == "cpu":
        return asked
    if asked.startswith("cuda:"):
        raise InputError(f"device: {asked} asked for by several processes; expected cuda or auto")
    if asked == "cuda" or torch.cuda.is_available():
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return asked


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Join the other ranks, if torchrun has started several: NCCL between GPUs, Gloo else."""
    if not started_by_torchrun():
        yield ALONE
        return
    if dist.is_initialized():
        yield World(dist.get_rank(), dist.get_world_size())
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    store, rank, size = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
    # Ranks that were started again find the store of those before, with addresses where nobody
    # listens any more (pytorch issue 135712): each attempt has keys of its own.
    store = dist.PrefixStore(f"attempt{_restarts()}", store)  # type: ignore[attr-defined]
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


class GlobalBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the batches of all ranks, on any device.

    torch's ``SyncBatchNorm`` does the same on GPUs alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W) by the mean and variance of all ranks' values."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        count = wide.new_full((1,), wide.numel() / wide.shape[1])
        sums = _total(torch.cat((wide.sum((0, 2, 3)), count)))
        mean = sums[:-1] / sums[-1]
        # Two sums over the ranks: in one, the mean of the squares less the square of the mean loses
        # a small variance about a large mean (0.3 off at a mean of 1000 deviations).
        centred = wide - mean[:, None, None]
        variance = _total(centred.square().sum((0, 2, 3))) / sums[-1]
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            momentum = self.momentum or 0.0
            unbiased = variance * (sums[-1] / (sums[-1] - 1).clamp(min=1))
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(unbiased, momentum)
            self.num_batches_tracked.add_(1)
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normalised.to(x.dtype)


def share_batch_norm(model: nn.Module, device: torch.device) -> None:
    """Make all batch normalisations of a model ones over all ranks, in place."""
    if device.type == "cuda":
        for name, child in model.named_children():
            setattr(model, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]
        return
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = GlobalBatchNorm
