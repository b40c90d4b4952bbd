"""Weights inside an ONNX file: stored small, computed with in float32, read back by name."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from faceseg.contract import CONFIG_KEY, ONNX_KEY, Contract
from faceseg.errors import InputError, suggest

STORES = ("float32", "float16", "int8")

# Where the parameters of a network are in the pipeline that is exported.
PREFIX = "network."

Array = NDArray[Any]


def stored(values: Array, store: str, name: str) -> tuple[Array, ...]:
    """Return a weight as it is stored: the values, or for int8 the values and their scales.

    Weights of convolutions alone are made smaller: biases and statistics are few, and the variance
    of a normalisation can be too small for half precision. int8 has one scale for each slice of
    the first axis, which holds the output channels of a convolution.

    Parameters
    ----------
    values
        The weight, float32.
    store
        One of `STORES`.
    name
        Of the weight, for messages.

    Raises
    ------
    InputError
        If the store is unknown, or a value is too large for half precision.
    """
    if store not in STORES:
        raise InputError(f"store: unknown {store!r}{suggest(store, STORES)}")
    if store == "float32" or values.ndim < 2 or values.dtype != np.float32:
        return (values,)
    if not np.isfinite(values).all():
        raise InputError(f"{name}: weights that are no finite numbers cannot be stored as {store}")
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    if store == "float16":
        if largest.max() > np.finfo(np.float16).max:
            raise InputError(
                f"{name}: {largest.max():.3g} is too large for float16; store as float32 or int8"
            )
        return (values.astype(np.float16),)
    scale = np.where(largest > 0, largest / np.float32(127), 1).astype(np.float32)
    return np.rint(values / scale).clip(-127, 127).astype(np.int8), scale


def restored(parts: tuple[Array, ...]) -> Array:
    """Return the float32 weight of what `stored` gave, bit for bit what the graph computes."""
    if len(parts) == 1 and parts[0].dtype != np.float16:
        return parts[0]
    values: Array = parts[0].astype(np.float32)
    return values if len(parts) == 1 else values * parts[1]


def pack(model: onnx.ModelProto, store: str) -> None:
    """Store the weights of convolutions small; a Cast, and for int8 a Mul, give them back.

    ONNX Runtime computes both once, when it loads the file. It leaves a DequantizeLinear in the
    graph, to be computed with each picture: DeepLabV3-MobileNet took 22 ms that way, 7 this way.
    """
    graph = model.graph
    nodes: list[onnx.NodeProto] = []
    kept: list[TensorProto] = []
    for tensor in graph.initializer:
        name = tensor.name
        values = numpy_helper.to_array(tensor)
        parts = stored(values, store, name) if name.startswith(PREFIX) else (values,)
        if parts[0] is values:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(parts[0], f"{name}/stored"))
        cast = name if len(parts) == 1 else f"{name}/cast"
        nodes.append(
            helper.make_node("Cast", [f"{name}/stored"], [cast], cast, to=TensorProto.FLOAT)
        )
        if len(parts) == 2:
            kept.append(numpy_helper.from_array(parts[1], f"{name}/scale"))
            nodes.append(helper.make_node("Mul", [cast, f"{name}/scale"], [name], name))
    nodes += graph.node
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


@dataclass(frozen=True)
class Stored:
    """What an ONNX file of this package keeps for training.

    Attributes
    ----------
    contract
        Task, classes and origin.
    config
        Settings of the run, as plain values.
    weights
        Parameters and statistics of the network, by their names in its state dict.
    store
        How the file stores them, one of `STORES`.
    """

    contract: Contract
    config: dict[str, Any]
    weights: dict[str, Array]
    store: str


def read(path: str | os.PathLike[str]) -> Stored:
    """Read the weights of an ONNX file that ``faceseg export`` wrote.

    Raises
    ------
    InputError
        If the file is truncated, not from ``faceseg export``, or of a version that kept no
        settings in it.
    """
    try:
        model = onnx.load(path)
    except (DecodeError, OSError, ValueError) as error:
        raise InputError(f"{path}: truncated or not an ONNX model") from error
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    contract = Contract.from_json(metadata.get(ONNX_KEY, ""), os.fspath(path))
    if CONFIG_KEY not in metadata:
        raise InputError(
            f"{path}: without the settings of its run: it computes in less than float32, or an "
            "older faceseg wrote it, and it serves prediction alone; export the run again, or "
            "start from its checkpoint"
        )
    try:
        config = json.loads(metadata[CONFIG_KEY])
    except ValueError as error:
        raise InputError(f"{path}: broken settings: {error}") from error
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    names = {name.removeprefix(PREFIX) for name in tensors if name.startswith(PREFIX)}
    weights = {}
    kinds = {"float32"}
    for name in sorted({name.partition("/")[0] for name in names}):
        whole = PREFIX + name
        if whole in tensors:
            weights[name] = tensors[whole]
            continue
        parts = [tensors[f"{whole}/{k}"] for k in ("stored", "scale") if f"{whole}/{k}" in tensors]
        weights[name] = restored(tuple(parts))
        kinds.add(str(parts[0].dtype))
    return Stored(contract, config, weights, max(kinds, key=STORES.index))
