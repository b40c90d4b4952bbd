from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from faceseg import images
from faceseg.errors import InputError


@pytest.fixture
def photo() -> np.ndarray:
    """A smooth picture whose four corners differ, 48 high and 80 wide."""
    rows, columns = np.mgrid[0:48, 0:80]
    channels = (rows * 5, columns * 3, 255 - rows * 2 - columns)
    return np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)


def test_png_round_trip_is_exact(tmp_path: Path, photo: np.ndarray) -> None:
    images.write_png(tmp_path / "colour.png", photo)
    images.write_png(tmp_path / "grey.png", photo[:, ::2, 0])
    assert np.array_equal(images.read_image(tmp_path / "colour.png"), photo)
    assert np.array_equal(images.read_labels(tmp_path / "grey.png"), photo[:, ::2, 0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colour.png", "grey.png"]


def test_jpeg_is_close(tmp_path: Path, photo: np.ndarray) -> None:
    images.write_jpeg(tmp_path / "photo.jpg", photo)
    read = images.read_image(tmp_path / "photo.jpg")
    assert np.abs(read.astype(int) - photo).mean() < 3
    assert read.flags.c_contiguous
    assert read.flags.writeable


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4), np.int64), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)],
    ids=["dtype", "four channels", "one axis"],
)
def test_write_refuses_other_arrays(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        images.write_png(tmp_path / "x.png", array)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation(tmp_path: Path, photo: np.ndarray, orientation: int, suffix: str) -> None:
    path = tmp_path / f"turned{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(photo).save(path, exif=exif, quality=100)
    turned = {
        1: photo,
        2: photo[:, ::-1],
        3: photo[::-1, ::-1],
        4: photo[::-1],
        5: photo.transpose(1, 0, 2),
        6: np.rot90(photo, -1),
        7: photo[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(photo),
    }[orientation]
    read = images.read_image(path)
    assert read.shape == turned.shape
    assert np.abs(read.astype(int) - turned).mean() < 4
    assert images.image_size(path) == turned.shape[:2]


def test_labels_obey_orientation_as_images_do(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    Image.fromarray(labels).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(images.read_labels(tmp_path / "turned.png"), np.rot90(labels, -1))


def test_damaged_exif_does_not_hide_the_image(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(photo).save(path, exif=b"Exif\0\0junk that is no TIFF header")
    assert images.read_image(path).shape == photo.shape


@pytest.mark.parametrize("min_size", [(1, 1), (6, 10), (7, 10), (20, 20), (48, 80), (100, 100)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_min_size_is_kept(
    tmp_path: Path, photo: np.ndarray, min_size: tuple[int, int], orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(photo).save(tmp_path / "photo.jpg", exif=exif)
    full = images.image_size(tmp_path / "photo.jpg")
    height, width = images.read_image(tmp_path / "photo.jpg", min_size=min_size).shape[:2]
    assert height >= min(full[0], min_size[0])
    assert width >= min(full[1], min_size[1])
    if min_size == (6, 10):
        assert (height, width) == ((6, 10) if orientation == 1 else (20, 12))


def test_min_size_leaves_png_whole(tmp_path: Path, photo: np.ndarray) -> None:
    images.write_png(tmp_path / "photo.png", photo)
    assert images.read_image(tmp_path / "photo.png", min_size=(4, 4)).shape == photo.shape


def test_every_mode_becomes_rgb(tmp_path: Path, photo: np.ndarray) -> None:
    grey = photo[..., 0]
    rgb = Image.fromarray(photo)
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(grey))
    rgba.save(tmp_path / "rgba.png")
    assert np.array_equal(images.read_image(tmp_path / "rgba.png"), photo)

    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(images.read_image(tmp_path / "grey.png"), np.stack([grey] * 3, axis=-1))

    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    assert np.array_equal(images.read_image(tmp_path / "sixteen.png")[..., 1], grey)

    rgb.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    assert np.abs(images.read_image(tmp_path / "cmyk.jpg").astype(int) - photo).mean() < 4

    palette = rgb.quantize(16)
    palette.info["transparency"] = bytes(range(16))
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(
        images.read_image(tmp_path / "palette.png"), np.asarray(palette.convert("RGBA"))[..., :3]
    )

    Image.fromarray(grey > 100).save(tmp_path / "bits.png")
    assert np.array_equal(images.read_image(tmp_path / "bits.png")[..., 2], (grey > 100) * 255)


def test_float_and_32_bit_images_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(np.full((4, 4), 70000, np.int32)).save(tmp_path / "int.tif")
    with pytest.raises(InputError, match=r"float\.tif: floating-point"):
        images.read_image(tmp_path / "float.tif")
    with pytest.raises(InputError, match=r"int\.tif: values from 70000"):
        images.read_image(tmp_path / "int.tif")
    with pytest.raises(InputError, match="mode F where grey or palette"):
        images.read_labels(tmp_path / "float.tif")


def _grey_png(path: Path, values: np.ndarray, bits: int) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width = values.shape
    per_byte = 8 // bits
    padded = np.zeros((height, -(-width // per_byte) * per_byte), np.uint8)
    padded[:, :width] = values
    packed = np.zeros((height, padded.shape[1] // per_byte), np.uint8)
    for place in range(per_byte):
        packed |= padded[:, place::per_byte] << np.uint8(8 - bits * (place + 1))
    lines = np.insert(packed, 0, 0, axis=1)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(lines.tobytes()))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_labels_are_the_numbers_stored(tmp_path: Path, bits: int) -> None:
    labels = (np.arange(63) % min(9, 2**bits)).astype(np.uint8).reshape(7, 9)
    _grey_png(tmp_path / "grey.png", labels, bits)
    assert np.array_equal(images.read_labels(tmp_path / "grey.png"), labels)


def test_palette_labels_are_indices(tmp_path: Path) -> None:
    labels = (np.arange(24) % 9).astype(np.uint8).reshape(4, 6)
    image = Image.fromarray(labels)
    image.putpalette([200, 10, 30] * 256)
    image.save(tmp_path / "palette.png")
    assert np.array_equal(images.read_labels(tmp_path / "palette.png"), labels)


def test_labels_in_colour(tmp_path: Path, photo: np.ndarray) -> None:
    grey = photo[..., 0]
    images.write_png(tmp_path / "equal.png", np.stack([grey] * 3, axis=-1))
    images.write_png(tmp_path / "colour.png", photo)
    assert np.array_equal(images.read_labels(tmp_path / "equal.png"), grey)
    with pytest.raises(InputError, match=r"colour\.png: a colour image"):
        images.read_labels(tmp_path / "colour.png")


def test_sixteen_bit_labels(tmp_path: Path) -> None:
    labels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    Image.fromarray(labels).save(tmp_path / "low.png")
    Image.fromarray(labels + np.uint16(300)).save(tmp_path / "high.png")
    assert np.array_equal(images.read_labels(tmp_path / "low.png"), labels)
    with pytest.raises(InputError, match="label values from 300 to 311"):
        images.read_labels(tmp_path / "high.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9])
def test_truncated(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"cut{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(InputError, match=f"cut\\{suffix}: (broken image|not an image)") as caught:
        images.read_image(path)
    assert "\n" not in str(caught.value)


def test_truncated_is_refused_even_where_pillow_is_told_to_accept_it(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.write_png(tmp_path / "photo.png", photo)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(InputError, match="LOAD_TRUNCATED_IMAGES"):
        images.read_image(tmp_path / "photo.png")


@pytest.mark.parametrize("read", [images.read_image, images.read_labels, images.image_size])
def test_missing_and_foreign_files(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(InputError, match=r"none\.jpg: no such file"):
        read(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(InputError, match=r"text\.jpg: not an image"):
        read(tmp_path / "text.jpg")
    with pytest.raises(InputError, match="broken image"):
        read(tmp_path)


@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), suffix=st.sampled_from([".jpg", ".png", ".webp", ".tif", ".bmp"]))
def test_damage_gives_an_array_or_one_line(
    tmp_path: Path, data: st.DataObject, suffix: str
) -> None:
    path = tmp_path / f"damaged{suffix}"
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    for read in (images.read_image, images.read_labels, images.image_size):
        message = ""
        try:
            read(path)
        except InputError as error:
            message = str(error)
        assert not message or message.startswith(f"{path}: ")
        assert "\n" not in message


def test_find_images(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "deep/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in images.find_images(tmp_path)] == ["a.png", "b.JPG"]
    assert images.find_images(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]
    assert images.find_images(tmp_path / "**" / "*.png") == [
        tmp_path / "a.png",
        tmp_path / "deep" / "c.png",
    ]
    with pytest.raises(InputError, match="no such file"):
        images.find_images(tmp_path / "none*.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images in this folder"):
        images.find_images(tmp_path / "empty")
