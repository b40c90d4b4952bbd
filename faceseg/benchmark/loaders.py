"""How each runtime loads a model: run inside a process of its own, with nothing else in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faceseg.benchmark.ways import SHORT, Way
from faceseg.exported import contract_of

if TYPE_CHECKING:
    from torch import nn

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Task:
    """What is to be loaded.

    Attributes
    ----------
    way
        How.
    path
        The checkpoint or exported file.
    shape
        (N, H, W) of every batch.
    threads
        On the CPU.
    device
        ``"cpu"`` or ``"cuda"``.
    letterbox
        Of a checkpoint's pipeline.
    """

    way: Way
    path: Path
    shape: tuple[int, int, int]
    threads: int
    device: str
    letterbox: bool = False


@dataclass(frozen=True)
class Loaded:
    """A model, ready to run.

    Attributes
    ----------
    run
        Maps (N, H, W, 3) uint8 RGB to (N, H, W) uint8.
    precision
        What it computes in, as the runtime tells where it does: ``"fp32"``, ``"int8+bf16"`` ...
    runs_on
        Device or execution provider, as the runtime tells.
    on_device
        Puts pictures on the GPU and returns what runs on them there, and waits; None on a CPU.
    """

    run: Callable[[Images], Images]
    precision: str
    runs_on: str
    on_device: Callable[[Images], Callable[[], object]] | None = None


def load(task: Task) -> Loaded:
    """Load a model; InputError if it cannot be read."""
    return _LOADERS[task.way.runtime](task)


def _eager(task: Task) -> Loaded:
    import torch

    from faceseg.checkpoint import load as load_checkpoint
    from faceseg.models.convolution import restore
    from faceseg.models.pipeline import Pipeline

    checkpoint = load_checkpoint(task.path)
    network: nn.Module = checkpoint.model()
    if task.way.stock:
        restore(network)
    low = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(task.way.precision)
    network = network.to(memory_format=torch.channels_last) if task.way.channels_last else network
    # Autocast on the CPU, where some operators lack the lower precision; half the weights on a GPU.
    halved = low if task.device == "cuda" else None
    pipeline = Pipeline(
        network.to(halved) if halved else network,
        checkpoint.config.size,
        picture=task.shape[1:],
        letterbox=task.letterbox,
        dtype=halved or torch.float32,
    )
    if not task.way.channels_last:
        # (N, C, H, W) order in memory, which is what plain PyTorch code has.
        network.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))
    return _torch(task, pipeline, autocast=low if task.device == "cpu" else None)


def _torchscript(task: Task) -> Loaded:
    from faceseg.export.torchscript import load_torchscript

    return _torch(task, load_torchscript(task.path)[0])


def _torch(task: Task, module: nn.Module, autocast: Any = None) -> Loaded:
    """Return a module as eager PyTorch runs it, compiled for one shape where that is asked for."""
    import torch

    torch.set_num_threads(task.threads)
    module = module.to(task.device).eval()
    call: Any = module
    if task.way.runtime == "compile":
        call = torch.compile(module, dynamic=False)

    def on_tensor(images: Any) -> Any:
        with (
            torch.inference_mode(),
            torch.autocast(task.device, autocast, enabled=autocast is not None),
        ):
            found = call(images)
        return found if isinstance(found, torch.Tensor) else found[0]

    def run(images: Images) -> Images:
        return np.asarray(on_tensor(torch.from_numpy(images).to(task.device)).cpu())

    def on_device(images: Images) -> Callable[[], object]:
        there = torch.from_numpy(images).to(task.device)

        def run_there() -> None:
            on_tensor(there)
            torch.cuda.synchronize()

        return run_there

    cuda = task.device == "cuda"
    name = torch.cuda.get_device_name() if cuda else "CPU"
    return Loaded(run, SHORT[task.way.precision], name, on_device if cuda else None)


def _runner(task: Task) -> Loaded:
    """Run a file as the check after its export does."""
    import torch

    from faceseg.export.formats import FORMATS

    torch.set_num_threads(task.threads)
    contract = contract_of(task.path)
    runner = FORMATS[task.way.format].open(task.path, contract)
    return Loaded(lambda images: runner(images)[0], SHORT[contract.precision], "CPU")


def _opencv(task: Task) -> Loaded:
    import cv2

    from faceseg.export.opencv import open_opencv

    cv2.setNumThreads(task.threads)
    runner = open_opencv(task.path, contract_of(task.path))
    return Loaded(lambda images: runner(images)[0], SHORT[task.way.precision], "CPU")


def _predictor(task: Task) -> Loaded:
    """Run a file by ONNX Runtime on the CPU, as `faceseg.Predictor` does."""
    from faceseg.predict import Predictor

    predictor = Predictor(task.path, provider="cpu", threads=task.threads)
    return Loaded(predictor, SHORT[predictor.precision], predictor.provider)


def _openvino(task: Task) -> Loaded:
    """Run a file by OpenVINO, as `faceseg.Predictor` does, and ask what it computes in."""
    from faceseg.runtimes import OpenVino

    # It would take bfloat16 by itself where the CPU has it.
    asked = "bfloat16" if task.way.precision == "bfloat16" else "float32"
    runtime = OpenVino(task.path, threads=task.threads, precision=asked)
    compiled = runtime.compiled((*task.shape, 3))
    took = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    rest = {"f32": "fp32", "bf16": "bf16", "f16": "fp16"}.get(took, took)
    stored = runtime.contract.precision
    return Loaded(
        lambda images: runtime.run(["mask"], images)[0],
        rest if stored == "float32" else f"{SHORT[stored]}+{rest}",
        ", ".join(compiled.get_property("EXECUTION_DEVICES")),
    )


def _onnx_gpu(task: Task) -> Loaded:
    """Run a file by ONNX Runtime on a GPU; InputError if it fell back to the CPU.

    A file of one size keeps its buffers there, and by CUDA its launches as a graph.
    """
    import onnxruntime

    from faceseg.providers import choose
    from faceseg.runtimes import OnnxRuntime

    # Also loads the libraries that pip brought.
    provider = choose(task.way.runtime)
    half = task.way.precision if provider == "tensorrt" else None
    graph = task.way.fixed and provider == "cuda"
    runtime = OnnxRuntime(
        task.path, provider, threads=task.threads, precision=half, cuda_graph=graph
    )

    def on_device(images: Images) -> Callable[[], object]:
        bound = runtime.bound
        if bound is not None:
            bound.run(images)
            return bound.compute
        binding = runtime.session.io_binding()
        there = onnxruntime.OrtValue.ortvalue_from_numpy(images, "cuda", 0)
        binding.bind_ortvalue_input("image", there)
        binding.bind_output("mask", "cuda")

        def run_there() -> None:
            runtime.session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        return run_there

    return Loaded(
        lambda images: runtime.run(["mask"], images)[0],
        SHORT[runtime.precision],
        runtime.providers[0],
        on_device,
    )


_LOADERS: dict[str, Callable[[Task], Loaded]] = {
    "eager": _eager,
    "compile": _eager,
    "torchscript": _torchscript,
    "pt2": _runner,
    "aoti": _runner,
    "onnx": _predictor,
    "cuda": _onnx_gpu,
    "tensorrt": _onnx_gpu,
    "openvino": _openvino,
    "opencv": _opencv,
}

# What a process imports before it is looked at: the time and memory of imports are not counted.
_TORCH = ("torch", "faceseg.checkpoint", "faceseg.models.pipeline")
IMPORTS: dict[str, tuple[str, ...]] = {
    "eager": _TORCH,
    "compile": _TORCH,
    "torchscript": ("faceseg.export.torchscript",),
    "pt2": ("faceseg.export.formats",),
    "aoti": ("faceseg.export.formats",),
    "onnx": ("faceseg.predict",),
    "cuda": ("faceseg.runtimes",),
    "tensorrt": ("faceseg.runtimes",),
    "openvino": ("openvino", "faceseg.runtimes"),
    "opencv": ("faceseg.export.opencv",),
}
