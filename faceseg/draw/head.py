"""A head in space: where its features lie, how light falls on it, and how they are painted."""

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
    hull,
    noise,
    roughen,
    scaled,
    soften,
    within,
    without,
)
from faceseg.draw.light import Light
from faceseg.draw.person import Person

PERSON, SKIN, LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, LIPS, TEETH, MASK = range(1, 10)

_CROWN = -1.05


@dataclass(frozen=True)
class View:
    """Where the head stands: rotation (3, 3), place of its origin (x, y) and pixels per unit."""

    rotation: Floats
    centre: Floats
    scale: float
    distance: float

    def project(self, points: Points) -> Floats:
        """Pixels (N, 2) of points (N, 3) in head units."""
        turned = points @ self.rotation.T
        near = self.distance / (self.distance - turned[:, 2:])
        return np.asarray(self.centre + self.scale * near * turned[:, :2], np.float32)


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """Rotation matrix (3, 3) of angles in radians; y is down and z is towards the viewer."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    lean = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(lean @ nod @ turn, np.float32)


class Head:
    """The surface of a person's head in one view and expression."""

    def __init__(self, person: Person, view: View, light: Light, *, jaw_drop: float) -> None:
        self.person = person
        self.view = view
        self.light = light
        self.chin = 1.0 + person.chin + 0.8 * jaw_drop
        self.jaw_drop = jaw_drop

    def half_width(self, y: Points) -> Points:
        """Half the width of the head at heights y."""
        p = self.person
        upper = np.clip(1 - np.abs((y + 0.1) / (_CROWN + 0.1)) ** 2.3, 0, 1) ** 0.45
        lower = np.clip(1 - np.abs(np.maximum(y + 0.1, 0) / (self.chin + 0.1)) ** p.jaw, 0, 1)
        return np.asarray(p.width * np.where(y < -0.1, upper, lower**0.6))

    def surface(self, x: Points, y: Points, lift: float = 0.0) -> Points:
        """Points (N, 3) of the front of the face at x and y, raised by `lift`."""
        p = self.person
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        width = self.half_width(y) + 1e-3
        middle, half = (self.chin + _CROWN) / 2, (self.chin - _CROWN) / 2 + 0.01
        depth = p.depth * np.clip(1 - np.abs((y - middle) / half) ** 3.2, 0, 1) ** 0.4
        z = depth * np.clip(1 - np.abs(x / width) ** 2.3, 0, 1) ** 0.5
        along = np.clip((y + 0.08) / (p.nose_length + 0.03), 0, 1)
        ridge = along * np.clip((p.nose_length + 0.08 - y) / 0.08, 0, 1)
        z = z + p.nose_height * ridge * np.exp(-((x / 0.1) ** 2))
        return np.stack([x, y, z + lift], -1)

    def at(self, x: Points | float, y: Points | float, lift: float = 0.0) -> Floats:
        """Pixels (N, 2) of points of the face."""
        points = self.surface(np.atleast_1d(x), np.atleast_1d(y), lift)
        return self.view.project(points.reshape(-1, 3))

    def face_outline(self, grow: float = 1.0) -> Floats:
        """Outline in pixels of the front of the head, from the crown to the chin."""
        y = np.linspace(_CROWN, self.chin, 40)
        across = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 17))
        x = across[None] * self.half_width(y)[:, None]
        points = self.surface(x, np.broadcast_to(y[:, None], x.shape)).reshape(-1, 3)
        nose = np.abs(points[:, 0]) < 0.2
        nose &= (points[:, 1] > 0) & (points[:, 1] < self.person.nose_length + 0.1)
        return hull(self.view.project(points[~nose] * grow))

    def skull_outline(self, grow: float = 0.0) -> Floats:
        """Outline in pixels of the whole skull, thickened by `grow`."""
        p = self.person
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)[:, None]
        rise = np.linspace(-np.pi / 2, np.pi / 2, 15)[None]
        x = (p.width * 1.02 + grow) * np.cos(rise) * np.cos(turn)
        y = -0.28 + (0.8 + grow) * np.sin(rise) + 0 * turn
        z = -0.12 + (p.depth * 1.1 + grow) * np.cos(rise) * np.sin(turn)
        return hull(self.view.project(np.stack([x, y, z], -1).reshape(-1, 3)))

    def normals(self, shape: tuple[int, int], grow: float = 0.0) -> tuple[Floats, Floats]:
        """Unit normals (H, W, 3) of the ellipsoid around the head, and its points in head units."""
        p = self.person
        view = self.view
        axes = np.array([p.width + 0.03 + grow, 1.08 + grow, p.depth + 0.03 + grow])
        form = (view.rotation / axes**2) @ view.rotation.T
        form = form.astype(np.float32)
        y, x = np.ogrid[: shape[0], : shape[1]]
        x = ((x + 0.5 - view.centre[0]) / view.scale).astype(np.float32)
        y = ((y + 0.5 - view.centre[1]) / view.scale).astype(np.float32)
        b = form[0, 2] * x + form[1, 2] * y
        c = form[0, 0] * x * x + 2 * form[0, 1] * x * y + form[1, 1] * y * y - 1
        root = np.sqrt(np.maximum(b * b - form[2, 2] * c, 1e-4))
        z = (root - b) / form[2, 2]
        points = np.stack([x + 0 * z, y + 0 * z, z], -1)
        normals = points @ form
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        return normals, points @ view.rotation


def relief(head: Head, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Light (H, W, 3) on the face with its hollows and ridges, and the colour of its skin."""
    p = head.person
    normals, local = head.normals(shape)
    size, span = 112, 2.4  # a map of the face in head units: x and y from -1.2 to 1.2
    grid = (np.arange(size, dtype=np.float32) + 0.5) / size * span - span / 2
    x, y = grid[None], grid[:, None]
    mirror = np.abs(x)

    def spot(at_x: float, at_y: float, rx: float, ry: float) -> Floats:
        fx = np.exp(-(((mirror - at_x) / rx) ** 2))
        return np.asarray(fx * np.exp(-(((y - at_y) / ry) ** 2)), np.float32)

    strength = rng.uniform(0.7, 1.4)
    end = p.nose_length
    along = np.clip((y + 0.1) / (end + 0.1), 0, 1) * np.clip((end + 0.06 - y) / 0.1, 0, 1)
    height = 0.14 * along * np.exp(-((x / (0.05 + 0.05 * np.clip(y / end, 0, 1))) ** 2))
    height = height + 0.05 * spot(0, end - 0.03, 0.09, 0.08)
    height += 0.04 * spot(p.nose_width * 0.75, end, 0.06, 0.06)
    height -= 0.075 * spot(p.eye_gap - 0.03, -0.01, 0.15, 0.1)
    height += 0.03 * spot(p.eye_gap, 0.0, 0.08, 0.05)
    height += 0.03 * spot(p.eye_gap, -p.brow_height - 0.02, 0.2, 0.06)
    height += 0.06 * spot(0.4, 0.25, 0.16, 0.16)
    height -= 0.03 * spot(0.5, 0.6, 0.12, 0.2)
    height += 0.045 * spot(0, p.mouth_y, 0.2, 0.14)
    height -= 0.03 * spot(0, p.mouth_y + 0.17, 0.14, 0.04)
    height += 0.05 * spot(0, head.chin - 0.12, 0.15, 0.1)
    fold = 0.17 + 0.42 * np.clip(y - end + 0.05, 0, 0.5)
    crease = np.exp(-(((mirror - fold) / 0.03) ** 2)) * np.clip((y - end + 0.08) * 8, 0, 1)
    height -= (0.006 + 0.02 * p.wrinkles) * crease * np.clip((p.mouth_y + 0.12 - y) * 8, 0, 1)
    if p.wrinkles > 0.3:
        lines = np.sin(y * 55 + 2 * np.sin(x * 3)) * spot(0, -0.42, 0.35, 0.13)
        height += 0.006 * p.wrinkles * lines
    height += 0.004 * noise(rng, (size, size), 10)
    slope_y, slope_x = np.gradient(height * strength, span / size)

    colour = np.broadcast_to(p.skin, (size, size, 3)).copy()
    red = np.array([1.06, 0.86, 0.84], np.float32)
    flush = p.blush * (spot(0.4, 0.28, 0.16, 0.14) + spot(0, end, 0.13, 0.1))
    colour *= 1 + flush[..., None] * (red - 1)
    colour *= 1 - 0.22 * rng.uniform(0, 1) * spot(p.eye_gap, 0.07, 0.12, 0.06)[..., None]
    if p.makeup:
        shadow = spot(p.eye_gap, -0.06, 0.14, 0.06)[..., None] * p.makeup * rng.uniform(0, 0.6)
        colour *= 1 - shadow * rng.uniform(0.2, 0.9, 3).astype(np.float32)
    colour *= 1 + 0.05 * noise(rng, (size, size), 14)[..., None]
    if p.freckles:
        speckle = np.clip(noise(rng, (size, size), 1.6) - 1.2, 0, 1) * spot(0.2, 0.2, 0.4, 0.3)
        colour *= 1 - p.freckles * 0.5 * speckle[..., None]
    if p.beard in ("stubble", "goatee", "moustache"):
        jaw = np.clip((y - 0.42 - 0.3 * (mirror < 0.3)) * 6 + 2 * (mirror - 0.15), 0, 1)
        jaw = np.maximum(jaw, spot(0, p.mouth_y - 0.12, 0.2, 0.05)) * (y > 0.3)
        weight = rng.uniform(0.1, 0.6) * soften(jaw.astype(np.float32), 3)[..., None]
        colour += weight * (0.6 * p.hair_colour + 0.15 * p.skin - colour)

    maps = np.dstack([slope_x, slope_y, colour]).astype(np.float32)
    to_map = (local[..., :2] + span / 2) * (size / span) - 0.5
    drawn = np.dstack(
        [
            cv2.remap(part, to_map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for part in (maps[..., :2].copy(), maps[..., 2:].copy())
        ]
    )
    r = head.view.rotation
    normals = normals - drawn[..., :1] * r[:, 0] - drawn[..., 1:2] * r[:, 1]
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    fine = 1 + 0.03 * noise(rng, shape, max(1.0, head.view.scale * 0.012))
    shade = head.light.on(normals) * fine[..., None]
    skin = drawn[..., 2:] * shade
    skin += p.gloss * 0.6 * head.light.gloss(normals, rng.uniform(8, 40))
    return shade, skin


@dataclass(frozen=True)
class Expression:
    """What the face does: `smile` -1..1, `open` 0..1, `teeth` shown, `lids` 0..1, gaze."""

    smile: float
    open: float
    teeth: bool
    lids: float
    brows: float
    gaze: tuple[float, float]


def sample_expression(rng: np.random.Generator) -> Expression:
    """Draw an expression at random."""
    smile = float(np.clip(rng.normal(0.35, 0.4), -0.5, 1.1))
    opened = rng.uniform(0.15, 1) if rng.random() < 0.55 else 0.0
    if opened and smile < 0.2 and rng.random() < 0.8:
        opened *= 0.4
    return Expression(
        smile=smile,
        open=float(opened),
        teeth=rng.random() < 0.85,
        lids=0.05 if rng.random() < 0.05 else rng.uniform(0.6, 1.25),
        brows=rng.normal(0, 0.02),
        gaze=(rng.normal(0, 0.25), rng.normal(0, 0.1)),
    )


def paint_ears(canvas: Canvas, head: Head, rng: np.random.Generator) -> None:
    """Paint both ears; the face is painted over them."""
    p = head.person
    tall, long_ = rng.uniform(0.2, 0.27), rng.uniform(0.1, 0.15)
    for side in (-1, 1):
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        away = np.cos(turn)
        y = 0.14 + tall * np.sin(turn) - 0.03 * away
        z = 0.02 - long_ * (1 + away) * (1 + 0.25 * np.cos(turn + 1.2))
        x = side * (p.width * 0.97 + 0.07 * (1 + away))
        points = np.stack([x, y, z], 1)
        tone = np.array([1.05, 0.88, 0.85], np.float32) * p.skin
        normal = head.view.rotation @ np.array([side * 0.5, 0, 0.8], np.float32)
        lit = head.light.on((normal / np.linalg.norm(normal))[None, None])[0, 0]
        alpha = canvas.fill(head.view.project(points))
        canvas.paint(alpha, tone * lit, label=PERSON)
        inner = points + (points.mean(0) - points) * 0.4 + np.array([side * 0.01, 0, 0.01])
        canvas.paint(canvas.fill(head.view.project(inner)), tone * lit * 0.65, opacity=0.7)
        if p.earrings:
            drop = rng.uniform(0.03, 0.22)
            low = head.view.project(np.array([[side * (p.width + 0.03), 0.14 + tall, -0.08]]))[0]
            size = head.view.scale * rng.uniform(0.02, 0.06)
            ring = ellipse((low[0], low[1] + head.view.scale * drop / 2), size, size + drop * 30)
            metal = rng.uniform(0.3, 1, 3).astype(np.float32)
            if rng.random() < 0.5:
                canvas.paint(canvas.fill(ring), metal, label=PERSON)
            else:
                canvas.paint(canvas.stroke(ring, size * 0.4, closed=True), metal, label=PERSON)


def paint_face(
    canvas: Canvas, head: Head, rng: np.random.Generator, mood: Expression
) -> tuple[Alpha, Floats]:
    """Paint skin and features; return the face's coverage and the light on it."""
    p, s = head.person, head.view.scale
    shade, skin = relief(head, rng, canvas.shape)
    y = np.array([-0.06, 0.1, p.nose_length - 0.05, p.nose_length + 0.04, p.nose_length + 0.07])
    x = np.array([0.04, 0.05, 0.07, p.nose_width, 0.03])
    nose = hull(np.concatenate([head.at(x, y), head.at(-x, y), head.at(0 * y, y)]))
    face = canvas.fill(head.face_outline(), nose)
    canvas.paint(face, skin, label=SKIN)

    # The key light throws the nose's shadow to the other side.
    move = -0.14 * s * head.light.direction[:2] / max(0.5, head.light.direction[2])
    shadow = within(without(cast(canvas.fill(nose), move[0], move[1], 0.025 * s), canvas.fill(nose)), face)
    canvas.darken(shadow, 1 - 0.4 * float(head.light.key.mean()))
    _paint_eyes(canvas, head, rng, mood, face, shade)
    _paint_nose(canvas, head, rng, face)
    _paint_mouth(canvas, head, rng, mood, face, shade)
    if p.beard not in ("none", "stubble"):
        _paint_beard(canvas, head, rng, face, shade)
    return face, shade


def _paint_eyes(
    canvas: Canvas,
    head: Head,
    rng: np.random.Generator,
    mood: Expression,
    face: Alpha,
    shade: Floats,
) -> None:
    p, s = head.person, head.view.scale
    t = np.linspace(-1, 1, 13)
    opened = p.eye_open * mood.lids * (1 - 0.3 * max(0.0, mood.smile))
    dark = np.array([0.05, 0.035, 0.03], np.float32)
    for side, eye_label, brow_label in ((1, LEFT_EYE, LEFT_BROW), (-1, RIGHT_EYE, RIGHT_BROW)):
        x = side * (p.eye_gap + t * p.eye_width)
        arch = (1 - np.abs(t) ** 2.2) ** 0.8
        upper = -opened * 1.15 * arch - p.eye_tilt * t
        lower = 0.75 * opened * arch - p.eye_tilt * t
        lid, rim = head.at(x, upper), head.at(x, lower)
        eye = within(canvas.fill(np.concatenate([lid, rim[::-1]])), face)
        crease = head.at(x, upper - 0.035 - 0.02 * arch)
        skin_line = scaled(canvas.stroke(crease, 0.012 * s), rng.uniform(0.1, 0.6))
        canvas.darken(within(skin_line, face), 0.55)
        white = np.array([0.66, 0.61, 0.58], np.float32) * rng.uniform(0.7, 1.1)
        canvas.paint(eye, white, shade=shade, label=eye_label)
        middle = head.at(
            side * p.eye_gap + mood.gaze[0] * p.eye_width * 0.6, mood.gaze[1] * 0.05 - 0.01
        )[0]
        radius = 0.062 * s
        squeeze = max(0.35, abs(float(head.view.rotation[2, 2])))
        for size, colour in ((1.0, p.iris), (0.45, dark * 0.4)):
            disc = canvas.fill(ellipse(middle, radius * size * squeeze, radius * size))
            canvas.paint(within(disc, eye), colour, shade=shade)
        glint = ellipse(middle + 0.02 * s * head.light.direction[:2], 0.012 * s, 0.012 * s)
        canvas.paint(within(canvas.fill(glint), eye), (1, 1, 1), opacity=rng.uniform(0.3, 1))
        lash = canvas.stroke(lid, s * (0.012 + 0.022 * p.makeup))
        canvas.paint(within(lash, face), dark, opacity=0.8)
        under = scaled(canvas.stroke(rim, 0.01 * s), 0.3 + 0.6 * p.makeup)
        canvas.darken(within(under, face), 0.5)

        along = np.linspace(0, 1, 9)
        bx = side * (p.eye_gap - 0.16 + 0.34 * along)
        rise = p.brow_arch * np.sin(np.pi * np.minimum(1, 0.2 + along)) - 0.04 * along**3
        by = -p.brow_height + mood.brows - rise
        thick = p.brow_thickness * np.array([0.7, 1, 1.05, 1, 1, 0.9, 0.75, 0.5, 0.15])
        brow = np.concatenate([head.at(bx, by - thick), head.at(bx[::-1], (by + thick)[::-1])])
        alpha = within(canvas.fill(roughen(rng, brow, 0.006 * s, 0.05 * s)), face)
        hairs = 1 + 0.25 * noise(rng, canvas.shape, max(1.0, 0.015 * s))
        tone = (0.7 * p.hair_colour + 0.04 * p.skin) * hairs[..., None]
        canvas.paint(alpha, tone, shade=shade, opacity=p.brow_strength, label=brow_label)


def _paint_nose(canvas: Canvas, head: Head, rng: np.random.Generator, face: Alpha) -> None:
    p, s = head.person, head.view.scale
    end = p.nose_length
    for side in (-1, 1):
        at = head.at(side * p.nose_width * 0.48, end + 0.035)[0]
        lean = float(np.arctan2(head.view.rotation[1, 0], head.view.rotation[0, 0]))
        hole = canvas.fill(ellipse(at, 0.042 * s, 0.02 * s, lean - side * 0.3))
        canvas.darken(within(cast(hole, 0, 0, 0.008 * s), face), rng.uniform(0.2, 0.55))
        t = np.linspace(-1.1, 1.3, 9)
        wing = head.at(side * (p.nose_width - 0.03 + 0.035 * np.cos(t)), end + 0.055 * np.sin(t))
        line = cast(canvas.stroke(wing, 0.015 * s), 0, 0, 0.01 * s)
        canvas.darken(within(line, face), rng.uniform(0.6, 0.9))
    x = np.linspace(-0.7, 0.7, 7) * p.nose_width
    base = head.at(x, end + 0.06 - 0.02 * (x / p.nose_width) ** 2)
    canvas.darken(within(cast(canvas.stroke(base, 0.03 * s), 0, 0, 0.02 * s), face), 0.75)


def _paint_mouth(
    canvas: Canvas,
    head: Head,
    rng: np.random.Generator,
    mood: Expression,
    face: Alpha,
    shade: Floats,
) -> None:
    p, s = head.person, head.view.scale
    t = np.linspace(-1, 1, 15)
    wide = p.mouth_width * (1 + 0.3 * max(0.0, mood.smile)) * (1 - 0.15 * mood.open)
    x = wide * t
    bend = p.mouth_y - 0.07 * mood.smile * (t**2 - 0.3)
    arch = 1 - np.abs(t) ** 2.4
    bow = arch * (1 - 0.25 * np.exp(-((t / 0.14) ** 2)))
    thin = 1 - 0.3 * max(0.0, mood.smile)
    gap = head.jaw_drop + 0.05 * mood.open
    top, bottom = bend - 0.25 * gap * arch, bend + 0.75 * gap * arch
    outer = np.concatenate(
        [
            head.at(x, top - p.upper_lip * thin * bow, 0.03),
            head.at(x[::-1], (bottom + p.lower_lip * thin * arch)[::-1], 0.03),
        ]
    )
    lips = within(canvas.fill(outer), face)
    under = cast(lips, 0, 0.05 * s, 0.02 * s)
    canvas.darken(within(without(under, lips), face), 0.75)
    wet = 1 + 0.1 * noise(rng, canvas.shape, (0.1 * s, 0.02 * s))[..., None]
    canvas.paint(lips, p.lips * wet, shade=shade, label=LIPS)
    upper = within(canvas.fill(np.concatenate([outer[:15], head.at(x, top)[::-1]])), lips)
    canvas.darken(upper, 0.8)
    line = head.at(x, (top + bottom) / 2, 0.03)
    if gap > 0.012:
        inner = canvas.fill(
            np.concatenate([head.at(0.93 * x, top, 0.03), head.at(0.93 * x, bottom, 0.03)[::-1]])
        )
        inner = within(inner, lips)
        canvas.paint(inner, (0.06, 0.015, 0.015), shade=shade, label=TEETH)
        if mood.teeth:
            reach = top + np.minimum(bottom - top, rng.uniform(0.06, 0.11)) * 0.95
            row = np.concatenate([head.at(0.9 * x, top, 0.03), head.at(0.9 * x, reach, 0.03)[::-1]])
            teeth = within(canvas.fill(row), inner)
            enamel = np.array([0.85, 0.79, 0.68], np.float32) * rng.uniform(0.7, 1.1)
            canvas.paint(teeth, enamel, shade=shade)
            for k in np.linspace(-0.75, 0.75, 8):
                tooth = head.at(np.array([k, k]) * wide * 0.8, p.mouth_y + np.array([-0.1, 0.1]))
                canvas.darken(within(canvas.stroke(tooth, 0.006 * s), teeth), 0.75)
    else:
        canvas.darken(within(canvas.stroke(line, 0.014 * s), face), 0.35)


def _paint_beard(
    canvas: Canvas, head: Head, rng: np.random.Generator, face: Alpha, shade: Floats
) -> None:
    p, s = head.person, head.view.scale
    mouth = (canvas.labels == LIPS) | (canvas.labels == TEETH)
    keep = without(np.full(canvas.shape, 255, np.uint8), mouth.astype(np.uint8) * 255)
    t = np.linspace(-1, 1, 9)
    outlines = []
    lip = head.at(0.24 * t, p.mouth_y - 0.07 + 0.1 * np.abs(t) ** 2)
    if p.beard in ("moustache", "full", "goatee"):
        above = head.at(0.26 * t, p.mouth_y - 0.15 + 0.14 * np.abs(t) ** 1.5)
        outlines.append(np.concatenate([above, lip[::-1]]))
    region = face
    if p.beard == "goatee":
        low = head.chin - 0.01
        x = 0.2 * t
        arc = head.at(x, p.mouth_y + 0.02 + 0.1 * (1 - np.abs(t) ** 3))
        outlines.append(np.concatenate([arc, head.at(0.9 * x[::-1], low - 0.06 * np.abs(t))]))
    if p.beard == "full":
        cheek = rng.uniform(0.3, 0.5)
        edge = head.half_width(np.full(9, 0.15)) * t
        line = head.at(edge, p.mouth_y + 0.1 - (p.mouth_y + 0.1 - 0.1) * np.abs(t) ** 4 * cheek / 0.4)
        hang = rng.uniform(0.0, 0.5) ** 2
        below = np.array([[0.6, 0.6, 0.2], [0.4, 1.05 + hang, 0.5], [0, 1.1 + hang, 0.6]])
        below = np.concatenate([below, below[:2][::-1] * [-1, 1, 1]])
        long_beard = canvas.fill(
            hull(np.concatenate([head.face_outline(), head.view.project(below[1:4])]))
        )
        region = np.maximum(face, long_beard)
        outlines.append(np.concatenate([line, head.view.project(below)]))
    alpha = canvas.fill(*(roughen(rng, o, 0.012 * s, 0.06 * s) for o in outlines))
    alpha = within(within(soften(alpha, 0.012 * s).astype(np.uint8), keep), region)
    hairs = np.clip(1 + 0.35 * noise(rng, canvas.shape, (max(1.0, 0.04 * s), max(1.0, 0.012 * s))), 0.2, 2)
    tone = p.hair_colour * rng.uniform(0.7, 1.2) * hairs[..., None]
    canvas.paint(alpha, tone, shade=shade, opacity=rng.uniform(0.55, 0.97))
    grown = (alpha >= 128) & (canvas.labels < SKIN)
    canvas.labels[grown] = SKIN


def paint_glasses(
    canvas: Canvas, head: Head, rng: np.random.Generator, *, label: int | None = None
) -> None:
    """Paint glasses; frames and dark lenses take `label`, or leave what they cover its own."""
    p, s = head.person, head.view.scale
    rx, ry = rng.uniform(0.17, 0.22), rng.uniform(0.1, 0.17)
    power = rng.choice([2.0, 2.6, 4.0])
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    dx = rx * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / power)
    dy = ry * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / power)
    frame = (
        rng.uniform(0, 0.05, 3) if rng.random() < 0.75 else rng.uniform(0, 0.8, 3) ** 2
    ).astype(np.float32)
    width = s * rng.choice([0.012, 0.02, 0.045])
    z = p.depth + 0.04
    drop = rng.uniform(-0.01, 0.05)
    tint = rng.uniform(0.002, 0.03, 3).astype(np.float32)
    for side in (-1, 1):
        x = side * (p.eye_gap + 0.01) + dx
        y = drop + dy * np.where(dy > 0, 1.1, 0.95)
        ring = head.view.project(np.stack([x, y, z - 0.5 * x**2], 1))
        lens = canvas.fill(ring)
        if p.glasses == "dark":
            slope = np.linspace(0, rng.uniform(0, 0.12), canvas.shape[0], dtype=np.float32)
            glass = np.broadcast_to(tint + slope[:, None, None], (*canvas.shape, 3))
            canvas.paint(lens, glass, opacity=rng.uniform(0.8, 1), label=label)
        else:
            canvas.paint(lens, (0.8, 0.85, 0.9), opacity=rng.uniform(0, 0.18))
        if rng.random() < 0.4:
            glare = canvas.fill(ring + s * rng.uniform(-0.15, 0.15, 2))
            canvas.paint(within(glare, lens), (1, 1, 1), opacity=rng.uniform(0.05, 0.35))
        edge = side * (p.eye_gap + 0.01 + rx)
        ear = np.array([[edge, drop - 0.04, z - 0.5 * edge**2], [side * (p.width + 0.04), -0.02, 0.0]])
        if side * head.view.rotation[2, 0] > -0.35:  # else the face hides this arm
            canvas.paint(canvas.stroke(head.view.project(ear), width), frame, label=label)
        canvas.paint(canvas.stroke(ring, width, closed=True), frame, label=label)
    inner = p.eye_gap + 0.01 - rx
    bridge = np.array([[-inner, drop - 0.02, z], [0, drop - 0.04, z + 0.03], [inner, drop - 0.02, z]])
    canvas.paint(canvas.stroke(head.view.project(bridge), width), frame, label=label)

