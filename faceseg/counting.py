"""How predictions and targets of any kind are read, and counted in one pass over their pixels.

`metrics` has the names meant for use; `sweeps` and `metrics_torch` share what is here.
"""

from __future__ import annotations

import math
import operator
import sys
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceseg import _kernels
from faceseg._kernels import RLE, Fault

MOST_CLASSES = 256


def confusion_matrix(
    prediction: Any,
    target: Any,
    *,
    num_classes: int | None = None,
    ignore_index: int | None = None,
    threshold: float | None = None,
    class_axis: int | None = None,
    per_image: bool = False,
    nan: Literal["raise", "ignore"] = "raise",
) -> NDArray[np.int64]:
    """Count pairs of true and predicted labels.

    What the prediction is follows from the arguments, never from its values:

    ==================  ==============  =========================================================
    prediction          argument        predicted class
    ==================  ==============  =========================================================
    bool or integer                     mask: 1 where it is not 0
    bool or integer     `num_classes`   label: 0 to ``num_classes - 1``
    float or integer    `threshold`     1 where it is over the threshold
    float or integer    `class_axis`    place of the highest value, the first of equal ones
    `RLE`                               1 in the foreground
    ==================  ==============  =========================================================

    Parameters
    ----------
    prediction : array_like, torch.Tensor, RLE, or list of RLE
        Labels or masks, of the shape of `target`; or logits or probabilities (float16, float32,
        float64 or bfloat16), of that shape too for `threshold`, with one axis more for
        `class_axis`. It is read where it lies if it has no gaps; labels are copied unless they are
        uint8, bool or int64, integers given with `threshold` or `class_axis` always.
    target : array_like, torch.Tensor, RLE, or list of RLE; bool or integer
        Labels, or masks where the prediction is a mask, an RLE, or over a threshold: there
        anything but 0 is foreground, so 0 and 255 are right. Of any shape; with three axes or more
        the first one is that of the images.
    num_classes : int, optional
        1 to 256. By default the length of the class axis, or 2.
    ignore_index : int, optional
        Target value of pixels to leave out, whatever their prediction is.
    threshold : float, optional
        For two classes. It applies to the prediction alone: 0 for logits, 0.5 for probabilities.
    class_axis : int, optional
        The axis of `prediction` with one value for each class: 1 for (N, C, H, W), -1 for
        (N, H, W, C), 0 for (C, H, W).
    per_image : bool
        Give one matrix for each image.
    nan : {"raise", "ignore"}
        Refuse logits that are NaN, or leave out their pixels.

    Returns
    -------
    ndarray, (num_classes, num_classes) or (N, num_classes, num_classes), int64
        Element [t, p] is the number of pixels of class t predicted as class p. A target with one
        or two axes is one image.

    Raises
    ------
    ValueError
        If shapes differ (nothing is broadcast), a dtype does not fit, a label is out of range, or
        a logit is NaN. The message has the place.

    Notes
    -----
    Tensors on a GPU are counted there and the counts alone are transferred. Tensors on the CPU
    share their memory with the arrays that are read. Two RLE are counted from their runs.

    Examples
    --------
    >>> confusion_matrix([[0, 1], [1, 1]], [[0, 1], [1, 0]])
    array([[1, 1],
           [0, 2]])
    >>> logits = np.array([[-2.0, 0.5], [3.0, 1.0]])
    >>> confusion_matrix(logits, [[0, 255], [255, 0]], threshold=0)
    array([[1, 1],
           [0, 2]])
    >>> confusion_matrix(np.stack([-logits, logits]), [[0, 1], [1, 0]], class_axis=0)
    array([[1, 1],
           [0, 2]])
    """
    options: dict[str, Any] = {
        "num_classes": num_classes,
        "ignore_index": ignore_index,
        "threshold": threshold,
        "class_axis": class_axis,
        "nan": nan,
    }
    # Arrays are most of what comes, and looking what else it might be takes longer than counting.
    if type(prediction) is not np.ndarray or type(target) is not np.ndarray:
        matrices = _count_elsewhere(prediction, target, options, per_image)
        if matrices is not None:
            return matrices
    values, floats = read(prediction, "prediction")
    labels = read_target(target)
    dtype = name_of(values, floats)
    rules = make_rules(values.shape, dtype, floats, labels.shape, **options)
    values, labels, rules = _prepared(values, floats, labels, rules)
    if not labels.ndim:
        # What NumPy makes of arrays without axes are scalars.
        values, labels = np.asarray(values), np.asarray(labels)
    # The planes of a class are in one piece for each image alone.
    alone = labels.ndim > 2 and (per_image or rules.class_axis is not None)
    images = len(labels) if alone else 1
    matrix = np.zeros((images if per_image else 1, rules.classes, rules.classes), np.int64)
    if not alone:
        _count(values, labels, rules, matrix[0], ())
    else:
        for i in range(images):
            _count(values[i], labels[i], rules, matrix[i if per_image else 0], (i,))
    return matrix if per_image else matrix[0]


def _count_elsewhere(
    prediction: Any, target: Any, options: dict[str, Any], per_image: bool
) -> NDArray[np.int64] | None:
    """Count runs and what is on a GPU; None for anything else."""
    if _is_list_of_runs(prediction) or _is_list_of_runs(target):
        matrices = _count_list(prediction, target, options)
        return matrices if per_image else matrices.sum(axis=0)
    if isinstance(prediction, RLE) or isinstance(target, RLE):
        # Runs are in the machine's memory, so a tensor on a GPU comes to them.
        prediction, target = (x.cpu() if on_device(x) else x for x in (prediction, target))
        matrix = _count_runs(prediction, target, options)
        if matrix is None:
            pair = (x.decode() if isinstance(x, RLE) else x for x in (prediction, target))
            return confusion_matrix(*pair, **options, per_image=per_image)
        return matrix[None] if per_image else matrix
    if on_device(prediction) or on_device(target):
        from faceseg import metrics_torch

        return metrics_torch.confusion_matrix(prediction, target, per_image=per_image, **options)
    return None


def _count_list(prediction: Any, target: Any, options: dict[str, Any]) -> NDArray[np.int64]:
    """Count a list of RLE and what is as long, image by image."""
    lengths = []
    for item, name in ((prediction, "prediction"), (target, "target")):
        if not isinstance(item, (list, tuple)) and not getattr(item, "ndim", 0):
            raise ValueError(f"{name} is one {type(item).__name__}; expected one for each RLE")
        lengths.append(len(item))
    if lengths[0] != lengths[1]:
        raise ValueError(
            f"prediction has {lengths[0]} masks and target {lengths[1]}; expected as many"
        )
    axis = options["class_axis"]
    if axis is not None and operator.index(axis) >= 0:
        if not axis:
            raise ValueError("class_axis is 0, which is the axis of images; expected another")
        # The axis is one of all images, and each of them has one axis less.
        options = {**options, "class_axis": axis - 1}
    matrices = []
    for i, pair in enumerate(zip(prediction, target, strict=True)):
        try:
            matrices.append(confusion_matrix(*pair, **options))
        except ValueError as error:
            raise ValueError(f"image {i}: {error}") from None
    return np.stack(matrices)


class Rules(NamedTuple):
    """What is counted, after all arguments were found to agree."""

    classes: int
    masks: bool
    ignore: int | None
    threshold: float | None
    class_axis: int | None
    skip_nan: bool


def make_rules(
    prediction_shape: tuple[int, ...],
    prediction_dtype: object,
    floats: bool,
    target_shape: tuple[int, ...],
    *,
    num_classes: int | None = None,
    ignore_index: int | None = None,
    threshold: float | None = None,
    class_axis: int | None = None,
    nan: str = "raise",
) -> Rules:
    """Return the rules, or raise ValueError with what does not agree."""
    if threshold is not None and class_axis is not None:
        raise ValueError("threshold and class_axis are both given; expected one of them")
    if threshold is not None and threshold != threshold:
        raise ValueError("threshold is NaN; expected a number")
    skip_nan = skips_nan(nan)
    axis = None
    if class_axis is not None:
        axis = operator.index(class_axis)
        if not -len(prediction_shape) <= axis < len(prediction_shape):
            raise ValueError(f"class_axis is {axis}; prediction has shape {prediction_shape}")
        axis %= len(prediction_shape)
    if floats and threshold is None and axis is None:
        raise ValueError(
            f"prediction has dtype {prediction_dtype} and shape {prediction_shape}; expected "
            "integers, or a threshold (0 for logits, 0.5 for probabilities), or a class_axis "
            "(1 for (N, C, H, W))"
        )
    check_shapes(prediction_shape, target_shape, axis)
    classes = 2 if axis is None else prediction_shape[axis]
    if num_classes is not None:
        classes = operator.index(num_classes)
    if not 1 <= classes <= MOST_CLASSES:
        raise ValueError(f"num_classes is {classes}; expected 1 to {MOST_CLASSES}")
    if threshold is not None and classes != 2:
        raise ValueError(f"num_classes is {classes} with a threshold; expected 2")
    if axis is not None and prediction_shape[axis] != classes:
        raise ValueError(
            f"prediction has shape {prediction_shape}, so {prediction_shape[axis]} values on axis "
            f"{class_axis}; expected {classes}, one for each class"
        )
    return Rules(
        classes,
        axis is None and (num_classes is None or threshold is not None),
        label_to_ignore(ignore_index),
        None if threshold is None else float(threshold),
        axis,
        skip_nan,
    )


def skips_nan(nan: str) -> bool:
    """Tell whether pixels that are NaN are left out; if not, they are refused."""
    if nan not in ("raise", "ignore"):
        raise ValueError(f"nan is {nan!r}; expected 'raise' or 'ignore'")
    return nan == "ignore"


def label_to_ignore(index: int | None) -> int | None:
    """Return `ignore_index` as the kernels take it."""
    if index is None:
        return None
    label = operator.index(index)
    if not -(2**63) <= label < 2**63:
        raise ValueError(f"ignore_index is {label}; expected a label that int64 holds")
    return label


def check_shapes(
    prediction: tuple[int, ...], target: tuple[int, ...], axis: int | None = None
) -> None:
    """Raise ValueError unless the pixels of both have one shape."""
    pixels = prediction if axis is None else prediction[:axis] + prediction[axis + 1 :]
    if pixels == target:
        return
    expected = "expected one shape"
    if axis is not None:
        expected = f"expected a target of shape {pixels}, labels without the axis of classes"
    elif [n for n in prediction if n != 1] == [n for n in target if n != 1]:
        expected = (
            "expected one shape: they would be broadcast against each other, not compared pixel "
            "by pixel; squeeze the axis of length 1"
        )
    raise ValueError(f"prediction has shape {prediction} and target {target}; {expected}")


def worded(fault: Fault, place: tuple[Any, ...], classes: int) -> str:
    """Return the message for a pixel that was refused."""
    which = "target" if fault.reason == "bad target" else "prediction"
    index = ", ".join(str(i) for i in place)
    where = f"{which}[{index}]"
    if len(place) > 2:
        where += f" (image {place[0]}, row {place[-2]}, column {place[-1]})"
    if fault.reason == "nan":
        return f"{where} is NaN; expected numbers, or nan='ignore' to leave such pixels out"
    if fault.reason == "no probability":
        return f"{where} is no probability; expected 0 to 1, for logits apply the sigmoid first"
    hint = ""
    if fault.found == 255:
        hint = "; a mask of 0 and 255 becomes labels by mask != 0"
        hint += ", ignore_index=255 leaves such pixels out" * (which == "target")
    return f"{where} is {fault.found}; expected 0 to {classes - 1}{hint}"


# --- reading -----------------------------------------------------------------------------------


def is_tensor(item: object) -> bool:
    """Tell whether something is a torch tensor, without loading torch: if it is one, torch is."""
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and isinstance(item, tensor)


def on_device(item: Any) -> bool:
    """Tell whether something is a torch tensor that is not in the machine's own memory."""
    return is_tensor(item) and item.device.type != "cpu"


def read(item: Any, name: str) -> tuple[NDArray[Any], bool]:
    """Return an array, bfloat16 as uint16, and whether its elements are floats."""
    if type(item) is not np.ndarray and is_tensor(item):
        item = item.detach()
        if str(item.dtype) == "torch.bfloat16":
            # NumPy knows no bfloat16, and the package of its dtype may be missing.
            return item.view(sys.modules["torch"].int16).numpy().view(np.uint16), True
        item = item.numpy()
    if isinstance(item, np.ma.MaskedArray):
        # As an array it would lose its mask, and what it hides would be counted.
        raise ValueError(
            f"{name} is a masked array; expected an array without a mask: ignore_index leaves "
            "pixels out"
        )
    array = np.asarray(item)
    dtype = array.dtype
    if dtype.isbuiltin != 1 and dtype.name == "bfloat16":
        return _plain(array.view(np.uint16)), True
    kind = dtype.kind
    if kind not in "biuf":
        if kind == "O" and not isinstance(item, (np.ndarray, list, tuple)):
            raise ValueError(f"{name} is {type(item).__name__}; expected an array")
        raise ValueError(f"{name} has dtype {dtype}; expected bool, integer or float")
    if kind == "f" and dtype.itemsize > 8:
        array = array.astype(np.float64)
    return _plain(array), kind == "f"


def read_target(target: Any) -> NDArray[Any]:
    """Return the target, of some integer dtype or bool."""
    labels, floats = read(target, "target")
    if floats:
        raise ValueError(
            f"target has dtype {name_of(labels, floats)}; expected bool or integer: "
            "labels, or a mask"
        )
    return labels


def name_of(array: NDArray[Any], floats: bool) -> object:
    """Return what the dtype that was read is called in messages."""
    return "bfloat16" if floats and array.dtype.kind == "u" else array.dtype


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array whose elements lie as the machine has them."""
    if array.flags.aligned and array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("="))


def as_labels(array: NDArray[Any], name: str) -> NDArray[np.uint8] | NDArray[np.int64]:
    """Return labels as uint8, without a copy if their elements have one byte, or as int64."""
    dtype = array.dtype
    if dtype.itemsize == 1 and dtype.kind in "bu":
        return array if dtype.kind == "u" else array.view(np.uint8)
    if not np.can_cast(dtype, np.int64):
        raise ValueError(f"{name} has dtype {dtype}; expected bool or integer up to int64")
    return array.astype(np.int64, copy=False)


def as_mask(array: NDArray[Any]) -> NDArray[Any]:
    """Return elements of one byte that are 0 where those given are, if possible without a copy."""
    return array if array.dtype.itemsize == 1 else array != 0


# --- counting ----------------------------------------------------------------------------------


def flat_pair(
    first: NDArray[Any], second: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], list[int]]:
    """Return contiguous elements of two arrays of one shape, in the order in which the first's lie.

    The order of the axes is the third result: with it, two arrays that are both column-major, or
    both channels-last, are read where they lie.
    """
    if first.flags.c_contiguous and second.flags.c_contiguous:
        return first, second, list(range(first.ndim))
    axes = sorted(range(first.ndim), key=lambda axis: -abs(first.strides[axis]))
    return first.transpose(axes).ravel(), second.transpose(axes).ravel(), axes


def refused(
    fault: Fault, shape: tuple[int, ...], axes: list[int], classes: int, outer: tuple[int, ...] = ()
) -> ValueError:
    """Return the error for a fault in elements of `flat_pair`, inside the image `outer` if any."""
    place = np.unravel_index(fault.position, [shape[axis] for axis in axes])
    index = [int(place[axes.index(axis)]) for axis in range(len(shape))]
    return ValueError(worded(fault, (*outer, *index), classes))


def _prepared(
    values: NDArray[Any], floats: bool, labels: NDArray[Any], rules: Rules
) -> tuple[NDArray[Any], NDArray[Any], Rules]:
    """Return prediction, target and rules as `_count` takes them."""
    if rules.class_axis is not None:
        if not floats and values.dtype.itemsize == 8:
            # A double would round them.
            highest = values.argmax(rules.class_axis)
            labels = as_labels(labels, "target")
            return as_labels(highest, "prediction"), labels, rules._replace(class_axis=None)
        if not floats:
            values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
        axes = [axis for axis in range(values.ndim) if axis != rules.class_axis]
        values = values.transpose(*axes, rules.class_axis)
        return values, as_labels(labels, "target"), rules
    if not rules.masks:
        return as_labels(values, "prediction"), as_labels(labels, "target"), rules
    if rules.threshold is not None:
        if floats:
            return values, as_labels(labels, "target"), rules
        # The kernels read no integers as values. As doubles those of 64 bits would be rounded: they
        # are compared with the integer below, which is the same.
        limit = rules.threshold
        if values.dtype.itemsize == 8 and math.isfinite(limit):
            limit = math.floor(limit)
        values, rules = values > limit, rules._replace(threshold=None)
    if rules.ignore is None:
        return as_mask(values), as_mask(labels), rules
    # Masks with pixels to leave out are labels: 0, 1, and 2 for those.
    ignored = (labels == rules.ignore).view(np.uint8)
    marked = np.maximum((labels != 0).view(np.uint8), 2 * ignored)
    return (values != 0).view(np.uint8), marked, rules._replace(masks=False, ignore=2)


def _count(
    values: NDArray[Any],
    labels: NDArray[Any],
    rules: Rules,
    matrix: NDArray[np.int64],
    outer: tuple[int, ...],
) -> None:
    """Add the pixels of an array, or of the image `outer` of one, to a matrix."""
    if rules.class_axis is not None:
        axes = list(range(labels.ndim))
        found = _pixel_step(values)
        step = 1 if found is None else found
        if found is None:
            values = np.moveaxis(np.array(np.moveaxis(values, -1, 0), order="C"), 0, -1)
        class_step = values.strides[-1] // values.itemsize
    else:
        predicted, true, axes = flat_pair(values, labels)
    try:
        if rules.class_axis is not None:
            _kernels.confusion_highest(
                values, rules.classes, class_step, step, labels.ravel(), rules.ignore,
                rules.skip_nan, matrix,
            )  # fmt: skip
        elif rules.threshold is not None:
            _kernels.count_above(
                predicted, rules.threshold, true, rules.ignore, rules.skip_nan, matrix
            )
        elif rules.masks:
            _kernels.count_masks(predicted, true, matrix)
        else:
            _kernels.confusion(predicted, true, rules.classes, rules.ignore, matrix)
    except Fault as fault:
        raise refused(fault, labels.shape, axes, rules.classes, outer) from None


def _pixel_step(values: NDArray[Any]) -> int | None:
    """Return how many elements lie between pixels that follow each other, None if it differs.

    Parameters
    ----------
    values
        Values of each class on the last axis, pixels in C order of the others.
    """
    sizes = zip(values.strides[:-1], values.shape[:-1], strict=True)
    strides = [(stride, length) for stride, length in sizes if length > 1]
    if any(outer != inner * length for (outer, _), (inner, length) in pairwise(strides)):
        return None
    return strides[-1][0] // values.itemsize if strides else 1


def _is_list_of_runs(item: object) -> bool:
    return isinstance(item, (list, tuple)) and len(item) > 0 and isinstance(item[0], RLE)


def _encoded(item: Any, name: str, order: Literal["C", "F"]) -> RLE | None:
    """Return the runs of a mask; None if it is no mask of integers."""
    if isinstance(item, RLE):
        return item.with_order(order)
    array, floats = read(item, name)
    return None if floats or array.ndim != 2 else RLE.from_mask(array, order=order)


def _count_runs(prediction: Any, target: Any, options: dict[str, Any]) -> NDArray[np.int64] | None:
    """Count two masks from their runs, or return None if pixels have to be looked at."""
    both_runs = isinstance(prediction, RLE) and isinstance(target, RLE)
    given = [k for k in ("ignore_index", "threshold", "class_axis") if options[k] is not None]
    if both_runs and (given or options["num_classes"] not in (None, 2)):
        raise ValueError(
            f"{given[0] if given else 'num_classes'} is given for two RLE; expected neither labels "
            "nor values: they have foreground and background alone"
        )
    if not both_runs and (given or options["num_classes"] is not None):
        return None
    order = prediction.order if isinstance(prediction, RLE) else target.order
    p, t = _encoded(prediction, "prediction", order), _encoded(target, "target", order)
    if p is None or t is None:
        return None
    check_shapes(p.shape, t.shape)
    both = p.intersection(t)
    height, width = t.shape
    only = p.area - both
    rest = height * width - t.area - only
    return np.array([[rest, only], [t.area - both, both]], np.int64)
