"""Light on rounded things: one key light, light from all around, and gloss."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from faceseg.draw.canvas import Floats


@dataclass(frozen=True)
class Light:
    """A key light and its surroundings; x is right, y is down, z is towards the viewer."""

    direction: Floats  # (3,), unit length, towards the light
    key: Floats  # (3,)
    around: Floats  # (3,)

    def on(self, normals: Floats) -> Floats:
        """Light (H, W, 3) that reaches surfaces with unit normals (H, W, 3)."""
        wrap = 0.15
        facing = (_dot(normals, self.direction) + wrap) / np.float32(1 + wrap)
        facing = np.maximum(facing, 0)
        sky = np.float32(0.85) - np.float32(0.15) * normals[..., 1]
        return np.asarray(
            cv2.transform(cv2.merge([facing, sky]), np.stack([self.key, self.around], 1))
        )

    def gloss(self, normals: Floats, sharpness: float) -> Floats:
        """Mirrored key light (H, W, 3) on surfaces with unit normals (H, W, 3)."""
        half = self.direction + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        facing = cv2.pow(np.maximum(_dot(normals, half), 0), sharpness)
        return np.asarray(cv2.merge([facing * channel for channel in self.key]))


def _dot(vectors: Floats, vector: Floats) -> Floats:
    return np.asarray((vectors.reshape(-1, 3) @ vector).reshape(vectors.shape[:2]), np.float32)


def normalised(vectors: Floats) -> Floats:
    """Vectors (H, W, 3) made of unit length, in place."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    vectors /= np.sqrt(x * x + y * y + z * z)[..., None]
    return vectors


def sample_light(rng: np.random.Generator) -> Light:
    """Draw a light at random: mostly from above and in front, sometimes hard, warm or cold."""
    side, height = rng.normal(0, 0.6), rng.normal(-0.45, 0.35)
    direction = np.array([side, height, rng.uniform(0.35, 1.3)])
    direction /= np.linalg.norm(direction)
    contrast = rng.uniform(0.15, 0.95)
    warmth = rng.normal(0, 0.12)
    key = np.array([1 + warmth, 1, 1 - warmth]) * (0.25 + 0.85 * contrast)
    warmth = rng.normal(0, 0.08)
    around = np.array([1 + warmth, 1 + rng.normal(0, 0.03), 1 - warmth]) * (0.95 - 0.75 * contrast)
    return Light(direction.astype(np.float32), key.astype(np.float32), around.astype(np.float32))
