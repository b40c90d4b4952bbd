"""Graphs of OpenVINO: what it would compute wrongly or slowly, written in another way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceseg.openvino_core import import_openvino

# Rows of a matrix, or columns where those are fewer, in each product.
_BAND = 32

# They compute in floating point in an int8 file, too.
_FLOATING = {"Add", "HSwish", "HardSigmoid", "ShapeOf", "Slice", "TopK", "Transpose"}


def rewrite(model: Any) -> None:
    """Make a graph faster that was read from a file, in place; twice is as once.

    Resizes and the difference of two classes become products, and what is rounded to int8 for
    operators that compute in floating point is not.
    """
    _multiply(model)
    for node in model.get_ordered_ops():
        restored = _restored(node)
        if restored is not None:
            restored.replace(node.input_value(0))
    model.validate_nodes_and_infer_types()


def _restored(node: Any) -> Any:
    """Return what a node's int8 numbers become again, if none of those who take it needs int8.

    ONNX Runtime computes a convolution in int8 only if its result is rounded; OpenVINO computes
    what follows along with it instead, before anything is rounded. With bfloat16 on two cores
    DeepLabV3 took 0.93 of the time, and its masks of 48 drawn portraits had an IoU with eager's of
    0.9936 instead of 0.9908; the classic U-Net, as fast as before, 0.9924 instead of 0.9869. A
    range that begins at zero may stand for a Relu and stays.
    """
    if node.get_type_name() != "FakeQuantize":
        return None
    least = node.input_value(1).get_node()
    if least.get_type_name() != "Constant" or least.data.min() >= 0:
        return None
    found = node.output(0)
    for kind in ("Convert", "Convert", "Subtract", "Multiply"):
        takers = [place.get_node() for place in found.get_target_inputs()]
        if [taker.get_type_name() for taker in takers] != [kind]:
            return None
        found = takers[0].output(0)
    takers = [place.get_node() for place in found.get_target_inputs()]
    return found if all(map(_is_floating, takers)) else None


def _is_floating(node: Any) -> bool:
    """Return whether a node computes in floating point: a convolution, if its weights are so."""
    kind = node.get_type_name()
    if kind == "Convolution":
        return bool(node.input_value(1).get_node().get_type_name() == "Constant")
    return kind in _FLOATING


def _multiply(model: Any) -> None:
    """Write resizes, and the difference of two classes, as products.

    The importer of ONNX leaves out antialiasing without a word, and OpenVINO's own resizes are
    slow: with them the light U-Net took 78 ms for a 720p frame on one core in bfloat16, with
    products 12, and ONNX Runtime takes 27.
    """
    for node in model.get_ordered_ops():
        if _is_difference(node):
            node.output(0).replace(_difference(node.input_value(0).get_node().input_value(0)))
        if not _is_bilinear(node):
            continue
        x = node.input_value(0)
        if _keeps_size(node):
            # OpenVINO runs it: 4 of 22 ms of DeepLabV3 at its own size on one core.
            node.output(0).replace(x)
            continue
        antialias = node.get_attributes()["antialias"]
        # Each product is along the last axis, which has the matrix on the right, as AMX wants it;
        # the map is turned where it is small.
        if antialias:
            y = _turned(_along(_turned(_along(x, node, 3)), node, 2))
        else:
            y = _along(_turned(_along(_turned(x), node, 2)), node, 3)
        node.output(0).replace(y.output(0))


def _is_bilinear(node: Any) -> bool:
    """Return whether a node is a resize as PyTorch does it: bilinear, with half-pixel centres."""
    if node.get_type_name() != "Interpolate":
        return False
    how = node.get_attributes()
    kind = (how["mode"], how["coordinate_transformation_mode"])
    return kind == ("linear_onnx", "half_pixel")


def _keeps_size(node: Any) -> bool:
    """Return whether a resize is known to change nothing."""
    after = node.get_output_partial_shape(0)
    return bool(after.is_static and after == node.get_input_partial_shape(0))


def _is_difference(node: Any) -> bool:
    """Return whether a node takes the first of two channels from the second."""
    if node.get_type_name() != "Subtract":
        return False
    parts = [node.input_value(place).get_node() for place in (0, 1)]
    if any(part.get_type_name() != "Slice" or part.get_input_size() != 5 for part in parts):
        return False
    whole, other = (part.input_value(0) for part in parts)
    starts, axes = ([part.input_value(place).get_node() for part in parts] for place in (1, 4))
    if any(each.get_type_name() != "Constant" for each in starts + axes):
        return False
    shape, result = whole.get_partial_shape(), node.get_output_partial_shape(0)
    return bool(
        whole == other
        and shape.rank == result.rank == 4
        and (shape[1], result[1]) == (2, 1)
        and [int(each.data.item()) for each in (*starts, *axes)] == [1, 0, 1, 1]
    )


def _difference(x: Any) -> Any:
    """Take the first of two channels from the second, by a convolution.

    Channels lie last in OpenVINO, where it slices one by one: without slices the light U-Net took
    0.96 of the time in bfloat16 and int8, with the same masks.
    """
    ops = import_openvino().opset11
    weights = ops.constant(np.array([-1, 1], np.float32).reshape(1, 2, 1, 1))
    return ops.convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1]).output(0)


def _along(x: Any, node: Any, axis: int) -> Any:
    """Resize the last axis of a map, which is an axis of what a node resizes."""
    ops = import_openvino().opset11
    antialias = node.get_attributes()["antialias"]
    sides = node.get_input_partial_shape(0)[axis], node.get_output_partial_shape(0)[axis]
    if all(side.is_static for side in sides):
        before, after = (side.get_length() for side in sides)
        return _in_bands(x, _matrix(before, after, antialias))
    zero, place = ops.constant(np.int64(0)), ops.constant(np.int64(axis))
    before = ops.gather(ops.shape_of(node.input_value(0), "i32"), place, zero)
    after = ops.gather(ops.convert(node.input_value(1), "i32"), place, zero)
    return ops.matmul(x, _weights(before, after, antialias), False, True)


def _turned(x: Any) -> Any:
    return import_openvino().opset11.transpose(x, [0, 1, 3, 2])


def _in_bands(x: Any, matrix: NDArray[np.float32]) -> Any:
    """Multiply by an (after, before) matrix in parts, each less the columns that are all zero.

    At 720p on two cores the light U-Net took 13.0 ms instead of 20.5, 7.6 instead of 11.7 in
    bfloat16 and 7.2 instead of 15.3 in int8.
    """
    ops = import_openvino().opset11
    parts = []
    for rows in np.array_split(np.arange(len(matrix)), max(min(matrix.shape) // _BAND, 1)):
        columns = np.flatnonzero(matrix[rows].any(axis=0))
        first, last = int(columns[0]), int(columns[-1]) + 1
        part = ops.slice(x, [first], [last], [1], [3]) if last - first < matrix.shape[1] else x
        weights = np.ascontiguousarray(matrix[rows, first:last])
        parts.append(ops.matmul(part, ops.constant(weights), False, True))
    return ops.concat(parts, 3) if len(parts) > 1 else parts[0]


def _matrix(before: int, after: int, antialias: bool) -> NDArray[np.float32]:
    """Return `_weights` of two numbers."""
    unit = 2 * after
    reach = max(unit, 2 * before) if antialias else unit
    centres = (2 * np.arange(after)[:, None] + 1) * before - after
    near = np.maximum(reach - np.abs(centres - np.arange(before) * unit), 0)
    weights: NDArray[np.float32] = (near / near.sum(1, keepdims=True)).astype(np.float32)
    return weights


def _weights(before: Any, after: Any, antialias: bool) -> Any:
    """Return the (after, before) matrix of a bilinear resize with half-pixel centres.

    Positions are integers, in units of 1 / (2 * after): bfloat16 would round them.
    """
    ops = import_openvino().opset11
    zero, one, two = (ops.constant(np.int32(value)) for value in (0, 1, 2))

    def count(stop: Any) -> Any:
        return ops.range(zero, stop, one, "i32")

    unit = after * two
    reach = ops.maximum(unit, before * two) if antialias else unit
    centres = ops.unsqueeze((count(after) * two + one) * before - after, one)
    near = ops.maximum(reach - ops.abs(centres - count(before) * unit), zero)
    near = ops.convert(near, "f32")
    return near / ops.reduce_sum(near, one, keep_dims=True)
