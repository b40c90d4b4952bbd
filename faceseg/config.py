"""Every setting of a training run, in one frozen record with overrides by name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from faceseg.errors import InputError, suggest


def _setting(default: Any, help: str, choices: tuple[str, ...] = ()) -> Any:
    # A setting of one network alone says so at the start of its help: "unet: ...".
    model = help.partition(":")[0]
    return field(
        default=default,
        metadata={
            "help": help,
            "choices": choices,
            "model": model if model in ("unet", "deeplabv3") else None,
        },
    )


@dataclass(frozen=True)
class Config:
    """Settings of a training run.

    The command line has one flag for each field (``batch_size`` is ``--batch-size``); the resolved
    record is saved with the run and in every checkpoint.
    """

    model: str = _setting("unet", "network to train", ("unet", "deeplabv3"))
    width: int = _setting(16, "unet: channels of the first level, doubled at each level below")
    depth: int = _setting(4, "unet: number of times the picture is halved")
    stride: int = _setting(1, "unet: 2 halves the picture in the first convolution: 4 x less work")
    norm: str = _setting("batch", "unet: normalisation layer", ("batch", "group", "none"))
    attention: bool = _setting(False, "unet: attention gates on the skip connections")
    separable: bool = _setting(False, "unet: depthwise and 1 x 1 instead of 3 x 3 convolutions")
    backbone: str = _setting(
        "mobilenet_v3_large",
        "deeplabv3: encoder",
        ("mobilenet_v3_large", "resnet50", "resnet101"),
    )
    weights: str = _setting(
        "none", "deeplabv3: starting weights: none, imagenet, coco (torchvision's) or a local file"
    )

    size: tuple[int, int] = _setting((192, 192), "height x width that the network works at")
    batch_size: int = _setting(16, "images in a step")
    workers: int = _setting(1, "processes that read and augment images")
    flip: float = _setting(0.5, "probability of a mirrored sample; left and right classes swap")
    rotate: float = _setting(20.0, "largest rotation, degrees")
    zoom: float = _setting(1.6, "largest factor by which a sample is enlarged or shrunk")
    stretch: float = _setting(1.2, "largest change of the ratio of width to height")
    shift: float = _setting(0.12, "largest shift, share of the picture's side")
    scene: float = _setting(0.0, "probability that the picture is a small part of a wider scene")
    colour: float = _setting(0.4, "strength of brightness, contrast, gamma and tint changes")
    degrade: float = _setting(0.3, "probability of blur, noise, JPEG artefacts or loss of colour")
    occlude: float = _setting(0.0, "probability that something hides a part of the face")

    epochs: int = _setting(30, "passes over the training set")
    lr: float = _setting(3e-3, "peak learning rate of AdamW")
    weight_decay: float = _setting(1e-2, "decoupled weight decay of AdamW")
    schedule: str = _setting(
        "one-cycle", "course of the learning rate", ("one-cycle", "cosine", "plateau", "constant")
    )
    warmup: float = _setting(0.1, "one-cycle, cosine: share of the steps that rise to the peak")
    clip: float = _setting(1.0, "largest norm of the gradient; 0 switches clipping off")
    ce_weight: float = _setting(1.0, "weight of the cross-entropy")
    dice_weight: float = _setting(1.0, "weight of the Dice loss")
    dice_smooth: float = _setting(1.0, "pixels added to numerator and denominator of the Dice loss")
    focal: float = _setting(0.0, "focusing power of the cross-entropy (focal loss); 0 is plain")
    lovasz_weight: float = _setting(0.0, "weight of the Lovász loss, a surrogate of IoU")
    boundary_weight: float = _setting(0.0, "weight of the boundary loss, distance to the outline")
    class_weights: str = _setting(
        "none", "of the cross-entropy: none, balanced, or a number for each class: 1,2.5"
    )
    ignore_index: int = _setting(-1, "label of pixels that neither train nor score; -1 is none")
    aux_weight: float = _setting(0.4, "deeplabv3: weight of the auxiliary head's loss")
    accumulate: int = _setting(1, "parts that a batch is computed in, one after the other")
    ema: float = _setting(0.0, "decay of averaged weights, which are then scored; 0 is off")
    freeze: int = _setting(0, "epochs in which the encoder stays as it was")
    save_every: int = _setting(0, "steps between two saved states; 0 saves after each epoch alone")
    patience: int = _setting(10, "epochs without a better score before stopping; 0 never stops")
    validate_every: int = _setting(1, "epochs between two validations; the last always has one")

    amp: str = _setting(
        "auto",
        "arithmetic: auto is bf16 on a CPU that has it and recent GPUs, else fp16 on CUDA",
        ("auto", "bf16", "fp16", "fp32"),
    )
    channels_last: bool = _setting(True, "keep activations in (N, H, W, C) order in memory")
    device: str = _setting("auto", "auto, cpu, cuda or cuda:N")
    seed: int = _setting(0, "seed of weights, order and augmentation")

    def __post_init__(self) -> None:
        """Refuse values that cannot work, naming the field."""
        for spec in fields(self):
            value, choices = getattr(self, spec.name), spec.metadata["choices"]
            if choices and value not in choices:
                raise InputError(f"{spec.name}: unknown {value!r}{suggest(str(value), choices)}")
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{spec.name}: {value} given, expected a finite number")
        for name in (
            "width",
            "depth",
            "batch_size",
            "epochs",
            "validate_every",
            "lr",
            "accumulate",
        ):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}: {getattr(self, name)} given, expected more than 0")
        for name in ("zoom", "stretch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: {getattr(self, name)} given, expected 1 or more")
        for name in ("flip", "scene", "degrade", "occlude", "warmup"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}: {getattr(self, name)} given, expected 0 to 1")
        for name in (
            "workers", "rotate", "shift", "colour", "clip", "ce_weight", "dice_weight",
            "dice_smooth", "focal", "lovasz_weight", "boundary_weight", "aux_weight", "freeze",
            "save_every", "patience", "weight_decay", "seed",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise InputError(f"{name}: {getattr(self, name)} given, expected 0 or more")
        if not (self.ce_weight or self.dice_weight or self.lovasz_weight):
            raise InputError(
                "ce_weight, dice_weight and lovasz_weight are all 0: there is nothing to minimise"
            )
        if not 0 <= self.ema < 1:
            raise InputError(f"ema: {self.ema} given, expected 0 or more and less than 1")
        if not -1 <= self.ignore_index <= 255:
            raise InputError(f"ignore_index: {self.ignore_index} given, expected -1 to 255")
        if len(self.size) != 2 or min(self.size) < 8:
            raise InputError(f"size: {self.size} given, expected height and width of 8 or more")
        if self.stride not in (1, 2):
            raise InputError(f"stride: {self.stride} given, expected 1 or 2")
        if self.model == "unet" and self.stride * 2**self.depth > min(self.size):
            raise InputError(
                f"depth: {self.depth} halvings leave nothing of size {self.size}; give fewer, or a "
                "larger size"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that JSON can hold."""
        return {**dataclasses.asdict(self), "size": list(self.size)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """Return the record of `values`; fields left out keep their defaults.

        Raises
        ------
        InputError
            For a field that does not exist or a value that cannot be read as the field's type.
        """
        return cls().replace(values)

    def replace(self, values: Mapping[str, Any]) -> Config:
        """Return a copy with some fields replaced; strings are read as the field's type."""
        types = {spec.name: type(spec.default) for spec in fields(self)}
        parsed: dict[str, Any] = {}
        for name, value in values.items():
            if name not in types:
                raise InputError(f"unknown setting {name!r}{suggest(name, types)}")
            parsed[name] = _parse(name, value, types[name])
        return dataclasses.replace(self, **parsed)


def parse_size(text: str) -> tuple[int, int]:
    """Read ``"192"`` or ``"256x192"`` as (height, width)."""
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError(f"size: {text!r} given, expected N or HEIGHTxWIDTH, for example 256x192")
    return int(parts[0]), int(parts[-1])


def _parse(name: str, value: Any, kind: type) -> Any:
    if kind is tuple and isinstance(value, str):
        return parse_size(value)
    if kind is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise InputError(f"{name}: {value!r} given, expected true or false")
        return value.lower() == "true"
    expected = "height and width" if kind is tuple else kind.__name__
    try:
        return tuple(int(v) for v in value) if kind is tuple else kind(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {value!r} given, expected {expected}") from error
