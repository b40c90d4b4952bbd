"""Binary masks as run lengths: the type `RLE`, and functions for many masks at once.

Functions with ``threads`` share the masks out among so many threads (0: one for each core); the
interpreter is free meanwhile. An error tells the place in the list: ``masks[3]: ...``.
``docs/rle-format.md`` works through an example of each format.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from threading import Thread
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from faceseg import _kernels
from faceseg._kernels import RLE

__all__ = [
    "RLE",
    "Order",
    "decode",
    "decode_labels",
    "encode",
    "encode_labels",
    "from_coco",
    "from_kaggle",
    "intersection",
    "iou_matrix",
    "to_coco",
    "to_kaggle",
    "union",
]

Order: TypeAlias = Literal["C", "F"]


class _Batch(Protocol):
    @property
    def n(self) -> int: ...
    def run(self, first: int, last: int) -> None: ...


def encode(
    masks: ArrayLike | Iterable[ArrayLike],
    *,
    order: Order = "F",
    threshold: float | None = None,
    threads: int = 1,
) -> list[RLE]:
    """Encode masks, as `RLE.from_mask` does each.

    Parameters
    ----------
    masks : array, (N, H, W), or iterable of array_like, each (H, W)
        Masks; those in a list may differ in shape.
    order : {"F", "C"}
        Read the pixels down the columns or along the rows.
    threshold : float, optional
        Pixels over it are foreground; without one, pixels that are not zero.
    threads : int
        How many threads.

    Examples
    --------
    >>> encode(np.eye(3)[:, None] > 0)
    [<RLE 1 x 3, order F, 3 runs, area 1>, <RLE 1 x 3, order F, 3 runs, area 1>, \
<RLE 1 x 3, order F, 2 runs, area 1>]
    """
    batch = _kernels.Encode(masks, order, threshold)
    _run(batch, threads)
    return batch.results()


def decode(
    rles: Iterable[RLE],
    *,
    out: NDArray[Any] | None = None,
    dtype: DTypeLike = np.uint8,
    value: float = 1,
    size: tuple[int, int] | None = None,
    threads: int = 1,
) -> NDArray[Any]:
    """Write the pixels of masks into one array, as `RLE.decode` does each.

    Parameters
    ----------
    rles : iterable of RLE
        Masks of one shape, unless there is a `size`.
    out : ndarray, (N, H, W), optional
        Filled and returned instead of a new array.
    dtype, value
        Of the new array; what foreground pixels become.
    size : (int, int), optional
        Resize each to this height and width, by nearest neighbour.
    threads : int
        How many threads.

    Returns
    -------
    ndarray, (N, H, W)
        0 and `value`.

    Examples
    --------
    >>> decode([RLE.from_kaggle("1 2", (1, 3)), RLE.from_kaggle("3 1", (1, 3))]).tolist()
    [[[1, 1, 0]], [[0, 0, 1]]]
    """
    masks = _listed(rles, "rles")
    if size is not None:
        shape = _kernels.check_shape(size, "size")
    elif masks or out is None:
        shape = _kernels.common_shape(masks)
    else:
        shape = np.shape(out)[1:]
    if out is None:
        out = np.empty((len(masks), *shape), dtype)
    else:
        _kernels.check_out(out, (len(masks), *shape))
    batch = _kernels.Decode(masks, out, [_kernels.value_of(out.dtype, value)] * len(masks))
    _run(batch, threads)
    return batch.results()


def from_kaggle(
    texts: Iterable[str],
    shape: tuple[int, int] | Iterable[tuple[int, int]],
    *,
    order: Order = "F",
    base: int = 1,
    threads: int = 1,
) -> list[RLE]:
    """Read Kaggle's texts, as `RLE.from_kaggle` does each.

    Parameters
    ----------
    texts : iterable of str
        One text for each mask.
    shape : (int, int) or iterable of (int, int)
        Height and width of all masks, or of each.
    order : {"F", "C"}
        How the pixels were read.
    base : {1, 0}
        The number of the first pixel.
    threads : int
        How many threads.

    Examples
    --------
    >>> from_kaggle(["3 1 5 2", ""], (2, 3))
    [<RLE 2 x 3, order F, 4 runs, area 3>, <RLE 2 x 3, order F, 1 run, area 0>]
    """
    texts = _listed(texts, "texts")
    batch = _kernels.Parse(texts, _shapes(shape, len(texts)), order, True, base)
    _run(batch, threads)
    return batch.results()


def to_kaggle(rles: Iterable[RLE], *, base: int = 1, threads: int = 1) -> list[str]:
    """Write Kaggle's texts, as `RLE.to_kaggle` does each.

    Examples
    --------
    >>> to_kaggle([RLE.full((2, 3), True), RLE.full((2, 3), False)])
    ['1 6', '']
    """
    batch = _kernels.Write(rles, True, base)
    _run(batch, threads)
    return batch.results()


def from_coco(
    counts: Iterable[bytes | str | Sequence[int] | Mapping[str, Any]],
    shape: tuple[int, int] | Iterable[tuple[int, int]] | None = None,
    *,
    order: Order = "F",
    threads: int = 1,
) -> list[RLE]:
    """Read COCO's run lengths, as `RLE.from_coco` does each.

    Parameters
    ----------
    counts : iterable of bytes, str, sequence of int, or dict
        Compressed texts, runs, or segmentations with size and counts.
    shape : (int, int) or iterable of (int, int), optional
        Height and width of all masks, or of each; needed unless dicts tell them.
    order : {"F", "C"}
        How the pixels were read.
    threads : int
        How many threads.

    Examples
    --------
    >>> from_coco([b"2111", {"size": [1, 2], "counts": [1, 1]}], [(2, 3), (1, 2)])
    [<RLE 2 x 3, order F, 4 runs, area 3>, <RLE 1 x 2, order F, 2 runs, area 1>]
    """
    items = _listed(counts, "counts")
    batch = _kernels.Parse(items, _shapes(shape, len(items)), order, False)
    _run(batch, threads)
    return batch.results()


def to_coco(rles: Iterable[RLE], *, threads: int = 1) -> list[bytes]:
    """Write COCO's compressed texts, as `RLE.to_coco` does each.

    Examples
    --------
    >>> to_coco([RLE.full((2, 3), True), RLE.full((2, 3), False)])
    [b'06', b'6']
    """
    batch = _kernels.Write(rles, False)
    _run(batch, threads)
    return batch.results()


def encode_labels(
    labels: ArrayLike,
    *,
    classes: Iterable[int] | None = None,
    order: Order = "F",
    threads: int = 1,
) -> dict[int, RLE]:
    """Encode each class of a label map; no binary mask is made.

    Parameters
    ----------
    labels : array_like, (H, W), integer
        Labels of one byte are read where they lie; wider ones are copied.
    classes : iterable of int, optional
        Which to encode; by default each that occurs.
    order : {"F", "C"}
        Read the pixels down the columns or along the rows.
    threads : int
        How many threads.

    Returns
    -------
    dict of int to RLE
        In the order of `classes`, or ascending.

    Examples
    --------
    >>> encode_labels([[0, 7], [7, 7]])
    {0: <RLE 2 x 2, order F, 3 runs, area 1>, 7: <RLE 2 x 2, order F, 2 runs, area 3>}
    """
    array = np.asarray(labels)
    if array.ndim != 2:
        raise ValueError(f"labels have shape {array.shape}; expected (height, width)")
    if array.dtype.kind not in "biu":
        raise ValueError(f"labels have dtype {array.dtype}; expected integers")
    if array.dtype == bool:
        array = array.view(np.uint8) != 0  # its bytes may be more than 0 and 1
    blank = RLE.full(array.shape, False, order=order)
    wanted = None if classes is None else [_integer(label, "classes") for label in classes]
    found: dict[int, RLE] = {}
    for codes, code_of in _coded(array, wanted):
        batch = _kernels.Encode(codes, order, None, bytes(code_of.values()))
        _run(batch, threads)
        found.update(zip(code_of, batch.results(), strict=True))
    return found if wanted is None else {label: found.get(label, blank) for label in wanted}


def decode_labels(
    rles: Mapping[int, RLE] | Iterable[RLE],
    *,
    labels: Iterable[int] | None = None,
    background: int = 0,
    out: NDArray[Any] | None = None,
    dtype: DTypeLike = np.uint8,
) -> NDArray[Any]:
    """Write a label map; where masks overlap, the later one is on top.

    Parameters
    ----------
    rles : mapping of int to RLE, or iterable of RLE
        Masks of one shape; fastest if their order is that of the map in memory.
    labels : iterable of int, optional
        The label of each mask of a list; by default 1, 2, 3 and so on.
    background : int
        The label where no mask has a pixel.
    out : ndarray, (H, W), optional
        Filled and returned instead of a new array.
    dtype : dtype
        Of the new array.

    Examples
    --------
    >>> decode_labels({7: RLE.from_kaggle("1 2", (1, 4)), 9: RLE.from_kaggle("2 2", (1, 4))})
    array([[7, 9, 9, 0]], dtype=uint8)
    """
    # To tell that a list is no Mapping takes half a microsecond.
    if not isinstance(rles, (list, tuple)) and isinstance(rles, (dict, Mapping)):
        if labels is not None:
            raise ValueError("labels are the keys of rles; expected labels with a list alone")
        labels, masks = list(rles), list(rles.values())
    else:
        masks = _listed(rles, "rles")
        labels = None if labels is None else list(labels)
    if labels is not None and len(labels) != len(masks):
        raise ValueError(f"labels are {len(labels)} for {len(masks)} masks")
    if not masks and out is None:
        raise ValueError("rles are empty; expected one mask or more, or out")
    return _kernels.decode_labels(masks, labels, background, out, dtype)


def union(rles: Iterable[RLE]) -> RLE:
    """Return the pixels that are foreground in any of the masks, one or more.

    Examples
    --------
    >>> union([RLE.from_kaggle("1 1", (1, 3)), RLE.from_kaggle("3 1", (1, 3))]).to_kaggle()
    '1 1 3 1'
    """
    return _kernels.merge(rles, False)


def intersection(rles: Iterable[RLE]) -> RLE:
    """Return the pixels that are foreground in all of the masks, one or more.

    Examples
    --------
    >>> intersection([RLE.from_kaggle("1 2", (1, 3)), RLE.from_kaggle("2 2", (1, 3))]).to_kaggle()
    '2 1'
    """
    return _kernels.merge(rles, True)


def iou_matrix(
    a: Iterable[RLE],
    b: Iterable[RLE],
    *,
    iscrowd: Iterable[bool] | None = None,
    threads: int = 1,
) -> NDArray[np.float64]:
    """Return intersection over union of each mask of one list with each of another.

    Parameters
    ----------
    a, b : iterable of RLE
        Masks, all of one shape and order.
    iscrowd : iterable of bool, optional
        For each of `b`: divide by the area of the mask of `a` instead, as COCO does for crowds.
    threads : int
        How many threads.

    Returns
    -------
    ndarray, (M, N), float64
        NaN where the divisor is zero, as `RLE.iou` has it.

    Examples
    --------
    >>> masks = from_kaggle(["1 4", "3 4"], (2, 3))
    >>> iou_matrix(masks, masks[:1])
    array([[1.        ],
           [0.33333333]])
    """
    batch = _kernels.Intersections(a, b)
    _run(batch, threads)
    return batch.ious(iscrowd)


def _listed(items: Iterable[Any], name: str) -> list[Any]:
    """Return a list, and refuse one item where many are expected."""
    if isinstance(items, (str, bytes, dict, RLE)):
        raise TypeError(f"{name} is {type(items).__name__}; expected a list of them")
    return list(items)


def _integer(number: Any, name: str) -> int:
    try:
        return operator.index(number)
    except TypeError:
        raise TypeError(f"{name} is {number!r}; expected an integer") from None


def _shapes(
    shape: tuple[int, int] | Iterable[tuple[int, int]] | None, n: int
) -> tuple[Any, ...] | list[tuple[int, int]] | None:
    """Return one shape for all as a tuple, or a list of n."""
    if shape is None:
        return None
    if not isinstance(shape, Iterable):
        raise TypeError(f"shape is {shape!r}; expected (height, width)")
    items: list[Any] = list(shape)
    if not any(isinstance(item, (tuple, list, np.ndarray)) for item in items):
        return tuple(items)
    if len(items) != n:
        raise ValueError(f"shape lists {len(items)} shapes; expected one, or {n}")
    return items


def _coded(
    labels: NDArray[Any], wanted: Sequence[int] | None
) -> Iterator[tuple[NDArray[np.uint8], dict[int, int]]]:
    """Give label maps of one byte, and the code in them of each label that they tell."""
    if labels.dtype.itemsize > 1 and labels.size and labels.min() >= 0 and labels.max() <= 255:
        labels = labels.astype(np.uint8)
    if labels.dtype.itemsize == 1:
        codes = labels.view(np.uint8)
        found = _kernels.occurring(codes) if wanted is None else range(256)
        signed = labels.dtype == np.int8
        code_of = {code - 256 * (signed and code > 127): code for code in found}
        chosen = sorted(code_of) if wanted is None else [k for k in wanted if k in code_of]
        yield codes, {label: code_of[label] for label in chosen}
        return
    values, places = np.unique(labels, return_inverse=True)
    places = places.reshape(labels.shape)
    for first in range(0, len(values), 255):
        part = values[first : first + 255].tolist()
        inside = (places >= first) & (places < first + len(part))
        codes = np.where(inside, places - first, 255).astype(np.uint8)
        code_of = {label: code for code, label in enumerate(part)}
        chosen = part if wanted is None else [k for k in wanted if k in code_of]
        yield codes, {label: code_of[label] for label in chosen}


def _run(batch: _Batch, threads: int) -> None:
    """Run a batch, this thread doing its share."""
    if threads == 1:
        batch.run(0, batch.n)
        return
    workers = _integer(threads, "threads")
    if workers < 0:
        raise ValueError(f"threads is {threads}; expected 1 or more, or 0 for all cores")
    workers = min(workers or os.cpu_count() or 1, batch.n)
    if workers <= 1:
        batch.run(0, batch.n)
        return
    ends = [batch.n * k // workers for k in range(workers + 1)]
    others: list[Thread] = []
    try:
        for first, last in pairwise(ends[1:]):
            thread = Thread(target=batch.run, args=(first, last), daemon=True)
            thread.start()
            others.append(thread)
        batch.run(0, ends[1])
    finally:
        for thread in others:
            thread.join()
