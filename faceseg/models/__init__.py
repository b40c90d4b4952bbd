"""The networks, built by name from the settings of a run."""

from __future__ import annotations

from collections.abc import Callable

from faceseg.config import Config
from faceseg.errors import InputError, suggest
from faceseg.models.base import SegmentationModel
from faceseg.models.deeplab import DeepLabV3
from faceseg.models.unet import UNet

__all__ = ["MODELS", "DeepLabV3", "SegmentationModel", "UNet", "build"]


def _unet(config: Config, num_classes: int) -> SegmentationModel:
    return UNet(
        num_classes,
        width=config.width,
        depth=config.depth,
        stride=config.stride,
        norm=config.norm,
        attention=config.attention,
        separable=config.separable,
    )


def _deeplabv3(config: Config, num_classes: int) -> SegmentationModel:
    return DeepLabV3(num_classes, backbone=config.backbone, weights=config.weights)


MODELS: dict[str, Callable[[Config, int], SegmentationModel]] = {
    "unet": _unet,
    "deeplabv3": _deeplabv3,
}


def build(config: Config, num_classes: int) -> SegmentationModel:
    """Build the network that `config` names.

    Parameters
    ----------
    config
        Settings of a run; ``config.model`` is the name.
    num_classes
        Number of classes, background included.

    Returns
    -------
    SegmentationModel
        Maps (N, 3, H, W) float32 to (N, num_classes, H, W) logits at any H and W.

    Raises
    ------
    InputError
        For a name that is not in `MODELS`, or starting weights that cannot be had.
    """
    if config.model not in MODELS:
        raise InputError(f"unknown model {config.model!r}{suggest(config.model, MODELS)}")
    return MODELS[config.model](config, num_classes)
