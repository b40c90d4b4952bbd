"""Hair: what lies behind the head and what hangs over the face."""

from __future__ import annotations

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
    scaled,
    soften,
    within,
    without,
)
from faceseg.draw.head import PERSON, SKIN, Head, coarse


def strands(head: Head, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Colour (H, W, 3) of hair that falls from the parting, with its light and gloss."""
    p, s = head.person, head.view.scale
    normals, _ = head.normals(shape, grow=0.06 + p.volume, step=coarse(shape))
    light = enlarged(head.light.on(normals), shape)
    gloss = enlarged(head.light.gloss(normals, rng.uniform(6, 30)), shape)
    root = head.view.project(np.array([[0.35 * p.parting, -1.15, 0.25]]))[0]
    y, x = np.ogrid[: shape[0], : shape[1]]
    dx, dy = (x - root[0]).astype(np.float32) / s, (y - root[1]).astype(np.float32) / s
    distance = np.sqrt(dx * dx + dy * dy)
    turn = np.arctan2(dx, dy + 0.15)
    if p.curl > 0.2:
        bend = noise(rng, shape, s * rng.uniform(0.1, 0.35))
        turn = turn + 0.12 * p.curl * bend / (distance + 0.4)
    size = 256
    field = (
        noise(rng, (size, size), (14.0, 1.2)) * 0.6 + noise(rng, (size, size), (40.0, 5.0)) * 0.7
    )
    at_x = turn * np.float32(size / (2 * np.pi) * rng.uniform(1.0, 2.0))
    at_y = distance * np.float32(size / 3)
    streaks = np.asarray(
        cv2.remap(field, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32
    )
    if p.curl > 0.55:
        curls = noise(rng, shape, max(1.5, s * rng.uniform(0.02, 0.07)))
        streaks += np.asarray(p.curl * (curls - 0.5 * streaks), np.float32)
    tone = np.clip(1 + 0.38 * streaks, 0.2, 2.2)
    if p.hair != "buzz" and rng.random() < 0.2:  # dyed or faded towards the tips
        tip = np.clip(distance / 2 - np.float32(rng.uniform(0, 0.6)), 0, 1)
        tone *= 1 + tip * np.float32(rng.uniform(-0.3, 1.2))
    light *= p.hair_colour
    gloss *= np.float32(rng.uniform(0.02, 0.22) * (1 - p.curl))
    return np.asarray((light + gloss) * tone[..., None], np.float32)


def _outline(head: Head, rng: np.random.Generator) -> Floats:
    """Outer outline in pixels of the whole hair."""
    p, s = head.person, head.view.scale
    points = head.skull_outline(p.volume)
    if p.length > 0.4:
        low = p.length
        wide = p.width + p.volume * rng.uniform(0.8, 2.6)
        y = np.array([0.2, 0.2, 0.6 * low, 0.6 * low, low, low])
        x = np.array([-1, 1, -1, 1, -1, 1]) * wide * np.array([1, 1, 1, 1, 0.8, 0.8])
        x = x * rng.uniform(0.85, 1.2, 6)
        sides = np.stack([x, y, np.full(6, -0.3)], 1)
        points = hull(np.concatenate([points, head.view.project(sides)]))
    rough = {"buzz": 0.003, "bald": 0.0, "afro": 0.03}.get(p.hair, 0.008 + 0.03 * p.curl)
    wave = rng.uniform(0.08, 0.3)
    return roughen(rng, points, rough * s * rng.uniform(0.5, 1.5), wave * s)


def _opening(head: Head, rng: np.random.Generator) -> Floats:
    """Outline in pixels of the part of the face and below that the hair leaves free."""
    p, s, project = head.person, head.view.scale, head.view.project
    t = np.linspace(-1, 1, 25)
    top = _hairline(head, rng, t)
    arc = head.at(0.86 * t * head.half_width(np.maximum(top, -0.7)), top, 0.01)
    mirror = np.array([-1, 1, 1])
    if p.length > 0.4 and p.hair != "updo":  # curtains on both sides
        y = np.array([-0.1, 0.15, 0.45, 0.8, 1.1, p.length + rng.uniform(0, 1.5)])
        sides = p.curtain * p.width * (1 + rng.normal(0, 0.04, (2, 6)))
        sides[:, -1] *= rng.uniform(0.3, 1.2, 2)
        if p.curtain > 0.95 and rng.random() < 0.4:  # tucked behind one ear
            sides[0] += 0.3
        right, left = (np.stack([x, y, np.full(6, 0.3)], 1) for x in sides)
    else:  # sideburns
        burn = rng.uniform(0.0, 0.3)
        w = 0.96 * float(head.half_width(np.array(burn)))
        right = left = np.array(
            [[w, burn - 0.15, 0.25], [w + 0.04, burn, 0.15], [1.6, burn, 0.1], [2.5, 4, 0.1]]
        )
    outline = np.concatenate([arc, project(right), project(left * mirror)[::-1]])
    return roughen(rng, outline, (0.003 + 0.012 * p.curl) * s, 0.05 * s)


def _hairline(head: Head, rng: np.random.Generator, t: Points) -> Points:
    """Heights at which the hair ends over the forehead, for t from -1 to 1 across it."""
    p = head.person
    top = p.hairline + 0.12 * np.abs(t) ** 2.5
    top -= p.recession * np.exp(-(((np.abs(t) - 0.6) / 0.25) ** 2))
    if not p.recession:
        top -= 0.06 * np.exp(-(((t - p.parting) / 0.15) ** 2))
    if not p.fringe:
        return top
    style = rng.choice(["straight", "swept", "parted"])
    if style == "straight":
        share, deeper = np.ones_like(t), 0.0
    elif style == "swept":
        share, deeper = np.clip(0.5 + 0.7 * (t if p.parting < 0 else -t), 0, 1), 0.15
    else:
        share, deeper = np.minimum(np.abs(t - p.parting), 1), 0.25
    low = rng.uniform(-0.32, -0.1) + deeper * share
    top += p.fringe * share * np.maximum(low - top, 0)
    ragged = np.interp(t, np.linspace(-1, 1, 13), rng.standard_normal(13))
    return np.asarray(top + 0.035 * p.fringe * ragged * (1 - np.abs(t)))


def paint_back(canvas: Canvas, head: Head, rng: np.random.Generator) -> tuple[Alpha, Floats | None]:
    """Paint what lies behind the face; return its coverage and the hair's colour."""
    p, s = head.person, head.view.scale
    if p.hair == "bald":
        skull = canvas.fill(head.skull_outline(0.0))
        normals, _ = head.normals(canvas.shape, grow=0.02, step=coarse(canvas.shape))
        scalp = p.skin * head.light.on(normals) + p.gloss * 0.5 * head.light.gloss(normals, 20)
        scalp = enlarged(scalp.astype(np.float32), canvas.shape)
        canvas.paint(skull, scalp, label=SKIN)
        return skull, None
    colour = strands(head, rng, canvas.shape)
    outline = canvas.fill(_outline(head, rng))
    if p.hair == "updo" and rng.random() < 0.5:
        top = head.view.project(np.array([[rng.normal(0, 0.2), -1.15, -0.3]]))[0]
        size = s * rng.uniform(0.2, 0.4)
        bun = canvas.fill(roughen(rng, ellipse(top, size * 1.2, size), 0.02 * s, 0.2 * s))
        outline = np.maximum(outline, bun)
    shaded = colour * np.float32(rng.uniform(0.45, 0.9))
    canvas.paint(outline, shaded if p.length > 0.4 else colour, label=PERSON)
    return outline, colour


def paint_front(
    canvas: Canvas,
    head: Head,
    rng: np.random.Generator,
    face: Alpha,
    back: Alpha,
    colour: Floats | None,
) -> None:
    """Paint the hair that lies over the forehead, the temples and, if long, the cheeks."""
    p, s = head.person, head.view.scale
    if colour is None:
        return
    opening = canvas.fill(_opening(head, rng))
    hair = without(np.maximum(back, face), opening)
    if p.length <= 0.4:
        near = canvas.fill(head.skull_outline(p.volume), head.face_outline(1.02))
        hair = within(hair, near)
    if p.hair == "buzz":
        hair = scaled(soften(hair, 0.02 * s).astype(np.uint8), rng.uniform(0.75, 0.95))
    if rng.random() < 0.6:
        shadow = within(without(cast(hair, 0, 0.05 * s, 0.04 * s), hair), face)
        canvas.darken(shadow, rng.uniform(0.45, 0.85))
    canvas.paint(hair, colour, label=PERSON)
    if p.hair not in ("buzz", "afro") and rng.random() < 0.5:
        _paint_locks(canvas, head, rng, colour)


def _paint_locks(canvas: Canvas, head: Head, rng: np.random.Generator, colour: Floats) -> None:
    """Paint single locks over the forehead and, at times, stray hairs too thin for a label."""
    p, s = head.person, head.view.scale
    t = np.linspace(0, 1, 9)
    for _ in range(int(rng.integers(1, 7))):
        root = rng.uniform(-0.8, 0.8) * p.width
        long = p.fringe > 0 or p.length > 0.4
        drop = rng.uniform(0.1, 0.45) if long else rng.uniform(0.03, 0.15)
        drift = rng.normal(0, 0.12) + 0.2 * np.sign(root) * drop
        x = root + drift * t + rng.normal(0, 0.03) * np.sin(np.pi * t)
        y = p.hairline + 0.15 * (root / p.width) ** 2 - 0.05 + drop * t
        half = rng.uniform(0.008, 0.05) * (1 - t**2)
        lock = np.concatenate([head.at(x - half, y, 0.02), head.at(x + half, y, 0.02)[::-1]])
        canvas.paint(canvas.fill(lock), colour, label=PERSON)
    if rng.random() < 0.4:
        crown = head.view.project(np.array([[0.0, -0.9, 0.5]]))[0]
        for _ in range(int(rng.integers(3, 15))):
            end = crown + s * np.array([rng.normal(0, 0.8), rng.uniform(0.2, 1.2)])
            bend = (crown + end) / 2 + s * rng.normal(0, 0.25, 2)
            u = t[:, None]
            line = (1 - u) ** 2 * crown + 2 * u * (1 - u) * bend + u**2 * end
            canvas.paint(canvas.stroke(line, 0.004 * s), p.hair_colour, opacity=0.6)
