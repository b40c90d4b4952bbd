"""Classical segmentation methods with the interface of a model, so that one table compares all.

No method is trained. Each looks at one picture, resized to the same working size, and takes from
photography a single prior: the subject stands in the middle. The ellipses and the sizes of the
filters are fractions of the picture; they were chosen by eye and by score on training pictures
alone. ``ellipse`` and ``mask-ellipse`` return that prior without looking at the picture: they are
the floor that any method has to beat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from faceseg.errors import InputError, suggest

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]
Region = npt.NDArray[np.bool_]
Features = npt.NDArray[np.float32]

#: Long side, in pixels, of the picture every method works on. Scores at 512 differ by less than
#: 0.005 of IoU, GrabCut is four times slower there.
WORKING_SIZE = 256

_CENTRE = (0.5, 0.55)
_RADII = (0.265, 0.37)
_MASK_CENTRE = (0.5, 0.72)
_MASK_RADII = (0.32, 0.19)


@dataclass(frozen=True)
class Method:
    """A method that segments one picture.

    Attributes
    ----------
    name
        The key in `METHODS`.
    tasks
        What it segments: ``"face"``, ``"mask"``.
    description
        One line for a table.
    segment
        Takes an (H, W, 3) uint8 RGB picture of working size, gives an (H, W) region.
    """

    name: str
    tasks: tuple[str, ...]
    description: str
    segment: Callable[[Image], Region]

    def __call__(self, image: Image) -> Mask:
        """Segment one picture of any size.

        Parameters
        ----------
        image
            (H, W, 3) uint8 RGB.

        Returns
        -------
        ndarray
            (H, W) uint8, 1 where the subject is, 0 elsewhere. The same picture gives the same
            mask at every call.

        Raises
        ------
        ValueError
            If `image` has another shape or type, or no pixels.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(
                f"image has shape {image.shape} and type {image.dtype}; expected (H, W, 3) uint8"
            )
        height, width = image.shape[:2]
        scale = WORKING_SIZE / max(height, width)
        # Eight rows or columns are left of the thinnest picture: enough for every filter below.
        size = max(8, round(width * scale)), max(8, round(height * scale))
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        region = self.segment(cv2.resize(image, size, interpolation=shrink))
        soft = cv2.resize(region.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return (soft >= 0.5).astype(np.uint8)


def _ellipse(
    image: Image, centre: tuple[float, float], radii: tuple[float, float], grow: float = 1.0
) -> Region:
    """Region inside an ellipse; `centre` and `radii` are (x, y) fractions of the sides."""
    height, width = image.shape[:2]
    x = ((np.arange(width) + 0.5) / width - centre[0]) / (radii[0] * grow)
    y = ((np.arange(height) + 0.5) / height - centre[1]) / (radii[1] * grow)
    inside: Region = x[None, :] ** 2 + y[:, None] ** 2 <= 1
    return inside


def _face(image: Image, grow: float = 1.0) -> Region:
    return _ellipse(image, _CENTRE, _RADII, grow)


def _mask(image: Image, grow: float = 1.0) -> Region:
    return _ellipse(image, _MASK_CENTRE, _MASK_RADII, grow)


def _disc(image: Image, fraction: float) -> Mask:
    """Structuring element whose radius is a fraction of the picture's short side."""
    radius = round(min(image.shape[:2]) * fraction)
    element: Mask = cv2.getStructuringElement(
        cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)
    ).astype(np.uint8)
    return element


def _tidy(image: Image, region: Region, core: Region) -> Region:
    """Remove specks, close gaps, keep the component that covers most of `core`, fill its holes."""
    mask = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, _disc(image, 0.012))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(image, 0.03))
    count, labels = cv2.connectedComponents(mask, connectivity=4)
    if count > 1:
        covered = np.bincount(labels[core], minlength=count)
        covered[0] = 0
        mask = (labels == covered.argmax()).astype(np.uint8) * bool(covered.any())
    return _fill(mask)


def _fill(mask: Mask) -> Region:
    """Fill what the outer contours enclose."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(mask), contours, -1, 1, cv2.FILLED) > 0


def _grey(image: Image) -> Image:
    blurred: Image = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    return blurred


def _lab(image: Image) -> Features:
    """CIE L*a*b* in its own units; (H, W, 3) float32."""
    smooth = cv2.GaussianBlur(image, (5, 5), 0).astype(np.float32) / 255
    colours: Features = cv2.cvtColor(smooth, cv2.COLOR_RGB2Lab)
    return colours
