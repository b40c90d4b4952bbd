"""Hair, hats and headscarves: what frames the face."""

from __future__ import annotations

import cv2
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
    scaled,
    smooth,
    soften,
    textile,
    within,
    without,
)
from faceseg.draw.head import PERSON, SKIN, Head


def strands(head: Head, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Colour (H, W, 3) of hair that falls from the parting, with its light and gloss."""
    p, s = head.person, head.view.scale
    normals, _ = head.normals(shape, grow=0.06 + p.volume)
    normals = normals.copy()
    root = head.view.project(np.array([[0.35 * p.parting, -1.15, 0.25]]))[0]
    y, x = np.ogrid[: shape[0], : shape[1]]
    dx, dy = (x - root[0]).astype(np.float32) / s, (y - root[1]).astype(np.float32) / s
    distance = np.sqrt(dx * dx + dy * dy)
    turn = np.arctan2(dx, dy + 0.15)
    if p.curl > 0.2:
        bend = noise(rng, shape, s * rng.uniform(0.1, 0.35))
        turn = turn + 0.12 * p.curl * bend / (distance + 0.4)
    size = 256
    field = noise(rng, (size, size), (14.0, 1.2)) * 0.6 + noise(rng, (size, size), (40.0, 5.0)) * 0.7
    at_x = turn * np.float32(size / (2 * np.pi) * rng.uniform(1.0, 2.0))
    at_y = distance * np.float32(size / 3)
    streaks = cv2.remap(
        field, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    if p.curl > 0.55:
        curls = noise(rng, shape, max(1.5, s * rng.uniform(0.02, 0.07)))
        streaks += p.curl * (curls - 0.5 * streaks)
    normals[..., 0] += 0.18 * streaks
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    tone = p.hair_colour * np.clip(1 + 0.32 * streaks, 0.25, 2)[..., None]
    if p.hair not in ("buzz", "bald") and rng.random() < 0.2:  # dyed or faded towards the tips
        tip = np.clip(distance / 2 - rng.uniform(0, 0.6), 0, 1)[..., None]
        tone = tone * (1 + tip * rng.uniform(-0.3, 1.2))
    light = head.light.on(normals)
    gloss = head.light.gloss(normals, rng.uniform(6, 30)) * np.clip(1 + streaks, 0, 2)[..., None]
    return np.asarray(tone * light + rng.uniform(0.02, 0.22) * (1 - p.curl) * gloss, np.float32)


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
    p, s = head.person, head.view.scale
    t = np.linspace(-1, 1, 25)
    top = p.hairline + 0.12 * np.abs(t) ** 2.5
    top = top - p.recession * np.exp(-(((np.abs(t) - 0.6) / 0.25) ** 2))
    part = p.parting
    top = top - 0.06 * np.exp(-(((t - part) / 0.15) ** 2)) * (p.recession == 0)
    reach = 0.86
    if p.fringe:
        style = rng.choice(["straight", "swept", "parted"])
        full = rng.uniform(-0.32, -0.1)
        if style == "straight":
            top = top + p.fringe * np.clip(full - top, 0, None)
        elif style == "swept":
            slope = np.clip(0.5 + 0.7 * (t if part < 0 else -t), 0, 1)
            top = top + p.fringe * slope * np.clip(full + 0.15 * slope - top, 0, None)
        else:
            slope = np.clip(np.abs(t - part), 0, 1)
            top = top + p.fringe * slope * np.clip(full + 0.25 * slope - top, 0, None)
        teeth = np.interp(t, np.linspace(-1, 1, 13), rng.normal(0, 1, 13))
        top = top + 0.035 * p.fringe * teeth * (1 - np.abs(t))
    x = t * reach * head.half_width(np.maximum(top, -0.7))
    arc = head.at(x, top, 0.01)
    if p.length > 0.4 and p.hair != "updo":
        y = np.array([-0.1, 0.15, 0.45, 0.8, 1.1])
        near = p.curtain * (1 + rng.normal(0, 0.04, 5)) * p.width
        far = p.curtain * (1 + rng.normal(0, 0.04, 5)) * p.width
        if p.curtain > 0.95 and rng.random() < 0.4:  # tucked behind one ear
            near = near + 0.3
        z = np.array([0.3, 0.3, 0.3, 0.3, 0.3])
        right = head.view.project(np.stack([near, y, z], 1))
        left = head.view.project(np.stack([-far, y, z], 1))[::-1]
        end = p.length + rng.uniform(0, 1.5)
        foot = np.array([[near[-1] * rng.uniform(0.3, 1.2), end, 0.2], [-far[-1] * rng.uniform(0.3, 1.2), end, 0.2]])
        sides = np.concatenate([right, head.view.project(foot), left])
    else:
        burn = rng.uniform(0.0, 0.3)
        w = 0.96 * float(head.half_width(np.array(burn)))
        corners = np.array(
            [[w, burn - 0.15, 0.25], [w + 0.04, burn, 0.15], [1.6, burn, 0.1], [2.5, 4, 0.1]]
        )
        right = head.view.project(corners)
        left = head.view.project(corners * [-1, 1, 1])[::-1]
        sides = np.concatenate([right, left])
    jag = 0.003 + 0.012 * p.curl
    return roughen(rng, np.concatenate([arc, sides]), jag * s, 0.05 * s)


def paint_back(canvas: Canvas, head: Head, rng: np.random.Generator) -> tuple[Alpha, Floats | None]:
    """Paint what lies behind the face; return its coverage and the hair's colour."""
    p, s = head.person, head.view.scale
    if p.hair == "bald":
        skull = canvas.fill(head.skull_outline(0.0))
        normals, _ = head.normals(canvas.shape, grow=0.02)
        scalp = p.skin * head.light.on(normals) + p.gloss * 0.5 * head.light.gloss(normals, 20)
        canvas.paint(skull, scalp.astype(np.float32), label=SKIN)
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
    hair = without(back, opening)
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


def _paint_locks(
    canvas: Canvas, head: Head, rng: np.random.Generator, colour: Floats
) -> None:
    p, s = head.person, head.view.scale
    for _ in range(int(rng.integers(1, 7))):
        x0 = rng.uniform(-0.8, 0.8) * p.width
        y0 = p.hairline + 0.15 * (x0 / p.width) ** 2 - 0.05
        drop = rng.uniform(0.1, 0.45) if p.fringe or p.length > 0.4 else rng.uniform(0.03, 0.15)
        x1 = x0 + rng.normal(0, 0.12) + 0.2 * np.sign(x0) * drop
        t = np.linspace(0, 1, 9)
        x = x0 + (x1 - x0) * t + rng.normal(0, 0.03) * np.sin(np.pi * t)
        y = y0 + drop * t
        half = rng.uniform(0.008, 0.05) * (1 - t**2)
        lock = np.concatenate([head.at(x - half, y, 0.02), head.at(x + half, y, 0.02)[::-1]])
        canvas.paint(canvas.fill(lock), colour, label=PERSON)
    if rng.random() < 0.4:
        start = head.view.project(np.array([[0.0, -0.9, 0.5]]))[0]
        for _ in range(int(rng.integers(3, 15))):
            end = start + s * np.array([rng.normal(0, 0.8), rng.uniform(0.2, 1.2)])
            mid = (start + end) / 2 + s * rng.normal(0, 0.25, 2)
            line = smooth(np.array([start, mid, end]), 24)[:14]
            canvas.paint(canvas.stroke(line, 0.004 * s), p.hair_colour, opacity=0.6)


def paint_hat(canvas: Canvas, head: Head, rng: np.random.Generator, face: Alpha) -> None:
    """Paint a beanie, a cap, a brimmed hat, a hood, a headscarf or a headband."""
    p, s = head.person, head.view.scale
    kind = rng.choice(["beanie", "cap", "brim", "scarf", "hood", "band"], p=[0.25, 0.25, 0.12, 0.22, 0.08, 0.08])
    colour = np.clip(rng.uniform(0, 1, 3) ** 2.4, 0.02, 0.95).astype(np.float32)
    if rng.random() < 0.5:
        colour[:] = rng.choice([0.02, 0.05, 0.2, 0.6, 0.9]) * rng.uniform(0.9, 1.1, 3)
    cloth = textile(rng, canvas.shape, colour, s)
    normals, _ = head.normals(canvas.shape, grow=0.15)
    folds = 1 + 0.12 * noise(rng, canvas.shape, (0.25 * s, 0.12 * s))
    cloth *= head.light.on(normals) * folds[..., None].astype(np.float32)
    t = np.linspace(-1, 1, 17)
    thick = rng.uniform(0.06, 0.2) + p.volume * 0.5
    if kind in ("scarf", "hood"):
        outer = head.skull_outline(thick)
        wide = rng.uniform(0.75, 1.1)
        low = np.array([[wide, 0.8, -0.1], [wide * 1.2, 1.8, -0.1], [wide * 1.4, 3, -0.1]])
        low = np.concatenate([low, low * [-1, 1, 1]])
        outer = hull(np.concatenate([outer, head.view.project(low)]))
        top = rng.uniform(-0.6, -0.3)
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        side = rng.uniform(0.78, 1.0)
        y = np.where(np.sin(turn) < 0, -top, head.chin * rng.uniform(0.9, 1.05)) * np.sin(turn)
        x = side * p.width * np.cos(turn)
        x = np.sign(x) * np.minimum(np.abs(x), 1.0 * np.maximum(head.half_width(y), 0.25))
        hole = roughen(rng, head.at(x, y), 0.006 * s, 0.2 * s)
        alpha = without(canvas.fill(outer), canvas.fill(hole))
        if kind == "hood":
            throat = np.array([[-0.5, 0.8, 0.2], [0.5, 0.8, 0.2], [0.3, 2, 0.2], [-0.3, 2, 0.2]])
            alpha = without(alpha, canvas.fill(head.view.project(throat)))
    else:
        height = rng.uniform(-0.62, -0.26)
        bow = rng.uniform(0, 0.12)
        reach = p.width + 0.6 * thick
        edge_y = height + bow * t**2
        edge = np.stack([reach * t, edge_y, (p.depth + thick * 0.5) * np.sqrt(1.0 - 0.98 * t**2)], 1)
        rim = head.view.project(edge)
        far = head.view.project(np.array([[reach * 1.5, -3.0, 0], [-reach * 1.5, -3.0, 0]]))
        dome = canvas.fill(head.skull_outline(thick))
        alpha = within(dome, canvas.fill(np.concatenate([rim, far])))
        if kind == "band":
            upper = edge - [0, rng.uniform(0.1, 0.25), 0.05]
            band = np.concatenate([rim, head.view.project(upper)[::-1]])
            alpha = within(dome, canvas.fill(band))
    shadow = within(without(cast(alpha, 0, 0.08 * s, 0.05 * s), alpha), face)
    canvas.darken(shadow, rng.uniform(0.35, 0.8))
    canvas.paint(alpha, cloth, label=PERSON)
    if kind in ("cap", "brim"):
        out = rng.uniform(0.25, 0.5)
        long_ = 1.0 if kind == "cap" else 1.7
        turn = np.linspace(0, np.pi, 17) if kind == "cap" else np.linspace(0, 2 * np.pi, 33)
        dip = rng.uniform(-0.05, 0.15)
        x = reach * long_ * np.cos(turn) * (0.9 if kind == "cap" else 1)
        z = (p.depth + out) * np.sin(turn) * (1.0 if kind == "cap" else long_ * 0.8)
        y = np.full_like(x, height + 0.02) + dip * np.sin(turn)
        visor = canvas.fill(hull(head.view.project(np.stack([x, y, z], 1))), rim)
        below = within(without(cast(visor, 0, 0.12 * s, 0.06 * s), visor), face)
        canvas.darken(below, rng.uniform(0.35, 0.8))
        canvas.paint(visor, cloth * np.float32(rng.uniform(0.4, 1.1)), label=PERSON)
