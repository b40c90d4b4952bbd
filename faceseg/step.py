"""One step of training: forward, loss, backward, clip, AdamW; nothing waits for the device."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from faceseg.config import Config
from faceseg.distributed import ALONE, World, share_batch_norm
from faceseg.losses import segmentation_loss
from faceseg.models import SegmentationModel
from faceseg.models.pipeline import Normalise


class Loss(nn.Module):
    """A network with its loss, from uint8 pictures and masks to one number.

    Parameters
    ----------
    model
        The network.
    config
        Settings of the run.
    class_weights
        (C,) float32 for the cross-entropy; None weighs all classes alike.
    total
        Sums over the ranks of a run.
    """

    def __init__(
        self,
        model: SegmentationModel,
        config: Config,
        class_weights: Tensor | None,
        total: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.normalise = Normalise()
        self.total = total
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", class_weights, persistent=False)

    def forward(self, images: Tensor, masks: Tensor, amp: torch.dtype | None) -> Tensor:
        """Return the loss of (N, h, w, 3) uint8 pictures and (N, h, w) uint8 class ids."""
        x = self.normalise(images)
        if not self.config.channels_last:
            x = x.contiguous()
        with torch.autocast(images.device.type, dtype=amp, enabled=amp is not None):
            outputs = self.model.forward_train(x)
        return segmentation_loss(
            outputs, masks.long(), self.config, class_weights=self.class_weights, reduce=self.total
        )


class Step:
    """A network, its optimizer and what else changes from step to step.

    Parameters
    ----------
    model
        The network; it is moved to `device`.
    config
        Settings of the run.
    device
        Where it is trained.
    amp
        Lower precision of the forward pass under autocast; None is float32.
    class_weights
        (C,) float32 for the cross-entropy; None weighs all classes alike.
    world
        The ranks of the run; each calls the step with its part of the same batch.

    Attributes
    ----------
    model
        The network that learns.
    scored
        The network to score and to save: `model`, or one of averaged weights (``config.ema``).
    """

    def __init__(
        self,
        model: SegmentationModel,
        config: Config,
        device: torch.device,
        amp: torch.dtype | None,
        *,
        class_weights: Tensor | None = None,
        world: World = ALONE,
    ) -> None:
        model.to(device)
        if config.channels_last:
            model.to(memory_format=torch.channels_last)
        if world.size > 1:
            share_batch_norm(model, device)
        self.model = model
        self.scored = copy.deepcopy(model).eval() if config.ema else model
        self.config = config
        self.device = device
        self.amp = amp
        self.world = world
        self.optimizer = torch.optim.AdamW(_groups(model, config), lr=config.lr, fused=True)
        # With float16 gradients are scaled up. With bfloat16 they need not be, but here too a step
        # whose gradients are no finite numbers is left out.
        scaled = amp == torch.float16
        self.scaler = torch.amp.GradScaler(
            device.type,
            enabled=amp is not None,
            init_scale=2.0**16 if scaled else 1.0,
            growth_interval=2000 if scaled else 2**31 - 1,
        )
        self._loss = Loss(model, config, class_weights, world.total).to(device)
        self._frozen: bool | None = None
        self.freeze(False)

    def freeze(self, frozen: bool) -> None:
        """Keep the encoder as it is, batch statistics included, or let it learn."""
        if frozen != self._frozen:
            self._frozen = frozen
            for module in self.model.encoder():
                module.requires_grad_(not frozen)
            self._wrapped: nn.Module = self._loss
            if self.world.size > 1:
                self._wrapped = DistributedDataParallel(self._loss)

    def __call__(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Take one step.

        Parameters
        ----------
        images
            (N, h, w, 3) uint8, RGB.
        masks
            (N, h, w) uint8 class ids.

        Returns
        -------
        loss : Tensor
            Scalar float32, before the step.
        finite : Tensor
            Scalar bool: whether the gradients are finite numbers. Without autocast a step is taken
            even if they are not.
        """
        self._train_mode()
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.zeros((), device=self.device)
        # As many on each rank: they wait for each other.
        parts = self.config.accumulate
        pairs = zip(images.tensor_split(parts), masks.tensor_split(parts), strict=True)
        for number, (some_images, some_masks) in enumerate(pairs, 1):
            with self._on_its_own() if number < parts else nullcontext():
                part = self._wrapped(
                    some_images.to(self.device, non_blocking=True),
                    some_masks.to(self.device, non_blocking=True),
                    self.amp,
                ) * (len(some_images) / len(images))
                self.scaler.scale(part).backward()
            loss += part.detach()
        self.scaler.unscale_(self.optimizer)
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if self.config.clip:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), self.config.clip, norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss, norm.isfinite()

    def average(self, step: int) -> None:
        """Move the averaged weights towards those after so many steps."""
        if self.scored is self.model:
            return
        # The average of a short run follows more quickly, as in TensorFlow's
        # ExponentialMovingAverage: else it would still hold the weights of the start.
        decay = min(self.config.ema, (1 + step) / (10 + step))
        averaged, latest = self.scored.state_dict(), self.model.state_dict()
        floats = [name for name, value in latest.items() if value.is_floating_point()]
        torch._foreach_lerp_([averaged[n] for n in floats], [latest[n] for n in floats], 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        """Return all that resuming needs but the weights of `model`."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "averaged": None if self.scored is self.model else self.scored.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.scored is not self.model:
            self.scored.load_state_dict(state["averaged"])

    def _on_its_own(self) -> AbstractContextManager[None]:
        """Leave the sum of gradients over the ranks to a later part of the batch."""
        if isinstance(self._wrapped, DistributedDataParallel):
            return self._wrapped.no_sync()
        return nullcontext()

    def _train_mode(self) -> None:
        self.model.train()
        if self._frozen:
            for module in self.model.encoder():
                module.eval()


def _groups(model: SegmentationModel, config: Config) -> list[dict[str, Any]]:
    """Decay the weights of convolutions, not shifts and the scales of normalisation."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
