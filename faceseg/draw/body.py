"""Neck, shoulders and clothes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceseg.draw.canvas import Alpha, Canvas, Floats, cast, ellipse, noise, smooth, textile, within
from faceseg.draw.head import PERSON, Head


class _Torso:
    """Places on the body, from the pit of the neck, in head units; it leans less than the head."""

    def __init__(self, head: Head, rng: np.random.Generator) -> None:
        self.base = head.view.project(np.array([[0.0, 0.75, -0.25]]))[0]
        self.scale = head.view.scale
        r = head.view.rotation
        lean = 0.3 * np.arctan2(r[1, 0], r[0, 0])
        self.turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
        self.neck = rng.uniform(0.36, 0.5) + 0.06 * (head.person.beard != "none")
        self.drop = rng.uniform(0.65, 0.95)

    def place(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
        """Pixels (N, 2) of points at x (right) and y (down)."""
        points = np.stack([np.asarray(x, float), np.asarray(y, float)], 1) @ self.turn
        return np.asarray(self.base + self.scale * points, np.float32)


def paint_body(canvas: Canvas, head: Head, rng: np.random.Generator) -> None:
    """Paint neck, shoulders and clothes; the head is painted over them."""
    p, s = head.person, head.view.scale
    torso = _Torso(head, rng)
    neck, drop = torso.neck, torso.drop
    across = (np.arange(canvas.shape[1]) - torso.base[0]) / (0.9 * s)
    across = np.clip(across, -0.98, 0.98)
    normals = np.stack([across, np.full_like(across, 0.1), np.sqrt(1 - across**2)], -1)
    row = head.light.on(normals[None].astype(np.float32))
    light = np.broadcast_to(row, (*canvas.shape, 3))

    throat = torso.place(
        neck * np.array([-1, -0.95, -1.15, 1.15, 0.95, 1]), [-0.7, 0.35, drop, drop, 0.35, -0.7]
    )
    slope = rng.uniform(0.15, 0.6)
    x = np.array([0.6 * neck, 1.2 * neck, 1.4, 2.0, 2.3])
    y = np.array([drop - 0.3, drop - 0.25, drop - 0.2 + slope, drop + 0.5 + slope, 5])
    shoulders = smooth(torso.place(np.concatenate([-x, x[::-1]]), np.concatenate([y, y[::-1]])))
    skin = p.skin * np.float32(rng.uniform(0.8, 1.0))
    canvas.paint(canvas.fill(throat, shoulders), skin, shade=light, label=PERSON)
    for side in (-1, 1):
        sinew = torso.place([side * neck * 0.8, side * 0.08], [0.1, drop + 0.1])
        canvas.darken(cast(canvas.stroke(sinew, 0.03 * s), 0, 0, 0.03 * s), 0.8)
    _paint_clothes(canvas, head, rng, torso, shoulders, light)
    jaw = canvas.fill(head.face_outline())
    shadow = cast(jaw, -0.05 * s * head.light.direction[0], 0.22 * s, 0.09 * s)
    shadow[canvas.labels == 0] = 0
    canvas.darken(shadow, rng.uniform(0.3, 0.7))


def _paint_clothes(
    canvas: Canvas,
    head: Head,
    rng: np.random.Generator,
    torso: _Torso,
    shoulders: Floats,
    light: Floats,
) -> None:
    p, s = head.person, torso.scale
    neck, drop = torso.neck, torso.drop
    colour = np.clip(rng.uniform(0, 1, 3) ** 2.4, 0.012, 0.95).astype(np.float32)
    if rng.random() < 0.55:
        colour[:] = rng.choice([0.015, 0.03, 0.1, 0.3, 0.8, 0.92]) * rng.uniform(0.9, 1.1, 3)
    cloth = textile(rng, canvas.shape, colour, s)
    folds = np.clip(1 + 0.15 * noise(rng, canvas.shape, (0.4 * s, 0.2 * s)), 0.5, 1.6)
    cloth *= light * folds[..., None]

    style = rng.choice(
        ["crew", "vee", "shirt", "suit", "high", "bare", "strap"],
        p=[0.22, 0.16, 0.18, 0.18, 0.08, 0.08, 0.1],
    )
    whole = canvas.fill(shoulders)
    wedge = np.array([-1.3, 1.3, 0]) * neck
    if style in ("shirt", "suit"):
        _paint_shirt(canvas, rng, torso, whole, p.skin, light, tie=style == "suit")
    if style in ("vee", "shirt", "suit"):
        deep = {"vee": rng.uniform(0.4, 1.1), "shirt": 0.5, "suit": 0.8}[str(style)]
        opening = torso.place(wedge, [drop - 0.9, drop - 0.9, drop + deep])
    elif style == "strap":
        opening = torso.place([-0.9, 0.9, 0.7, -0.7], [drop - 1, drop - 1, drop + 0.7, drop + 0.7])
    elif style == "bare":
        opening = torso.place([-4, 4, 4, -4], [-1, -1, drop + 0.8, drop + 0.8])
    else:
        deep = 0.5 if style == "crew" else 0.05
        opening = torso.place(*ellipse((0, drop - 0.35), 1.2 * neck, deep).T)
    worn = np.minimum(whole, 255 - canvas.fill(opening))
    if style == "high":
        tube = torso.place(neck * np.array([-1.1, 1.1, 1.2, -1.2]), [0.1, 0.1, drop, drop])
        worn = np.maximum(worn, canvas.fill(tube))
    canvas.paint(worn, cloth, label=PERSON)


def _paint_shirt(
    canvas: Canvas,
    rng: np.random.Generator,
    torso: _Torso,
    whole: Alpha,
    skin: Floats,
    light: Floats,
    *,
    tie: bool,
) -> None:
    """Paint what shows between the lapels: a shirt, a tie and the throat."""
    neck, drop = torso.neck, torso.drop
    white = rng.choice([0.9, 0.8, 0.1]) * rng.uniform(0.9, 1.1, 3)
    canvas.paint(whole, white.astype(np.float32), shade=light, label=PERSON)
    if tie and rng.random() < 0.6:
        x, y = [0.1, 0.14, 0.2], [drop - 0.1, drop + 0.15, 4]
        outline = torso.place([-a for a in x] + x[::-1], y + y[::-1])
        tone = rng.uniform(0, 0.7, 3).astype(np.float32)
        canvas.paint(canvas.fill(outline), tone, shade=light)
    low = drop + rng.uniform(-0.1, 0.3)
    throat = torso.place([-1.3 * neck, 1.3 * neck, 0], [drop - 0.9, drop - 0.9, low])
    canvas.paint(within(canvas.fill(throat), whole), skin * np.float32(0.85), shade=light)
