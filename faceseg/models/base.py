"""What every network here has in common."""

from __future__ import annotations

from torch import Tensor, nn


class SegmentationModel(nn.Module):
    """A network from (N, 3, H, W) float32 pictures to (N, C, H, W) logits of the same size.

    Attributes
    ----------
    heads
        How the names of those weights begin that have a row for each class.
    """

    heads: tuple[str, ...] = ()

    def forward_train(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the logits first, then those of auxiliary heads, which only training looks at."""
        return (self(images),)

    def encoder(self) -> tuple[nn.Module, ...]:
        """Return the parts that look at the picture, which fine-tuning may leave as they are."""
        raise NotImplementedError
