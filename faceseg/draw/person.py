"""Who is drawn: everything that stays the same from one picture of a person to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceseg.draw.canvas import Floats

# Colours as seen on a screen; `_linear` gives reflectances. Skin runs from very pale to very dark.
_SKIN = np.array(
    [
        [0.96, 0.83, 0.77],
        [0.92, 0.76, 0.66],
        [0.86, 0.67, 0.54],
        [0.77, 0.56, 0.42],
        [0.62, 0.42, 0.30],
        [0.45, 0.29, 0.21],
        [0.29, 0.19, 0.15],
    ]
)
_HAIR = np.array(
    [
        [0.10, 0.085, 0.08],  # black
        [0.20, 0.14, 0.11],  # dark brown
        [0.36, 0.25, 0.17],  # brown
        [0.48, 0.27, 0.17],  # auburn
        [0.66, 0.38, 0.20],  # red
        [0.63, 0.49, 0.33],  # dark blond
        [0.84, 0.72, 0.52],  # blond
        [0.58, 0.57, 0.56],  # grey
        [0.87, 0.86, 0.84],  # white
    ]
)
_IRIS = np.array([[0.18, 0.1, 0.06], [0.32, 0.2, 0.1], [0.32, 0.38, 0.25], [0.35, 0.45, 0.55]])


@dataclass(frozen=True)
class Person:
    """Build, colours and hair of one person.

    Lengths are in head units: 1 is the distance from the line of the eyes to the chin. Colours are
    (3,) float32 reflectances.
    """

    skin: Floats
    gloss: float
    blush: float
    freckles: float
    wrinkles: float
    width: float
    jaw: float
    chin: float
    depth: float
    eye_gap: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    iris: Floats
    brow_height: float
    brow_thickness: float
    brow_arch: float
    brow_strength: float
    nose_width: float
    nose_length: float
    nose_height: float
    mouth_width: float
    mouth_y: float
    upper_lip: float
    lower_lip: float
    lips: Floats
    makeup: float
    hair: str
    hair_colour: Floats
    hairline: float
    recession: float
    parting: float
    volume: float
    length: float
    curl: float
    fringe: float
    curtain: float
    beard: str
    glasses: str
    earrings: bool


def _linear(colour: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(colour**2.2)


def sample_person(rng: np.random.Generator) -> Person:
    """Draw a person at random."""
    tone = rng.uniform(0, len(_SKIN) - 1)
    k = int(tone)
    skin = _SKIN[k] + (tone - k) * (_SKIN[min(k + 1, len(_SKIN) - 1)] - _SKIN[k])
    skin = _linear(skin) * rng.uniform(0.85, 1.15) * (1 + rng.normal(0, 0.05, 3))
    feminine = rng.random() < 0.5
    makeup = rng.uniform(0.3, 1) if feminine and rng.random() < 0.6 else 0.0
    lips = skin * np.array([0.92, 0.62, 0.62]) + np.array([0.05, 0.0, 0.01])
    if makeup:
        paint = np.array([rng.uniform(0.2, 0.7), rng.uniform(0.02, 0.2), rng.uniform(0.03, 0.25)])
        lips += makeup * rng.uniform(0, 0.9) * (paint - lips)
    if feminine:
        kinds, odds = ["long", "bob", "short", "updo", "afro"], [0.52, 0.18, 0.08, 0.16, 0.06]
    else:
        kinds = ["short", "buzz", "bald", "long", "bob", "afro"]
        odds = [0.58, 0.13, 0.1, 0.07, 0.06, 0.06]
    hair = str(rng.choice(kinds, p=odds))
    natural = [0.26, 0.22, 0.15, 0.05, 0.04, 0.09, 0.08, 0.07, 0.04]
    if tone > 3.5 and rng.random() < 0.85:
        natural = [0.62, 0.22, 0.02, 0.0, 0.0, 0.01, 0.02, 0.07, 0.04]
    hair_colour = _HAIR[rng.choice(len(_HAIR), p=natural)]
    if rng.random() < 0.02:
        hair_colour = rng.uniform(0.1, 0.9, 3)
    hair_colour = _linear(hair_colour) * rng.uniform(0.8, 1.3) * (1 + rng.normal(0, 0.06, 3))
    beard = "none"
    if not feminine:
        beard = str(
            rng.choice(
                ["none", "stubble", "moustache", "goatee", "full"], p=[0.4, 0.28, 0.07, 0.1, 0.15]
            )
        )
    volume = {"bald": 0.0, "buzz": 0.02, "afro": rng.uniform(0.2, 0.5)}.get(
        hair, rng.uniform(0.05, 0.24)
    )
    curl = rng.uniform(0.7, 1) if hair == "afro" else rng.uniform(0, 1) ** 2
    length = {"long": rng.uniform(1.3, 2.6), "bob": rng.uniform(0.55, 1.2)}.get(hair, 0.3)
    fringed = rng.random() < (0.45 if hair in ("long", "bob", "short") else 0.0)
    return Person(
        skin=np.clip(skin, 0.04, 0.97).astype(np.float32),
        gloss=rng.uniform(0, 0.3),
        blush=rng.uniform(0, 1),
        freckles=rng.uniform(0, 1) if rng.random() < 0.15 else 0.0,
        wrinkles=rng.uniform(0, 1) ** 2,
        width=rng.normal(0.645, 0.03) - 0.02 * feminine,
        jaw=rng.uniform(2.0, 3.6) - 0.4 * feminine,
        chin=rng.normal(0, 0.035),
        depth=rng.normal(0.74, 0.04),
        eye_gap=rng.normal(0.265, 0.012),
        eye_width=rng.normal(0.116, 0.009),
        eye_open=rng.uniform(0.026, 0.06),
        eye_tilt=rng.normal(0.012, 0.015),
        iris=_linear(_IRIS[rng.integers(len(_IRIS))]).astype(np.float32),
        brow_height=rng.normal(0.165, 0.022),
        brow_thickness=rng.uniform(0.02, 0.05) + 0.012 * (not feminine),
        brow_arch=rng.uniform(0, 0.05),
        brow_strength=rng.uniform(0.35, 1),
        nose_width=rng.normal(0.15, 0.018),
        nose_length=rng.normal(0.38, 0.02),
        nose_height=rng.normal(0.2, 0.035),
        mouth_width=rng.normal(0.21, 0.02),
        mouth_y=rng.normal(0.645, 0.02),
        upper_lip=rng.uniform(0.035, 0.085),
        lower_lip=rng.uniform(0.055, 0.11),
        lips=np.clip(lips, 0.03, 0.95).astype(np.float32),
        makeup=float(makeup),
        hair=hair,
        hair_colour=np.clip(hair_colour, 0.015, 0.95).astype(np.float32),
        hairline=rng.normal(-0.59, 0.07),
        recession=rng.uniform(0, 0.22) * (not feminine),
        parting=rng.uniform(-0.7, 0.7),
        volume=float(volume),
        length=float(length),
        curl=float(curl),
        fringe=rng.uniform(0.3, 1) if fringed else 0.0,
        curtain=rng.uniform(0.72, 1.08),
        beard=beard,
        glasses=str(rng.choice(["none", "clear", "dark"], p=[0.78, 0.16, 0.06])),
        earrings=bool(feminine and rng.random() < 0.4),
    )
