"""What is around the head: background, neck, clothes, things in front, and the camera."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

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
)
from faceseg.draw.head import PERSON, Head, View


def paint_background(canvas: Canvas, rng: np.random.Generator, skin: Floats) -> None:
    """Paint a wall, a room, lights out of focus or leaves, often with skin-like colours in it."""
    height, width = canvas.shape
    unit = min(height, width)
    base = rng.uniform(0, 1) ** 1.5 * (1 + rng.uniform(0, 1) * rng.uniform(-1, 1, 3))
    if rng.random() < 0.45:
        base[:] = rng.choice([rng.uniform(0, 1) ** 2, rng.uniform(0, 0.03), rng.uniform(0.6, 1)]) * rng.uniform(0.85, 1.15, 3)
    if rng.random() < 0.12:
        base = skin * rng.uniform(0.6, 1.2)
    base = np.clip(base, 0.005, 1).astype(np.float32)
    other = np.clip(base * rng.uniform(0.2, 1.6, 3), 0, 1).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.ogrid[:height, :width]
    slope = 0.5 + 0.5 * (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5))
    canvas.colour[:] = base + slope[..., None].astype(np.float32) * (other - base)
    kind = rng.choice(["flat", "cloud", "bokeh", "blocks", "cloth", "texture"], p=[0.16, 0.18, 0.2, 0.26, 0.08, 0.12])
    if kind in ("cloud", "texture"):
        cell = unit * (rng.uniform(0.1, 0.5) if kind == "cloud" else rng.uniform(0.005, 0.06))
        for channel in range(3):
            canvas.colour[..., channel] *= 1 + rng.uniform(0.1, 0.5) * noise(rng, canvas.shape, cell)
        tone = 1 + rng.uniform(0, 0.5) * noise(rng, canvas.shape, cell * rng.uniform(0.5, 2))
        canvas.colour *= tone[..., None]
    elif kind == "cloth":
        canvas.colour[:] = textile(rng, canvas.shape, base, unit * rng.uniform(0.3, 1))
    elif kind in ("bokeh", "blocks"):
        for _ in range(int(rng.integers(4, 22))):
            at = rng.uniform(-0.1, 1.1, 2) * (width, height)
            size = unit * rng.uniform(0.02, 0.35)
            tone = np.clip(base * rng.uniform(0.1, 2.2) + rng.normal(0, 0.15, 3), 0, 1.2)
            pick = rng.random()
            if pick < 0.2:
                tone = skin * rng.uniform(0.5, 1.2) * (1 + rng.normal(0, 0.08, 3))
            elif pick < 0.4:
                tone = rng.uniform(0, 1, 3) ** 2.2
            if kind == "bokeh":
                shape = ellipse(at, size * rng.uniform(0.5, 1.5), size)
            else:
                w, h = size * rng.uniform(0.2, 3), size * rng.uniform(0.2, 4)
                shape = at + np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) + rng.normal(0, 2, (4, 2))
            canvas.paint(canvas.fill(shape), tone.astype(np.float32), opacity=rng.uniform(0.3, 1))
    if rng.random() < 0.1:  # someone else, out of focus
        at = rng.uniform(0, 1, 2) * (width, height)
        size = unit * rng.uniform(0.06, 0.2)
        tone = np.clip(skin * rng.uniform(0.4, 1.3), 0, 1).astype(np.float32)
        dress = rng.uniform(0, 0.6, 3).astype(np.float32)
        canvas.paint(canvas.fill(ellipse(at + [0, 3 * size], 2 * size, 2 * size)), dress)
        canvas.paint(canvas.fill(ellipse(at - [0, 0.3 * size], 0.95 * size, 1.2 * size)), (0.05, 0.04, 0.03))
        canvas.paint(canvas.fill(ellipse(at, 0.8 * size, 1.05 * size)), tone)
    canvas.colour[:] = soften(canvas.colour, unit * rng.choice([0.0, 0.004, 0.015, 0.03]))


def paint_body(canvas: Canvas, head: Head, rng: np.random.Generator, lean: float) -> None:
    """Paint neck, shoulders and clothes; the head is painted over them."""
    p, s = head.person, head.view.scale
    base = head.view.project(np.array([[0.0, 0.75, -0.25]]))[0]
    body = View(np.eye(3, dtype=np.float32), base, s, head.view.distance)
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])

    def place(x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
        points = np.stack([np.asarray(x, float), np.asarray(y, float)], 1) @ turn
        return np.asarray(body.centre + s * points, np.float32)

    half = rng.uniform(0.36, 0.5) + 0.06 * (p.beard != "none")
    drop = rng.uniform(0.65, 0.95)
    y, x = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    across = np.clip((x - base[0]) / (s * 0.9), -0.98, 0.98).astype(np.float32)
    across = across + np.zeros(canvas.shape, np.float32)
    normals = np.stack([across, np.full_like(across, 0.1), np.sqrt(1 - across**2)], -1)
    light = head.light.on(normals)
    neck = place(
        [-half, -half * 0.95, -half * 1.5, -2.2, -2.5, 2.5, 2.2, half * 1.5, half * 0.95, half],
        [-0.7, 0.35, drop, drop + 0.5, 4, 4, drop + 0.5, drop, 0.35, -0.7],
    )
    canvas.paint(canvas.fill(neck), p.skin * rng.uniform(0.8, 1.0), shade=light, label=PERSON)
    for side in (-1, 1):
        line = place([side * half * 0.8, side * 0.08], [0.1, drop + 0.1])
        canvas.darken(cast(canvas.stroke(line, 0.03 * s), 0, 0, 0.03 * s), 0.8)

    style = rng.choice(["crew", "vee", "collar", "suit", "high", "bare", "strap"], p=[0.22, 0.16, 0.18, 0.18, 0.08, 0.08, 0.1])
    colour = np.clip(rng.uniform(0, 1, 3) ** 2.4, 0.012, 0.95).astype(np.float32)
    if rng.random() < 0.55:
        colour[:] = rng.choice([0.015, 0.03, 0.1, 0.3, 0.8, 0.92]) * rng.uniform(0.9, 1.1, 3)
    cloth = textile(rng, canvas.shape, colour, s)
    folds = np.clip(1 + 0.15 * noise(rng, canvas.shape, (0.4 * s, 0.2 * s)), 0.5, 1.6)
    cloth *= light * folds[..., None].astype(np.float32)
    slope = rng.uniform(0.15, 0.6)
    left = [[-half * 1.15, drop - 0.25], [-1.4, drop - 0.25 + slope], [-2.1, drop + 0.6 + slope], [-2.5, 5]]
    outer = np.array(left + [[-a, b] for a, b in left[::-1]])
    deep = {"crew": 0.1, "vee": rng.uniform(0.4, 1.1), "collar": 0.5, "suit": 0.8, "high": -0.35,
            "bare": 1.5, "strap": 0.8}[str(style)]
    if style == "bare":
        outer[:, 1] += 1.0
    shirt = canvas.fill(place(outer[:, 0], outer[:, 1]))
    if style in ("suit", "collar"):
        under = rng.choice([0.9, 0.8, 0.1]) * np.ones(3, np.float32) * rng.uniform(0.9, 1.1, 3)
        canvas.paint(shirt, under.astype(np.float32), shade=light, label=PERSON)
        if style == "suit" and rng.random() < 0.6:
            tie = canvas.fill(place([-0.1, 0.1, 0.14, 0.2, -0.2, -0.14], [drop - 0.1, drop - 0.1, drop + 0.15, 4, 4, drop + 0.15]))
            canvas.paint(tie, rng.uniform(0, 0.7, 3).astype(np.float32), shade=light)
        throat = canvas.fill(place([-half, half, 0], [drop - 0.4, drop - 0.4, drop + rng.uniform(-0.1, 0.3)]))
        canvas.paint(throat, p.skin * 0.85, shade=light)
    if style in ("vee", "suit", "collar"):
        opening = place([-half * 1.1, half * 1.1, 0], [drop - 0.45, drop - 0.45, drop + deep])
    elif style == "strap":
        opening = place([-0.9, 0.9, 0.7, -0.7], [drop - 0.6, drop - 0.6, drop + 0.7, drop + 0.7])
    else:
        opening = place(*ellipse((0, drop - 0.35), half * 1.2, 0.4 + deep).T)
    shape = shirt if style == "bare" else np.minimum(shirt, 255 - canvas.fill(opening))
    if style == "high":
        tube = canvas.fill(place([-half * 1.1, half * 1.1, half * 1.2, -half * 1.2], [0.1, 0.1, drop, drop]))
        shape = np.maximum(shape, tube)
    canvas.paint(shape, cloth, label=PERSON)
    jaw = canvas.fill(head.face_outline())
    canvas.darken(
        np.minimum(cast(jaw, 0.05 * s * -head.light.direction[0], 0.22 * s, 0.09 * s), canvas.labels * 255),
        rng.uniform(0.3, 0.7),
    )


def paint_occluder(canvas: Canvas, head: Head, rng: np.random.Generator) -> Alpha:
    """Paint a hand, a phone, a microphone or a cup before the face and return its coverage."""
    p, s = head.person, head.view.scale
    kind = rng.choice(["hand", "hand", "thing", "mic", "arm"])
    side = rng.choice([-1, 1])
    at = head.at(side * rng.uniform(0.0, 0.6), rng.uniform(0.3, 0.95), 0.15)[0]
    lean = rng.normal(0, 0.7)
    tone = p.skin * rng.uniform(0.75, 1.15)
    light = head.light.around + 0.7 * head.light.key
    bulge = 1 + 0.12 * noise(rng, canvas.shape, 0.15 * s)[..., None]
    parts: list[Floats] = []
    if kind == "hand":
        way = np.array([np.sin(lean), -np.cos(lean)])
        across = np.array([way[1], -way[0]])
        wrist = at - way * s * 0.75
        parts.append(smooth(np.array([
            at + across * 0.27 * s, at - across * 0.27 * s,
            wrist - across * 0.2 * s - way * 2 * s, wrist + across * 0.2 * s - way * 2 * s])))
        curl = rng.uniform(0.3, 1)
        for k in range(4):
            root = at + across * s * (0.2 - 0.135 * k)
            tip = root + way * s * curl * (0.5 - 0.06 * abs(k - 1.3)) + across * s * rng.normal(0, 0.04)
            parts.append(_finger(root - way * s * 0.15, tip, 0.068 * s))
        thumb = at - across * s * 0.25 * side
        parts.append(_finger(thumb - way * s * 0.3, thumb + (way * 0.2 - across * side * 0.25) * s, 0.08 * s))
        label = PERSON
        colour = tone * light * bulge
    elif kind == "arm":
        way = np.array([np.cos(lean), np.sin(lean)]) * s
        parts.append(_finger(at - way * 3, at + way * 0.4, rng.uniform(0.2, 0.4) * s))
        label = PERSON
        colour = rng.uniform(0, 0.9, 3) ** 2 * light * bulge
    else:
        label = 0
        dark = rng.uniform(0, 0.05, 3) if rng.random() < 0.6 else rng.uniform(0, 0.95, 3) ** 2
        colour = dark * light * (1 + 0.05 * bulge)
        way = np.array([np.sin(lean), np.cos(lean)]) * s
        if kind == "mic":
            parts.append(ellipse(at, 0.17 * s, 0.2 * s))
            parts.append(_finger(at, at + way * 2, 0.08 * s))
        else:
            w, h = rng.uniform(0.2, 0.5) * s, rng.uniform(0.25, 0.6) * s
            box = np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
            c, sn = np.cos(lean), np.sin(lean)
            parts.append(at + box @ np.array([[c, sn], [-sn, c]]))
    whole = canvas.fill(*parts)
    canvas.darken(cast(whole, 0, 0.03 * s, 0.05 * s), rng.uniform(0.5, 0.9))
    for part in parts:
        piece = canvas.fill(part)
        canvas.darken(cast(piece, 0, 0, 0.02 * s), 0.75)
        canvas.paint(piece, colour.astype(np.float32), label=label)
    return whole


def _finger(root: npt.NDArray[np.floating], tip: npt.NDArray[np.floating], radius: float) -> Floats:
    return hull(
        np.concatenate([ellipse(root, radius, radius), ellipse(tip, radius * 0.85, radius * 0.85)])
    )


def photograph(colour: Floats, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Take the picture: exposure, colour cast, haze, blur, noise, sRGB and JPEG."""
    height, width = colour.shape[:2]
    unit = min(height, width)
    image = np.maximum(colour, 0)
    image *= (np.exp(rng.normal(0.0, 0.3)) * (1 + rng.normal(0, 0.05, 3))).astype(np.float32)
    if rng.random() < 0.35:
        y, x = np.ogrid[:height, :width]
        edge = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2).astype(np.float32)
        image *= 1 - rng.uniform(0.2, 1.2) * edge[..., None]
    if rng.random() < 0.12:
        haze = rng.uniform(0.3, 1, 3).astype(np.float32)
        image += rng.uniform(0.02, 0.2) * (haze - image)
    if rng.random() < 0.06:
        image[:] = image.mean(-1, keepdims=True) * (1 + rng.normal(0, 0.03, 3)).astype(np.float32)
    if rng.random() < 0.5:
        image = np.asarray(soften(image, unit * rng.uniform(0.001, 0.009)), np.float32)
    # A film-like shoulder keeps highlights from clipping hard; the power is close to sRGB's.
    shoulder = rng.uniform(0.0, 0.35)
    image = image * (1 + shoulder) / (1 + shoulder * image)
    image = np.clip(image, 0, 1) ** np.float32(1 / rng.uniform(1.9, 2.4))
    contrast = rng.normal(1.05, 0.1)
    image = (image - 0.5) * np.float32(contrast) + 0.5
    if rng.random() < 0.7:
        grain = rng.standard_normal((height, width, 3), dtype=np.float32)
        if rng.random() < 0.5:
            grain = np.asarray(soften(grain, 0.8), np.float32) * 2
        image += np.float32(rng.uniform(0, 1) ** 2 * 0.05) * grain
    picture = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        factor = rng.uniform(0.3, 0.8)
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    if rng.random() < 0.6:
        quality = int(rng.integers(25, 95))
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    return np.asarray(picture, np.uint8)
