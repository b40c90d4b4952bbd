"""From raw pixels to a mask: what eager prediction runs and every export contains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

# Mean and deviation of ImageNet's pixels, which torchvision's weights were trained with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """Turn (N, H, W, 3) uint8 RGB into the (N, 3, H, W) float32 that the networks take.

    The result keeps the input's memory order, which is channels_last, so no copy is made for it.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        std = torch.tensor(STD)
        self.register_buffer("scale", (1 / (255 * std)).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", (torch.tensor(MEAN) / std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Scale to zero mean and unit deviation per channel."""
        return images.permute(0, 3, 1, 2).to(torch.float32) * self.scale - self.shift


class Pipeline(nn.Module):
    """Scale, resize, network, resize back, arg-max.

    Parameters
    ----------
    network
        Maps (N, 3, h, w) float32 to (N, C, h, w) logits.
    size
        (h, w) that the network works at; pictures of another size are stretched to it.
    probabilities
        Return the softmax of the logits beside the mask.
    """

    def __init__(
        self, network: nn.Module, size: tuple[int, int], *, probabilities: bool = False
    ) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.network = network
        self.size = size
        self.probabilities = probabilities

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Segment a batch of pictures.

        Parameters
        ----------
        images
            (N, H, W, 3) uint8, RGB.

        Returns
        -------
        mask : Tensor
            (N, H, W) uint8 class ids.
        probabilities : Tensor
            (N, C, H, W) float32, 0 to 1; only if asked for at construction.
        """
        height, width = images.shape[1], images.shape[2]
        # Antialiased, so that a FullHD frame does not reach the network as every fifth pixel.
        x = F.interpolate(
            self.normalise(images),
            size=self.size,
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )
        logits = self.network(x)
        two_classes = logits.shape[1] == 2
        if two_classes:
            # One channel to enlarge, and no arg-max over the slow axis: at 512 x 512 on one core
            # 1.8 ms instead of 66. A tie is background, as with arg-max.
            logits = logits[:, 1:] - logits[:, :1]
        logits = F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
        # max() finds the same first index as argmax() in a quarter of the time on a CPU.
        mask = (logits[:, 0] > 0 if two_classes else logits.max(dim=1).indices).to(torch.uint8)
        if not self.probabilities:
            return mask
        if two_classes:
            foreground = logits.sigmoid()
            return mask, torch.cat((1 - foreground, foreground), dim=1)
        return mask, logits.softmax(dim=1)


class Mirrored(nn.Module):
    """A pipeline on the picture and on its mirror image, the class probabilities averaged.

    Parameters
    ----------
    pipeline
        What to run; whether probabilities are returned is as it says.
    swap
        Class id after mirroring for each class id, see `faceseg.augment.swap_table`.
    """

    swap: Tensor

    def __init__(self, pipeline: Pipeline, swap: Sequence[int]) -> None:
        super().__init__()
        self.pipeline = Pipeline(pipeline.network, pipeline.size, probabilities=True)
        self.probabilities = pipeline.probabilities
        self.register_buffer("swap", torch.tensor([int(c) for c in swap]), persistent=False)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return what `Pipeline.forward` does; mirrored pictures give mirrored results."""
        # The mirror image goes through on its own: with it in one batch the memory doubles.
        probabilities = self.pipeline(images)[1]
        mirrored = self.pipeline(images.flip(2))[1].flip(3)
        # Mirroring twice is nothing, so the table is its own inverse.
        probabilities = (probabilities + mirrored[:, self.swap]) / 2
        if probabilities.shape[1] == 2:
            mask = probabilities[:, 1] > probabilities[:, 0]
        else:
            mask = probabilities.max(dim=1).indices
        mask = mask.to(torch.uint8)
        return (mask, probabilities) if self.probabilities else mask


def segmenter(
    pipeline: nn.Module, *, device: str = "cpu", amp: torch.dtype | None = None
) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return `pipeline` as a function from one picture to its mask.

    Parameters
    ----------
    pipeline
        A `Pipeline`, or one that was exported and read back; it is moved to `device`.
    device
        Where it runs.
    amp
        Lower precision of the network under autocast; None is float32.

    Returns
    -------
    callable
        Maps (H, W, 3) uint8 RGB to (H, W) uint8 class ids.
    """
    pipeline.to(device)

    def segment(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        was_training = pipeline.training
        pipeline.eval()
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(device).type, dtype=amp, enabled=amp is not None),
        ):
            output = pipeline(torch.from_numpy(np.ascontiguousarray(image))[None].to(device))
            mask = (output if isinstance(output, Tensor) else output[0])[0]
        pipeline.train(was_training)
        return np.asarray(mask.cpu())

    return segment
