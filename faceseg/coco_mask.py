"""`pycocotools.mask` again: the same names, arguments and results, to the byte.

``from faceseg import coco_mask as mask`` in place of ``from pycocotools import mask`` is all that
changes. What differs: masks to encode may lie in memory in any way; malformed input is a ValueError
that names what is wrong, where pycocotools crashes, hangs or answers something; ``counts`` may be
uncompressed everywhere; and `frPyObjects` takes lists of boxes, and single polygons and boxes, as
the documentation of the original has it.

A mask, R, is ``{"size": [height, width], "counts": bytes}`` (str is read, too). Boxes are
x, y, width, height.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceseg import _kernels, rle
from faceseg.rle import RLE

__all__ = ["area", "decode", "encode", "frPyObjects", "iou", "merge", "toBbox"]

Segmentation: TypeAlias = dict[str, Any]


def encode(bimask: ArrayLike) -> dict[str, Any] | list[dict[str, Any]]:
    """Encode a mask (H, W), or the masks of an array (H, W, N).

    Parameters
    ----------
    bimask : array_like, (H, W) or (H, W, N), bool, integer or float
        Anything but zero is foreground.

    Returns
    -------
    dict, or list of N dicts

    Examples
    --------
    >>> encode(np.array([[0, 1, 1], [0, 0, 1]], np.uint8))
    {'size': [2, 3], 'counts': b'2111'}
    """
    masks = np.asarray(bimask)
    if masks.ndim == 2:
        return RLE.from_mask(masks).to_coco_dict()
    if masks.ndim != 3:
        raise ValueError(f"mask has shape {masks.shape}; expected (H, W) or (H, W, N)")
    return [mask.to_coco_dict() for mask in rle.encode(masks.transpose(2, 0, 1))]


def decode(rleObjs: Segmentation | Sequence[Segmentation]) -> NDArray[np.uint8]:
    """Decode one R to (H, W), or a list of N to (H, W, N).

    Returns
    -------
    ndarray, uint8, column-major
        0 and 1.

    Examples
    --------
    >>> decode({"size": [2, 3], "counts": b"2111"})
    array([[0, 1, 1],
           [0, 0, 1]], dtype=uint8)
    """
    if isinstance(rleObjs, dict):
        return RLE.from_coco(rleObjs).decode(layout="F")
    masks = _read(rleObjs)
    if not masks:
        raise ValueError("no masks; expected one or more, which tell the height and width")
    out = np.empty((*masks[0].shape, len(masks)), np.uint8, order="F")
    rle.decode(masks, out=out.transpose(2, 0, 1))
    return out


def merge(rleObjs: Sequence[Segmentation], intersect: bool = False) -> dict[str, Any]:
    """Return the union, or the intersection, of masks of one size.

    Examples
    --------
    >>> merge([{"size": [1, 4], "counts": b"022"}, {"size": [1, 4], "counts": b"112"}])
    {'size': [1, 4], 'counts': b'022'}
    """
    masks = _read(rleObjs)
    if not masks:
        return {"size": [0, 0], "counts": b""}
    return _kernels.merge(masks, intersect).to_coco_dict()


def area(rleObjs: Segmentation | Sequence[Segmentation]) -> Any:
    """Return the number of foreground pixels of one R, or an array of them, uint32.

    Examples
    --------
    >>> area([{"size": [2, 3], "counts": b"2111"}])
    array([3], dtype=uint32)
    """
    if isinstance(rleObjs, dict):
        return np.uint32(RLE.from_coco(rleObjs).area)
    return _kernels.areas(_read(rleObjs))


def toBbox(rleObjs: Segmentation | Sequence[Segmentation]) -> NDArray[np.float64]:
    """Return the box around the foreground of one R, (4,), or of N, (N, 4).

    Examples
    --------
    >>> toBbox({"size": [2, 3], "counts": b"2111"})
    array([1., 0., 2., 2.])
    """
    if isinstance(rleObjs, dict):
        return np.array(RLE.from_coco(rleObjs).bbox, np.float64)
    return _kernels.boxes(_read(rleObjs))


def iou(
    dt: Sequence[Segmentation] | ArrayLike,
    gt: Sequence[Segmentation] | ArrayLike,
    pyiscrowd: ArrayLike | Sequence[bool],
) -> NDArray[np.float64] | list[Any]:
    """Return intersection over union of each detection with each true object.

    Parameters
    ----------
    dt, gt : lists of R, both; or boxes, (M, 4) and (N, 4), array or list
        Detections and true objects.
    pyiscrowd : sequence of bool or int, (N,)
        Which true objects are crowds: the intersection is then divided by the area of the
        detection.

    Returns
    -------
    ndarray, (M, N), float64, column-major
        0 where both are empty. An empty list if either is.

    Examples
    --------
    >>> iou([[0, 0, 2, 2]], [[1, 0, 2, 2], [1, 0, 2, 2]], [0, 1])
    array([[0.33333333, 0.5       ]])
    """
    dt_boxes, gt_boxes = _boxes(dt, "dt"), _boxes(gt, "gt")
    m, n = len(cast(Sequence[Any], dt)), len(cast(Sequence[Any], gt))
    if m == 0 or n == 0:
        return []
    crowd = np.asarray(pyiscrowd, bool)
    if crowd.shape != (n,):
        raise ValueError(f"iscrowd has shape {crowd.shape}; expected ({n},), one for each of gt")
    if dt_boxes is not None and gt_boxes is not None:
        return _box_iou(dt_boxes, gt_boxes, crowd)
    if dt_boxes is not None or gt_boxes is not None:
        kinds = ("masks", "boxes") if dt_boxes is None else ("boxes", "masks")
        raise ValueError(f"dt are {kinds[0]} and gt {kinds[1]}; expected both to be the same")
    detections = _read(cast(Sequence[Segmentation], dt), "dt")
    truth = _read(cast(Sequence[Segmentation], gt), "gt")
    batch = _kernels.Intersections(detections, truth)
    batch.run(0, batch.n)
    return batch.ious(crowd.tolist(), 0.0, True)


def frPyObjects(pyobj: Any, h: int, w: int) -> Any:
    """Draw polygons or boxes, or compress run lengths.

    Parameters
    ----------
    pyobj : list of polygons [x0, y0, x1, y1, ...], of boxes or of uncompressed R; one of each; or \
ndarray, (N, 4), of boxes
        A list of four numbers is a box, a longer one a polygon.
    h, w : int
        Height and width; R have their own.

    Returns
    -------
    list of R, or R

    Examples
    --------
    >>> frPyObjects([[0, 0, 3, 0, 3, 2]], 2, 3)
    [{'size': [2, 3], 'counts': b'2111'}]
    """
    if isinstance(pyobj, dict):
        return _read([pyobj], "objects")[0].to_coco_dict()
    if isinstance(pyobj, np.ndarray):
        return _drawn(list(cast(NDArray[Any], _boxes(pyobj, "objects"))), h, w)
    if not isinstance(pyobj, (list, tuple)) or not pyobj:
        raise ValueError(f"objects are {pyobj!r}; expected polygons, boxes or run lengths")
    if isinstance(pyobj[0], dict):
        return [mask.to_coco_dict() for mask in _read(pyobj, "objects")]
    if np.ndim(pyobj[0]) == 0:
        return _drawn([pyobj], h, w)[0]
    return _drawn(pyobj, h, w)


def _drawn(objects: Sequence[ArrayLike], h: int, w: int) -> list[dict[str, Any]]:
    """Draw boxes, if the first object has four numbers, or polygons."""
    drawn = []
    for i, item in enumerate(objects):
        try:
            if len(cast(Sequence[Any], objects[0])) == 4:
                mask = RLE.from_box(item, (h, w))
            else:
                mask = RLE.from_polygons([item], (h, w))
        except (ValueError, TypeError) as error:
            raise ValueError(f"objects[{i}]: {error}") from None
        drawn.append(mask.to_coco_dict())
    return drawn


def _read(segmentations: Sequence[Segmentation], name: str = "masks") -> list[RLE]:
    if not isinstance(segmentations, (list, tuple)):
        raise ValueError(f"{name} are {type(segmentations).__name__}; expected a list of dicts")
    try:
        return _kernels.read_coco(segmentations, name)
    except (ValueError, TypeError) as error:
        for i, item in enumerate(segmentations):
            if not isinstance(item, dict):
                kind = type(item).__name__
                raise ValueError(f"{name}[{i}] is {kind}; expected size and counts") from None
        raise ValueError(str(error)) from None


def _boxes(objects: object, name: str) -> NDArray[np.float64] | None:
    """Return boxes as an array, None if the objects are masks."""
    if isinstance(objects, np.ndarray):
        if objects.ndim != 2 or objects.shape[1] != 4:
            raise ValueError(f"{name} have shape {objects.shape}; expected boxes, (N, 4)")
        return _numbers(objects.astype(np.float64), name)
    if not isinstance(objects, (list, tuple)):
        raise ValueError(f"{name} are {type(objects).__name__}; expected masks or boxes, in a list")
    if not objects or isinstance(objects[0], dict):
        return None
    for i, item in enumerate(objects):
        if not isinstance(item, (list, tuple, np.ndarray)) or len(item) != 4:
            raise ValueError(f"{name}[{i}] is {item!r}; expected x, y, width and height")
    return _numbers(np.array(objects, np.float64), name)


def _numbers(boxes: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    for i in np.flatnonzero(np.isnan(boxes).any(axis=1)):
        raise ValueError(f"{name}[{i}] is {boxes[i].tolist()}; expected numbers")
    return boxes


def _box_iou(
    dt: NDArray[np.float64], gt: NDArray[np.float64], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    # Transposed, so that the result is column-major.
    a, b = dt.T[:, None, :], gt.T[:, :, None]
    width = np.minimum(a[0] + a[2], b[0] + b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[1] + a[3], b[1] + b[3]) - np.maximum(a[1], b[1])
    both = width * height
    area = a[2] * a[3]
    total = np.where(crowd[:, None], area, area + b[2] * b[3] - both)
    result: NDArray[np.float64] = np.zeros_like(both)
    np.divide(both, total, out=result, where=(width > 0) & (height > 0))
    return result.T
