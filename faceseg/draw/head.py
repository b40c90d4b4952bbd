"""A head in space: its surface, its outlines and where they appear in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from faceseg.draw.canvas import Floats, Points, hull
from faceseg.draw.light import Light, normalised
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

    def shows(self, side: int) -> bool:
        """Tell whether the picture's right (+1) or left (-1) side of the head is in view."""
        return bool(side * self.view.rotation[2, 0] > -0.35)

    def half_width(self, y: Points) -> Points:
        """Half the width of the head at heights y."""
        p = self.person
        down = y + 0.1  # below the widest part
        upper = np.maximum(1 - np.abs(down / (_CROWN + 0.1)) ** 2.3, 0) ** 0.45
        lower = np.maximum(1 - (np.maximum(down, 0) / (self.chin + 0.1)) ** p.jaw, 0) ** 0.6
        return np.asarray(p.width * np.where(down < 0, upper, lower))

    def surface(self, x: Points, y: Points, lift: float = 0.0) -> Points:
        """Points (N, 3) of the front of the face at x and y, raised by `lift`."""
        p = self.person
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        width = self.half_width(y) + 1e-3
        middle, half = (self.chin + _CROWN) / 2, (self.chin - _CROWN) / 2 + 0.01
        depth = p.depth * np.maximum(1 - np.abs((y - middle) / half) ** 3.2, 0) ** 0.4
        z = depth * np.sqrt(np.maximum(1 - np.abs(x / width) ** 2.3, 0))
        rise = np.minimum(np.maximum((y + 0.08) / (p.nose_length + 0.03), 0), 1)
        ridge = rise * np.minimum(np.maximum((p.nose_length + 0.08 - y) / 0.08, 0), 1)
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

    def normals(
        self, shape: tuple[int, int], grow: float = 0.0, step: int = 1
    ) -> tuple[Floats, Floats]:
        """Return unit normals of the ellipsoid around the head, and its points in head units.

        Both (H, W, 3), for every `step`-th pixel of a picture of the given shape.
        """
        p = self.person
        view = self.view
        axes = np.array([p.width + 0.03 + grow, 1.08 + grow, p.depth + 0.03 + grow])
        form = (view.rotation / axes**2) @ view.rotation.T
        form = form.astype(np.float32)
        y, x = np.ogrid[: shape[0] : step, : shape[1] : step]
        x = ((x + 0.5 * step - view.centre[0]) / view.scale).astype(np.float32)
        y = ((y + 0.5 * step - view.centre[1]) / view.scale).astype(np.float32)
        b = form[0, 2] * x + form[1, 2] * y
        c = form[0, 0] * x * x + 2 * form[0, 1] * x * y + form[1, 1] * y * y - 1
        root = np.sqrt(np.maximum(b * b - form[2, 2] * c, 1e-4))
        z = (root - b) / form[2, 2]
        points = cv2.merge([x + 0 * z, y + 0 * z, z])
        normals = normalised(np.asarray(cv2.transform(points, form)))
        return normals, np.asarray(cv2.transform(points, view.rotation.T))


def coarse(shape: tuple[int, int]) -> int:
    """Every how many pixels light is worked out; it is smooth, and this halves the time."""
    return 2 if min(shape) >= 160 else 1
