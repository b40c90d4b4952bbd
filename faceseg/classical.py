"""Classical segmentation methods with the interface of a model, so that one table compares all.

No method is trained. Each looks at one picture, resized to the same working size, and takes one
prior from portraits: where in the picture the subject is. Ellipses, levels and filter sizes were
chosen by score on training pictures alone; lengths are fractions of the picture's sides.
``ellipse`` and ``mask-ellipse`` return the prior without a look at the picture: the floor that any
method has to beat.
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

#: Long side, in pixels, of the picture every method works on. GrabCut takes 2.3 times as long at
#: 256, where its IoU is 0.008 higher on faces and 0.022 lower on masks.
WORKING_SIZE = 192

Point = tuple[float, float]

# (x, y) centre and radii as fractions of the picture's sides: where a face fills a portrait, where
# a mask is worn, and what is covered by that mask in nearly every picture.
_FACE: tuple[Point, Point] = ((0.5, 0.55), (0.265, 0.37))
_WORN: tuple[Point, Point] = ((0.5, 0.72), (0.55, 0.30))
_WORN_CORE: tuple[Point, Point] = ((0.5, 0.74), (0.20, 0.13))
# Between the brows of an upright face: skin that a mask leaves bare.
_BROW: tuple[Point, Point] = ((0.5, 0.42), (0.16, 0.07))


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
        small = np.asarray(cv2.resize(image, size, interpolation=shrink), np.uint8)
        region = self.segment(small)
        soft = cv2.resize(
            region.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
        )
        return (soft >= 0.5).astype(np.uint8)


def _inside(image: Image, ellipse: tuple[Point, Point], grow: float = 1.0) -> Region:
    """Region of the pixels within an ellipse whose radii are multiplied by `grow`."""
    height, width = image.shape[:2]
    (x0, y0), (rx, ry) = ellipse
    x = ((np.arange(width) + 0.5) / width - x0) / (rx * grow)
    y = ((np.arange(height) + 0.5) / height - y0) / (ry * grow)
    inside: Region = x[None, :] ** 2 + y[:, None] ** 2 <= 1
    return inside


def _disc(image: Image, fraction: float) -> Mask:
    """Structuring element whose radius is a fraction of the picture's short side."""
    side = 2 * round(min(image.shape[:2]) * fraction) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _tidy(image: Image, region: Region, core: Region) -> Region:
    """Remove specks, close gaps, keep the component that covers most of `core`, fill its holes."""
    mask = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, _disc(image, 0.012))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(image, 0.03))
    _, labels = cv2.connectedComponents(mask, connectivity=4)
    covered = np.bincount(labels[core & (labels > 0)], minlength=1)
    kept = ((labels > 0) & (labels == covered.argmax())).astype(np.uint8)
    contours, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(kept, contours, -1, 1, cv2.FILLED)) > 0


def _smooth(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (5, 5), 0), np.uint8)


def _grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(_smooth(image), cv2.COLOR_RGB2GRAY), np.uint8)


def _lab(image: Image) -> Features:
    """CIE L*a*b* with lightness halved, so that folds and shadows weigh less than colour."""
    lab = cv2.cvtColor(_smooth(image).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return np.asarray(lab, np.float32) * np.array([0.5, 1, 1], np.float32)


def _face_part(image: Image, region: Region) -> Region:
    return _tidy(image, region & _inside(image, _FACE, 1.05), _inside(image, _FACE))


def _face_ellipse(image: Image) -> Region:
    return _inside(image, _FACE)


def _otsu(image: Image) -> Region:
    grey = _grey(image)
    level, _ = cv2.threshold(grey[_inside(image, _FACE, 1.3)], 0, 255, cv2.THRESH_OTSU)
    return _face_part(image, grey > level)


def _threshold(image: Image) -> Region:
    return _face_part(image, _grey(image) > 60)


def _skin_ycrcb(image: Image) -> Region:
    """Chai and Ngan's skin map: 133 <= Cr <= 173 and 77 <= Cb <= 127 (IEEE TCSVT 9(4), 1999)."""
    return _face_part(image, _skin(image))


def _skin(image: Image) -> Region:
    ycrcb = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    # Below luma 60 chroma is mostly noise: black hair and cloth pass the published range.
    return np.asarray(cv2.inRange(ycrcb, (60, 133, 77), (255, 173, 127))) > 0


def _skin_hsv(image: Image) -> Region:
    """Hue within 50 degrees above red (Sobottka and Pitas, Signal Processing 12, 1998).

    Their saturation, 0.23 to 0.68, is widened to 0.16 to 0.75, hue to 20 degrees below red, and
    value below 0.31 is left out.
    """
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    warm = (hue <= 25) | (hue >= 170)  # OpenCV counts hue in steps of two degrees
    return _face_part(image, warm & (saturation >= 40) & (saturation <= 190) & (value >= 80))


def _flood(image: Image, core: Region, window: Region) -> Region:
    """Grow `core` within `window` up to Canny's edges (IEEE TPAMI 8(6), 1986).

    The upper threshold is Otsu's level of the grey picture, the lower half of it (Fang, Yue and
    Yu, 2009). Edges are thickened while flooding, so that it does not leak through their gaps.
    """
    grey = _grey(image)
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_OTSU)
    thick = cv2.dilate(cv2.Canny(grey, level / 2, level), _disc(image, 0.015)) > 0
    free = ((window & ~thick) | core).astype(np.uint8)
    _, labels = cv2.connectedComponents(free, connectivity=4)
    reached = (labels == labels[core][0]).astype(np.uint8)
    grown = cv2.dilate(reached, _disc(image, 0.015)) > 0
    return _tidy(image, grown & window, core)


def _canny(image: Image) -> Region:
    return _flood(image, _inside(image, _FACE, 0.7), _inside(image, _FACE, 1.05))


def _clusters(image: Image, core: Region, outside: Region) -> Region:
    """Lloyd's k-means of the colours; the clusters denser in `core` than `outside`.

    The first partition is by lightness, five parts of one size, so no random numbers are drawn.
    """
    parts = 5
    lab = _lab(image).reshape(-1, 3)
    first = np.empty((len(lab), 1), np.int32)  # OpenCV 5.0 leaves labels of shape (N,) as they were
    first[np.argsort(lab[:, 0], kind="stable"), 0] = np.arange(len(lab)) * parts // len(lab)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    _, labels, _ = cv2.kmeans(lab, parts, first, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    labels = np.asarray(labels).reshape(image.shape[:2])
    inner = np.bincount(labels[core], minlength=parts) / core.sum()
    outer = np.bincount(labels[outside], minlength=parts) / outside.sum()
    return np.asarray((inner > outer)[labels])


def _kmeans(image: Image) -> Region:
    core = _inside(image, _FACE)
    return _face_part(image, _clusters(image, core, ~core))


def _cut(image: Image, sure: Region, likely: Region, window: Region) -> Region:
    """GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004): two rounds from a first guess."""
    labels = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    labels[window] = cv2.GC_PR_BGD
    labels[window & likely] = cv2.GC_PR_FGD
    labels[sure] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # grabCut draws its first colour clusters at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, labels, (0, 0, 0, 0), *models, 2, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def _grabcut(image: Image) -> Region:
    sure = _inside(image, _FACE, 0.75)
    likely = _skin(image) & _inside(image, _FACE, 1.05)
    return _tidy(image, _cut(image, sure, likely, _inside(image, _FACE, 1.15)), sure)


def _worn_part(image: Image, region: Region) -> Region:
    return _tidy(image, region & _inside(image, _WORN), _inside(image, _WORN_CORE))


def _mask_ellipse(image: Image) -> Region:
    return _inside(image, _WORN)


def _mask_colour(image: Image) -> Region:
    """Colours near the median of the core and nearer to it than to that of the brow."""
    lab = _lab(image)
    cloth, skin = (
        np.linalg.norm(lab - np.median(lab[_inside(image, ellipse)], axis=0), axis=2)
        for ellipse in (_WORN_CORE, _BROW)
    )
    return _worn_part(image, np.asarray((cloth < 25) & (cloth < skin)))


def _mask_canny(image: Image) -> Region:
    return _flood(image, _inside(image, _WORN_CORE), _inside(image, _WORN))


def _mask_kmeans(image: Image) -> Region:
    return _worn_part(image, _clusters(image, _inside(image, _WORN_CORE), ~_inside(image, _WORN)))


def _mask_grabcut(image: Image) -> Region:
    """Two votes of colour, edges and k-means make a pixel likely, three sure; GrabCut decides."""
    methods = _mask_colour, _mask_canny, _mask_kmeans
    votes = np.sum([method(image) for method in methods], axis=0)
    core = _inside(image, _WORN_CORE)
    sure = cv2.erode((votes == len(methods)).astype(np.uint8), _disc(image, 0.015)) > 0
    if not sure.any():  # GrabCut needs a pixel of each kind
        sure = core
    return _tidy(image, _cut(image, sure, votes >= 2, _inside(image, _WORN)), core)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("ellipse", ("face",), "a central ellipse, picture unseen: the floor", _face_ellipse),
        Method("threshold", ("face",), "grey level above 60", _threshold),
        Method("otsu", ("face",), "grey level above Otsu's", _otsu),
        Method("skin-ycrcb", ("face",), "skin colour, Chai and Ngan's Cr and Cb", _skin_ycrcb),
        Method("skin-hsv", ("face",), "skin colour, hue and saturation", _skin_hsv),
        Method("canny", ("face",), "filled from the centre up to Canny's edges", _canny),
        Method("kmeans", ("face",), "k-means of colours, central clusters", _kmeans),
        Method("grabcut", ("face",), "GrabCut started from ellipse and skin", _grabcut),
        Method(
            "mask-ellipse", ("mask",), "a lower ellipse, picture unseen: the floor", _mask_ellipse
        ),
        Method("mask-colour", ("mask",), "the cloth's colour against the brow's", _mask_colour),
        Method("mask-canny", ("mask",), "filled from the mouth up to Canny's edges", _mask_canny),
        Method(
            "mask-kmeans", ("mask",), "k-means of colours, clusters of the lower face", _mask_kmeans
        ),
        Method("mask-grabcut", ("mask",), "colour + edges + k-means start GrabCut", _mask_grabcut),
    )
}


def choose(task: str) -> list[Method]:
    """Return the methods of a task, the simplest first.

    Parameters
    ----------
    task
        ``"face"`` or ``"mask"``.

    Raises
    ------
    InputError
        If no method does this task.
    """
    methods = [method for method in METHODS.values() if task in method.tasks]
    if not methods:
        tasks = {task for method in METHODS.values() for task in method.tasks}
        raise InputError(f"task {task!r} has no classical methods{suggest(task, tasks)}")
    return methods
