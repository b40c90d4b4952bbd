"""Pictures however they come, as arrays; several decoded ahead of their use."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, TypeVar, Union

import numpy as np
from numpy.typing import NDArray

from faceseg.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from faceseg.files import Member

Picture: TypeAlias = Union[
    NDArray[np.uint8], str, "os.PathLike[str]", "Member", bytes, bytearray, memoryview, BinaryIO
]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def to_array(picture: Picture) -> NDArray[np.uint8]:
    """Return a picture as an array.

    Parameters
    ----------
    picture
        (H, W, 3) uint8 RGB, which is returned as it is; a path; the bytes of an image file; or
        such a file open for reading. What is decoded, is as `faceseg.images.read_image` has it.

    Returns
    -------
    (H, W, 3) uint8 array
        Red, green, blue.

    Raises
    ------
    InputError
        If it is of another type, shape or dtype, or cannot be decoded.
    """
    if isinstance(picture, np.ndarray):
        if picture.ndim == 4:
            raise InputError(
                f"a batch of shape {picture.shape} where one picture was expected; give a list of "
                "pictures, or call the predictor itself with the batch"
            )
        check_array(picture)
        return picture
    # Pillow takes as long to import as all of this package; arrays do without it.
    from faceseg.files import Member
    from faceseg.images import Encoded, read_image

    if isinstance(picture, (str, os.PathLike, Member)):
        return read_image(picture)
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return read_image(Encoded(bytes(picture)))
    if not hasattr(picture, "read"):
        raise InputError(
            f"a picture of type {type(picture).__name__}; expected a NumPy array (of a PIL image: "
            "numpy.asarray(image.convert('RGB'))), a path, bytes or an open file"
        )
    data = picture.read()
    name = getattr(picture, "name", None)
    name = name if isinstance(name, str) else "open file"
    if not isinstance(data, bytes):
        raise InputError(f"{name}: gives {type(data).__name__}, expected bytes: open it with 'rb'")
    return read_image(Encoded(data, name))


def check_array(images: NDArray[Any]) -> None:
    """Refuse what is not (H, W, 3) or (N, H, W, 3) uint8, and say what it looks like.

    Raises
    ------
    InputError
        Naming shape, dtype, and what to do about them.
    """
    shape = images.shape
    if images.dtype == np.uint8 and len(shape) in (3, 4) and shape[-1] == 3 and images.size:
        return
    raise InputError(
        f"images of shape {shape} and dtype {images.dtype}, expected (H, W, 3) or (N, H, W, 3) "
        f"uint8 with no empty axis{_remedy(images)}"
    )


def _remedy(images: NDArray[Any]) -> str:
    shape, dtype = images.shape, images.dtype
    if len(shape) == 2 or shape[-1:] == (1,):
        return "; it looks grey: repeat it with numpy.stack([grey] * 3, axis=-1)"
    if len(shape) in (3, 4) and shape[-1] != 3 and shape[-3] == 3:
        return "; the channels stand first: numpy.moveaxis(images, -3, -1)"
    if shape[-1:] == (4,):
        return "; it seems to have an alpha channel: images[..., :3]"
    if dtype.kind == "f":
        if not np.isfinite(images).all():
            return "; it holds NaN or infinity, which are no colours"
        return "; of 0 to 1 make it with (images * 255).round().astype(numpy.uint8)"
    if dtype == np.uint16:
        return "; of 16 bits make it with (images >> 8).astype(numpy.uint8)"
    return ""


def ahead(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
) -> Iterator[_Result]:
    """Give what `function` makes of each item, in order, made by threads before it is asked for.

    Parameters
    ----------
    function
        Called from several threads at once.
    items
        Taken one by one, as results are asked for; may be endless.
    workers
        Threads; 0 calls `function` when its result is asked for. Up to twice as many items are
        held. An error is raised in its turn.
    """
    if workers == 0:
        yield from map(function, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                # What is done goes on at once, so that frames of a camera do not wait for more.
                while pending and (len(pending) >= 2 * workers or pending[0].done()):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
