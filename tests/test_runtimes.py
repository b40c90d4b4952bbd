"""ONNX Runtime with kept buffers, and OpenVINO, give what ONNX Runtime on the CPU gives."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from faceseg import providers, runtimes
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.export import export_model
from faceseg.predict import Predictor
from faceseg.runtimes import Bound, OnnxRuntime

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

RNG = np.random.default_rng(0)
SIZES = ((64, 64), (97, 131), (33, 200), (64, 64))


@pytest.fixture(scope="module")
def fixed(exported: Exports, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fixed")
    (made,) = export_model(
        exported.checkpoint, ["onnx"], folder, probabilities=True, picture=(80, 72)
    )
    return made.path


def _together(work: object, turns: int) -> list[BaseException]:
    """Run a function with 0, 1, ... in as many threads and return what went wrong."""
    wrong: list[BaseException] = []

    def guarded(turn: int) -> None:
        try:
            work(turn)  # type: ignore[operator]
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(turns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_kept_buffers_give_what_a_plain_run_gives(fixed: Path) -> None:
    session = onnxruntime.InferenceSession(str(fixed), providers=["CPUExecutionProvider"])
    bound = Bound(session, "cpu")
    given = RNG.integers(0, 256, (3, 1, 80, 72, 3), dtype=np.uint8)
    expected = [session.run(["mask", "probabilities"], {"image": images}) for images in given]
    assert not np.array_equal(expected[0][0], expected[1][0])
    found = [bound.run(images) for images in given]
    for (mask, shares), outputs in zip(expected, found, strict=True):
        # Later calls have not written into the results of earlier ones.
        assert np.array_equal(outputs["mask"], mask)
        assert np.array_equal(outputs["probabilities"], shares)

    def work(turn: int) -> None:
        for _ in range(10):
            assert np.array_equal(bound.run(given[turn % 3])["mask"], expected[turn % 3][0])

    assert _together(work, 4) == []


class _Session(onnxruntime.InferenceSession):  # type: ignore[misc]
    """The GPU wheel's session, as far as the CPU's can stand in for it."""

    asked: list[object]

    def __init__(
        self, model: object, options: object, providers: list[str], provider_options: list[object]
    ) -> None:
        super().__init__(model, options, providers=["CPUExecutionProvider"])
        _Session.asked = [*zip(providers, provider_options, strict=True)]
        self.first = providers[0]

    def get_providers(self) -> list[str]:
        return [self.first, "CPUExecutionProvider"]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = runtimes._buffer
    monkeypatch.setattr(onnxruntime, "InferenceSession", _Session)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: [*providers.PROVIDERS.values()]
    )
    monkeypatch.setattr(providers, "works", lambda provider: True)
    monkeypatch.setattr(runtimes, "_buffer", lambda value, device: buffer(value, "cpu"))


def test_a_gpu_keeps_its_buffers_and_replays_a_graph(
    exported: Exports, fixed: Path, gpu: None
) -> None:
    image = RNG.integers(0, 256, (80, 72, 3), dtype=np.uint8)
    plain = Predictor(fixed, provider="cpu")
    graph = Predictor(fixed, provider="cuda", cuda_graph=True)
    assert _Session.asked[0] == ("CUDAExecutionProvider", {"enable_cuda_graph": "1"})
    assert graph.provider == "CUDAExecutionProvider"
    assert np.array_equal(graph(image), plain(image))
    assert np.array_equal(graph.probabilities(image), plain.probabilities(image))
    with pytest.raises(InputError, match="takes pictures of any size, and a CUDA graph has one"):
        Predictor(exported.onnx, provider="cuda", cuda_graph=True)
    # Free sizes have no buffers to keep.
    assert Predictor(exported.onnx, provider="cuda")(image).shape == (80, 72)


def test_tensorrt_in_float16(fixed: Path, gpu: None) -> None:
    assert Predictor(fixed, provider="tensorrt", precision="float16").precision == "float16"
    assert _Session.asked == [
        ("TensorrtExecutionProvider", {"trt_fp16_enable": "1"}),
        ("CUDAExecutionProvider", {}),
        ("CPUExecutionProvider", {}),
    ]


def test_what_is_not_there_is_an_error(exported: Exports, fixed: Path) -> None:
    with pytest.raises(InputError, match="cuda_graph: asked for on cpu; it is for provider cuda"):
        Predictor(fixed, provider="cpu", cuda_graph=True)
    with pytest.raises(InputError, match="precision bfloat16 asked for, but ONNX Runtime computes"):
        Predictor(exported.onnx, provider="cpu", precision="bfloat16")
    if "TensorrtExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(InputError, match="this onnxruntime has no TensorrtExecutionProvider"):
            Predictor(exported.onnx, provider="tensorrt")


def test_without_openvino(exported: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert not providers.works("OpenVINO")
    with pytest.raises(InputError, match=r"^openvino: not installed; pip install openvino"):
        Predictor(exported.onnx, provider="openvino")


@pytest.fixture(scope="module")
def openvino(exported: Exports) -> Predictor:
    pytest.importorskip("openvino")
    return Predictor(exported.onnx, provider="openvino", threads=1)


def test_openvino_gives_the_same_masks(exported: Exports, openvino: Predictor) -> None:
    plain = Predictor(exported.onnx, provider="cpu", threads=1)
    assert (openvino.provider, openvino.precision) == ("OpenVINO", "float32")
    assert openvino.contract == plain.contract
    for size in SIZES:
        image = draw_portrait(np.random.default_rng(1), size=size)[0]
        assert np.array_equal(openvino(image), plain(image))
        np.testing.assert_allclose(
            openvino.probabilities(image), plain.probabilities(image), atol=1e-3
        )


def test_openvino_keeps_results_and_takes_batches_and_threads(
    exported: Exports, openvino: Predictor
) -> None:
    plain = Predictor(exported.onnx, provider="cpu", threads=1)
    portraits = [draw_portrait(np.random.default_rng(i), size=(50, 60))[0] for i in range(6)]
    expected = [plain(image) for image in portraits]
    found = [openvino(image) for image in portraits]
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))
    # One more batch size than are kept, and the first again.
    for count in (*range(1, runtimes._KEPT + 2), 1):
        assert np.array_equal(openvino(np.stack(portraits[:count])), np.stack(expected[:count]))

    def work(turn: int) -> None:
        for i in range(20):
            place = (turn + i) % 6
            assert np.array_equal(openvino(portraits[place]), expected[place])

    assert _together(work, 4) == []


def test_openvino_reads_its_own_folder(
    exported: Exports, openvino: Predictor, tmp_path: Path
) -> None:
    (made,) = export_model(exported.checkpoint, ["openvino"], tmp_path, probabilities=True)
    image = draw_portrait(np.random.default_rng(2), size=(70, 61))[0]
    predictor = Predictor(made.path)
    assert predictor.provider == "OpenVINO"
    assert np.array_equal(predictor(image), openvino(image))
    with pytest.raises(InputError, match="a folder for OpenVINO, cpu was asked for"):
        Predictor(made.path, provider="cpu")
    xml = made.path / "model.xml"
    xml.write_bytes(xml.read_bytes()[:500])
    with pytest.raises(InputError, match="truncated or not a model"):
        Predictor(made.path)


def test_openvino_refuses_what_has_no_contract(
    exported: Exports, openvino: Predictor, tmp_path: Path
) -> None:
    model = onnx.load(exported.onnx)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(InputError, match="no faceseg contract in this file"):
        Predictor(tmp_path / "a.onnx", provider="openvino")
    shutil.copy(exported.onnx, tmp_path / "b.onnx")
    with (tmp_path / "b.onnx").open("r+b") as file:
        file.truncate(3000)
    with pytest.raises(InputError, match="truncated or not a model"):
        Predictor(tmp_path / "b.onnx", provider="openvino")


def test_openvino_in_bfloat16(exported: Exports, openvino: Predictor) -> None:
    with pytest.raises(
        InputError, match="precision: int8 asked for, OpenVINO takes float32, bfloat"
    ):
        Predictor(exported.onnx, provider="openvino", precision="int8")
    if "BF16" not in runtimes.core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(InputError, match="this CPU has no such arithmetic"):
            Predictor(exported.onnx, provider="openvino", precision="bfloat16")
        return
    predictor = Predictor(exported.onnx, provider="openvino", precision="bfloat16")
    assert predictor.precision == "bfloat16"
    image = draw_portrait(np.random.default_rng(3), size=(64, 64))[0]
    shares, exact = predictor.probabilities(image), openvino.probabilities(image)
    assert 0 < np.abs(shares - exact).max() < 0.1


def test_a_runtime_of_a_single_shape(fixed: Path) -> None:
    assert OnnxRuntime(fixed, "cpu").shape == [1, 80, 72, 3]
    pytest.importorskip("openvino")
    image = RNG.integers(0, 256, (80, 72, 3), dtype=np.uint8)
    found = Predictor(fixed, provider="openvino")
    assert np.array_equal(found(image), Predictor(fixed, provider="cpu")(image))
    with pytest.raises(InputError, match=r"takes \(1, 80, 72, 3\) alone"):
        found(image[:60])


@pytest.mark.parametrize("sizes_known", [True, False])
@pytest.mark.parametrize(
    ("before", "after"), [((150, 333), (64, 72)), ((64, 40), (300, 170)), ((7, 90), (96, 5))]
)
def test_openvino_resizes_as_pytorch_does(
    before: tuple[int, int], after: tuple[int, int], sizes_known: bool
) -> None:
    openvino = pytest.importorskip("openvino")
    from faceseg.openvino_core import core
    from faceseg.openvino_graph import rewrite

    antialias = before[1] > after[1]
    ops = openvino.opset11
    image = ops.parameter([1, 2, -1, -1], np.float32)
    resized = ops.interpolate(
        image, np.array([1, 2, *after]), "linear_onnx", "sizes", axes=[0, 1, 2, 3],
        coordinate_transformation_mode="half_pixel", antialias=antialias,
    )  # fmt: skip
    model = openvino.Model([resized], [image])
    if sizes_known:
        model.reshape([1, 2, *before])
    rewrite(model)
    operators = {node.get_type_name() for node in model.get_ops()}
    assert "Interpolate" not in operators
    assert ("Range" in operators) is not sizes_known
    x = RNG.random((1, 2, *before), np.float32)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    (found,) = core().compile_model(model, "CPU", settings)({0: x}).values()
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(x), after, mode="bilinear", align_corners=False, antialias=antialias
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_openvino_slices_no_channels(exported: Exports) -> None:
    pytest.importorskip("openvino")
    from faceseg.openvino_core import core
    from faceseg.openvino_graph import rewrite

    model = core().read_model(exported.onnx)
    model.reshape([1, 64, 64, 3])
    before = {node.get_type_name() for node in model.get_ops()}
    rewrite(model)
    after = {node.get_type_name() for node in model.get_ops()}
    assert {"Slice", "Interpolate"} <= before
    assert not {"Slice", "Interpolate"} & after


def _rounded(parts: list[onnx.NodeProto], x: str, zero_point: int) -> str:
    """Append a rounding to uint8 and back; return its name."""
    name = f"{x}_{len(parts)}"
    scale = onnx.numpy_helper.from_array(np.float32(0.02))
    zero = onnx.numpy_helper.from_array(np.uint8(zero_point))
    for constant, value in (("s", scale), ("z", zero)):
        parts.append(onnx.helper.make_node("Constant", [], [f"{name}_{constant}"], value=value))
    scales = [f"{name}_s", f"{name}_z"]
    parts.append(onnx.helper.make_node("QuantizeLinear", [x, *scales], [f"{name}_q"]))
    parts.append(onnx.helper.make_node("DequantizeLinear", [f"{name}_q", *scales], [name]))
    return name


@pytest.mark.parametrize("zero_point", [128, 0])
@pytest.mark.parametrize("operator", ["HardSwish", "Transpose", "Conv", "MaxPool"])
def test_openvino_rounds_for_int8_alone(operator: str, zero_point: int) -> None:
    pytest.importorskip("openvino")
    from faceseg.openvino_core import core
    from faceseg.openvino_graph import rewrite

    parts: list[onnx.NodeProto] = []
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.3, (4, 4, 1, 1)).astype(np.float32)
    constant = onnx.numpy_helper.from_array(weights)
    parts.append(onnx.helper.make_node("Constant", [], ["w"], value=constant))
    y = _rounded(parts, "x", 128)
    parts.append(onnx.helper.make_node("Conv", [y, _rounded(parts, "w", 128)], ["y"]))
    z = _rounded(parts, "y", zero_point)
    inputs = [z, "w"] if operator == "Conv" else [z]
    more = {"kernel_shape": [1, 1]} if operator == "MaxPool" else {}
    parts.append(onnx.helper.make_node(operator, inputs, ["z"], **more))
    kinds = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4, 8, 8])
        for name in ("x", "z")
    ]
    graph = onnx.helper.make_graph(parts, "g", kinds[:1], kinds[1:])
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model = core().read_model(made.SerializeToString())

    def roundings() -> int:
        return sum(n.get_type_name() == "FakeQuantize" for n in model.get_ops())

    x = rng.uniform(-1, 1, (1, 4, 8, 8)).astype(np.float32)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}

    def output() -> np.ndarray:
        (found,) = core().compile_model(model, "CPU", settings)({0: x}).values()
        return np.array(found)

    count, expected = roundings(), output()
    rewrite(model)
    # MaxPool takes int8; and what ends at zero may be a Relu.
    gone = zero_point > 0 and operator != "MaxPool"
    assert roundings() == count - gone
    # A step is 0.02, which the convolution adds up.
    np.testing.assert_allclose(output(), expected, atol=0.04)


def test_openvino_keeps_what_takes_any_size(exported: Exports, openvino: Predictor) -> None:
    plain = Predictor(exported.onnx, provider="cpu", threads=1)
    found = Predictor(exported.onnx, provider="openvino", threads=1)
    runtime = found._runtime
    assert isinstance(runtime, runtimes.OpenVino)
    for height in range(40, 40 + runtimes._KEPT + 2):
        image = RNG.integers(0, 256, (height, 50, 3), dtype=np.uint8)
        for _ in range(runtimes._SAME):
            assert np.array_equal(found(image), plain(image))
        kept = list(runtime._compiled)
        assert (1, -1, -1, 3) in kept
        assert (1, height, 50, 3) in kept
        assert len(kept) <= runtimes._KEPT


def test_precisions_of_tensorrt(fixed: Path, gpu: None) -> None:
    with pytest.raises(InputError, match="precision banana asked for, but ONNX Runtime computes"):
        Predictor(fixed, provider="tensorrt", precision="banana")


_GONE = """
import gc, os, signal, sys
import numpy as np
from faceseg.predict import Predictor

image = np.zeros((64, 64, 3), np.uint8)
kept = [Predictor(sys.argv[1], provider="openvino") for _ in range(3)]
for predictor in kept:
    predictor(image)
while kept:
    del predictor, kept[0]
    gc.collect()
    predictor = kept and kept[-1]
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_after_openvino_models_have_gone(exported: Exports) -> None:
    """OpenVINO once left the memory of a freed core as the stack for signals."""
    pytest.importorskip("openvino")
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _GONE, exported.onnx],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
