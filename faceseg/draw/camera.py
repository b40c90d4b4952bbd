"""From the light of a scene to a photograph."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from faceseg.draw.canvas import Floats, soften


def photograph(colour: Floats, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Take a picture (H, W, 3) uint8 of linear light (H, W, 3), with a camera's faults.

    Exposure, white balance, vignette, haze, grey film, blur, tone curve, noise, low resolution and
    JPEG, each at random.
    """
    unit = min(colour.shape[:2])
    gain = np.exp(rng.normal(0.0, 0.25)) * (1 + rng.normal(0, 0.05, 3))
    image = np.maximum(colour, 0) * gain.astype(np.float32)
    if rng.random() < 0.35:
        x, y = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in colour.shape[1::-1])
        edge = (x * x)[None] + (y * y)[:, None]
        image *= 1 - np.float32(rng.uniform(0.2, 1.2)) * edge[..., None]
    if rng.random() < 0.12:
        haze = rng.uniform(0.3, 1, 3).astype(np.float32)
        image += np.float32(rng.uniform(0.02, 0.2)) * (haze - image)
    if rng.random() < 0.06:
        tint = 1 + rng.normal(0, 0.03, 3)
        image = image.mean(-1, keepdims=True) * tint.astype(np.float32)
    if rng.random() < 0.5:
        image = soften(image, unit * rng.uniform(0.001, 0.009))
    shoulder = np.float32(rng.uniform(0.0, 0.35))  # keeps highlights from clipping hard
    image *= (1 + shoulder) / (1 + shoulder * image)
    image = cv2.pow(np.clip(image, 0, 1), 1 / rng.uniform(1.9, 2.4))
    image = (image - 0.5) * np.float32(rng.normal(1.05, 0.1)) + 0.5
    if rng.random() < 0.7:
        image += _grain(rng, colour.shape[:2])
    picture = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    return _stored(rng, picture)


def _grain(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    channels = rng.choice([1, 3])
    grain = rng.standard_normal((*shape, channels), dtype=np.float32)
    if rng.random() < 0.5:
        grain = 2 * soften(grain, 0.8).reshape(grain.shape)
    return grain * np.float32(0.05 * rng.uniform(0, 1) ** 2)


def _stored(rng: np.random.Generator, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Give the picture as it comes back from a small or a compressed file."""
    height, width = picture.shape[:2]
    if rng.random() < 0.25:
        factor = rng.uniform(0.3, 0.8)
        size = (max(8, round(width * factor)), max(8, round(height * factor)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(small, (width, height)), np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)
        back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
        picture = np.asarray(cv2.cvtColor(back, cv2.COLOR_BGR2RGB), np.uint8)
    return picture
