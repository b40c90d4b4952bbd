"""What runs an exported file: ONNX Runtime, with its buffers kept on a GPU, or OpenVINO."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceseg.contract import ONNX_KEY, Contract
from faceseg.errors import InputError
from faceseg.openvino_core import core
from faceseg.openvino_graph import rewrite
from faceseg.providers import PROVIDERS

Array = NDArray[Any]

# Input shapes that OpenVINO keeps compiled; a fifth throws one away.
_KEPT = 4
# So many pictures of one size in a row, and OpenVINO compiles for that size.
_SAME = 3


class Runtime(Protocol):
    """A loaded file.

    Attributes
    ----------
    contract
        What it states of itself.
    providers
        What runs it: the execution provider, and others that take what that one leaves.
    precision
        What the network computes in.
    shape
        Of the input: numbers where the file takes one size alone, names where any.
    """

    contract: Contract
    providers: list[str]
    precision: str
    shape: list[int | str]

    def run(self, outputs: list[str], images: Array) -> list[Array]:
        """Return outputs by their names; from several threads at once, too."""
        ...


class OnnxRuntime:
    """ONNX Runtime.

    Parameters
    ----------
    path
        An ``.onnx`` file.
    provider
        Short name in `PROVIDERS`, one that works.
    threads
        On the CPU; None is ONNX Runtime's choice.
    precision
        None or what the file computes in; with ``"tensorrt"`` also ``"float16"``.
    cuda_graph
        Replay the launches of one CUDA graph instead of launching each kernel.

    Raises
    ------
    InputError
        If the file cannot be read, was asked for in a precision that it does not have, or runs
        elsewhere than on `provider`.
    """

    def __init__(
        self,
        path: Path,
        provider: str,
        *,
        threads: int | None = None,
        precision: str | None = None,
        cuda_graph: bool = False,
    ) -> None:
        if cuda_graph and provider != "cuda":
            raise InputError(f"cuda_graph: asked for on {provider}; it is for provider cuda")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # What fails, raises; ONNX Runtime would also print it, and warn of constants it folds.
        options.log_severity_level = 4
        # Between two pictures the threads of ONNX Runtime would go on spinning, on the cores that
        # decode the next one: 33 ms a 720p JPEG on two cores instead of 37.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        chain = _chain(provider, precision, cuda_graph)
        try:
            self.session = onnxruntime.InferenceSession(
                os.fspath(path),
                options,
                providers=[name for name, _ in chain],
                provider_options=[settings for _, settings in chain],
            )
        except Exception as error:
            # ONNX Runtime's errors have no base class but Exception.
            raise InputError(f"{path}: {_reason(error)}") from error
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.contract = Contract.from_json(metadata.get(ONNX_KEY, ""), os.fspath(path))
        self.providers: list[str] = self.session.get_providers()
        if self.providers[0] != PROVIDERS[provider]:
            raise InputError(
                f"{path}: {PROVIDERS[provider]} did not start, ONNX Runtime fell back to "
                f"{self.providers[0]}"
            )
        self.shape: list[int | str] = self.session.get_inputs()[0].shape
        self.precision = precision or self.contract.precision
        lower = provider == "tensorrt" and precision == "float16"
        if self.precision != self.contract.precision and not lower:
            raise InputError(
                f"{path}: precision {precision} asked for, but ONNX Runtime computes in what the "
                f"file holds, {self.contract.precision}; export with --precision, or run it by "
                "OpenVINO (bfloat16) or TensorRT (float16)"
            )
        if cuda_graph and not all(isinstance(side, int) for side in self.shape):
            raise InputError(
                f"{path}: takes pictures of any size, and a CUDA graph has one; export with --size"
            )
        self.bound: Bound | None = None
        if provider != "cpu" and all(isinstance(side, int) for side in self.shape):
            self.bound = Bound(self.session, "cuda")

    def run(self, outputs: list[str], images: Array) -> list[Array]:
        """Return outputs by their names; from several threads at once, too."""
        if self.bound is not None:
            found = self.bound.run(images)
            return [found[name] for name in outputs]
        return list(self.session.run(outputs, {"image": images}))


class Bound:
    """A session of one input shape whose buffers stay where the device has them (IO binding).

    A CUDA graph needs that, as it replays launches with the addresses they had; and ONNX Runtime
    then allocates nothing for a picture.

    Parameters
    ----------
    session
        Of a file without free sides.
    device
        ``"cuda"``, or ``"cpu"`` to try the same steps there.
    """

    def __init__(self, session: onnxruntime.InferenceSession, device: str) -> None:
        self.session = session
        self._lock = threading.Lock()
        self._binding = session.io_binding()
        self._image = _buffer(session.get_inputs()[0], device)
        self._binding.bind_ortvalue_input("image", self._image)
        self._outputs = {value.name: _buffer(value, device) for value in session.get_outputs()}
        for name, value in self._outputs.items():
            self._binding.bind_ortvalue_output(name, value)

    def run(self, images: Array) -> dict[str, Array]:
        """Copy pictures in, run, and copy the outputs out; one thread at a time."""
        with self._lock:
            self._image.update_inplace(images)
            self.compute()
            # numpy() of a value on the CPU is a view of the buffer that the next call fills.
            return {name: value.numpy().copy() for name, value in self._outputs.items()}

    def compute(self) -> None:
        """Run on what is in the buffers, without a copy to or from the device."""
        self.session.run_with_iobinding(self._binding)


class OpenVino:
    """OpenVINO, on the CPU.

    The graph is compiled for one number of pictures at a time: with that number free the light
    U-Net took 1.4 times as long. It is compiled for their size, too, when one comes three times in
    a row: a 720p frame took half as long then, in bfloat16. Each compiling takes from a fifth of a
    second to one or two.

    Parameters
    ----------
    path
        An ``.onnx`` file or a folder from ``faceseg export --format openvino``.
    threads
        None is OpenVINO's choice, the number of cores.
    precision
        ``"float32"`` or ``"bfloat16"`` for what the file does not hold as int8. None is float32:
        OpenVINO would take bfloat16 by itself, without a word, where the CPU has it.

    Raises
    ------
    InputError
        If OpenVINO is not installed, the file cannot be read, or the CPU has no bfloat16.
    """

    def __init__(
        self, path: Path, *, threads: int | None = None, precision: str | None = None
    ) -> None:
        file = path / "model.xml" if path.is_dir() else path
        try:
            self._model = core().read_model(file)
        except RuntimeError as error:
            raise InputError(f"{path}: truncated or not a model: {_last_line(error)}") from error
        # A converted file keeps its contract itself, the metadata of ONNX lie under "framework".
        places = [[ONNX_KEY], ["framework", ONNX_KEY]]
        found = [self._model.get_rt_info(p).value for p in places if self._model.has_rt_info(p)]
        self.contract = Contract.from_json(str(found[0]) if found else "", os.fspath(path))
        hints = {"float32": "f32", "bfloat16": "bf16"}
        wanted = precision or "float32"
        if wanted not in hints:
            raise InputError(
                f"precision: {wanted} asked for, OpenVINO takes {', '.join(hints)} here; int8 is "
                "in the file"
            )
        if wanted == "bfloat16" and "BF16" not in core().get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        ):
            raise InputError("precision: bfloat16 asked for, but this CPU has no such arithmetic")
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": hints[wanted],
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        self.precision = wanted
        if self.contract.precision == "int8":
            self.precision = "int8" if wanted == "float32" else f"int8+{wanted}"
        self.providers = [PROVIDERS["openvino"]]
        sides = self._model.inputs[0].get_partial_shape()
        self.shape: list[int | str] = [
            name if side.is_dynamic else side.get_length()
            for name, side in zip(("batch", "height", "width", "channels"), sides, strict=True)
        ]
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._last: tuple[int, ...] = ()
        self._same = 0
        self._lock = threading.Lock()
        self._own = threading.local()

    def run(self, outputs: list[str], images: Array) -> list[Array]:
        """Return outputs by their names; from several threads at once, too."""
        compiled = self.compiled(images.shape)
        # A request serves one call at a time; each thread has its own, of its last batch size.
        if getattr(self._own, "compiled", None) is not compiled:
            self._own.compiled, self._own.request = compiled, compiled.create_infer_request()
        found = self._own.request.infer({"image": images})
        # The request's own memory, which its next call fills.
        return [np.array(found[name]) for name in outputs]

    def compiled(self, shape: tuple[int, ...]) -> Any:
        """Return the model compiled for batches of a shape, (N, H, W, 3)."""
        with self._lock:
            self._same = self._same + 1 if shape == self._last else 1
            self._last = shape
            free = isinstance(self.shape[0], str)
            sides = shape
            if free and shape not in self._compiled and self._same < _SAME:
                sides = (shape[0], -1, -1, 3)
            found = self._compiled.pop(sides, None)
            if found is None:
                if len(self._compiled) == _KEPT:
                    # The one used longest ago, and those of any size last.
                    oldest = [key for key in self._compiled if -1 not in key] + [*self._compiled]
                    del self._compiled[oldest[0]]
                model = self._model.clone()
                if free:
                    model.reshape(sides)
                rewrite(model)
                found = core().compile_model(model, "CPU", self._settings)
            self._compiled[sides] = found
            return found


def _chain(
    provider: str, precision: str | None, cuda_graph: bool
) -> list[tuple[str, dict[str, str]]]:
    """Return execution providers and their settings, in order of preference."""
    settings = {}
    if cuda_graph:
        settings = {"enable_cuda_graph": "1"}
    elif provider == "tensorrt" and precision == "float16":
        settings = {"trt_fp16_enable": "1"}
    names = {"tensorrt": ["tensorrt", "cuda", "cpu"], "cuda": ["cuda", "cpu"]}.get(
        provider, ["cpu"]
    )
    return [(PROVIDERS[name], settings if name == provider else {}) for name in names]


def _buffer(value: Any, device: str) -> onnxruntime.OrtValue:
    kinds = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
    return onnxruntime.OrtValue.ortvalue_from_shape_and_type(
        value.shape, kinds[value.type], device, 0
    )


def _last_line(error: Exception) -> str:
    return (str(error).strip() or "no reason given").splitlines()[-1]


def _reason(error: Exception) -> str:
    """Say in one line why a file cannot be loaded."""
    reason = " ".join(str(error).split())
    if "external" in reason.lower():
        return f"its weights are in a second file, which is missing or cut short: {reason}"
    return f"truncated or not an ONNX model: {reason}"
