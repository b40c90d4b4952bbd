"""Hats, hoods and headscarves."""

from __future__ import annotations

import numpy as np

from faceseg.draw.canvas import (
    Alpha,
    Canvas,
    Floats,
    Points,
    cast,
    enlarged,
    hull,
    noise,
    roughen,
    textile,
    within,
    without,
)
from faceseg.draw.head import PERSON, Head, coarse

_MIRROR = np.array([-1, 1, 1])


def paint_hat(canvas: Canvas, head: Head, rng: np.random.Generator, face: Alpha) -> None:
    """Paint a beanie, a cap, a brimmed hat, a headband, a headscarf or a hood."""
    kind = rng.choice(
        ["beanie", "cap", "brimmed", "band", "scarf", "hood"],
        p=[0.25, 0.25, 0.12, 0.08, 0.22, 0.08],
    )
    cloth = _cloth(canvas, head, rng)
    thick = rng.uniform(0.06, 0.2) + 0.5 * head.person.volume
    if kind in ("scarf", "hood"):
        cover = _wrap(canvas, head, rng, thick, open_throat=kind == "hood")
        _put_on(canvas, head, rng, face, cover, cloth)
        return
    rim = _rim(head, rng, thick)
    line = head.view.project(rim)
    if kind == "band":
        end = head.view.project(rim - [0, rng.uniform(0.1, 0.25), 0.05])[::-1]
    else:
        end = head.view.project(np.array([[1.2, -3.0, 0], [-1.2, -3.0, 0]]))
    skull = canvas.fill(head.skull_outline(thick))
    cover = within(skull, canvas.fill(np.concatenate([line, end])))
    _put_on(canvas, head, rng, face, cover, cloth)
    if kind in ("cap", "brimmed"):
        brim = canvas.fill(_brim(head, rng, rim, around=kind == "brimmed"), line)
        _put_on(canvas, head, rng, face, brim, cloth * np.float32(rng.uniform(0.4, 1.1)))


def _cloth(canvas: Canvas, head: Head, rng: np.random.Generator) -> Floats:
    s = head.view.scale
    colour = np.clip(rng.uniform(0, 1, 3) ** 2.4, 0.02, 0.95).astype(np.float32)
    if rng.random() < 0.5:
        colour[:] = rng.choice([0.02, 0.05, 0.2, 0.6, 0.9]) * rng.uniform(0.9, 1.1, 3)
    cloth = textile(rng, canvas.shape, colour, s)
    normals, _ = head.normals(canvas.shape, grow=0.15, step=coarse(canvas.shape))
    folds = 1 + 0.12 * noise(rng, canvas.shape, (0.25 * s, 0.12 * s))
    return cloth * enlarged(head.light.on(normals), canvas.shape) * folds[..., None]


def _put_on(
    canvas: Canvas, head: Head, rng: np.random.Generator, face: Alpha, cover: Alpha, cloth: Floats
) -> None:
    s = head.view.scale
    shadow = without(cast(cover, 0, rng.uniform(0.05, 0.12) * s, 0.05 * s), cover)
    canvas.darken(within(shadow, face), rng.uniform(0.35, 0.8))
    canvas.paint(cover, cloth, label=PERSON)


def _wrap(
    canvas: Canvas, head: Head, rng: np.random.Generator, thick: float, *, open_throat: bool
) -> Alpha:
    """Coverage of a headscarf or a hood: all around the face and down to the shoulders."""
    p, s, project = head.person, head.view.scale, head.view.project
    wide = rng.uniform(0.75, 1.1)
    fall = np.array([[wide, 0.8, -0.1], [wide * 1.2, 1.8, -0.1], [wide * 1.4, 3, -0.1]])
    fall = project(np.concatenate([fall, fall * _MIRROR]))
    outer = canvas.fill(hull(np.concatenate([head.skull_outline(thick), fall])))
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    top, chin = rng.uniform(-0.6, -0.3), head.chin * rng.uniform(0.9, 1.05)
    y = np.where(np.sin(turn) < 0, -top, chin) * np.sin(turn)
    x = rng.uniform(0.78, 1.0) * p.width * np.cos(turn)
    limit = np.maximum(head.half_width(y), 0.25)
    opening = canvas.fill(roughen(rng, head.at(np.clip(x, -limit, limit), y), 0.006 * s, 0.2 * s))
    if open_throat:
        throat = np.array([[-0.5, 0.8, 0.2], [0.5, 0.8, 0.2], [0.3, 2, 0.2], [-0.3, 2, 0.2]])
        opening = np.maximum(opening, canvas.fill(project(throat)))
    return without(outer, opening)


def _rim(head: Head, rng: np.random.Generator, thick: float) -> Points:
    """Lower edge (N, 3) of a hat over the forehead, from ear to ear."""
    t = np.linspace(-1, 1, 17)
    reach = head.person.width + 0.6 * thick
    front = head.person.depth + 0.5 * thick
    height = rng.uniform(-0.62, -0.26) + rng.uniform(0, 0.12) * t**2
    return np.stack([reach * t, height, front * np.sqrt(1 - 0.98 * t**2)], 1)


def _brim(head: Head, rng: np.random.Generator, rim: Points, *, around: bool) -> Floats:
    """Outline in pixels of a cap's peak, or of a brim that goes all around."""
    turn = np.linspace(0, 2 * np.pi if around else np.pi, 33)
    reach = rim[-1, 0] * (1.7 if around else 0.9)
    out = (head.person.depth + rng.uniform(0.25, 0.5)) * (1.36 if around else 1.0)
    y = rim[8, 1] + 0.02 + rng.uniform(-0.05, 0.15) * np.sin(turn)
    points = np.stack([reach * np.cos(turn), y, out * np.sin(turn)], 1)
    return hull(head.view.project(points))
