"""One portrait, back to front."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from faceseg.draw.background import paint_background
from faceseg.draw.body import paint_body
from faceseg.draw.camera import photograph
from faceseg.draw.canvas import Canvas
from faceseg.draw.face import paint_ears, paint_face, paint_glasses, sample_expression
from faceseg.draw.hair import paint_back, paint_front
from faceseg.draw.hat import paint_hat
from faceseg.draw.head import MASK, PERSON, Head, View, rotation
from faceseg.draw.light import sample_light
from faceseg.draw.mask import paint_mask
from faceseg.draw.occluder import paint_occluder
from faceseg.draw.person import Person, sample_person
from faceseg.errors import InputError

Task = Literal["face", "mask"]
TASKS: tuple[Task, ...] = ("face", "mask")

_BARE = 0.05  # share of portraits of the mask task that wear none, so that a bare face is known


def draw_portrait(
    rng: np.random.Generator, *, task: Task = "face", size: tuple[int, int] = (256, 256)
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw a portrait of a random person together with its exact labels.

    Picture and labels are painted from the same outlines. The same state of `rng` gives the same
    portrait.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where all choices come from.
    task : {"face", "mask"}
        What the labels tell. "face": EasyPortrait's classes, 0 background, 1 person (hair, ears,
        neck, clothes, hats, hands), 2 skin, 3 and 4 the person's left and right brow, 5 and 6 left
        and right eye, 7 lips, 8 teeth (the inside of an open mouth); a beard is skin, and glasses
        take the class of what they lie on. "mask": 1 where a medical or cloth mask is worn,
        else 0; thin ear loops and hands before the mask are 0, and one portrait in twenty wears
        none.
    size : tuple of int
        Height and width in pixels, each at least 16.

    Returns
    -------
    image : ndarray
        (H, W, 3) uint8, RGB.
    labels : ndarray
        (H, W) uint8 classes.

    Raises
    ------
    ValueError
        If the task is unknown or the size too small.
    """
    return portrait(sample_person(rng), rng, task=task, size=size)


def check_size(size: tuple[int, int]) -> None:
    """Raise InputError for a height and width too small to draw in."""
    height, width = size
    if min(height, width) < 16:
        raise InputError(f"size is {height} x {width}; expected at least 16 x 16 pixels")


def portrait(
    person: Person, rng: np.random.Generator, *, task: Task, size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw a given person in a random pose, light and place; see `draw_portrait`."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
    check_size(size)
    height, width = size
    canvas = Canvas(height, width)
    light = sample_light(rng)
    mood = sample_expression(rng)
    roll = rng.normal(0, 0.14)
    angles = rotation(
        float(np.clip(rng.normal(0, 0.33), -0.95, 0.95)), rng.normal(0, 0.14), float(roll)
    )
    view = View(angles, *_frame(rng, task, height, width), distance=rng.uniform(4, 12))
    head = Head(person, view, light, jaw_drop=0.13 * mood.open**1.5)

    paint_background(canvas, rng, person.skin)
    # Long hair falls behind the neck, so it comes before the body.
    back, colour = paint_back(canvas, head, rng)
    paint_body(canvas, head, rng)
    paint_ears(canvas, head, rng)
    face = paint_face(canvas, head, rng, mood)
    glasses = person.glasses != "none"
    masked = task == "mask" and rng.random() >= _BARE
    hair_last = rng.random() < 0.5
    glasses_last = rng.random() < 0.7
    if glasses and not glasses_last:
        paint_glasses(canvas, head, rng)
    if masked and hair_last:
        paint_mask(canvas, head, rng, face)
    paint_front(canvas, head, rng, face, back, colour)
    if masked and not hair_last:
        paint_mask(canvas, head, rng, face)
    if glasses and glasses_last:
        paint_glasses(canvas, head, rng, label=PERSON if masked else None)
    if rng.random() < (0.14 if task == "face" else 0.22):
        paint_hat(canvas, head, rng, face)
    if rng.random() < (0.08 if task == "face" else 0.1):
        paint_occluder(canvas, head, rng)
    labels = canvas.labels if task == "face" else (canvas.labels == MASK).astype(np.uint8)
    return photograph(canvas.colour, rng), labels


def _frame(
    rng: np.random.Generator, task: Task, height: int, width: int
) -> tuple[npt.NDArray[np.float32], float]:
    """Place of the middle of the eyes and pixels per head unit (from the eyes to the chin)."""
    side = min(height, width)
    if task == "mask" and rng.random() < 0.8:  # a crop to the face itself
        scale = rng.uniform(0.54, 0.84)
        x, y = rng.normal(0.5, 0.04), rng.normal(1.0, 0.05) - 1.08 * scale
    elif rng.random() < 0.7:  # a portrait
        scale = 0.43 * np.exp(rng.normal(0, 0.12))
        x, y = rng.normal(0.5, 0.03), rng.normal(0.475, 0.03)
    else:  # anything from a figure in a room to half a face
        scale = rng.uniform(0.13, 0.62)
        x, y = rng.normal(0.5, 0.13), rng.normal(0.45, 0.1)
    return np.array([x * width, y * height], np.float32), float(scale * side)
