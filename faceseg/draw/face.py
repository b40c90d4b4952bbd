"""The face painted: skin under light, eyes, brows, nose, mouth, beard, ears and glasses."""

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
    scaled,
    soften,
    within,
    without,
)
from faceseg.draw.head import (
    LEFT_BROW,
    LEFT_EYE,
    LIPS,
    PERSON,
    RIGHT_BROW,
    RIGHT_EYE,
    SKIN,
    TEETH,
    Head,
    coarse,
)
from faceseg.draw.light import normalised
from faceseg.draw.person import Person

# A flat map of the face: its number of points and its side in head units.
_MAP, _SPAN = 112, 2.4
_GRID = (np.arange(_MAP, dtype=np.float32) + 0.5) / _MAP * _SPAN - _SPAN / 2
_DARK = np.array([0.05, 0.035, 0.03], np.float32)


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


def _spot(x: float, y: float, rx: float, ry: float) -> Floats:
    """Round bump on the map of the face at +x and -x."""
    across = np.exp(-(((np.abs(_GRID) - x) / rx) ** 2))
    down = np.exp(-(((_GRID - y) / ry) ** 2))
    return np.asarray(down[:, None] * across[None], np.float32)


def _slopes(head: Head, rng: np.random.Generator) -> Floats:
    """Slopes along x and y (map, map, 2) of what stands out of the face or is sunk into it."""
    p = head.person
    x, y = np.abs(_GRID)[None], _GRID[:, None]
    end = p.nose_length
    along = np.clip((y + 0.1) / (end + 0.1), 0, 1)
    ridge = np.exp(-((x / (0.05 + 0.05 * np.clip(y / end, 0, 1))) ** 2))
    height = 0.14 * along * np.clip((end + 0.06 - y) / 0.1, 0, 1) * ridge
    bumps = (
        (0.05, 0, end - 0.03, 0.09, 0.08),  # tip of the nose
        (0.04, p.nose_width * 0.75, end, 0.06, 0.06),  # wings of the nose
        (-0.075, p.eye_gap - 0.03, -0.01, 0.15, 0.1),  # eye sockets
        (0.03, p.eye_gap, 0, 0.08, 0.05),  # eyeballs
        (0.03, p.eye_gap, -p.brow_height - 0.02, 0.2, 0.06),  # brows
        (0.06, 0.4, 0.25, 0.16, 0.16),  # cheekbones
        (-0.03, 0.5, 0.6, 0.12, 0.2),  # cheeks
        (0.045, 0, p.mouth_y, 0.2, 0.14),  # mouth
        (-0.03, 0, p.mouth_y + 0.17, 0.14, 0.04),  # hollow under the lower lip
        (0.05, 0, head.chin - 0.12, 0.15, 0.1),  # chin
    )
    for rise, *place in bumps:
        height = height + rise * _spot(*place)
    fold = 0.17 + 0.42 * np.clip(y - end + 0.05, 0, 0.5)  # from the nose to the mouth's corners
    crease = np.exp(-(((x - fold) / 0.03) ** 2)) * np.clip((y - end + 0.08) * 8, 0, 1)
    height -= (0.006 + 0.02 * p.wrinkles) * crease * np.clip((p.mouth_y + 0.12 - y) * 8, 0, 1)
    if p.wrinkles > 0.3:
        lines = np.sin(55 * y + 2 * np.sin(3 * _GRID)) * _spot(0, -0.42, 0.35, 0.13)
        height += 0.006 * p.wrinkles * lines
    height += 0.004 * noise(rng, (_MAP, _MAP), 10)
    down, across = np.gradient(height * rng.uniform(0.7, 1.4), _SPAN / _MAP)
    return np.dstack([across, down]).astype(np.float32)


def _complexion(person: Person, rng: np.random.Generator) -> Floats:
    """Reflectance (map, map, 3) of the skin: flush, rings under the eyes, freckles, stubble."""
    p = person
    x, y = np.abs(_GRID)[None], _GRID[:, None]
    flush = p.blush * (_spot(0.4, 0.28, 0.16, 0.14) + _spot(0, p.nose_length, 0.13, 0.1))
    colour = p.skin * (1 + flush[..., None] * np.array([0.06, -0.14, -0.16], np.float32))
    colour *= 1 - 0.22 * rng.uniform(0, 1) * _spot(p.eye_gap, 0.07, 0.12, 0.06)[..., None]
    if p.makeup:
        shadow = p.makeup * rng.uniform(0, 0.6) * _spot(p.eye_gap, -0.06, 0.14, 0.06)
        colour *= 1 - shadow[..., None] * rng.uniform(0.2, 0.9, 3).astype(np.float32)
    colour *= 1 + 0.05 * noise(rng, (_MAP, _MAP), 14)[..., None]
    if p.freckles:
        speckle = np.clip(noise(rng, (_MAP, _MAP), 1.6) - 1.2, 0, 1) * _spot(0.2, 0.2, 0.4, 0.3)
        colour *= 1 - 0.5 * p.freckles * speckle[..., None]
    if p.beard in ("stubble", "goatee", "moustache"):
        jaw = np.clip((y - 0.42 - 0.3 * (x < 0.3)) * 6 + 2 * (x - 0.15), 0, 1)
        jaw = np.maximum(jaw, _spot(0, p.mouth_y - 0.12, 0.2, 0.05)) * (y > 0.3)
        weight = rng.uniform(0.1, 0.6) * soften(jaw.astype(np.float32), 3)[..., None]
        colour += weight * (0.6 * p.hair_colour + 0.15 * p.skin - colour)
    return colour.astype(np.float32)


def _skin(head: Head, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Light (H, W, 3) on the face with its hollows and ridges, and the colour of its lit skin."""
    normals, local = head.normals(shape, step=coarse(shape))
    x, y = cv2.split((local[..., :2] + _SPAN / 2) * np.float32(_MAP / _SPAN) - np.float32(0.5))
    slope, tint = (
        cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for part in (_slopes(head, rng), _complexion(head.person, rng))
    )
    normals = normalised(normals - cv2.transform(slope, head.view.rotation[:, :2]))
    shade = head.light.on(normals)
    gloss = head.light.gloss(normals, rng.uniform(8, 40))
    skin = tint * shade + np.float32(0.6 * head.person.gloss) * gloss
    pores = 1 + 0.03 * noise(rng, shape, max(1.0, head.view.scale * 0.012))
    return enlarged(shade, shape), enlarged(skin, shape) * pores[..., None]


def paint_ears(canvas: Canvas, head: Head, rng: np.random.Generator) -> None:
    """Paint both ears and what hangs on them; the face is painted over them."""
    p, s, project = head.person, head.view.scale, head.view.project
    tall, broad = rng.uniform(0.2, 0.27), rng.uniform(0.1, 0.15)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    back = 1 + np.cos(turn)
    for side in (-1, 1):
        x = side * (0.97 * p.width + 0.07 * back)
        y = 0.14 + tall * np.sin(turn) - 0.03 * np.cos(turn)
        z = 0.02 - broad * back * (1 + 0.25 * np.cos(turn + 1.2))
        rim = np.stack([x, y, z], 1)
        normal = head.view.rotation @ np.array([0.53 * side, 0, 0.85], np.float32)
        lit = head.light.on(normal[None, None])[0, 0]
        tone = np.array([1.05, 0.88, 0.85], np.float32) * p.skin * lit
        canvas.paint(canvas.fill(project(rim)), tone, label=PERSON)
        hollow = rim + 0.4 * (rim.mean(0) - rim) + [0.01 * side, 0, 0.01]
        canvas.paint(canvas.fill(project(hollow)), 0.65 * tone, opacity=0.7)
        if p.earrings:
            lobe = project(np.array([[side * (p.width + 0.03), 0.14 + tall, -0.08]]))[0]
            size, drop = s * rng.uniform(0.02, 0.06), s * rng.uniform(0.01, 0.1)
            ring = ellipse((lobe[0], lobe[1] + drop), size, size + drop)
            hoop = rng.random() < 0.5
            jewel = canvas.stroke(ring, 0.4 * size, closed=True) if hoop else canvas.fill(ring)
            canvas.paint(jewel, rng.uniform(0.3, 1, 3).astype(np.float32), label=PERSON)


@dataclass(frozen=True)
class _Face:
    """What painting a feature needs."""

    canvas: Canvas
    head: Head
    rng: np.random.Generator
    mood: Expression
    region: Alpha  # coverage of the face
    shade: Floats  # light on it

    def darken(self, alpha: Alpha, factor: float) -> None:
        """Darken the face where `alpha` says."""
        self.canvas.darken(within(alpha, self.region), factor)


def paint_face(canvas: Canvas, head: Head, rng: np.random.Generator, mood: Expression) -> Alpha:
    """Paint skin and features; return the face's coverage."""
    p, s = head.person, head.view.scale
    shade, skin = _skin(head, rng, canvas.shape)
    y = np.array([-0.06, 0.1, p.nose_length - 0.05, p.nose_length + 0.04, p.nose_length + 0.07])
    x = np.array([0.04, 0.05, 0.07, p.nose_width, 0.03])
    nose = canvas.fill(hull(np.concatenate([head.at(x, y), head.at(-x, y), head.at(0 * y, y)])))
    region = np.maximum(canvas.fill(head.face_outline()), nose)
    canvas.paint(region, skin, label=SKIN)
    face = _Face(canvas, head, rng, mood, region, shade)
    # The key light throws the nose's shadow to the other side.
    dx, dy = -0.14 * s * head.light.direction[:2] / max(0.5, head.light.direction[2])
    shadow = without(cast(nose, dx, dy, 0.025 * s), nose)
    face.darken(shadow, 1 - 0.4 * float(head.light.key.mean()))
    fur = 1 + 0.25 * noise(rng, canvas.shape, max(1.0, 0.015 * s))
    brow = (0.7 * p.hair_colour + 0.04 * p.skin) * fur[..., None]
    for side, eye_label, brow_label in ((1, LEFT_EYE, LEFT_BROW), (-1, RIGHT_EYE, RIGHT_BROW)):
        _paint_eye(face, side, eye_label)
        _paint_brow(face, side, brow_label, brow)
    _paint_nose(face)
    _paint_mouth(face)
    if p.beard in ("moustache", "goatee", "full"):
        _paint_beard(face)
    return region


def _paint_eye(face: _Face, side: int, label: int) -> None:
    canvas, head, rng, mood = face.canvas, face.head, face.rng, face.mood
    p, s = head.person, head.view.scale
    t = np.linspace(-1, 1, 13)
    x = side * (p.eye_gap + t * p.eye_width)
    opened = p.eye_open * mood.lids * (1 - 0.3 * max(0.0, mood.smile))
    arch = (1 - np.abs(t) ** 2.2) ** 0.8
    upper = -opened * 1.15 * arch - p.eye_tilt * t
    lower = 0.75 * opened * arch - p.eye_tilt * t
    lid, rim = head.at(x, upper), head.at(x, lower)
    eye = within(canvas.fill(np.concatenate([lid, rim[::-1]])), face.region)
    crease = canvas.stroke(head.at(x, upper - 0.035 - 0.02 * arch), 0.012 * s)
    face.darken(scaled(crease, rng.uniform(0.1, 0.6)), 0.55)
    white = np.array([0.66, 0.61, 0.58], np.float32) * np.float32(rng.uniform(0.7, 1.1))
    canvas.paint(eye, white, shade=face.shade, label=label)
    gaze_x, gaze_y = mood.gaze
    middle = head.at(side * p.eye_gap + gaze_x * p.eye_width * 0.6, gaze_y * 0.05 - 0.01)[0]
    radius = 0.062 * s
    turned = max(0.35, float(head.view.rotation[2, 2]))
    for size, colour in ((1.0, p.iris), (0.45, 0.4 * _DARK)):
        disc = canvas.fill(ellipse(middle, radius * size * turned, radius * size))
        canvas.paint(within(disc, eye), colour, shade=face.shade)
    glint = ellipse(middle + 0.02 * s * head.light.direction[:2], 0.012 * s, 0.012 * s)
    canvas.paint(within(canvas.fill(glint), eye), (1, 1, 1), opacity=rng.uniform(0.3, 1))
    lashes = canvas.stroke(lid, s * (0.012 + 0.022 * p.makeup))
    canvas.paint(within(lashes, face.region), _DARK, opacity=0.8)
    face.darken(scaled(canvas.stroke(rim, 0.01 * s), 0.3 + 0.6 * p.makeup), 0.5)


def _paint_brow(face: _Face, side: int, label: int, colour: Floats) -> None:
    head, p, s = face.head, face.head.person, face.head.view.scale
    t = np.linspace(0, 1, 9)
    x = side * (p.eye_gap - 0.16 + 0.34 * t)
    rise = p.brow_arch * np.sin(np.pi * np.minimum(1, 0.2 + t)) - 0.04 * t**3
    y = face.mood.brows - p.brow_height - rise
    thick = p.brow_thickness * np.array([0.7, 1, 1.05, 1, 1, 0.9, 0.75, 0.5, 0.15])
    outline = np.concatenate([head.at(x, y - thick), head.at(x, y + thick)[::-1]])
    brow = face.canvas.fill(roughen(face.rng, outline, 0.006 * s, 0.05 * s))
    face.canvas.paint(
        within(brow, face.region), colour, shade=face.shade, opacity=p.brow_strength, label=label
    )


def _paint_nose(face: _Face) -> None:
    canvas, head, rng = face.canvas, face.head, face.rng
    s, end, width = head.view.scale, head.person.nose_length, head.person.nose_width
    lean = float(np.arctan2(head.view.rotation[1, 0], head.view.rotation[0, 0]))
    t = np.linspace(-1.1, 1.3, 9)
    for side in (-1, 1):
        at = head.at(0.48 * side * width, end + 0.035)[0]
        nostril = canvas.fill(ellipse(at, 0.042 * s, 0.02 * s, lean - 0.3 * side))
        face.darken(cast(nostril, 0, 0, 0.008 * s), rng.uniform(0.2, 0.55))
        wing = head.at(side * (width - 0.03 + 0.035 * np.cos(t)), end + 0.055 * np.sin(t))
        face.darken(cast(canvas.stroke(wing, 0.015 * s), 0, 0, 0.01 * s), rng.uniform(0.6, 0.9))
    x = np.linspace(-0.7, 0.7, 7)
    base = canvas.stroke(head.at(width * x, end + 0.06 - 0.02 * x**2), 0.03 * s)
    face.darken(cast(base, 0, 0, 0.02 * s), 0.75)


def _paint_mouth(face: _Face) -> None:
    canvas, head, rng, mood = face.canvas, face.head, face.rng, face.mood
    p, s = head.person, head.view.scale
    smile = max(0.0, mood.smile)
    t = np.linspace(-1, 1, 15)
    wide = p.mouth_width * (1 + 0.3 * smile) * (1 - 0.15 * mood.open)
    bend = p.mouth_y - 0.07 * mood.smile * (t**2 - 0.3)
    arch = 1 - np.abs(t) ** 2.4
    bow = arch * (1 - 0.25 * np.exp(-((t / 0.14) ** 2)))
    full = 1 - 0.3 * smile
    gap = head.jaw_drop + 0.05 * mood.open
    top, bottom = bend - 0.25 * gap * arch, bend + 0.75 * gap * arch

    def between(upper: Points, lower: Points, share: float) -> Alpha:
        x = share * wide * t
        outline = np.concatenate([head.at(x, upper, 0.03), head.at(x, lower, 0.03)[::-1]])
        return within(canvas.fill(outline), face.region)

    lips = between(top - p.upper_lip * full * bow, bottom + p.lower_lip * full * arch, 1)
    face.darken(without(cast(lips, 0, 0.05 * s, 0.02 * s), lips), 0.75)
    wet = 1 + 0.1 * noise(rng, canvas.shape, (0.1 * s, 0.02 * s))
    canvas.paint(lips, p.lips * wet[..., None], shade=face.shade, label=LIPS)
    canvas.darken(between(top - p.upper_lip * full * bow, top, 1), 0.8)
    if gap <= 0.012:
        face.darken(canvas.stroke(head.at(wide * t, (top + bottom) / 2, 0.03), 0.014 * s), 0.35)
        return
    inside = within(between(top, bottom, 0.93), lips)
    canvas.paint(inside, (0.06, 0.015, 0.015), shade=face.shade, label=TEETH)
    if mood.teeth:
        low = top + 0.95 * np.minimum(bottom - top, rng.uniform(0.06, 0.11))
        teeth = within(between(top, low, 0.9), inside)
        enamel = np.array([0.85, 0.79, 0.68], np.float32) * np.float32(rng.uniform(0.7, 1.1))
        canvas.paint(teeth, enamel, shade=face.shade)
        x, y = np.linspace(-0.6, 0.6, 8) * wide, p.mouth_y + np.array([-0.1, 0.1])
        clefts = head.at(x[:, None], y[None], 0.03).reshape(8, 2, 2)
        canvas.darken(within(canvas.stroke(clefts, 0.006 * s), teeth), 0.75)


def _paint_beard(face: _Face) -> None:
    canvas, head, rng = face.canvas, face.head, face.rng
    p, s = head.person, head.view.scale
    t = np.linspace(-1, 1, 9)
    upper = head.at(0.26 * t, p.mouth_y - 0.15 + 0.14 * np.abs(t) ** 1.5)
    lower = head.at(0.24 * t, p.mouth_y - 0.07 + 0.1 * t**2)
    outlines = [np.concatenate([upper, lower[::-1]])]
    region = face.region
    if p.beard == "goatee":
        upper = head.at(0.2 * t, p.mouth_y + 0.12 - 0.1 * np.abs(t) ** 3)
        lower = head.at(0.18 * t, head.chin - 0.01 - 0.06 * np.abs(t))
        outlines.append(np.concatenate([upper, lower[::-1]]))
    elif p.beard == "full":
        rise = rng.uniform(0.75, 1.25) * p.mouth_y
        cheeks = head.at(t * head.half_width(np.array(0.15)), p.mouth_y + 0.1 - rise * t**4)
        hang = head.chin + 0.08 + rng.uniform(0, 0.5) ** 2
        jaw = np.array(
            [
                [0.6, 0.6, 0.2],
                [0.4, hang - 0.05, 0.5],
                [0, hang, 0.6],
                [-0.4, hang - 0.05, 0.5],
                [-0.6, 0.6, 0.2],
            ]
        )
        low = head.view.project(jaw)
        region = np.maximum(region, canvas.fill(hull(np.concatenate([head.face_outline(), low]))))
        outlines.append(np.concatenate([cheeks, low]))
    beard = canvas.fill(*(roughen(rng, outline, 0.012 * s, 0.06 * s) for outline in outlines))
    beard = within(cast(beard, 0, 0, 0.012 * s), region)
    beard[(canvas.labels == LIPS) | (canvas.labels == TEETH)] = 0
    hairs = 1 + 0.35 * noise(rng, canvas.shape, (0.04 * s, 0.012 * s))
    tone = p.hair_colour * np.clip(hairs * rng.uniform(0.7, 1.2), 0.15, 2)[..., None]
    canvas.paint(beard, tone, shade=face.shade, opacity=rng.uniform(0.55, 0.97))
    canvas.labels[(beard >= 128) & (canvas.labels < SKIN)] = SKIN


def paint_glasses(
    canvas: Canvas, head: Head, rng: np.random.Generator, *, label: int | None = None
) -> None:
    """Paint glasses; frames and dark lenses take `label`, or leave what they cover its own."""
    p, s, project = head.person, head.view.scale, head.view.project
    rx, ry = rng.uniform(0.17, 0.22), rng.uniform(0.1, 0.17)
    squareness = 2 / rng.choice([2.0, 2.6, 4.0])
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    dx, dy = (
        size * np.sign(wave) * np.abs(wave) ** squareness
        for size, wave in ((rx, np.cos(turn)), (ry, np.sin(turn)))
    )
    black = rng.random() < 0.75
    frame = (rng.uniform(0, 0.05, 3) if black else rng.uniform(0, 0.8, 3) ** 2).astype(np.float32)
    width = s * rng.choice([0.012, 0.02, 0.045])
    front, middle, drop = p.depth + 0.04, p.eye_gap + 0.01, rng.uniform(-0.01, 0.05)
    tint = rng.uniform(0.002, 0.03, 3).astype(np.float32)
    for side in (-1, 1):
        x = side * middle + dx
        ring = project(
            np.stack([x, drop + dy * np.where(dy > 0, 1.1, 0.95), front - 0.5 * x**2], 1)
        )
        lens = canvas.fill(ring)
        if p.glasses == "dark":
            sky = np.linspace(0, rng.uniform(0, 0.12), canvas.shape[0], dtype=np.float32)
            glass = np.broadcast_to(tint + sky[:, None, None], (*canvas.shape, 3))
            canvas.paint(lens, glass, opacity=rng.uniform(0.8, 1), label=label)
        else:
            canvas.paint(lens, (0.8, 0.85, 0.9), opacity=rng.uniform(0, 0.18))
        if rng.random() < 0.4:
            glare = within(canvas.fill(ring + s * rng.uniform(-0.15, 0.15, 2)), lens)
            canvas.paint(glare, (1, 1, 1), opacity=rng.uniform(0.05, 0.35))
        canvas.paint(canvas.stroke(ring, width, closed=True), frame, label=label)
        if head.shows(side):
            hinge = side * (middle + rx)
            arm = [
                [hinge, drop - 0.04, front - 0.5 * hinge**2],
                [side * (p.width + 0.04), -0.02, 0],
            ]
            canvas.paint(canvas.stroke(project(np.array(arm)), width), frame, label=label)
    gap = middle - rx
    bridge = [[-gap, drop - 0.02, front], [0, drop - 0.04, front + 0.03], [gap, drop - 0.02, front]]
    canvas.paint(canvas.stroke(project(np.array(bridge)), width), frame, label=label)
