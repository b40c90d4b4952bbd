"""Scores of outlines: boundary IoU, boundary F-score, and distances between surfaces.

Each function takes two masks (H, W) of one shape; anything but 0 is foreground, and what lies
outside the picture is background. The boundary of a mask is its foreground with a neighbour above,
below, on the left or on the right that is background, unless said otherwise.

Where both masks are empty there is no boundary to compare, and each score is `zero_division`. Where
one is empty, overlaps are 0 and distances are infinite.

Distances are those of OpenCV's ``distanceTransform`` with ``DIST_L2`` and ``DIST_MASK_PRECISE``, as
float32. Their squares are integers, so those up to 2000 pixels are made exact again; the relative
error of larger ones is 2e-7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceseg._kernels import RLE
from faceseg.counting import check_shapes, on_device, read

__all__ = ["average_surface_distance", "boundary_f_score", "boundary_iou", "hausdorff_95"]

NAN = float("nan")
Mask = NDArray[np.uint8]


def boundary_iou(
    prediction: Any, target: Any, *, dilation_ratio: float = 0.02, zero_division: float = NAN
) -> float:
    """Return IoU of the pixels that lie near the outlines, inside of them.

    Parameters
    ----------
    prediction, target : array_like, torch.Tensor or RLE, (H, W), bool or integer
        Masks.
    dilation_ratio : float
        How far inwards, as a share of the picture's diagonal; rounded to pixels, at least one. The
        distance is the larger of rows and columns (a square of neighbours).
    zero_division : float
        The score of two empty masks.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If shapes differ or are not (H, W), or a dtype is not bool or integer.

    Notes
    -----
    Cheng, Girshick, Dollar, Berg and Kirillov, "Boundary IoU: improving object-centric image
    segmentation evaluation", CVPR 2021; as in their code, the outside of the picture is background.

    Examples
    --------
    >>> mask = np.zeros((40, 60), np.uint8)
    >>> mask[10:30, 20:40] = 1
    >>> round(boundary_iou(np.roll(mask, 1, axis=1), mask), 3)
    0.333
    """
    import cv2

    if not dilation_ratio > 0:
        raise ValueError(f"dilation_ratio is {dilation_ratio}; expected over 0")
    first, second, diagonal = _masks(prediction, target)
    # Within a diagonal lies all of the picture.
    far = max(1, round(min(dilation_ratio, 1) * diagonal))
    square = np.ones((3, 3), np.uint8)

    def rim(mask: Mask) -> NDArray[np.bool_]:
        inner = cv2.erode(
            mask, square, iterations=far, borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        return np.asarray(mask != inner)

    a, b = rim(first), rim(second)
    whole = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / whole) if whole else zero_division


def boundary_f_score(
    prediction: Any, target: Any, *, tolerance: float | None = None, zero_division: float = NAN
) -> float:
    """Return how much of the two boundaries lies near the other one.

    Precision is the share of the predicted boundary within `tolerance` of the true one, recall the
    share of the true boundary within it of the predicted one; the score is their harmonic mean.

    Parameters
    ----------
    prediction, target : array_like, torch.Tensor or RLE, (H, W), bool or integer
        Masks.
    tolerance : float, optional
        In pixels, 0 or more. By default 0.008 of the picture's diagonal, rounded up, as in DAVIS.
    zero_division : float
        The score of two empty masks.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If shapes differ or are not (H, W), or a dtype is not bool or integer.

    Notes
    -----
    Martin, Fowlkes and Malik, "Learning to detect natural image boundaries using local brightness,
    color, and texture cues", PAMI 2004; the tolerance and the disc of Perazzi et al., "A benchmark
    dataset and evaluation methodology for video object segmentation", CVPR 2016. The pixels of a
    boundary are not assigned to each other one to one.

    Examples
    --------
    >>> mask = np.zeros((40, 60), np.uint8)
    >>> mask[10:30, 20:40] = 1
    >>> boundary_f_score(np.roll(mask, 1, axis=1), mask)
    1.0
    >>> round(boundary_f_score(np.roll(mask, 1, axis=1), mask, tolerance=0), 3)
    0.5
    """
    if tolerance is not None and not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}; expected 0 or more")
    first, second, diagonal = _masks(prediction, target)
    near = math.ceil(0.008 * diagonal) if tolerance is None else tolerance
    there, back = _distances(first, second)
    if not there.size and not back.size:
        return zero_division
    if not there.size or not back.size:
        return 0.0
    precision, recall = np.mean(there <= near), np.mean(back <= near)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def hausdorff_95(
    prediction: Any, target: Any, *, spacing: float = 1.0, zero_division: float = NAN
) -> float:
    """Return the distance that 95 % of each boundary is within of the other one.

    The larger of the two directions' 95th percentiles, by linear interpolation.

    Parameters
    ----------
    prediction, target : array_like, torch.Tensor or RLE, (H, W), bool or integer
        Masks.
    spacing : float
        The distance between pixels, in the unit that the result is to have.
    zero_division : float
        The distance of two empty masks.

    Returns
    -------
    float
        0 or more; infinite if one mask is empty.

    Raises
    ------
    ValueError
        If shapes differ or are not (H, W), or a dtype is not bool or integer.

    Notes
    -----
    Huttenlocher, Klanderman and Rucklidge, "Comparing images using the Hausdorff distance", PAMI
    1993, with the percentile of each direction as in medical segmentation challenges.

    Examples
    --------
    >>> mask = np.zeros((40, 60), np.uint8)
    >>> mask[10:30, 20:40] = 1
    >>> hausdorff_95(np.roll(mask, 3, axis=1), mask)
    3.0
    """
    there, back = _measured(prediction, target, spacing)
    if not there.size or not back.size:
        return zero_division if there.size == back.size else math.inf
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def average_surface_distance(
    prediction: Any, target: Any, *, spacing: float = 1.0, zero_division: float = NAN
) -> float:
    """Return the mean distance of the pixels of both boundaries to the other one (ASSD).

    As `hausdorff_95` otherwise. Each pixel counts once, so the longer boundary counts for more.

    Notes
    -----
    Heimann et al., "Comparison and evaluation of methods for liver segmentation from CT datasets",
    IEEE Transactions on Medical Imaging 28, 2009.

    Examples
    --------
    >>> mask = np.zeros((40, 60), np.uint8)
    >>> mask[10:30, 20:40] = 1
    >>> round(average_surface_distance(np.roll(mask, 3, axis=1), mask), 3)
    1.5
    """
    there, back = _measured(prediction, target, spacing)
    if not there.size or not back.size:
        return zero_division if there.size == back.size else math.inf
    return float(np.concatenate([there, back]).mean())


def _measured(
    prediction: Any, target: Any, spacing: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not 0 < spacing < math.inf:
        raise ValueError(f"spacing is {spacing}; expected a number over 0")
    there, back = _distances(*_masks(prediction, target)[:2])
    return there * spacing, back * spacing


def _masks(prediction: Any, target: Any) -> tuple[Mask, Mask, float]:
    """Return two masks of 0 and 1, cut to what has foreground, and the diagonal of the picture."""
    import cv2

    first, second = _mask(prediction, "prediction"), _mask(target, "target")
    check_shapes(first.shape, second.shape)
    diagonal = math.hypot(*first.shape)
    if not first.any() and not second.any():
        blank = np.zeros((1, 1), np.uint8)
        return blank, blank, diagonal
    left, top, width, height = cv2.boundingRect(first | second)
    part = np.s_[top : top + height, left : left + width]
    return first[part], second[part], diagonal


def _mask(item: Any, name: str) -> Mask:
    if isinstance(item, RLE):
        return item.decode()
    if on_device(item):
        item = item.cpu()
    array, floats = read(item, name)
    if floats:
        raise ValueError(f"{name} has dtype {array.dtype}; expected bool or integer: a mask")
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}; expected (height, width)")
    return np.ascontiguousarray(array != 0).view(np.uint8)


def _distances(first: Mask, second: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far each pixel of the boundary of one mask is from that of the other."""
    import cv2

    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
    a, b = (
        mask - cv2.erode(mask, cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        for mask in (first, second)
    )
    if not a.any() or not b.any():
        # No distance is measured, but how many there would be tells which mask is empty.
        return np.full(np.count_nonzero(a), np.inf), np.full(np.count_nonzero(b), np.inf)
    to_a, to_b = (
        cv2.distanceTransform(1 - edge, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for edge in (a, b)
    )
    return _root(to_b[a > 0]), _root(to_a[b > 0])


def _root(distances: NDArray[Any]) -> NDArray[np.float64]:
    """Return roots of integers as double, from what they are as float32."""
    exact: NDArray[np.float64] = np.sqrt(np.rint(np.square(distances, dtype=np.float64)))
    return exact
