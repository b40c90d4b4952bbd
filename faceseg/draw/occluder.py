"""What comes between the face and the camera: hands, sleeves and things."""

from __future__ import annotations

import numpy as np

from faceseg.draw.canvas import Canvas, Floats, Points, cast, ellipse, hull, noise, smooth
from faceseg.draw.head import PERSON, Head


def paint_occluder(canvas: Canvas, head: Head, rng: np.random.Generator) -> None:
    """Paint a hand, a sleeve, a microphone or a flat thing before the face.

    Hands and sleeves are labelled as the person, things as background.
    """
    s = head.view.scale
    kind = rng.choice(["hand", "sleeve", "microphone", "thing"], p=[0.4, 0.2, 0.2, 0.2])
    at = head.at(rng.uniform(-0.6, 0.6), rng.uniform(0.3, 0.95), 0.15)[0]
    lean = rng.normal(0, 0.7)
    way = np.array([np.sin(lean), -np.cos(lean)]) * s  # up, more or less
    if kind == "hand":
        parts = _hand(rng, at, way)
        tone = head.person.skin * rng.uniform(0.75, 1.15)
    elif kind == "sleeve":
        way = np.array([np.cos(lean), np.sin(lean)]) * s * rng.choice([-1, 1])
        parts = [_rod(at - way * 3, at + way * 0.4, rng.uniform(0.2, 0.4) * s)]
        tone = rng.uniform(0, 0.9, 3) ** 2
    else:
        tone = rng.uniform(0, 0.05, 3) if rng.random() < 0.6 else rng.uniform(0, 0.95, 3) ** 2
        if kind == "microphone":
            parts = [_rod(at, at - way * 2, 0.08 * s), ellipse(at, 0.17 * s, 0.2 * s)]
        else:
            across = np.array([way[1], -way[0]]) * rng.uniform(0.2, 0.5)
            along = way * rng.uniform(0.25, 0.6)
            parts = [
                at + np.stack([across + along, across - along, -across - along, along - across])
            ]
    bulge = 1 + 0.12 * noise(rng, canvas.shape, 0.15 * s)[..., None]
    colour = tone.astype(np.float32) * (head.light.around + 0.7 * head.light.key) * bulge
    label = PERSON if kind in ("hand", "sleeve") else 0
    canvas.darken(cast(canvas.fill(*parts), 0, 0.03 * s, 0.05 * s), rng.uniform(0.5, 0.9))
    for part in parts:
        piece = canvas.fill(part)
        canvas.darken(cast(piece, 0, 0, 0.02 * s), 0.75)
        canvas.paint(piece, colour, label=label)


def _hand(rng: np.random.Generator, at: Points, way: Points) -> list[Points]:
    """Outlines of a palm, four fingers and a thumb; `way` is one head unit along the fingers."""
    side = rng.choice([-1, 1])
    across = np.array([way[1], -way[0]])
    s = float(np.linalg.norm(way))
    palm = [at + across * 0.27, at - across * 0.27]
    wrist = [at - across * 0.2 - way * 2.75, at + across * 0.2 - way * 2.75]
    parts: list[Points] = [smooth(np.array(palm + wrist))]
    reach = rng.uniform(0.3, 1)
    for k in range(4):
        root = at + across * (0.2 - 0.135 * k)
        tip = root + way * reach * (0.5 - 0.06 * abs(k - 1.3)) + across * rng.normal(0, 0.04)
        parts.append(_rod(root - way * 0.15, tip, 0.068 * s))
    thumb = at - across * 0.25 * side
    parts.append(_rod(thumb - way * 0.3, thumb + way * 0.2 - across * 0.25 * side, 0.08 * s))
    return parts


def _rod(start: Points, end: Points, radius: float) -> Floats:
    """Outline of a rounded, slightly tapering rod."""
    return hull(
        np.concatenate([ellipse(start, radius, radius), ellipse(end, radius * 0.85, radius * 0.85)])
    )
