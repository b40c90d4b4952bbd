from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from faceseg.benchmark import loaders, suite, ways
from faceseg.benchmark.agreement import compare
from faceseg.benchmark.child import Subject
from faceseg.benchmark.given import Given
from faceseg.benchmark.loaders import Task, load
from faceseg.benchmark.made import Made
from faceseg.benchmark.plot import write_plot
from faceseg.benchmark.result import Benchmark, Row
from faceseg.benchmark.suite import run
from faceseg.benchmark.turns import take_turns
from faceseg.benchmark.ways import WAYS, Way, check, ways_of
from faceseg.benchmark.worker import TUNED, Worker
from faceseg.checkpoint import load_pipeline, save
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.export import export_model
from faceseg.exported import contract_of
from faceseg.models import build
from faceseg.models.convolution import Conv2d
from faceseg.openvino_core import core
from faceseg.predict import Predictor
from faceseg.segment import is_model, load_segmenter

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

HERE = "faceseg.benchmark"


@pytest.fixture(scope="module")
def files(exported: Exports, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a file of the fixture's weights for each format, but AOTInductor's, which compiles."""
    folder = tmp_path_factory.mktemp("formats")
    written = export_model(exported.checkpoint, ["pt2"], folder)[0].path
    fixed = export_model(exported.checkpoint, ["onnx"], folder, picture=(64, 64))[0].path
    return {
        "": exported.checkpoint,
        "torchscript": exported.torchscript,
        "onnx": exported.onnx,
        "pt2": written,
        "fixed": fixed,
    }


def task_of(way: Way, path: Path, shape: tuple[int, int, int] = (2, 64, 64)) -> Task:
    return Task(way, path, shape, 1, "cpu")


@pytest.fixture
def kept_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


IN_PROCESS = [
    way
    for way in WAYS["cpu"]
    if way.runtime not in ("compile", "aoti") and way.stored == "float32" and not way.tuned
]


@pytest.mark.usefixtures("kept_threads")
@pytest.mark.parametrize("way", IN_PROCESS, ids=lambda way: f"{way.name} {way.short}")
def test_each_way_gives_eager_masks(way: Way, files: dict[str, Path]) -> None:
    if way.runtime == "openvino":
        pytest.importorskip("openvino")
    batch = 1 if way.fixed else 2
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, 64, 64, 3), dtype=np.uint8)
    path = files["fixed" if way.fixed else way.format]
    try:
        loaded = load(task_of(way, path, (batch, 64, 64)))
    except InputError as error:
        if "no such arithmetic" in str(error):
            pytest.skip("this CPU has no bfloat16")
        raise
    assert loaded.precision == way.short
    assert loaded.on_device is None
    assert "CPU" in loaded.runs_on
    mask = loaded.run(images)
    assert mask.dtype == np.uint8
    with torch.inference_mode():
        expected = load_pipeline(files[""])[0](torch.from_numpy(images)).numpy()
    assert (mask != expected).mean() <= (1e-3 if way.short == "fp32" else 0.2)


def test_processes_take_turns(exported: Exports) -> None:
    """The whole of it: files alone, one process each, ONNX Runtime and OpenVINO."""
    threads = torch.get_num_threads()
    result = run([exported.onnx], runtimes=["onnx"], size=(70, 50), batch=2, threads=1, repeats=3)
    assert torch.get_num_threads() == threads
    (row,) = result.rows
    assert (row.name, row.runtime, row.precision) == ("ONNX Runtime", "onnx", "fp32")
    assert row.runs_on == "CPUExecutionProvider"
    assert (row.differing, row.speed, row.device_ms) == (0, 1.0, None)
    assert row.pixels == 8 * 70 * 50
    assert row.file == "face-unet.onnx"
    assert row.file_mb == pytest.approx(exported.onnx.stat().st_size / 1e6)
    assert 0 < row.median_ms <= row.p99_ms
    assert row.load_ms > 0
    assert row.first_ms > 0
    if sys.platform == "linux":
        assert row.memory_mb is not None
        assert 0 < row.memory_mb < 500
    document = json.loads(json.dumps(dataclasses.asdict(result), allow_nan=False))
    assert str(exported.onnx.parent) not in json.dumps(document)
    assert set(document) == {field.name for field in dataclasses.fields(Benchmark)}
    assert set(document["rows"][0]) == {field.name for field in dataclasses.fields(Row)}
    assert document["versions"]["onnxruntime"]


def test_a_checkpoint_and_what_is_missing(
    exported: Exports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Plain eager comes first; a runtime that is missing is told, or an error if asked for."""
    plain = (way for way in WAYS["cpu"] if way.name in ("eager", "eager, tuned malloc"))
    wanted = [way for way in WAYS["cpu"] if way.runtime in ("compile", "aoti")]
    monkeypatch.setitem(WAYS, "cpu", (*plain, *wanted))
    monkeypatch.setenv("CXX", "no-such-compiler")
    result = run([exported.checkpoint], size=(64, 64), threads=1, repeats=2)
    first, tuned = result.rows
    assert (first.name, first.precision, first.speed, first.iou) == ("eager", "fp32", 1.0, 1.0)
    assert (tuned.name, tuned.differing) == ("eager, tuned malloc", 0)
    assert [each["name"] for each in result.missing] == ["torch.compile"] * 2 + ["AOTInductor"]
    reason = "no C++ compiler; apt-get install g++, or name one by CXX"
    assert {each["reason"] for each in result.missing} == {reason}
    told = " ".join(result.table().split())
    assert f"torch.compile fp32, torch.compile bf16, AOTInductor fp32: {reason}" in told
    with pytest.raises(InputError, match=r"^torch\.compile fp32: no C\+\+ compiler"):
        run([exported.checkpoint], runtimes=["compile"], size=(64, 64), repeats=1)


@pytest.mark.usefixtures("kept_threads")
def test_torchvision_convolutions_are_for_the_network_that_has_ours(
    exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stock,) = (way for way in WAYS["cpu"] if way.stock)
    assert stock not in [way for way, _ in Given.of([exported.checkpoint]).ways("cpu", None)]
    config = Config(model="deeplabv3", size=(64, 64))
    torch.manual_seed(0)
    weights = build(config, 2).state_dict()
    path = tmp_path / "a.pt"
    save(path, config=config, task="face", classes=("background", "face"), weights=weights)
    assert stock in [way for way, _ in Given.of([path]).ways("cpu", ["eager"])]
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    ours = load(task_of(WAYS["cpu"][0], path)).run(images)
    used = []
    forward = Conv2d.forward
    monkeypatch.setattr(Conv2d, "forward", lambda *given: used.append(1) or forward(*given))
    assert np.array_equal(load(task_of(stock, path)).run(images), ours)
    assert not used


def test_the_tuned_process_has_its_allocator(exported: Exports) -> None:
    way = dataclasses.replace(WAYS["cpu"][0], tuned=True)
    with Worker(task_of(way, exported.checkpoint)) as worker:
        # Until it has started it has no environment of its own.
        worker.ready()
        environment = Path(f"/proc/{worker._process.pid}/environ")
        if not environment.exists():
            pytest.skip("no /proc")
        set_to = environment.read_bytes().decode().split("\0")
    assert {f"{name}={value}" for name, value in TUNED.items()} <= set(set_to)
    assert not any(name in os.environ for name in TUNED)


def test_each_runtime_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "find_spec", lambda name: None)
    for way in (way for way in WAYS["cpu"] if way.runtime in ("onnx", "openvino", "opencv")):
        with pytest.raises(InputError, match="is not installed"):
            check(way)


@pytest.mark.parametrize("runtime", ["cuda", "tensorrt"])
def test_a_provider_that_does_not_start_is_named(runtime: str) -> None:
    way = next(way for way in WAYS["cuda"] if way.runtime == runtime)
    try:
        check(way)
    except InputError as error:
        assert "ExecutionProvider" in str(error)  # noqa: PT017


def test_a_provider_that_fell_back_is_told(
    exported: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime goes on with the CPU, without an error; the row would be a lie."""
    import faceseg.providers

    if faceseg.providers.works("CUDAExecutionProvider"):
        pytest.skip("CUDA works here")
    monkeypatch.setattr(faceseg.providers, "choose", lambda asked: asked)
    way = next(way for way in WAYS["cuda"] if way.runtime == "cuda")
    with (
        pytest.warns(UserWarning, match="not in available"),
        pytest.raises(InputError, match="fell back to CPUExecutionProvider"),
    ):
        load(task_of(way, exported.onnx))


def test_openvino_is_asked_what_it_computes_in(
    exported: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    from openvino import Core

    way = next(way for way in WAYS["cpu"] if way.runtime == "openvino")
    assert way.precision == "float32"
    assert load(task_of(way, exported.onnx)).precision == "fp32"
    if "BF16" not in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no bfloat16")
    plain = Core.compile_model

    def unasked(self: Any, model: Any, device: str, settings: dict[str, Any]) -> Any:
        left = {k: v for k, v in settings.items() if k != "INFERENCE_PRECISION_HINT"}
        return plain(self, model, device, left)

    monkeypatch.setattr(Core, "compile_model", unasked)
    assert load(task_of(way, exported.onnx)).precision == "bf16"


def test_other_masks_in_float32_fail() -> None:
    expected = np.zeros((2, 1, 100, 100), np.uint8)
    expected[..., 50:] = 1
    masks, decided = expected.copy(), np.ones(expected.shape, np.bool_)
    masks[0, 0, 0, :3] = 1
    with pytest.raises(InputError, match=r"^x: 3 of 20000 pixels differ .* allowed: 1e-04"):
        compare("x", "fp32", masks, expected, decided)
    # With less precision they are a row, and so are pixels that eager is not sure of.
    differing, pixels, iou = compare("x", "bf16", masks, expected, decided)
    assert (differing, pixels) == (3, 20000)
    assert iou == pytest.approx(10000 / 10003)
    decided[0, 0, 0, :3] = False
    assert compare("x", "fp32", masks, expected, decided)[:2] == (0, 19997)
    nothing = np.zeros_like(expected)
    assert compare("x", "fp32", nothing, nothing, decided)[2] is None


def test_nothing_is_timed_if_masks_differ(
    exported: Exports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.onnx"
    shutil.copy(exported.onnx, copy)
    plain = Worker.masks
    monkeypatch.setattr(
        Worker, "masks", lambda self, p: plain(self, p) ^ int(self.task.path == copy)
    )
    monkeypatch.setattr(Worker, "time", lambda self: pytest.fail("timed"))
    with pytest.raises(InputError, match=r"^copy\.onnx: 8192 of 8192 pixels differ"):
        run([exported.onnx, copy], runtimes=["onnx"], size=(32, 32), threads=1, repeats=1)


def test_each_takes_a_turn_in_a_round_in_changing_order() -> None:
    calls: list[str] = []

    def timer(name: str) -> tuple[float, float]:
        calls.append(name)
        return ord(name), float("nan")

    found = take_turns([lambda: timer("a"), lambda: timer("b")], rounds=3)
    assert "".join(calls) == "abbaab"
    assert found[:, :, 0].tolist() == [[97.0] * 3, [98.0] * 3]


def test_a_process_that_dies_says_why(exported: Exports) -> None:
    with Worker(task_of(WAYS["cpu"][0], exported.checkpoint)) as worker:
        worker._process.kill()
        with pytest.raises(InputError, match="its process ended with -9"):
            worker.ready()


def test_a_folder_of_the_same_name_does_not_matter(exported: Exports, tmp_path: Path) -> None:
    # A checkout, say, whose kernels are not compiled.
    (tmp_path / "faceseg").mkdir()
    (tmp_path / "faceseg" / "__init__.py").write_text("raise ImportError('not this one')\n")
    with Worker(task_of(WAYS["cpu"][0], exported.checkpoint)) as worker:
        worker.ready()


def test_what_a_runtime_raises_is_one_line(
    exported: Exports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(exported.onnx.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"cut\.onnx: truncated"):
        run([cut], size=(32, 32), repeats=1)
    way = next(way for way in WAYS["cpu"] if way.runtime == "onnx")
    with Worker(task_of(way, cut)) as worker:
        worker.ready()
        with pytest.raises(InputError, match=r"cut\.onnx: truncated"):
            worker.start(np.zeros((1, 32, 32, 3), np.uint8))


def test_ways_of_a_file(exported: Exports, files: dict[str, Path]) -> None:
    def named(name: str, device: str = "cpu") -> list[str]:
        contract = contract_of(files[name])
        return [f"{way.runtime} {way.short}" for way in ways_of(files[name], contract, device)]

    assert named("onnx") == ["onnx fp32", "openvino fp32", "openvino bf16"]
    assert named("fixed")[-1] == "opencv fp32"
    assert named("onnx", "cuda") == ["cuda fp32", "tensorrt fp16"]
    assert named("torchscript") == ["torchscript fp32"]
    # Labelled by what the file says, not by its suffix.
    int8 = dataclasses.replace(contract_of(exported.onnx), precision="int8")
    found = [f"{w.runtime} {w.short}" for w in ways_of(exported.onnx, int8, "cpu")]
    assert found == ["onnx int8", "openvino int8", "openvino int8+bf16"]
    with pytest.raises(InputError, match=r"\.pt2: such files do not run on cuda"):
        named("pt2", "cuda")


@pytest.mark.usefixtures("kept_threads")
def test_each_format_tells_its_contract_and_segments(
    files: dict[str, Path], tmp_path: Path
) -> None:
    portrait = np.random.default_rng(1).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    expected = load_segmenter(str(files[""])).segment(portrait)
    for name in ("torchscript", "onnx", "pt2"):
        contract = contract_of(files[name])
        assert contract.weights_sha256 == contract_of(files["onnx"]).weights_sha256
        loaded = load_segmenter(str(files[name]), device="cpu")
        assert (loaded.kind, loaded.task, loaded.classes) == (name, "face", contract.classes)
        assert (loaded.segment(portrait) != expected).mean() <= 1e-3
        assert is_model(str(files[name]))
        cut = tmp_path / f"cut{files[name].suffix}"
        cut.write_bytes(files[name].read_bytes()[:-200])
        # Of a cut .pt2, the archive of weights that lies in it may be what is left.
        with pytest.raises(InputError, match=rf"cut\{cut.suffix}: (truncated|no faceseg contract)"):
            contract_of(cut)
    with pytest.raises(InputError, match=r"\.pt2: such files run on the CPU, cuda asked for"):
        load_segmenter(str(files["pt2"]), device="cuda")
    with pytest.raises(InputError, match=r"x\.pt2: no such file"):
        contract_of(tmp_path / "x.pt2")
    (tmp_path / "x.openvino").mkdir()
    with pytest.raises(InputError, match=r"x\.openvino: no faceseg contract"):
        contract_of(tmp_path / "x.openvino")
    with pytest.raises(InputError, match=r"a\.jpg: expected a file named \.onnx"):
        contract_of(tmp_path / "a.jpg")


def test_other_weights_are_refused(exported: Exports, tmp_path: Path) -> None:
    config = Config(width=4, depth=2, size=(64, 64))
    weights = build(config, 2).state_dict()
    save(tmp_path / "a.pt", config=config, task="face", classes=("background", "face"),
         weights=weights)  # fmt: skip
    with pytest.raises(InputError, match=r"face-unet\.onnx: other weights than .*a\.pt"):
        run([tmp_path / "a.pt", exported.onnx], size=(32, 32), repeats=1)
    with pytest.raises(InputError, match="two checkpoints"):
        run([tmp_path / "a.pt", exported.checkpoint], size=(32, 32), repeats=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"repeats": 0}, "repeats 0"),
        ({"runtimes": ["onxx"]}, "runtimes: unknown 'onxx'; did you mean 'onnx'"),
        ({"runtimes": ["tensorrt"]}, "runtimes: tensorrt asked for, which does not run on cpu"),
        ({"runtimes": ["pt2"]}, "runtimes: pt2 asked for; give it a file that it reads"),
    ],
)
def test_bad_settings(exported: Exports, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run([exported.onnx], **settings)


def test_loading_again_is_the_median(exported: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    way = next(way for way in WAYS["cpu"] if way.runtime == "onnx")
    calls = []
    monkeypatch.setattr(f"{HERE}.child.load", lambda task: calls.append(task) or load(task))
    subject = Subject()
    facts = subject.start(task_of(way, exported.onnx), np.zeros((1, 40, 30, 3), np.uint8))
    assert len(calls) == 3
    assert set(facts) == {"precision", "runs_on", "load_ms", "first_ms", "memory_mb"}
    assert subject.masks(np.zeros((4, 1, 40, 30, 3), np.uint8)).shape == (4, 1, 40, 30)
    seconds, on_device = subject.time()
    assert seconds > 0
    assert np.isnan(on_device)


def _result(device_ms: float | None = None) -> Benchmark:
    row = Row(
        name="eager", runtime="eager", precision="fp32", runs_on="CPU", differing=0, pixels=100,
        iou=1.0, file="", file_mb=None, load_ms=1.0, first_ms=99999.0, memory_mb=1234.5,
        median_ms=1234.5, p99_ms=98765.4, speed=1.0, device_ms=device_ms,
    )  # fmt: skip
    long = dataclasses.replace(
        row, name="a-file-of-a-very-long-name.openvino", precision="int8+bf16", iou=None,
        median_ms=0.5, p99_ms=0.7, speed=2469.0, file_mb=125.0,
    )  # fmt: skip
    return Benchmark(
        model="face-unet", rows=(row, long),
        missing=({"name": "OpenVINO", "precision": "fp32", "reason": "it is " + "long " * 40},),
        size=(720, 1280), network_size=(320, 320), batch=8, threads=2, repeats=30, device="cpu",
        weights_sha256="0" * 64, date="2026-11-22", commit=None,
        machine={"cpu": "Some <CPU> & more", "cores": 2}, versions={},
    )  # fmt: skip


@pytest.mark.parametrize("device_ms", [None, 12.3])
def test_the_table_fits_80_columns(device_ms: float | None) -> None:
    lines = _result(device_ms).table().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("a-file-of~" in line for line in lines)
    assert any(("on GPU" if device_ms else "memory") in line for line in lines)


def test_the_plot(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    write_plot(_result(), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "Some &lt;CPU&gt; &amp; more" in text
    assert "p99 98765 ms" in text
    write_plot(_result(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 1640
    with pytest.raises(InputError, match=r"a\.jpg: expected a name that ends in \.svg or \.png"):
        write_plot(_result(), tmp_path / "a.jpg")


def test_files_are_kept_for_another_run(
    exported: Exports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    contract = contract_of(exported.onnx)
    way = next(way for way in WAYS["cpu"] if way.format == "onnx")
    (tmp_path / "onnx-float32").mkdir()
    kept = tmp_path / "onnx-float32" / "x.onnx"
    shutil.copy(exported.onnx, kept)
    refused = InputError("a new one")
    monkeypatch.setattr(Made, "_write", lambda self, way, key: refused)
    assert Made(exported.checkpoint, tmp_path, (64, 64), print).path(way, contract, 1) == kept
    other = dataclasses.replace(contract, weights_sha256="0" * 64)
    with pytest.raises(InputError, match="a new one"):
        Made(exported.checkpoint, tmp_path, (64, 64), print).path(way, other, 1)
    fixed = next(way for way in WAYS["cpu"] if way.fixed)
    with pytest.raises(InputError, match="batch 2 was asked for"):
        Made(exported.checkpoint, tmp_path, (64, 64), print).path(fixed, contract, 2)


def test_what_was_asked_for_is_insisted_on(exported: Exports) -> None:
    first, float32, int8 = (WAYS["cpu"][0], *(w for w in WAYS["cpu"] if w.runtime == "onnx"))
    done = [task_of(way, exported.onnx) for way in (first, float32)]
    refused = InputError("too far from eager")
    suite._insist(done, [suite._Left(int8, None, refused)], first, ["onnx"])
    suite._insist(done, [suite._Left(int8, exported.onnx, refused)], first, [])
    with pytest.raises(InputError, match="ONNX Runtime int8: too far from eager"):
        suite._insist(done[:1], [suite._Left(int8, None, refused)], first, ["onnx"])
    with pytest.raises(InputError, match="too far"):
        suite._insist(done, [suite._Left(int8, exported.checkpoint, refused)], first, [])
    with pytest.raises(InputError, match="eager fp32: too far"):
        suite._insist([], [suite._Left(first, None, refused)], first, [])


def test_runtimes_have_loaders() -> None:
    assert set(loaders._LOADERS) == set(loaders.IMPORTS) == set(ways.RUNTIMES)


def test_files_that_do_not_take_the_batch(exported: Exports) -> None:
    contract = Predictor(exported.onnx, provider="cpu").contract
    fixed = dataclasses.replace(contract, picture=(64, 64))
    given = Given(None, ((Path("a.ts"), fixed),), fixed)
    given.check(1, (64, 64))
    for batch, size in ((1, (96, 64)), (2, (64, 64))):
        with pytest.raises(InputError, match=r"^a\.ts: takes one picture of 64x64; --batch"):
            given.check(batch, size)
    bare = dataclasses.replace(contract, logits=True)
    with pytest.raises(InputError, match="gives logits and no mask"):
        Given(None, ((Path("a.ts"), bare),), bare).check(1, (64, 64))
