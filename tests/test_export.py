from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from google.protobuf import text_format
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

import faceseg
from faceseg.checkpoint import load, load_pipeline, save
from faceseg.config import Config
from faceseg.contract import CONFIG_KEY, ONNX_KEY, Contract
from faceseg.draw import draw_dataset, draw_portrait
from faceseg.errors import InputError
from faceseg.export import DEFAULT, FORMATS, export_model
from faceseg.export.job import Job
from faceseg.export.opencv import open_opencv
from faceseg.export.program import load_program
from faceseg.export.torchscript import load_torchscript
from faceseg.export.verify import LEAST_IOU, SHAPES, verify
from faceseg.images import write_png
from faceseg.models import build
from faceseg.models.pipeline import Normalise, Pipeline
from faceseg.predict import Predictor

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

HOST = Path(__file__).parents[1] / "export" / "hosts" / "python" / "segment.py"


def test_files_are_named_verified_and_carry_one_contract(exported: Exports) -> None:
    assert exported.onnx.name == "face-unet.onnx"
    assert exported.torchscript.name == "face-unet.ts"
    _, from_torchscript = load_torchscript(exported.torchscript)
    contract = Predictor(exported.onnx, provider="cpu").contract
    assert contract == from_torchscript
    assert contract.classes == ("background", "face")
    assert contract.size == (64, 64)
    assert contract.terms == "drawn data"
    assert contract.probabilities


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 37, 91), (2, 200, 113), (1, 1, 1), (1, 5, 300)])
def test_every_size_and_batch_agrees_with_eager(
    exported: Exports, shape: tuple[int, int, int]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pipeline, _ = load_pipeline(exported.checkpoint, probabilities=True)
    with torch.inference_mode():
        mask, probabilities = (t.numpy() for t in pipeline(torch.from_numpy(images)))
    decided = abs(probabilities[:, 1] - 0.5) > 1e-3
    contract = Predictor(exported.onnx, provider="cpu").contract
    for form in (FORMATS[name] for name in DEFAULT):
        outputs = form.open(exported.onnx.with_suffix(form.suffix), contract)(images)
        assert np.array_equal(outputs[0][decided], mask[decided])
        np.testing.assert_allclose(outputs[1], probabilities, atol=1e-4)


def test_onnx_is_readable_by_old_runtimes_and_names_no_path(exported: Exports) -> None:
    model = onnx.load(exported.onnx)
    assert model.ir_version == 8
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert [p.key for p in model.metadata_props] == [ONNX_KEY, CONFIG_KEY]
    shape = model.graph.input[0].type.tensor_type.shape
    assert [d.dim_param or d.dim_value for d in shape.dim] == ["batch", "height", "width", 3]
    data = exported.onnx.read_bytes()
    for trace in (b"site-packages", b".py", os.fsencode(Path.cwd()), b"stack_trace"):
        assert trace not in data


def test_torchscript_names_no_path(exported: Exports) -> None:
    with zipfile.ZipFile(exported.torchscript) as archive:
        for name in archive.namelist():
            assert b"site-packages" not in archive.read(name)
            assert os.fsencode(Path.cwd()) not in archive.read(name)


def test_onnx_is_the_same_file_each_time(exported: Exports, tmp_path: Path) -> None:
    (again,) = export_model(
        exported.checkpoint, ["onnx"], tmp_path, probabilities=True, terms="drawn data"
    )
    assert again.path.read_bytes() == exported.onnx.read_bytes()
    assert again.verification.differing == 0
    assert again.verification.pixels > 100_000
    assert again.verification.classes == 2


def test_more_classes(tmp_path: Path) -> None:
    config = Config(width=4, depth=2, size=(64, 64), norm="group", attention=True)
    classes = ("background", "person", "skin", "brow", "eye")
    torch.manual_seed(0)
    weights = build(config, len(classes)).state_dict()
    save(tmp_path / "best.pt", config=config, task="parse", classes=classes, weights=weights)
    (written,) = export_model(tmp_path, ["onnx"], tmp_path)
    image = draw_portrait(np.random.default_rng(1), size=(90, 70))[0]
    mask = Predictor(written.path, provider="cpu")(image)
    assert mask.shape == (90, 70)
    assert mask.max() < len(classes)
    assert written.path.name == "parse-unet.onnx"


def test_unknown_format(exported: Exports, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'onx'; did you mean 'onnx'"):
        export_model(exported.checkpoint, ["onx"], tmp_path)


class _NotAntialiased(Pipeline):
    """The mistake that exports are made with: a resize of another rule."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.interpolate(self.normalise(images), size=self.size, mode="nearest")
        logits = F.interpolate(self.network(x), size=images.shape[1:3], mode="nearest")
        return logits.argmax(1).to(torch.uint8)


def test_a_file_that_disagrees_is_not_left_behind(
    exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = FORMATS["torchscript"].write

    def wrong(job: Job, path: Path) -> None:
        assert isinstance(job.graph, Pipeline)
        write(replace(job, graph=_NotAntialiased(job.graph.network, job.graph.size)), path)

    form = replace(FORMATS["torchscript"], write=wrong)
    monkeypatch.setitem(FORMATS, "torchscript", form)
    with pytest.raises(InputError, match=r"not written: .* pixels differ from eager"):
        export_model(exported.checkpoint, ["torchscript"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_verify_names_wrong_forms(exported: Exports) -> None:
    network = load(exported.checkpoint).model()
    contract = replace(Predictor(exported.onnx, provider="cpu").contract, probabilities=False)

    def check(outputs: tuple[NDArray[np.generic], ...]) -> None:
        verify(network, lambda images: outputs, contract, "a.onnx")

    mask = np.zeros(SHAPES[0], np.uint8)
    with pytest.raises(InputError, match=r"a\.onnx: not written: 2 outputs, not 1"):
        check((mask, mask))
    with pytest.raises(InputError, match=r"mask is int64 .* expected uint8"):
        check((mask.astype(np.int64),))
    with pytest.raises(InputError, match=r"mask is uint8 \(2, 2\), expected"):
        check((mask[0, :2, :2],))


def test_verify_refuses_nan(exported: Exports) -> None:
    pipeline, _ = load_pipeline(exported.checkpoint, probabilities=True)
    contract = Predictor(exported.onnx, provider="cpu").contract

    def broken(images: NDArray[np.uint8]) -> tuple[NDArray[np.generic], ...]:
        with torch.inference_mode():
            mask, probabilities = (t.numpy() for t in pipeline(torch.from_numpy(images)))
        return mask, probabilities * np.float32(np.nan)

    with pytest.raises(InputError, match="probabilities by at most nan"):
        verify(pipeline.network, broken, contract, "a.onnx")


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_a_broken_torchscript_file_is_named(
    exported: Exports, tmp_path: Path, content: bytes | None
) -> None:
    whole = exported.torchscript.read_bytes()
    path = tmp_path / "a.ts"
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(InputError, match=r"a\.ts: truncated or not a TorchScript file"):
        load_torchscript(path)
    with pytest.raises(InputError, match="no such file"):
        load_torchscript(tmp_path / "b.ts")


def test_a_foreign_torchscript_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    with pytest.warns(FutureWarning):
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(path))
    with pytest.raises(InputError, match="no faceseg contract"):
        load_torchscript(path)


def test_the_python_host_gives_the_same_mask(exported: Exports, tmp_path: Path) -> None:
    image = draw_portrait(np.random.default_rng(3), size=(120, 87))[0]
    write_png(tmp_path / "photo.png", image)
    command = [sys.executable, str(HOST), str(exported.onnx), "photo.png", "mask.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    assert np.array_equal(mask, 255 * Predictor(exported.onnx, provider="cpu")(image))
    assert done.stdout.split()[0] == "background"
    text = HOST.read_text()
    assert "import faceseg" not in text
    assert "from faceseg" not in text


def test_the_weights_are_named(exported: Exports) -> None:
    _, checkpoint = load_pipeline(exported.checkpoint)
    contract = Predictor(exported.onnx, provider="cpu").contract
    assert contract.weights_sha256 == checkpoint.sha256


def test_the_contract_lies_beside_each_file(exported: Exports) -> None:
    text = exported.onnx.with_suffix(".json").read_text()
    beside = Contract.from_json(text, "face-unet.json")
    assert beside == Predictor(exported.onnx, provider="cpu").contract
    assert set(beside.versions) == {"torch", "onnx"}


def test_a_card_is_not_replaced_by_a_contract(exported: Exports, tmp_path: Path) -> None:
    card = Path(faceseg.__file__).parent / "weights" / "face-unet.json"
    (tmp_path / "face-unet.json").write_bytes(card.read_bytes())
    with pytest.raises(InputError, match=r"face-unet\.json: in the way of the contract"):
        export_model(exported.checkpoint, ["onnx"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["face-unet.json"]


@pytest.mark.parametrize("picture", [(64, 64), (48, 61), (96, 80)])
def test_one_size_of_picture(exported: Exports, tmp_path: Path, picture: tuple[int, int]) -> None:
    (written,) = export_model(
        exported.checkpoint, ["onnx"], tmp_path, probabilities=True, picture=picture
    )
    height, width = picture
    assert written.path.name == f"face-unet-{height}x{width}.onnx"
    model = onnx.load(written.path)
    operators = [node.op_type for node in model.graph.node]
    assert "Shape" not in operators
    assert ("Resize" in operators) == (picture != (64, 64))
    contract = Contract.from_json(written.path.with_suffix(".json").read_text(), "a.json")
    assert contract.picture == picture
    # A picture that is reduced needs antialiasing, which OpenCV lacks.
    assert any("OpenCV" in name for name in written.runtimes) == (picture != (96, 80))
    if picture == (64, 64):
        image = draw_portrait(np.random.default_rng(7), size=picture)[0][None]
        mask, probabilities = open_opencv(written.path, contract)(image)
        ours = FORMATS["onnx"].open(written.path, contract)(image)
        assert np.array_equal(mask, ours[0])
        np.testing.assert_allclose(probabilities, ours[1], atol=1e-4)


@pytest.mark.parametrize("size", [(97, 131), (64, 41), (33, 400), (1, 1), (3, 700), (64, 64)])
def test_letterbox_is_the_picture_in_a_frame(exported: Exports, size: tuple[int, int]) -> None:
    checkpoint = load(exported.checkpoint)
    rng = np.random.default_rng(2)
    image = torch.from_numpy(rng.integers(0, 256, (1, *size, 3), dtype=np.uint8))
    height, width = (max(1, int(64 * side / max(size) + 0.5)) for side in size)
    top, left = (64 - height) // 2, (64 - width) // 2
    pixels = image.permute(0, 3, 1, 2).float()
    small = F.interpolate(pixels, size=(height, width), mode="bilinear", antialias=True)
    frame = torch.zeros(1, 3, 64, 64)
    frame[:, :, top : top + height, left : left + width] = Normalise().scaled(small)
    with torch.inference_mode():
        logits = checkpoint.model()(frame)[:, :, top : top + height, left : left + width]
        expected = F.interpolate(logits, size=size, mode="bilinear").softmax(1)
        pipeline = Pipeline(checkpoint.model(), (64, 64), probabilities=True, letterbox=True)
        mask, probabilities = pipeline.eval()(image)
    assert mask.shape == (1, *size)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("formats", "picture"),
    [(["torchscript", "onnx"], None), (["pt2", "onnx"], (48, 61)), (["openvino"], None)],
)
def test_letterbox(
    exported: Exports, tmp_path: Path, formats: list[str], picture: tuple[int, int] | None
) -> None:
    if "openvino" in formats:
        pytest.importorskip("openvino", reason="pip install openvino")
    written = export_model(
        exported.checkpoint, formats, tmp_path, probabilities=True, letterbox=True,
        picture=picture,
    )  # fmt: skip
    stem = "face-unet-letterbox" + ("-48x61" if picture else "")
    for each in written:
        assert each.path.name == stem + FORMATS[each.format].suffix
        assert each.verification.differing == 0
    if "onnx" in formats:
        contract = Predictor(tmp_path / f"{stem}.onnx", provider="cpu").contract
        assert contract.letterbox
        assert Contract.from_json(contract.to_json(), "a.json") == contract


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_less_precision(
    exported: Exports, tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An untrained network decides by a hair, so that rounding turns more pixels.
    monkeypatch.setitem(LEAST_IOU, precision, 0.8)
    written = [
        export_model(exported.checkpoint, ["onnx"], folder, precision=precision)[0]
        for folder in (tmp_path / "a", tmp_path / "b")
    ]
    assert written[0].path.name == f"face-unet-{precision}.onnx"
    assert written[0].path.read_bytes() == written[1].path.read_bytes()
    assert 0.8 <= written[0].verification.iou <= 1
    model = onnx.load(written[0].path)
    assert model.ir_version == 8
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert Predictor(written[0].path, provider="cpu").contract.precision == precision
    operators = {node.op_type for node in model.graph.node}
    assert "BatchNormalization" not in operators
    if precision == "int8":
        scales = [t for t in model.graph.initializer if t.name.endswith("weight_scale")]
        assert max(np.prod(t.dims) for t in scales) > 1
        made_by = {name: node.op_type for node in model.graph.node for name in node.output}
        assert "DequantizeLinear" not in {
            made_by[node.input[0]] for node in model.graph.node if node.op_type == "Relu"
        }
        # Few products for a number: the 27 of a picture's three channels, 16 and fewer where the
        # map is enlarged.
        weights = {t.name for t in model.graph.initializer}
        convolutions = [n for n in model.graph.node if n.op_type in ("Conv", "ConvTranspose")]
        kept = [n.input[1] for n in convolutions if n.input[1] in weights]
        assert [name.split(".")[1] for name in kept] == ["down", "enlarge", "enlarge", "head"]
    else:
        assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
        assert onnx.TensorProto.FLOAT16 in {t.data_type for t in model.graph.initializer}


def test_int8_that_strays_is_not_left_behind(exported: Exports, tmp_path: Path) -> None:
    (tmp_path / "black").mkdir()
    write_png(tmp_path / "black" / "a.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match=r"not written: .* an IoU of 0.98 or more; calibrate on"):
        export_model(
            exported.checkpoint, ["onnx"], tmp_path / "out", precision="int8",
            calibrate=tmp_path / "black",
        )  # fmt: skip
    assert list((tmp_path / "out").iterdir()) == []


def test_scores_on_data(exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEAST_IOU, "int8", 0.8)
    draw_dataset(tmp_path / "data", 5, size=(70, 60), val_fraction=0.4)
    (written,) = export_model(
        exported.checkpoint, ["onnx"], tmp_path, precision="int8", data=tmp_path / "data",
        calibrate=tmp_path / "data",
    )  # fmt: skip
    assert written.scores is not None
    eager, ours = written.scores
    assert abs(eager - ours) < 0.1
    assert f"IoU on the data {ours:.4f}, eager {eager:.4f}" in str(written)


def test_the_network_alone(exported: Exports, tmp_path: Path) -> None:
    written = export_model(exported.checkpoint, ["torchscript", "onnx"], tmp_path, logits=True)
    assert [each.path.name for each in written] == ["face-unet-logits.ts", "face-unet-logits.onnx"]
    image = draw_portrait(np.random.default_rng(7), size=(64, 64))[0][None]
    scaled = Normalise()(torch.from_numpy(image))
    with torch.inference_mode():
        expected = load(exported.checkpoint).model()(scaled).numpy()
    contract = Contract.from_json(written[0].path.with_suffix(".json").read_text(), "a.json")
    assert contract.outputs == ("logits",)
    for each in written:
        (logits,) = FORMATS[each.format].open(each.path, contract)(scaled.numpy())
        np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_torch_export(exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEAST_IOU, "bfloat16", 0.8)
    written = [
        export_model(exported.checkpoint, ["pt2"], folder, precision=precision)[0]
        for folder, precision in [
            (tmp_path / "a", "float32"), (tmp_path / "b", "float32"), (tmp_path, "bfloat16"),
        ]
    ]  # fmt: skip
    assert [each.path.name for each in written[1:]] == ["face-unet.pt2", "face-unet-bfloat16.pt2"]
    assert written[0].path.read_bytes() == written[1].path.read_bytes()
    assert written[0].verification.differing == 0
    assert load_program(written[2].path)[1].precision == "bfloat16"
    with zipfile.ZipFile(written[0].path) as archive:
        for name in archive.namelist():
            assert b"site-packages" not in archive.read(name)
            assert os.fsencode(Path.cwd()) not in archive.read(name)
    (tmp_path / "cut.pt2").write_bytes(written[0].path.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"cut\.pt2: truncated or not a file of torch\.export"):
        load_program(tmp_path / "cut.pt2")


def test_openvino(exported: Exports, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="pip install openvino")
    (written,) = export_model(exported.checkpoint, ["openvino"], tmp_path, probabilities=True)
    assert written.runtimes == ("OpenVINO",)
    files = sorted(path.name for path in written.path.iterdir())
    assert files == ["faceseg.json", "model.bin", "model.xml"]
    # Its own resizes are slow.
    assert "Interpolate" not in (written.path / "model.xml").read_text()
    contract = Contract.from_json((written.path / "faceseg.json").read_text(), "faceseg.json")
    # Reduced with antialiasing, which the importer of ONNX leaves out.
    image = draw_portrait(np.random.default_rng(7), size=(301, 240))[0][None]
    ours = FORMATS["openvino"].open(written.path, contract)(image)
    assert np.array_equal(ours[0][0], Predictor(exported.onnx, provider="cpu")(image[0]))
    with pytest.raises(InputError, match=r"face-unet\.openvino: exists; remove it"):
        export_model(exported.checkpoint, ["openvino"], tmp_path)


def test_openvino_that_is_not_there(
    exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match="openvino: not installed; pip install openvino"):
        export_model(exported.checkpoint, ["openvino"], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler g++")
def test_aoti(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One size and two convolutions: compiling is most of the time."""
    # Otherwise ten trial programs are compiled and started to find out what this CPU has, and
    # torch's headers for this one file: a minute of processor instead of half.
    monkeypatch.setattr("torch._inductor.cpu_vec_isa.valid_vec_isa_list", list)
    monkeypatch.setattr("torch._inductor.config.aot_inductor.precompile_headers", False)
    config = Config(width=2, depth=1, size=(32, 32))
    torch.manual_seed(0)
    save(
        tmp_path / "best.pt", config=config, task="face", classes=("background", "face"),
        weights=build(config, 2).state_dict(),
    )  # fmt: skip
    (written,) = export_model(
        tmp_path, ["aoti"], tmp_path / "out", probabilities=True, picture=(32, 32)
    )
    assert written.path.name == "face-unet-32x32.aoti.pt2"
    assert written.runtimes == ("AOTInductor",)
    with zipfile.ZipFile(written.path) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".cpp")]
    beside = (tmp_path / "out" / "face-unet-32x32.aoti.json").read_text()
    contract = Contract.from_json(beside, "a.json")
    assert contract.picture == (32, 32)
    cut = tmp_path / "cut.pt2"
    cut.write_bytes(written.path.read_bytes()[:9999])
    with pytest.raises(InputError, match=r"cut\.pt2: truncated or not a file of AOTInductor"):
        FORMATS["aoti"].open(cut, contract)


def test_aoti_without_a_compiler(
    exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"aoti: no C\+\+ compiler 'no-such-compiler' here"):
        export_model(exported.checkpoint, ["onnx", "aoti"], tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("picture", [None, (64, 64)])
def test_triton(exported: Exports, tmp_path: Path, picture: tuple[int, int] | None) -> None:
    try:
        from tritonclient.grpc import model_config_pb2 as schema
    except (ImportError, RuntimeError):
        pytest.skip("Triton's schema is not here: pip install 'tritonclient[grpc]'")
    (written,) = export_model(
        exported.checkpoint, ["triton"], tmp_path, probabilities=True, picture=picture
    )
    config = text_format.Parse((written.path / "config.pbtxt").read_text(), schema.ModelConfig())
    assert config.name == written.path.name
    assert config.backend == "onnxruntime"
    contract = Contract.from_json(config.parameters["faceseg"].string_value, "config.pbtxt")
    session = onnxruntime.InferenceSession(
        written.path / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    batched = picture is None
    assert config.max_batch_size == (8 if batched else 0)
    assert config.HasField("dynamic_batching") == batched
    types = {"tensor(uint8)": schema.TYPE_UINT8, "tensor(float)": schema.TYPE_FP32}
    for stated, held in [
        (config.input, session.get_inputs()), (config.output, session.get_outputs()),
    ]:  # fmt: skip
        assert [each.name for each in stated] == [each.name for each in held]
        assert [each.data_type for each in stated] == [types[each.type] for each in held]
        for one, other in zip(stated, held, strict=True):
            sides = [side if isinstance(side, int) else -1 for side in other.shape]
            assert list(one.dims) == sides[1 if batched else 0 :]
    assert contract.picture == picture


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, "precision: unknown 'int4'; did you mean 'int8'"),
        ({"precision": "bfloat16"}, "onnx files compute in float32, float16, int8, bfloat16 was"),
        ({"precision": "int8", "store": "int8"}, "store: int8 is for files that compute in flo"),
        ({"calibrate": "photos"}, "photos given, but float32 needs no calibration"),
        ({"picture": (0, 64)}, "size: 0x64 given, expected 1x1 or more"),
        ({"picture": (64, 64), "data": "set"}, "leave out the size of the pictures"),
        ({"letterbox": True, "logits": True}, "letterbox: the network alone"),
        ({"letterbox": True, "formats": ["pt2"]}, "letterbox: pt2 files take it for one size"),
    ],
)
def test_what_does_not_go_together(
    exported: Exports, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        export_model(exported.checkpoint, **{"formats": ["onnx"], "out_dir": tmp_path} | options)
    assert list(tmp_path.iterdir()) == []
