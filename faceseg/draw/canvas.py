"""A picture and its labels painted together, so that both have the same outlines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Alpha = npt.NDArray[np.uint8]
Points = npt.NDArray[np.floating[Any]]

_SHIFT = 4  # OpenCV draws to 1/16 of a pixel
_FAR = 30_000  # pixels; keeps far points within OpenCV's fixed-point range


class Canvas:
    """A colour picture (H, W, 3) float32, nominally 0..1, and its labels (H, W) uint8.

    A shape is first turned into its coverage, an (H, W) uint8 alpha 0..255, and then painted. What
    it covers by half or more takes its label.
    """

    def __init__(self, height: int, width: int) -> None:
        self.shape = (height, width)
        self.colour: Floats = np.zeros((height, width, 3), np.float32)
        self.labels: npt.NDArray[np.uint8] = np.zeros((height, width), np.uint8)

    def fill(self, *outlines: Points) -> Alpha:
        """Coverage of the union of closed outlines, each (N, 2) as x, y in pixels."""
        alpha = np.zeros(self.shape, np.uint8)
        for outline in outlines:
            cv2.fillPoly(alpha, [_fixed(outline)], 255, cv2.LINE_AA, _SHIFT)
        return alpha

    def stroke(self, lines: Points, width: float, *, closed: bool = False) -> Alpha:
        """Coverage of a line (N, 2), or of lines (M, N, 2), of the given width in pixels.

        A line thinner than a pixel fades with its width.
        """
        alpha = np.zeros(self.shape, np.uint8)
        thickness = max(1, round(width))
        separate = list(_fixed(lines)) if lines.ndim == 3 else [_fixed(lines)]
        cv2.polylines(alpha, separate, closed, 255, thickness, cv2.LINE_AA, _SHIFT)
        return alpha if width >= 1 else scaled(alpha, width)

    def paint(
        self,
        alpha: Alpha,
        colour: Floats | Sequence[float],
        *,
        shade: Floats | None = None,
        label: int | None = None,
        opacity: float = 1.0,
    ) -> None:
        """Blend a colour, (3,) or (H, W, 3), times `shade` over the picture where `alpha` says."""
        box = _box(alpha)
        pixels = np.asarray(colour, np.float32)
        if pixels.ndim == 3:
            pixels = pixels[box]
        if shade is not None:
            pixels = pixels * shade[box]
        part = alpha[box]
        weight = (part * np.float32(opacity / 255))[..., None]
        below = self.colour[box]
        below += weight * (pixels - below)
        if label is not None:
            self.labels[box][part >= 128] = label

    def darken(self, alpha: Alpha, factor: float) -> None:
        """Multiply the picture by `factor` where `alpha` is full; labels stay."""
        box = _box(alpha)
        self.colour[box] *= 1 - alpha[box][..., None] * np.float32((1 - factor) / 255)


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    # A pixel's centre has whole coordinates in OpenCV and lies at one half here.
    fixed = np.rint((np.clip(points, -_FAR, _FAR) - 0.5) * (1 << _SHIFT))
    return np.asarray(fixed, np.int32)


def _box(alpha: Alpha, margin: int = 0) -> tuple[slice, slice]:
    """Rows and columns that hold the shape, with a margin inside the frame; empty for none."""
    x, y, w, h = cv2.boundingRect(alpha)
    if w == 0:
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(0, y - margin), y + h + margin),
        slice(max(0, x - margin), x + w + margin),
    )


def scaled(alpha: Alpha, factor: float) -> Alpha:
    """Alpha times a factor of 0..1."""
    return np.asarray(cv2.convertScaleAbs(alpha, alpha=factor), np.uint8)


def without(alpha: Alpha, hole: Alpha) -> Alpha:
    """Return the part of `alpha` that `hole` does not cover."""
    return np.asarray(cv2.min(alpha, cv2.bitwise_not(hole)), np.uint8)


def within(alpha: Alpha, region: Alpha) -> Alpha:
    """Return the part of `alpha` that `region` covers."""
    return np.asarray(cv2.min(alpha, region), np.uint8)


def cast(alpha: Alpha, dx: float, dy: float, blur: float) -> Alpha:
    """Shadow of a shape: its coverage moved by (dx, dy) pixels and blurred."""
    window = _box(alpha, int(3 * blur + max(abs(dx), abs(dy))) + 2)
    part = alpha[window]
    if part.size == 0:
        return alpha
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(part, move, part.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    shadow = np.zeros_like(alpha)
    shadow[window] = soften(moved, blur)
    return shadow


def soften(image: npt.NDArray[Any], sigma: float) -> npt.NDArray[Any]:
    """Gaussian blur of any image by `sigma` pixels, by a smaller copy where that is no loss."""
    if sigma < 0.3:
        return image
    step = int(sigma / 2)
    if step < 2:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))
    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def enlarged(image: Floats, shape: tuple[int, int]) -> Floats:
    """Bring a coarse field to the size of the picture."""
    if image.shape[:2] == shape:
        return image
    return np.asarray(
        cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32
    )


def hull(points: Points) -> Floats:
    """Convex outline of points (N, 2)."""
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float32)


def ellipse(centre: Sequence[float] | Points, rx: float, ry: float, angle: float = 0.0) -> Floats:
    """Outline of an ellipse in pixels, turned by `angle` radians."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x, y = rx * np.cos(turn), ry * np.sin(turn)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([centre[0] + c * x - s * y, centre[1] + s * x + c * y], 1).astype(np.float32)


def smooth(points: Points, count: int = 120) -> Floats:
    """Round corners (N, 2) to a closed curve of about `count` points (quadratic B-spline)."""
    corners = np.asarray(points, np.float64)
    ahead = np.roll(corners, -1, 0)
    middle = (corners + ahead) / 2
    after = np.roll(middle, -1, 0)
    per_side = max(2, count // len(corners))
    t = np.linspace(0, 1, per_side, endpoint=False)[None, :, None]
    curve = (
        (1 - t) ** 2 * middle[:, None] + 2 * t * (1 - t) * ahead[:, None] + t**2 * after[:, None]
    )
    return curve.reshape(-1, 2).astype(np.float32)


def roughen(
    rng: np.random.Generator, outline: Points, amplitude: float, wavelength: float
) -> Floats:
    """Give a closed outline noise of `amplitude` pixels across it, every `wavelength` pixels."""
    closed = np.concatenate([outline, outline[:1]]).astype(np.float64)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    waves = int(np.clip(length[-1] / max(wavelength, 1.0), 6, 200))
    count = 4 * waves
    at = np.linspace(0, length[-1], count, endpoint=False)
    points = np.stack([np.interp(at, length, closed[:, k]) for k in (0, 1)], 1)
    ahead = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    across = np.stack([ahead[:, 1], -ahead[:, 0]], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
    knots = rng.standard_normal(waves + 1)
    knots[-1] = knots[0]
    wave = np.interp(np.arange(count) / 4, np.arange(waves + 1), knots)
    return np.asarray(points + amplitude * wave[:, None] * across, np.float32)


def noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: float | tuple[float, float]
) -> Floats:
    """Smooth random field (H, W) of about unit variance whose spots are `cell` pixels (y, x)."""
    cell_y, cell_x = (cell, cell) if isinstance(cell, (int, float)) else cell
    rows = int(np.ceil(shape[0] / max(cell_y, 1.0))) + 2
    columns = int(np.ceil(shape[1] / max(cell_x, 1.0))) + 2
    seeds = rng.standard_normal((rows, columns), dtype=np.float32)
    if cell_y <= 1 and cell_x <= 1:
        return seeds[: shape[0], : shape[1]]
    return np.asarray(
        cv2.resize(seeds, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32
    )


def textile(
    rng: np.random.Generator,
    shape: tuple[int, int],
    colour: Floats,
    unit: float,
    *,
    plain: float = 0.5,
) -> Floats:
    """Cloth (H, W, 3), plain with the given chance, else striped, checked, dotted, printed or knit.

    One `unit`, in pixels, is twice the coarsest pattern and about the size of a head.
    """
    height, width = shape
    other = np.clip(rng.uniform(0, 1, 3) ** 2.2, 0.02, 0.95).astype(np.float32)
    kind = rng.choice(
        ["plain", "stripes", "checks", "dots", "print", "knit"],
        p=[plain, *((1 - plain) * np.array([0.24, 0.2, 0.12, 0.28, 0.16]))],
    )
    if kind in ("stripes", "checks", "dots", "knit"):
        angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
        period = unit * rng.uniform(0.08, 0.5) if kind != "knit" else max(2.5, unit * 0.05)
        y, x = np.ogrid[:height, :width]
        k = np.float32(2 * np.pi / max(period, 2.0))
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        across = np.sin((x.astype(np.float32) * c + y.astype(np.float32) * s) * k)
        if kind == "stripes":
            weight = np.clip(across * period + rng.uniform(-1, 1), 0, 1)
        elif kind == "knit":
            weight = 0.25 + 0.25 * across
            other = colour * np.float32(0.4)
        else:
            along = np.sin((y.astype(np.float32) * c - x.astype(np.float32) * s) * k)
            if kind == "checks":
                weight = 0.5 * (across > 0) + 0.5 * (along > 0)
            else:
                weight = np.clip((across * along - 0.5) * period, 0, 1)
        cloth = colour + weight[..., None].astype(np.float32) * (other - colour)
    else:
        cloth = np.broadcast_to(colour, (height, width, 3))
        if kind == "print":
            for _ in range(int(rng.integers(1, 6))):
                spots = noise(rng, shape, unit * rng.uniform(0.08, 0.4))
                weight = np.clip((spots - rng.uniform(0.3, 1.0)) * 6, 0, 1)[..., None]
                ink = (rng.uniform(0, 1, 3) ** 2.2).astype(np.float32)
                cloth = cloth + weight * (ink - cloth)
    return np.array(cloth, np.float32)
