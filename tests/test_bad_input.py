"""What is no model, and what is no picture: a clear error, or what the documents promise."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from PIL import Image

from faceseg.contract import ONNX_KEY
from faceseg.errors import InputError
from faceseg.predict import Predictor

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

PHOTO = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def predictor(exported: Exports) -> Predictor:
    return Predictor(exported.onnx, provider="cpu", threads=1)


def _refused(path: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Predictor(path, provider="cpu")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_files_that_are_no_model(exported: Exports, tmp_path: Path) -> None:
    whole = exported.onnx.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "folder.onnx").mkdir()
    for name, message in [
        ("cut.onnx", "truncated or not an ONNX model"),
        ("text.onnx", "truncated or not an ONNX model"),
        ("empty.onnx", "truncated or not an ONNX model"),
        ("folder.onnx", "no such file"),
        ("none.onnx", "no such file"),
        ("best.pt", "expected an .onnx file or .openvino folder; 'faceseg export' makes one"),
    ]:
        _refused(tmp_path / name, message)


def test_models_of_other_projects_and_newer_ones(exported: Exports, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    contract = json.loads(model.metadata_props[0].value)
    path = tmp_path / "model.onnx"
    for text, message in [
        (None, "no faceseg contract in this file"),
        ("{", "broken contract: no JSON"),
        (json.dumps(contract | {"version": 99}), "contract version 99, .*upgrade faceseg"),
    ]:
        onnx.helper.set_model_props(model, {} if text is None else {ONNX_KEY: text})
        onnx.save(model, path)
        _refused(path, message)


def test_a_graph_without_a_mask(logits_alone: Path) -> None:
    _refused(logits_alone, "gives logits and no mask; export the whole pipeline")


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_weights_in_a_second_file(
    exported: Exports, tmp_path: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path, weights = tmp_path / "model.onnx", tmp_path / "weights.bin"
    onnx.save(
        onnx.load(exported.onnx), path, save_as_external_data=True, location=weights.name,
        size_threshold=256,
    )  # fmt: skip
    image = np.zeros((8, 8, 3), np.uint8)
    assert np.array_equal(Predictor(path)(image), Predictor(exported.onnx)(image))
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:100])
    else:
        weights.unlink()
    _refused(path, "its weights are in a second file, which is missing or cut short")
    assert capfd.readouterr() == ("", "")  # ONNX Runtime's own lines are kept off the terminal


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        (np.zeros((8, 8), np.uint8), r"looks grey: repeat it with numpy.stack"),
        (np.zeros((8, 8, 1), np.uint8), r"looks grey"),
        (np.zeros((8, 8, 4), np.uint8), r"alpha channel: images\[\.\.\., :3\]"),
        (np.zeros((3, 8, 8), np.uint8), r"channels stand first: numpy.moveaxis"),
        (np.zeros((2, 3, 8, 8), np.float32), r"channels stand first: numpy.moveaxis"),
        (np.zeros((8, 8, 3), np.float32), r"\(images \* 255\)\.round\(\)"),
        (np.full((8, 8, 3), np.nan), r"NaN or infinity"),
        (np.zeros((8, 8, 3), np.uint16), r"\(images >> 8\)"),
        (np.zeros((8, 8, 3), np.int64), r"no empty axis$"),
        (np.zeros((0, 8, 3), np.uint8), r"no empty axis$"),
        (np.zeros((1, 1, 8, 8, 3), np.uint8), r"no empty axis$"),
    ],
)
def test_arrays_that_are_no_picture(predictor: Predictor, image: np.ndarray, remedy: str) -> None:
    expected = rf"images of shape .* expected \(H, W, 3\) or \(N, H, W, 3\) uint8.*{remedy}"
    with pytest.raises(InputError, match=expected):
        predictor(image)
    if image.ndim < 4:
        with pytest.raises(InputError, match=expected):
            predictor.predict(image)


def test_objects_that_are_no_picture(predictor: Predictor) -> None:
    with pytest.raises(InputError, match=r"a batch of shape \(2, 8, 8, 3\) where one picture"):
        predictor.predict(np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"type Image; expected a NumPy array \(of a PIL image"):
        predictor.predict(Image.fromarray(PHOTO))  # type: ignore[call-overload]
    with pytest.raises(
        InputError, match=r"open file: gives str, expected bytes: open it with 'rb'"
    ):
        predictor.predict(io.StringIO("text"))  # type: ignore[call-overload]


def _encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=form, **options)
    return stream.getvalue()


def _bomb() -> bytes:
    """A whole PNG of 150 bytes whose header claims 60,000 x 60,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    )


def test_files_that_are_no_picture(predictor: Predictor, tmp_path: Path) -> None:
    floats = _encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF")
    for data, message in [
        (b"", "not an image but empty: 0 bytes"),
        (b"hello", "not an image in any known format"),
        (_bomb(), "a picture bomb\\? It claims more than 178,956,970 pixels; if you trust it"),
        (_encoded(Image.fromarray(PHOTO))[:-200], "broken image"),
        (floats, "floating-point pixels, expected 8 or 16 bits"),
    ]:
        path = tmp_path / "picture.img"
        path.write_bytes(data)
        with pytest.raises(InputError, match=f"^bytes: {message}"):
            predictor.predict(data)
        with pytest.raises(InputError, match=f"picture.img: {message}"):
            predictor.predict(path)
        with path.open("rb") as stream, pytest.raises(InputError, match=f"img: {message}"):
            predictor.predict(stream)


def test_pictures_of_unusual_kinds(predictor: Predictor) -> None:
    photo = Image.fromarray(PHOTO)
    grey = PHOTO[..., 0]
    transparent = photo.convert("RGBA")
    transparent.putalpha(Image.fromarray(grey))
    palette = photo.quantize(16)
    for data, same in [
        (_encoded(transparent), PHOTO),
        (_encoded(transparent, "WEBP", lossless=True, exact=True), PHOTO),
        (_encoded(palette), np.asarray(palette.convert("RGB"))),
        (_encoded(Image.fromarray(grey.astype(np.uint16) * 257)), np.stack([grey] * 3, axis=-1)),
        (_encoded(photo.convert("CMYK"), "TIFF"), np.asarray(photo.convert("CMYK").convert("RGB"))),
    ]:
        assert np.array_equal(predictor.predict(data).mask, predictor(same))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_its_first_frame(predictor: Predictor, form: str) -> None:
    first, second = Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)
    options = {"lossless": True} if form == "WEBP" else {}
    alone = _encoded(first, form, **options)
    moving = _encoded(first, form, save_all=True, append_images=[second], **options)
    with Image.open(io.BytesIO(moving)) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
    assert np.array_equal(predictor.predict(moving).mask, predictor.predict(alone).mask)
