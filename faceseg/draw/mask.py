"""Face masks, worn: surgical, respirator, one-piece, cloth and scarf."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from faceseg.draw.canvas import (
    Alpha,
    Canvas,
    Floats,
    Points,
    cast,
    ellipse,
    enlarged,
    hull,
    noise,
    roughen,
    smooth,
    textile,
    within,
    without,
)
from faceseg.draw.head import MASK, Head, coarse
from faceseg.draw.light import normalised

# Reflectances: two blues, green, white, pink and black.
_SURGICAL = np.array(
    [
        [0.20, 0.46, 0.70],
        [0.32, 0.66, 0.78],
        [0.26, 0.62, 0.54],
        [0.82, 0.84, 0.85],
        [0.88, 0.50, 0.58],
        [0.015, 0.015, 0.02],
    ]
)


@dataclass(frozen=True)
class _Mask:
    """Cut of a mask and how it sits, in head units."""

    kind: str
    top: float  # height of its upper edge in the middle
    low: float  # and of its lower edge
    bulge: float  # how far it stands off the face
    wide: float
    rim: Points  # upper edge (N, 3), left to right
    foot: Points  # lower edge (N, 3), left to right
    corner: float  # height at which the lower edge begins


def paint_mask(canvas: Canvas, head: Head, rng: np.random.Generator, face: Alpha) -> None:
    """Paint a mask over the face.

    Thin ear loops and straps are painted without a label; the broad straps of a one-piece mask
    belong to it.
    """
    s, project = head.view.scale, head.view.project
    mask = _cut(head, rng)
    above, below = project(mask.rim), project(mask.foot)
    # Piece by piece, since the outline of a turned mask crosses itself.
    strips = (np.concatenate([above[k : k + 2], below[k : k + 2][::-1]]) for k in range(24))
    # The bulge over nose and mouth makes the silhouette of a turned head.
    heights = np.array([mask.top + 0.2, 0.75]) if mask.top < 0.5 else np.array([0.85, 0.9])
    front = head.person.depth + mask.bulge
    body = [[x, y, front + 0.12 * (x == 0)] for x in (-0.15, 0, 0.15) for y in heights]
    cover = canvas.fill(*strips, hull(project(np.array(body))))
    if mask.kind == "onepiece":
        cover = np.maximum(cover, _broad_straps(canvas, head, rng, mask))
    elif mask.kind != "scarf":
        _paint_loops(canvas, head, rng, mask)
    shadow = without(cast(cover, 0, 0.02 * s, 0.03 * s), cover)
    canvas.darken(within(shadow, face), 0.7)
    canvas.paint(cover, _cloth(canvas, head, rng, mask), label=MASK)
    _paint_seams(canvas, head, rng, mask, cover)
    _paint_marks(canvas, head, rng, mask, cover)


def _cut(head: Head, rng: np.random.Generator) -> _Mask:
    p = head.person
    kind = str(
        rng.choice(
            ["surgical", "respirator", "onepiece", "cloth", "scarf"],
            p=[0.38, 0.14, 0.18, 0.25, 0.05],
        )
    )
    worn = rng.random()
    if worn < 0.88:
        top = rng.uniform(0.02, 0.22)
    elif worn < 0.98:  # under the nose
        top = rng.uniform(0.38, 0.48)
    else:  # under the mouth
        top = 0.74
    peak = {"surgical": 0.35, "respirator": 0.7, "onepiece": 0.6}.get(kind, rng.uniform(0.2, 0.7))
    bulge = {"respirator": 0.2, "onepiece": 0.08, "scarf": 0.08}.get(kind, rng.uniform(0.04, 0.16))
    wide = 1.05 if kind == "scarf" else rng.uniform(0.86, 1.04)
    low = head.chin + (rng.uniform(0.1, 1.2) if kind == "scarf" else rng.uniform(0.03, 0.2))
    t = np.linspace(-1, 1, 25)
    knots = np.linspace(-1, 1, 9)

    drop = rng.uniform(0.1, 0.25) * (1 - 0.5 * peak)
    y = top + drop * np.abs(t) ** 1.4 + 0.06 * peak * np.abs(t)
    y += 0.012 * np.interp(t, knots, rng.standard_normal(9))
    x = wide * t * head.half_width(y)
    rim = head.surface(x, y, 0.02)
    rim[:, 2] += 0.5 * bulge * np.exp(-((x / 0.25) ** 2))  # it stands off beside the nose

    corner = rng.uniform(0.55, 0.85)
    power = rng.uniform(1.2, 2.0) if kind == "respirator" else rng.uniform(1.4, 3.0)
    y = corner + (low - corner) * (1 - np.abs(t) ** power)
    y += 0.012 * np.interp(t, knots, rng.standard_normal(9))
    z = (p.depth + bulge) * np.sqrt(1 - np.abs(t) ** 2.4)
    z *= 0.55 if kind == "scarf" else rng.uniform(0.75, 1.0)
    foot = np.stack([p.width * wide * rng.uniform(0.82, 1.02) * t, y, z], 1)
    return _Mask(kind, top, low, bulge, wide, rim, foot, corner)


def _broad_straps(canvas: Canvas, head: Head, rng: np.random.Generator, mask: _Mask) -> Alpha:
    """Coverage of the straps of a one-piece mask, each with a hole for the ear."""
    project, width = head.view.project, head.person.width
    straps = canvas.fill()
    tall = rng.uniform(0.12, 0.2)
    for side in (-1, 1):
        if not head.shows(side):
            continue
        scale = np.array([side * width, 1, 1])
        strap = [
            [0.9 * mask.wide, 0.18, 0.4],
            [1.05, 0.0, 0.0],
            [1.15, 0.1, -0.22],
            [1.1, 0.35, -0.2],
            [1.0, 0.55, 0.1],
            [0.85 * mask.wide, 0.7, 0.4],
        ]
        hole = [
            [0.98, 0.17, 0.12],
            [1.08, 0.12, -0.1],
            [1.08, 0.28, -0.1],
            [0.98, 0.2 + tall, 0.12],
        ]
        ear = canvas.fill(smooth(project(np.array(hole) * scale)))
        straps = np.maximum(straps, without(canvas.fill(project(np.array(strap) * scale)), ear))
    return straps


def _paint_loops(canvas: Canvas, head: Head, rng: np.random.Generator, mask: _Mask) -> None:
    """Paint the thin loops around the ears."""
    s, project = head.view.scale, head.view.project
    if mask.kind == "respirator" and rng.random() < 0.3:
        tone = np.array([0.8, 0.7, 0.15])
    elif rng.random() < 0.85:
        tone = np.ones(3) * rng.choice([0.9, 0.8, 0.05])
    else:
        tone = rng.uniform(0, 1, 3)
    colour = (tone * (head.light.around + 0.3 * head.light.key)).astype(np.float32)
    width = s * rng.uniform(0.012, 0.035)
    for end, side in ((0, -1), (-1, 1)):
        if not head.shows(side):
            continue
        ear = side * head.person.width * 1.06
        upper = [mask.rim[end], [ear, rng.uniform(-0.08, 0.08), 0.0]]
        lower = [[mask.foot[end, 0], mask.corner, 0.2], [ear, rng.uniform(0.2, 0.38), -0.05]]
        for line in (upper, lower):
            canvas.paint(canvas.stroke(project(np.array(line)), width), colour)


def _cloth(canvas: Canvas, head: Head, rng: np.random.Generator, mask: _Mask) -> Floats:
    """Colour (H, W, 3) of the mask in its folds and under the light."""
    shape, s, step = canvas.shape, head.view.scale, coarse(canvas.shape)
    colour = _dye(rng, mask.kind)
    cloth = colour
    if mask.kind in ("cloth", "scarf"):
        cloth = textile(rng, shape, colour, s, plain=0.2)
    normals, local = head.normals(shape, grow=0.5 * mask.bulge, step=step)
    x, y = local[..., 0], local[..., 1]
    middle = np.float32((max(mask.top, 0.1) + mask.low) / 2)
    tilt_x = np.float32(rng.uniform(0.5, 2.0)) * x
    tilt_y = np.float32(rng.uniform(0.8, 2.6)) * (y - middle)
    if mask.kind == "surgical":
        waves = np.float32(2 * np.pi / rng.uniform(0.16, 0.26))
        pleats = np.sin((y - np.float32(mask.top)) * waves + x * x)
        tilt_y += np.float32(rng.uniform(0.1, 0.5)) * pleats
    elif rng.random() < 0.75:  # folded down the middle
        tilt_x += np.float32(rng.uniform(0.1, 0.6)) * np.sign(x)
    coarse_shape, unit = x.shape, s / step
    creases = noise(rng, coarse_shape, (0.12 * unit, 0.22 * unit))
    creases += noise(rng, coarse_shape, 0.08 * unit)
    tilt_y += np.float32(rng.uniform(0.03, 0.25)) * creases
    tilt_x += np.float32(rng.uniform(0.03, 0.2)) * noise(rng, coarse_shape, 0.15 * unit)
    tilt = cv2.merge([tilt_x, tilt_y, np.zeros_like(x)])
    normals = normalised(normals + cv2.transform(tilt, 0.45 * head.view.rotation))
    lit: Floats = cloth * enlarged(head.light.on(normals), shape)
    if rng.random() < 0.4:
        gloss = enlarged(head.light.gloss(normals, rng.uniform(4, 20)), shape)
        lit += np.float32(rng.uniform(0.02, 0.12)) * gloss
    return lit


def _dye(rng: np.random.Generator, kind: str) -> Floats:
    if kind == "surgical":
        colour = _SURGICAL[rng.choice(6, p=[0.24, 0.18, 0.1, 0.26, 0.07, 0.15])]
    elif kind == "respirator" and rng.random() < 0.75:
        colour = np.array([0.84, 0.84, 0.83])
    elif rng.random() < 0.6:
        colour = np.ones(3) * rng.choice([0.01, 0.015, 0.03, 0.08, 0.2, 0.5, 0.85])
    else:
        colour = rng.uniform(0, 1, 3) ** 2.2
    colour = colour * rng.uniform(0.8, 1.1) * (1 + rng.normal(0, 0.05, 3))
    return np.asarray(np.clip(colour, 0.012, 0.98), np.float32)


def _paint_seams(
    canvas: Canvas, head: Head, rng: np.random.Generator, mask: _Mask, cover: Alpha
) -> None:
    """Paint the edges of pleats, or the seam down the middle."""
    p, s, project = head.person, head.view.scale, head.view.project
    if mask.kind == "surgical":
        for drop in (0.02, 0.06):
            hem = canvas.stroke(project(mask.rim + np.array([0, drop, 0.01])), 0.008 * s)
            canvas.darken(within(hem, cover), 0.8)
        t = np.linspace(-1, 1, 15)
        for y in np.linspace(mask.top + 0.25, mask.low - 0.18, int(rng.integers(2, 5))):
            fold = head.surface(0.92 * t * p.width, y + 0.05 - 0.1 * t**2, mask.bulge)
            line = cast(canvas.stroke(project(fold), 0.01 * s), 0, 0, 0.006 * s)
            canvas.darken(within(line, cover), rng.uniform(0.55, 0.85))
    elif mask.kind != "scarf":
        t = np.linspace(0, 1, 9)
        y = mask.top + 0.02 + (mask.low - mask.top - 0.02) * t
        z = p.depth + mask.bulge + 0.1 * np.sin(0.5 + 2.3 * t)
        seam = canvas.stroke(project(np.stack([0 * t, y, z], 1)), 0.012 * s)
        canvas.darken(within(seam, cover), rng.uniform(0.6, 1.0))


def _paint_marks(
    canvas: Canvas, head: Head, rng: np.random.Generator, mask: _Mask, cover: Alpha
) -> None:
    """Paint, now and then, a valve or a printed mark."""
    s, project = head.view.scale, head.view.project
    front = head.person.depth + mask.bulge
    if rng.random() < {"respirator": 0.25, "cloth": 0.04}.get(mask.kind, 0.0):
        at = project(np.array([[rng.choice([-0.25, 0.25]), 0.65, front]]))[0]
        valve = within(canvas.fill(ellipse(at, 0.11 * s, 0.11 * s)), cover)
        canvas.darken(within(cast(valve, 0, 0.02 * s, 0.02 * s), cover), 0.7)
        canvas.paint(valve, np.full(3, rng.uniform(0.1, 0.9), np.float32))
        groove = canvas.stroke(ellipse(at, 0.06 * s, 0.06 * s), 0.02 * s, closed=True)
        canvas.darken(within(groove, cover), 0.6)
    if rng.random() < 0.06:
        at = project(np.array([[rng.uniform(-0.35, 0.35), 0.6, front]]))[0]
        blot = roughen(rng, ellipse(at, rng.uniform(0.05, 0.15) * s, 0.05 * s), 0.02 * s, 0.1 * s)
        ink = (rng.uniform(0, 1, 3) ** 2.2).astype(np.float32)
        canvas.paint(within(canvas.fill(blot), cover), ink)
