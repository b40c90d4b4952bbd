"""What is behind the person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceseg.draw.canvas import Canvas, Floats, ellipse, enlarged, noise, soften, textile


def paint_background(canvas: Canvas, rng: np.random.Generator, skin: Floats) -> None:
    """Paint a wall, cloth, leaves, a room or lights, often with colours like `skin` in it."""
    # Half the resolution is enough for what is mostly out of focus.
    back = Canvas((canvas.shape[0] + 1) // 2, (canvas.shape[1] + 1) // 2)
    unit = min(back.shape)
    base = _base_colour(rng, skin)
    other = np.clip(base * rng.uniform(0.2, 1.6, 3), 0, 1).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    x, y = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in back.shape[::-1])
    slope = 0.5 + 0.5 * (np.cos(angle) * x[None] + np.sin(angle) * y[:, None])
    back.colour[:] = base + slope[..., None].astype(np.float32) * (other - base)
    kind = rng.choice(
        ["plain", "cloud", "grain", "cloth", "discs", "boxes"],
        p=[0.16, 0.18, 0.12, 0.08, 0.2, 0.26],
    )
    if kind == "cloth":
        back.colour[:] = textile(rng, back.shape, base, unit * rng.uniform(0.3, 1))
    elif kind in ("cloud", "grain"):
        cell = unit * (rng.uniform(0.1, 0.5) if kind == "cloud" else rng.uniform(0.005, 0.06))
        tones = [1 + rng.uniform(0.1, 0.5) * noise(rng, back.shape, cell) for _ in range(3)]
        back.colour *= np.dstack(tones)
        grey = 1 + rng.uniform(0, 0.5) * noise(rng, back.shape, cell * rng.uniform(0.5, 2))
        back.colour *= grey[..., None]
    elif kind in ("discs", "boxes"):
        _scatter(back, rng, str(kind), base, skin)
    if rng.random() < 0.1:
        _paint_stranger(back, rng, skin)
    back.colour = np.asarray(soften(back.colour, unit * rng.choice([0.0, 0.004, 0.015, 0.03])))
    canvas.colour[:] = enlarged(back.colour, canvas.shape)


def draw_background(rng: np.random.Generator, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Draw a background with nobody before it, as (h, w, 3) uint8 sRGB of `size` (h, w)."""
    canvas = Canvas(*size)
    paint_background(canvas, rng, rng.uniform(0.05, 0.7, 3).astype(np.float32))
    pixels = np.asarray(canvas.colour).clip(0, 1) ** np.float32(1 / 2.2) * 255
    return np.asarray(pixels, np.uint8)


def _base_colour(rng: np.random.Generator, skin: Floats) -> Floats:
    pick = rng.random()
    if pick < 0.12:
        base = skin * rng.uniform(0.6, 1.2)
    elif pick < 0.5:  # black, white or grey
        grey = rng.choice([rng.uniform(0, 1) ** 2, rng.uniform(0, 0.03), rng.uniform(0.6, 1)])
        base = grey * rng.uniform(0.85, 1.15, 3)
    else:
        base = rng.uniform(0, 1) ** 1.5 * (1 + rng.uniform(0, 1) * rng.uniform(-1, 1, 3))
    return np.asarray(np.clip(base, 0.005, 1), np.float32)


def _scatter(back: Canvas, rng: np.random.Generator, kind: str, base: Floats, skin: Floats) -> None:
    height, width = back.shape
    for _ in range(int(rng.integers(4, 22))):
        at = rng.uniform(-0.1, 1.1, 2) * (width, height)
        size = min(height, width) * rng.uniform(0.02, 0.35)
        pick = rng.random()
        tone: npt.NDArray[np.float64]
        if pick < 0.2:
            tone = skin * rng.uniform(0.5, 1.2) * (1 + rng.normal(0, 0.08, 3))
        elif pick < 0.4:
            tone = rng.uniform(0, 1, 3) ** 2.2
        else:
            tone = np.clip(base * rng.uniform(0.1, 2.2) + rng.normal(0, 0.15, 3), 0, 1.2)
        if kind == "discs":
            shape = ellipse(at, size * rng.uniform(0.5, 1.5), size)
        else:
            w, h = size * rng.uniform(0.2, 3), size * rng.uniform(0.2, 4)
            box = np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
            shape = (at + box + rng.normal(0, 2, (4, 2))).astype(np.float32)
        back.paint(back.fill(shape), tone.astype(np.float32), opacity=rng.uniform(0.3, 1))


def _paint_stranger(back: Canvas, rng: np.random.Generator, skin: Floats) -> None:
    """Paint someone else, far off: background, for want of a face to be made out."""
    height, width = back.shape
    x, y = rng.uniform(0, 1, 2) * (width, height)
    size = min(height, width) * rng.uniform(0.06, 0.2)
    dress = rng.uniform(0, 0.6, 3).astype(np.float32)
    tone = np.clip(skin * rng.uniform(0.4, 1.3), 0, 1).astype(np.float32)
    back.paint(back.fill(ellipse((x, y + 3 * size), 2 * size, 2 * size)), dress)
    back.paint(back.fill(ellipse((x, y - 0.3 * size), 0.95 * size, 1.2 * size)), (0.05, 0.04, 0.03))
    back.paint(back.fill(ellipse((x, y), 0.8 * size, 1.05 * size)), tone)
