"""Drawn medical masks on photographs of faces whose parts are labelled.

Photographs of people in masks with exact outlines are few; photographs of faces with EasyPortrait's
labels are many. Where eyes, mouth and skin are says where a mask would sit.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from faceseg.draw.canvas import Floats, noise, textile

Image = NDArray[np.uint8]
Points = NDArray[np.float64]

# EasyPortrait's ids.
_SKIN, _EYES, _MOUTH = 2, (5, 6), (7, 8)
# Surgical blue, white, black, grey, pink, green: sRGB, 0 to 1.
_TONES = np.array(
    [(0.55, 0.75, 0.85), (0.93, 0.93, 0.92), (0.1, 0.1, 0.11), (0.5, 0.5, 0.52), (0.9, 0.7, 0.74),
     (0.5, 0.72, 0.6)]
)  # fmt: skip


def wear_mask(rng: np.random.Generator, image: Image, labels: Image) -> tuple[Image, Image] | None:
    """Draw a medical mask on a face.

    Parameters
    ----------
    rng
        Source of every choice: outline, colour, pattern, folds, straps, how it sits.
    image
        (H, W, 3) uint8 RGB.
    labels
        (H, W) uint8, EasyPortrait's nine classes.

    Returns
    -------
    tuple or None
        The picture, and the mask of the mask as (H, W) uint8 of 0 and 1; None where an eye or the
        mouth is not to be seen, or the face is too small to tell.
    """
    frame = _frame(labels)
    if frame is None:
        return None
    origin, across, down, chin = frame
    outline = _outline(rng, chin)
    points = origin + outline[:, :1] * across + outline[:, 1:] * down
    shape = labels.shape[0], labels.shape[1]
    cover = np.zeros(shape, np.uint8)
    fixed = np.rint(points * 16).astype(np.int32)
    cv2.fillPoly(cover, [fixed], 255, lineType=cv2.LINE_AA, shift=4)
    if (cover > 127).sum() < 64:
        return None
    unit = float(np.hypot(*down))
    cloth = _cloth(rng, image, unit) * _folds(rng, shape, origin, across, down, chin)[..., None]
    cloth *= _light(rng, image, cover, unit)[..., None]
    picture: Floats = np.asarray(image, np.float32) / np.float32(255)
    _straps(rng, picture, points, origin, across, down)
    # The edge of cloth throws a small shadow and is as soft as the rest of the photograph.
    blur = unit * rng.uniform(0.004, 0.015)
    soft = cv2.GaussianBlur(cover.astype(np.float32) / 255, (0, 0), max(0.4, blur))[..., None]
    shadow = cv2.GaussianBlur(soft, (0, 0), unit * 0.03)[..., None] * rng.uniform(0, 0.35)
    picture = picture * (1 - shadow) * (1 - soft) + cloth * soft
    grain = rng.normal(0, rng.uniform(0, 0.02), (*shape, 1)) * soft
    drawn = (picture + grain).clip(0, 1) * 255
    return np.asarray(np.rint(drawn), np.uint8), (cover > 127).astype(np.uint8)


def _frame(labels: Image) -> tuple[Points, Points, Points, float] | None:
    """Return the middle of the eyes, half the face's width, the way to the mouth, the chin's place.

    The chin's is in units of the way from eyes to mouth.
    """
    eyes = [np.argwhere(labels == part)[:, ::-1] for part in _EYES]
    mouth = np.argwhere(np.isin(labels, _MOUTH))[:, ::-1]
    if min(len(eyes[0]), len(eyes[1]), len(mouth)) < 12:
        return None
    left, right = (part.mean(axis=0) for part in eyes)
    origin = (left + right) / 2
    down = mouth.mean(axis=0) - origin
    length = np.hypot(*down)
    if length < 12:
        return None
    along = right - left if right[0] > left[0] else left - right
    face = np.argwhere(labels >= _SKIN)[:, ::-1] - origin
    depth = face @ down / length**2
    # The width at the height of the nose, to either side of the line from eyes to mouth.
    side = np.array([down[1], -down[0]]) / length
    if side @ along < 0:
        side = -side
    wide = (face @ side)[(depth > 0.4) & (depth < 0.7)]
    if not len(wide):
        return None
    low, high = np.percentile(wide, (1, 99))
    # Turned far away, or behind something that is not labelled.
    if not 0.6 < (high - low) / 2 / np.hypot(*along) < 2:
        return None
    middle = origin + side * (low + high) / 2
    near = np.abs(face @ side) < 0.15 * (high - low)
    chin = float(np.percentile(depth[near], 99)) if near.any() else 1.6
    # The eyes' middle says more of where the nose is than the silhouette's does.
    return 0.5 * (origin + middle), side * (high - low) / 2, down, min(max(chin, 1.3), 2.1)


def _outline(rng: np.random.Generator, chin: float) -> Points:
    """Draw a closed outline in the face's frame: across -1 to 1, down 0 (eyes) to 1 (mouth)."""
    nose, cheek = rng.uniform(0.15, 0.55), rng.uniform(0.25, 0.6)
    jaw, end = rng.uniform(0.75, 0.98), chin + rng.uniform(-0.12, 0.16)
    if rng.random() < 0.1:  # below the nose
        nose, cheek = nose + 0.2, cheek + 0.2
    side = rng.uniform(0.88, 1.12)
    half = np.array(
        [(0, nose), (0.22, nose + rng.uniform(0, 0.08)), (0.55, cheek), (side, cheek + 0.02),
         (side + rng.uniform(-0.04, 0.03), 0.55 * cheek + 0.45), (jaw, 0.5 * (1 + end) - 0.15),
         (0.62 * jaw, end - rng.uniform(0.08, 0.2)), (0.3, end), (0, end + 0.02)]
    )  # fmt: skip
    ring = np.concatenate([half, half[-2:0:-1] * (-1, 1)])
    ring += rng.normal(0, 0.02, ring.shape)
    ring[:, 1] += ring[:, 0] * rng.normal(0, 0.04)
    return _smooth(ring, 12)


def _smooth(ring: Points, steps: int) -> Points:
    """Return a Catmull-Rom curve through the corners of a closed polygon."""
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (np.roll(ring, k, axis=0)[:, None] for k in (1, 0, -1, -2))
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
    curve = (curve + (3 * b - a - 3 * c + d) * t**3) / 2
    return np.asarray(curve.reshape(-1, 2))


def _cloth(rng: np.random.Generator, image: Image, unit: float) -> Floats:
    height, width = image.shape[:2]
    shape = height, width
    kind = rng.random()
    if kind < 0.12:  # printed with a piece of the photograph itself
        share = rng.uniform(0.15, 0.5)
        y, x = (int(rng.uniform(0, 1 - share) * side) for side in shape)
        piece = image[y : y + int(share * height) + 1, x : x + int(share * width) + 1]
        print_ = cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)
        tint = rng.uniform(0.6, 1.3, 3) / 255
        return np.asarray((print_[::-1] * tint).clip(0, 1), np.float32)
    if kind < 0.6:
        tone = _TONES[rng.choice(len(_TONES), p=(0.4, 0.24, 0.16, 0.08, 0.06, 0.06))]
        tone = tone * rng.uniform(0.8, 1.1) + rng.normal(0, 0.04, 3)
        weave = 1 + 0.03 * noise(rng, shape, max(1.5, unit * 0.02))
        return np.asarray((weave[..., None] * tone).clip(0, 1), np.float32)
    tone = rng.uniform(0.05, 0.95, 3)
    if kind < 0.7:
        return np.asarray(np.ones((*shape, 3)) * tone, np.float32)
    linear = textile(rng, shape, np.asarray(tone**2.2, np.float32), unit * rng.uniform(0.15, 0.8))
    return np.asarray(np.clip(linear, 0, 1) ** (1 / 2.2), np.float32)


def _folds(
    rng: np.random.Generator,
    shape: tuple[int, int],
    origin: Points,
    across: Points,
    down: Points,
    chin: float,
) -> Floats:
    """Return how bright pleats, a middle seam and the bend to the sides make the cloth."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = x - np.float32(origin[0]), y - np.float32(origin[1])
    u = (x * across[0] + y * across[1]) / (across @ across)
    v = (x * down[0] + y * down[1]) / (down @ down)
    bright = 1 - rng.uniform(0.1, 0.5) * u**2 - rng.uniform(0, 0.25) * np.clip(v - 1, 0, 1)
    kind = rng.random()
    if kind < 0.55:
        for level in np.linspace(0.6, chin - 0.25, int(rng.integers(2, 5))):
            bend = v - level - rng.normal(0, 0.04) * u - rng.uniform(0, 0.12) * (1 - u**2)
            bright -= rng.uniform(0.04, 0.16) * np.exp(-((bend / 0.022) ** 2))
            bright += rng.uniform(0, 0.06) * np.exp(-(((bend + 0.05) / 0.03) ** 2))
    elif kind < 0.8:
        bright += rng.uniform(0.02, 0.12) * np.exp(-((u / 0.03) ** 2)) - 0.1 * np.clip(u, -0.3, 0.3)
    wrinkles = noise(rng, shape, max(3.0, float(np.hypot(*down)) * 0.15))
    return np.asarray(bright + 0.04 * wrinkles, np.float32).clip(0.15, 1.3)


def _light(rng: np.random.Generator, image: Image, cover: Image, unit: float) -> Floats:
    """Return the light that the face under the mask was in, relative to its mean."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    weight = (cover > 127).astype(np.float32) + 1e-3
    sigma = unit * 0.35
    light = cv2.GaussianBlur(grey * weight, (0, 0), sigma) / cv2.GaussianBlur(weight, (0, 0), sigma)
    mean = float(light[cover > 127].mean())
    # A dark photograph has a dark mask, but cloth is lighter than the skin that it is compared to.
    level = (mean / 170) ** 0.5
    relative = (light / max(mean, 1.0)) ** rng.uniform(0.4, 0.9)
    return np.asarray(relative * level * rng.uniform(0.85, 1.15), np.float32)


def _straps(
    rng: np.random.Generator,
    picture: Floats,
    points: Points,
    origin: Points,
    across: Points,
    down: Points,
) -> None:
    """Draw bands to the ears, which are not part of the mask."""
    if rng.random() < 0.35:
        return
    tone = (rng.uniform(0.75, 1, 3) if rng.random() < 0.7 else rng.uniform(0, 0.3, 3)).tolist()
    thick = max(1, round(float(np.hypot(*down)) * rng.uniform(0.015, 0.05)))
    frame = points - origin
    u, v = frame @ across / (across @ across), frame @ down / (down @ down)
    for sign in (-1, 1):
        outer = np.where(sign * u > 0.7)[0]
        if not len(outer):
            continue
        ear = origin + across * sign * rng.uniform(1.15, 1.35) + down * rng.uniform(0.0, 0.5)
        for place in (outer[v[outer].argmin()], outer[v[outer].argmax()]):
            ends = [tuple(int(c) for c in np.rint(p * 16)) for p in (points[place], ear)]
            cv2.line(picture, ends[0], ends[1], tone, thick, cv2.LINE_AA, 4)
