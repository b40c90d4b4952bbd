"""Image files to arrays and back, with Pillow: colour images, label images, sizes."""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from faceseg.errors import InputError
from faceseg.files import Member, atomic_path


@dataclass(frozen=True)
class Encoded:
    """The bytes of an image file that came without one; stands where a path may stand.

    Attributes
    ----------
    data
        The bytes.
    name
        What messages call it.
    """

    data: bytes
    name: str = "bytes"

    def __str__(self) -> str:
        return self.name

    def read_bytes(self) -> bytes:
        """Return the bytes."""
        return self.data


File: TypeAlias = str | os.PathLike[str] | Member | Encoded

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow stretches 2- and 4-bit grey to 0..255; a label image means the numbers in the file.
_STRETCH = {"L;2": 85, "L;4": 17}


def read_image(path: File, *, min_size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """Read an image file as RGB.

    Grey, palette, CMYK and 16-bit images are converted, transparency is dropped, the first frame
    of an animation is taken, and the EXIF orientation is obeyed.

    Parameters
    ----------
    path
        Any format Pillow reads; a file, a member of a tar, or the bytes of a file as `Encoded`.
    min_size
        Height and width, at least 1 each. A JPEG may then be decoded at 1/2, 1/4 or 1/8 of its
        size (twice as fast and more) as long as neither side falls below `min_size`.

    Returns
    -------
    (H, W, 3) uint8 array, C-contiguous
        Red, green, blue, 0..255.

    Raises
    ------
    InputError
        If the file is missing, is not an image, is cut short, or claims more pixels than Pillow's
        limit against picture bombs, twice ``PIL.Image.MAX_IMAGE_PIXELS`` (179 million).
    """
    return read_reduced(path, min_size)[0]


def read_reduced(
    path: File, min_size: tuple[int, int] | None
) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """Read an image as :func:`read_image` does, and tell the height and width of the whole."""
    with _opened(path) as image:
        method = _TRANSPOSE.get(_orientation(image))
        turned = method is not None and _swaps_sides(method)
        width, height = image.size
        if min_size is not None:
            image.draft(None, min_size if turned else min_size[::-1])
        rgb = _to_rgb(image, path)
        if method is not None:
            rgb = rgb.transpose(method)
        return np.array(rgb), (width, height) if turned else (height, width)


def plain_jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return height and width of a whole JPEG in RGB that needs no turning; None for all else."""
    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            plain = image.format == "JPEG" and image.mode == "RGB" and _orientation(image) == 1
            return (image.height, image.width) if plain else None
    except Exception:
        return None


def image_size(path: File) -> tuple[int, int]:
    """Return height and width as :func:`read_image` would give them, from the header alone.

    Raises
    ------
    InputError
        If the file is missing or is not an image.
    """
    with _opened(path) as image:
        width, height = image.size
        method = _TRANSPOSE.get(_orientation(image))
        return (width, height) if method and _swaps_sides(method) else (height, width)


def read_labels(path: File) -> npt.NDArray[np.uint8]:
    """Read a label image: the values as they are stored.

    A palette image gives its indices, a grey one its values, a 1-bit one 0 and 1. A colour image
    is taken only if its channels are equal. The EXIF orientation is obeyed, as for images.

    Returns
    -------
    (H, W) uint8 array, C-contiguous

    Raises
    ------
    InputError
        If the file is missing, broken, in colour, or holds values above 255.
    """
    with _opened(path) as image:
        method = _TRANSPOSE.get(_orientation(image))
        # The tiles, which tell the stored depth, are gone once the image is loaded.
        tiles = getattr(image, "tile", [])
        stretch = _STRETCH.get(str(tiles[0][3]), 1) if tiles else 1
        values = np.asarray(image if method is None else image.transpose(method))
        if image.mode in ("LA", "PA"):
            values = values[..., 0]
        elif image.mode in ("RGB", "RGBA"):
            if not (
                np.array_equal(values[..., 0], values[..., 1])
                and np.array_equal(values[..., 0], values[..., 2])
            ):
                raise InputError(
                    f"{path}: a colour image where labels were expected: "
                    "save one grey or palette value for each class"
                )
            values = values[..., 0]
        elif values.ndim != 2 or values.dtype.kind == "f":
            raise InputError(
                f"{path}: mode {image.mode} where grey or palette labels were expected"
            )
        if values.dtype.itemsize > 1 and (values.min() < 0 or values.max() > 255):
            raise InputError(
                f"{path}: label values from {values.min()} to {values.max()}, expected 0 to 255"
            )
        labels = np.ascontiguousarray(values, dtype=np.uint8)
        return labels // np.uint8(stretch) if stretch > 1 else labels


def write_png(path: str | os.PathLike[str], array: npt.NDArray[np.uint8]) -> None:
    """Write a PNG, atomically.

    Parameters
    ----------
    path
        Where to.
    array
        (H, W) or (H, W, 3) uint8.

    Raises
    ------
    ValueError
        If `array` has another shape or dtype.
    """
    image = _from_array(array)
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG")


def encode_png(array: npt.NDArray[np.uint8]) -> bytes:
    """Return the bytes of a PNG; see `write_png`."""
    stream = io.BytesIO()
    _from_array(array).save(stream, format="PNG")
    return stream.getvalue()


def encode_jpeg(array: npt.NDArray[np.uint8], quality: int = 92) -> bytes:
    """Return the bytes of a JPEG; see `write_jpeg`."""
    stream = io.BytesIO()
    _from_array(array).save(stream, format="JPEG", quality=quality)
    return stream.getvalue()


def write_jpeg(
    path: str | os.PathLike[str], array: npt.NDArray[np.uint8], quality: int = 92
) -> None:
    """Write a JPEG, atomically.

    Parameters
    ----------
    path
        Where to.
    array
        (H, W) or (H, W, 3) uint8.
    quality
        1 to 95.

    Raises
    ------
    ValueError
        If `array` has another shape or dtype.
    """
    image = _from_array(array)
    with atomic_path(path) as temporary:
        image.save(temporary, format="JPEG", quality=quality)


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the image files right inside a folder, by extension, sorted, hidden ones left out."""
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(EXTENSIONS) and not entry.name.startswith(".")
        )
    return [Path(folder, name) for name in names]


def find_images(path: str | os.PathLike[str]) -> list[Path]:
    """Return the image files that `path` means, sorted.

    Parameters
    ----------
    path
        One file, a folder (the images right inside it), or a glob such as ``"photos/*.jpg"``.

    Raises
    ------
    InputError
        If nothing is found.
    """
    target = Path(path)
    if target.is_dir():
        found = list_images(target)
        if not found:
            known = " ".join(EXTENSIONS)
            raise InputError(f"{path}: no images in this folder (looked for {known})")
    elif target.exists():
        found = [target]
    else:
        matches = sorted(map(Path, glob.glob(os.fspath(path), recursive=True)))
        found = [match for match in matches if match.suffix.lower() in EXTENSIONS]
        if not found:
            raise InputError(f"{path}: no such file, folder, or images that match it")
    return found


@contextmanager
def _opened(path: File) -> Iterator[Image.Image]:
    """Open an image; whatever goes wrong inside the block is an InputError that names the file."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise InputError(
            f"{path}: PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set, so a broken image would pass "
            "for a whole one; set it to False"
        )
    try:
        file = io.BytesIO(path.read_bytes()) if isinstance(path, (Member, Encoded)) else path
        with Image.open(file) as image:
            yield image
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        size = file.getbuffer().nbytes if isinstance(file, io.BytesIO) else os.path.getsize(file)
        what = "in any known format" if size else "but empty: 0 bytes"
        raise InputError(f"{path}: not an image {what}") from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{path}: a picture bomb? It claims more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} "
            "pixels; if you trust it, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from None
    except Exception as error:
        # On bad bytes Pillow's readers raise OSError, SyntaxError, ValueError, struct.error, ...
        raise InputError(f"{path}: broken image: {' '.join(str(error).split())}") from error


def _orientation(image: Image.Image) -> int:
    # Without this key Pillow would decode a whole PNG to look for EXIF behind the pixels; a TIFF,
    # which never has it, is turned by Pillow itself.
    if "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:
        # A damaged EXIF block says nothing about the pixels.
        return 1


def _swaps_sides(method: Image.Transpose) -> bool:
    return method in (
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
    )


def _to_rgb(image: Image.Image, path: File) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise InputError(
                f"{path}: values from {values.min()} to {values.max()}, expected 8 or 16 bits"
            )
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise InputError(f"{path}: floating-point pixels, expected 8 or 16 bits")
    if image.mode == "P" and "transparency" in image.info:
        # Straight to RGB Pillow warns about the transparency it drops.
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _from_array(array: npt.NDArray[np.uint8]) -> Image.Image:
    if array.dtype != np.uint8 or not (
        array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    ):
        raise ValueError(
            f"array of shape {array.shape} and dtype {array.dtype}, "
            "expected (H, W) or (H, W, 3) uint8"
        )
    return Image.fromarray(np.ascontiguousarray(array))
