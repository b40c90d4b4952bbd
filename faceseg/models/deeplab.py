"""DeepLabV3 (Chen et al., 2017, arXiv:1706.05587), by torchvision, with our signature."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceseg.errors import InputError
from faceseg.models.base import SegmentationModel
from faceseg.models.convolution import shorten


class _Pooling(nn.Sequential):
    """ASPP's image-level branch, spread by repetition.

    A bilinear resize from 1 x 1 repeats the value; written as a resize it is misread without a
    word by OpenCV's importer.
    """

    def forward(self, x: Tensor) -> Tensor:
        pooled = x
        for layer in self:
            pooled = layer(pooled)
        return pooled.expand(-1, -1, x.shape[2], x.shape[3])


class DeepLabV3(SegmentationModel):
    """Atrous spatial pyramid pooling over a ResNet or MobileNetV3, with an auxiliary head.

    Parameters
    ----------
    num_classes
        Number of classes, background included.
    backbone
        ``"mobilenet_v3_large"``, ``"resnet50"`` or ``"resnet101"``.
    weights
        ``"none"``; ``"imagenet"`` for the encoder or ``"coco"`` for encoder and ASPP, both
        downloaded by torchvision; or the path of a local state dict of the same network, whose
        heads may have another number of classes.

    Raises
    ------
    InputError
        If the weights cannot be downloaded, read, or do not belong to this network.
    """

    heads = ("network.classifier.4.", "network.aux_classifier.4.")

    def __init__(
        self, num_classes: int, *, backbone: str = "mobilenet_v3_large", weights: str = "none"
    ) -> None:
        # It brings TorchDynamo along, two seconds that no other network needs.
        from torchvision.models import segmentation

        super().__init__()
        name = f"deeplabv3_{backbone}"
        build = getattr(segmentation, name)
        self.network: Any = build(
            weights=None, weights_backbone=None, num_classes=num_classes, aux_loss=True
        )
        branches = self.network.classifier[0].convs
        branches[-1] = _Pooling(*branches[-1])
        shorten(self.network)
        for branch in branches[1:-1]:
            # Where the network is trained at 16 times the dilation or less, these weights meet
            # padding alone and stay as they are now; a larger picture is then not met by noise.
            weight = branch[0].weight.detach()
            middle = weight[:, :, 1, 1].clone()
            weight.zero_()[:, :, 1, 1] = middle
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                # torchvision's MobileNetV3 averages its statistics over hundreds of steps, for long
                # runs on ImageNet: after four epochs here the network in evaluation mode, whose
                # statistics were still near their start, found no face at all.
                module.momentum = 0.1
        if weights != "none":
            self._start_from(_find_weights(name, backbone, weights), weights)

    def _start_from(self, state: dict[str, Tensor], source: str) -> None:
        own = self.network.state_dict()
        heads = tuple(name.removeprefix("network.") for name in self.heads)
        usable = {
            key: value
            for key, value in state.items()
            if key in own and (own[key].shape == value.shape or not key.startswith(heads))
        }
        wrong = [key for key, value in usable.items() if own[key].shape != value.shape]
        # Weights of ImageNet are the encoder's alone; others have to bring the ASPP, too.
        needed = "backbone." if source == "imagenet" else ("backbone.", "classifier.")
        missing = [
            key
            for key in own
            if key.startswith(needed) and not key.startswith(heads) and key not in usable
        ]
        if wrong or missing:
            what = f"{wrong[0]} has another shape" if wrong else f"{missing[0]} is missing"
            raise InputError(f"weights {source}: not those of this network: {what}")
        self.network.load_state_dict({**own, **usable})

    def encoder(self) -> tuple[nn.Module, ...]:
        """Return the backbone."""
        return (self.network.backbone,)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 3, H, W) pictures to (N, num_classes, H, W) logits."""
        return self._resize(self.network.classifier(self.network.backbone(images)["out"]), images)

    def forward_train(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the logits and those of the auxiliary head, both (N, num_classes, H, W)."""
        features = self.network.backbone(images)
        return (
            self._resize(self.network.classifier(features["out"]), images),
            self._resize(self.network.aux_classifier(features["aux"]), images),
        )

    @staticmethod
    def _resize(logits: Tensor, images: Tensor) -> Tensor:
        size = (images.shape[2], images.shape[3])
        return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def _find_weights(name: str, backbone: str, weights: str) -> dict[str, Tensor]:
    """Return a state dict keyed as torchvision's segmentation network."""
    if weights not in ("imagenet", "coco"):
        return _read_weights(Path(weights))
    from torchvision.models import get_model_weights

    # The first set of an encoder is the one that torchvision's own DeepLabV3 starts from.
    chosen: Any = next(iter(get_model_weights(name if weights == "coco" else backbone)))
    try:
        state = torch.hub.load_state_dict_from_url(chosen.url, progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise InputError(
            f"weights {weights!r}: {chosen.url} could not be downloaded ({error}); download it "
            "elsewhere and give its path, or use --weights none"
        ) from error
    if weights == "coco":
        return dict(state)
    return {f"backbone.{key.removeprefix('features.')}": value for key, value in state.items()}


def _read_weights(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"weights {path}: no such file; expected none, imagenet, coco or a file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"weights {path}: not a PyTorch state dict that loads safely") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InputError(f"weights {path}: expected a state dict of tensors")
    return state
