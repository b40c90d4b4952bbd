"""U-Net (Ronneberger, Fischer, Brox, MICCAI 2015), for any input size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from faceseg.models.base import SegmentationModel


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        # Groups of eight channels or the whole layer, after Wu and He (ECCV 2018).
        return nn.GroupNorm(max(1, channels // 8), channels)
    return nn.Identity()


def _block(inputs: int, outputs: int, norm: str, separable: bool, stride: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels, step in ((inputs, stride), (outputs, 1)):
        # A normalisation brings its own shift, so the convolution before it needs none.
        bias = norm == "none"
        if separable and channels > 3:
            layers += [
                nn.Conv2d(channels, channels, 3, step, padding=1, groups=channels, bias=False),
                nn.Conv2d(channels, outputs, 1, bias=bias),
            ]
        else:
            layers.append(nn.Conv2d(channels, outputs, 3, step, padding=1, bias=bias))
        layers += [_norm(norm, outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class AttentionGate(nn.Module):
    """Additive gate on a skip connection (Oktay et al., MIDL 2018).

    The map from below and the skipped map have the same height and width here, since the gate
    stands after the enlargement.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 2, 1)
        self.skip = nn.Conv2d(channels, inner, 1, bias=False)
        self.below = nn.Conv2d(channels, inner, 1)
        self.score = nn.Conv2d(inner, 1, 1)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        """Return `skip` weighted by a map between 0 and 1; all are (N, C, H, W)."""
        return skip * torch.sigmoid(self.score(torch.relu(self.skip(skip) + self.below(below))))


class UNet(SegmentationModel):
    """Encoder and decoder with skip connections.

    Parameters
    ----------
    num_classes
        Number of classes, background included.
    width
        Channels of the first level; each level below has twice as many. 64 with `depth` 4 is the
        network of the paper (64 to 1024 channels, 31 million parameters); 16 is the light one
        (1.9 million).
    depth
        Number of times the picture is halved between levels.
    stride
        1, or 2: the first convolution halves the picture, too, and the head writes 2 x 2 logits for
        each of its pixels. A quarter of the work, at a picture of the same size.
    norm
        ``"batch"``, ``"group"`` or ``"none"``.
    attention
        Put an `AttentionGate` on each skip connection.
    separable
        Compute each 3 x 3 convolution but the first as one on each channel by itself and a 1 x 1
        over all of them (Sifre, 2014; Chollet, CVPR 2017).

    Notes
    -----
    Unlike the paper's, convolutions are padded, so logits are as large as the picture. Pooling
    rounds odd sizes up and the decoder cuts the surplus row or column off, so that any size of
    1 x 1 or more works without padding the picture.
    """

    heads = ("head.",)

    def __init__(
        self,
        num_classes: int,
        *,
        width: int = 64,
        depth: int = 4,
        stride: int = 1,
        norm: str = "batch",
        attention: bool = False,
        separable: bool = False,
    ) -> None:
        super().__init__()
        channels = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            _block(inputs, outputs, norm, separable, 1 if level else stride)
            for level, (inputs, outputs) in enumerate(zip([3, *channels], channels, strict=False))
        )
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in reversed(channels[:-1])
        )
        self.gate = nn.ModuleList(
            AttentionGate(c) if attention else nn.Identity() for c in reversed(channels[:-1])
        )
        self.up = nn.ModuleList(_block(2 * c, c, norm, separable) for c in reversed(channels[:-1]))
        self.attention = attention
        self.head: nn.Module = (
            nn.Conv2d(width, num_classes, 1)
            if stride == 1
            else nn.ConvTranspose2d(width, num_classes, stride, stride=stride)
        )
        self.apply(_initialise)

    def encoder(self) -> tuple[nn.Module, ...]:
        """Return the blocks on the way down."""
        return (self.down,)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 3, H, W) pictures to (N, num_classes, H, W) logits."""
        skips: list[Tensor] = []
        x = images
        for level, block in enumerate(self.down):
            if level:
                skips.append(x)
                x = self.pool(x)
            x = block(x)
        for enlarge, gate, block in zip(self.enlarge, self.gate, self.up, strict=True):
            skip = skips.pop()
            x = enlarge(x)[:, :, : skip.shape[2], : skip.shape[3]]
            if self.attention:
                skip = gate(skip, x)
            x = block(torch.cat((skip, x), dim=1))
        logits: Tensor = self.head(x)[:, :, : images.shape[2], : images.shape[3]]
        return logits


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        # He et al. (ICCV 2015), for layers followed by a ReLU.
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
