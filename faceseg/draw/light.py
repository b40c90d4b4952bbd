"""Light on rounded things: one key light, light from all around, and gloss."""

from __future__ import annotations

from dataclasses import dataclass

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
        facing = normals @ self.direction
        facing = np.clip((facing + 0.15) / 1.15, 0, None)
        sky = 0.85 - 0.15 * normals[..., 1]
        return np.asarray(
            facing[..., None] * self.key + sky[..., None] * self.around, np.float32
        )

    def gloss(self, normals: Floats, sharpness: float) -> Floats:
        """Mirrored key light (H, W, 3) on surfaces with unit normals (H, W, 3)."""
        half = self.direction + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        facing = np.clip(normals @ half, 0, 1)
        return np.asarray((facing ** np.float32(sharpness))[..., None] * self.key, np.float32)


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
    return Light(
        direction.astype(np.float32), key.astype(np.float32), around.astype(np.float32)
    )
