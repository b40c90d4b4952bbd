"""Face masks, worn: surgical, respirator, one-piece, cloth and scarf."""

from __future__ import annotations

import numpy as np

from faceseg.draw.canvas import (
    Alpha,
    Canvas,
    Floats,
    cast,
    ellipse,
    hull,
    noise,
    roughen,
    smooth,
    soften,
    textile,
    within,
    without,
)
from faceseg.draw.head import MASK, Head

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


def paint_mask(canvas: Canvas, head: Head, rng: np.random.Generator, face: Alpha) -> Alpha:
    """Paint a mask over the face and return its coverage.

    Thin ear loops and straps are painted but not covered; the broad straps of a one-piece mask
    belong to it.
    """
    p, s = head.person, head.view.scale
    kind = rng.choice(
        ["surgical", "respirator", "onepiece", "cloth", "scarf"], p=[0.42, 0.16, 0.17, 0.2, 0.05]
    )
    worn = rng.choice(["right", "nose", "chin"], p=[0.88, 0.1, 0.02])
    top = {"right": rng.uniform(0.02, 0.22), "nose": rng.uniform(0.38, 0.48), "chin": 0.74}[str(worn)]
    side = rng.uniform(0.1, 0.25)
    low = head.chin + rng.uniform(0.03, 0.2)
    wide = rng.uniform(0.86, 1.04)
    peak = {"surgical": 0.35, "respirator": 0.7, "onepiece": 0.6}.get(str(kind), rng.uniform(0.2, 0.7))
    out = {"respirator": 0.2, "onepiece": 0.08, "scarf": 0.08}.get(str(kind), rng.uniform(0.04, 0.16))
    if kind == "scarf":
        wide, low = 1.05, head.chin + rng.uniform(0.1, 1.2)

    t = np.linspace(-1, 1, 25)
    rim_y = top + side * (np.abs(t) ** 1.4) * (1 - 0.5 * peak) + 0.06 * peak * np.abs(t)
    rim_y = rim_y + 0.012 * np.interp(t, np.linspace(-1, 1, 9), rng.standard_normal(9))
    rim_x = wide * t * head.half_width(rim_y)
    # Over the nose the rim stands off the cheeks beside it.
    rim = head.surface(rim_x, rim_y, 0.02)
    rim[:, 2] += 0.5 * out * np.exp(-((rim_x / 0.25) ** 2))
    corner_y = rng.uniform(0.55, 0.85)
    round_ = rng.uniform(1.4, 3.0) if kind != "respirator" else rng.uniform(1.2, 2.0)
    foot_y = corner_y + (low - corner_y) * (1 - np.abs(t) ** round_)
    foot_w = p.width * wide * rng.uniform(0.82, 1.02)
    foot_y = foot_y + 0.012 * np.interp(t, np.linspace(-1, 1, 9), rng.standard_normal(9))
    foot = np.stack([foot_w * t, foot_y, 0 * t], 1)
    depth = (p.depth + out) * np.clip(1 - np.abs(t) ** 2.4, 0, 1) ** 0.5
    foot[:, 2] = depth * (0.55 if kind == "scarf" else rng.uniform(0.75, 1.0))
    # The bulge over nose and mouth makes the silhouette of a turned head.
    bulge = np.array([[0, y, p.depth + out + 0.12] for y in (top + 0.15, 0.5, 0.75)])
    ring = np.array([[x, y, p.depth + out] for x in (-0.15, 0.15) for y in (top + 0.2, 0.75)])
    if worn == "chin":
        bulge, ring = bulge[2:], ring[1::2]
    body = hull(np.concatenate([head.view.project(bulge), head.view.project(ring)]))
    # Piece by piece, since the outline of a turned mask crosses itself.
    above, below = head.view.project(rim), head.view.project(foot)
    strips = (
        np.concatenate([above[k : k + 2], below[k : k + 2][::-1]]) for k in range(len(t) - 1)
    )
    cover = canvas.fill(*strips, body)
    straps = canvas.fill()
    if kind == "onepiece":
        straps = _broad_straps(canvas, head, rng, wide)
    elif kind != "scarf":
        _paint_loops(canvas, head, rng, rim, foot, corner_y, str(kind))
    mask = np.maximum(cover, straps)
    shadow = without(cast(mask, 0, 0.02 * s, 0.03 * s), mask)
    canvas.darken(within(shadow, np.maximum(face, soften(face, 0.1 * s).astype(np.uint8))), 0.7)
    cloth = _cloth(canvas, head, rng, str(kind), top, low, out)
    canvas.paint(mask, cloth, label=MASK)
    _paint_details(canvas, head, rng, str(kind), mask, rim, top, low, out)
    return mask


def _broad_straps(canvas: Canvas, head: Head, rng: np.random.Generator, wide: float) -> Alpha:
    p = head.person
    straps = canvas.fill()
    tall = rng.uniform(0.12, 0.2)
    for side in (-1, 1):
        if side * head.view.rotation[2, 0] < -0.35:  # hidden behind the face
            continue
        w = side * p.width
        strap = np.array(
            [
                [w * wide * 0.9, 0.18, 0.4],
                [w * 1.05, 0.0, 0.0],
                [w * 1.15, 0.1, -0.22],
                [w * 1.1, 0.35, -0.2],
                [w * 1.0, 0.55, 0.1],
                [w * wide * 0.85, 0.7, 0.4],
            ]
        )
        hole = np.array(
            [
                [w * 0.98, 0.17, 0.12],
                [w * 1.08, 0.12, -0.1],
                [w * 1.08, 0.28, -0.1],
                [w * 0.98, 0.2 + tall, 0.12],
            ]
        )
        band = without(canvas.fill(head.view.project(strap)), canvas.fill(smooth(head.view.project(hole))))
        straps = np.maximum(straps, band)
    return straps


def _paint_loops(
    canvas: Canvas,
    head: Head,
    rng: np.random.Generator,
    rim: np.ndarray,
    foot: np.ndarray,
    corner_y: float,
    kind: str,
) -> None:
    p, s = head.person, head.view.scale
    tone = np.ones(3) * rng.choice([0.9, 0.8, 0.05]) if rng.random() < 0.85 else rng.uniform(0, 1, 3)
    if kind == "respirator" and rng.random() < 0.3:
        tone = np.array([0.8, 0.7, 0.15])
    tone = np.asarray(tone * head.light.around + 0.3 * tone * head.light.key, np.float32)
    width = s * rng.uniform(0.012, 0.035)
    for end, side in ((0, -1), (-1, 1)):
        if side * head.view.rotation[2, 0] < -0.35:
            continue
        w = side * p.width
        upper = np.array([rim[end], [w * 1.06, rng.uniform(-0.08, 0.08), 0.0]])
        lower = np.array([[foot[end][0], corner_y, 0.2], [w * 1.06, rng.uniform(0.2, 0.38), -0.05]])
        for line in (upper, lower):
            canvas.paint(canvas.stroke(head.view.project(line), width), tone)


def _cloth(
    canvas: Canvas,
    head: Head,
    rng: np.random.Generator,
    kind: str,
    top: float,
    low: float,
    out: float,
) -> Floats:
    s = head.view.scale
    shape = canvas.shape
    if kind == "surgical":
        colour = _SURGICAL[rng.choice(6, p=[0.24, 0.18, 0.1, 0.26, 0.07, 0.15])]
    elif kind == "respirator":
        colour = np.array([0.84, 0.84, 0.83]) if rng.random() < 0.75 else rng.uniform(0.1, 0.9, 3) ** 2.2
    elif rng.random() < 0.6:
        colour = np.ones(3) * rng.choice([0.01, 0.015, 0.03, 0.08, 0.2, 0.5, 0.85])
    else:
        colour = rng.uniform(0, 1, 3) ** 2.2
    colour = np.clip(colour * rng.uniform(0.8, 1.1) * (1 + rng.normal(0, 0.05, 3)), 0.012, 0.98)
    colour = colour.astype(np.float32)
    if kind in ("cloth", "scarf"):
        cloth = textile(rng, shape, colour, s)
    else:
        cloth = np.broadcast_to(colour, (*shape, 3))
    normals, local = head.normals(shape, grow=out * 0.5)
    x, y = local[..., 0], local[..., 1]
    middle = (max(top, 0.1) + low) / 2
    bend = np.float32(rng.uniform(0.3, 1.2))
    steep = np.float32(rng.uniform(0.4, 1.3))
    tilt = np.stack([bend * x / 0.6, steep * (y - middle) / 0.5, np.zeros_like(x)], -1)
    if kind == "surgical":
        pleats = np.sin((y - top) * np.float32(2 * np.pi / rng.uniform(0.16, 0.26)) + x * x)
        tilt[..., 1] += np.float32(rng.uniform(0.1, 0.5)) * pleats
    elif rng.random() < 0.75:  # a seam or fold down the middle
        tilt[..., 0] += np.float32(rng.uniform(0.1, 0.6)) * np.sign(x)
    creases = noise(rng, shape, (0.12 * s, 0.22 * s)) + noise(rng, shape, 0.08 * s)
    tilt[..., 1] += np.float32(rng.uniform(0.03, 0.25)) * creases
    tilt[..., 0] += np.float32(rng.uniform(0.03, 0.2)) * noise(rng, shape, 0.15 * s)
    turned = 0.45 * tilt @ head.view.rotation.T
    normals = normals + turned.astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    lit = cloth * head.light.on(normals)
    if rng.random() < 0.4:
        lit = lit + rng.uniform(0.02, 0.12) * head.light.gloss(normals, rng.uniform(4, 20))
    return np.asarray(lit, np.float32)


def _paint_details(
    canvas: Canvas,
    head: Head,
    rng: np.random.Generator,
    kind: str,
    mask: Alpha,
    rim: np.ndarray,
    top: float,
    low: float,
    out: float,
) -> None:
    p, s = head.person, head.view.scale
    if kind == "surgical":
        for drop in (0.02, 0.06):
            line = rim + [0, drop, 0.01]
            canvas.darken(within(canvas.stroke(head.view.project(line), 0.008 * s), mask), 0.8)
        t = np.linspace(-1, 1, 15)
        for y in np.linspace(top + 0.25, low - 0.18, int(rng.integers(2, 5))):
            fold = head.surface(0.92 * t * p.width, y + 0.1 * (1 - t**2) - 0.05, out)
            line = canvas.stroke(head.view.project(fold), 0.01 * s)
            canvas.darken(within(cast(line, 0, 0, 0.006 * s), mask), rng.uniform(0.55, 0.85))
    elif kind in ("respirator", "onepiece", "cloth"):
        y = np.linspace(top + 0.02, low, 9)
        seam = np.stack([0 * y, y, p.depth + out + 0.1 * np.sin(np.linspace(0.5, 2.8, 9))], 1)
        line = canvas.stroke(head.view.project(seam), 0.012 * s)
        canvas.darken(within(line, mask), rng.uniform(0.6, 1.0))
    if rng.random() < {"respirator": 0.25, "cloth": 0.04}.get(kind, 0.0):
        at = head.view.project(np.array([[rng.choice([-0.25, 0.25]), 0.65, p.depth + out]]))[0]
        valve = within(canvas.fill(ellipse(at, 0.11 * s, 0.11 * s)), mask)
        canvas.darken(cast(within(valve, mask), 0, 0.02 * s, 0.02 * s), 0.7)
        tone = np.ones(3, np.float32) * rng.uniform(0.1, 0.9)
        canvas.paint(valve, tone)
        canvas.darken(canvas.stroke(ellipse(at, 0.06 * s, 0.06 * s), 0.02 * s, closed=True), 0.6)
    if rng.random() < 0.06:  # a printed mark
        at = head.view.project(np.array([[rng.uniform(-0.35, 0.35), 0.6, p.depth + out]]))[0]
        blot = roughen(rng, ellipse(at, rng.uniform(0.05, 0.15) * s, 0.05 * s), 0.02 * s, 0.1 * s)
        canvas.paint(within(canvas.fill(blot), mask), rng.uniform(0, 1, 3).astype(np.float32))
