"""Pictures to masks by an exported ONNX model, with NumPy and ONNX Runtime or OpenVINO alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from faceseg import zoo
from faceseg.decode import Picture, ahead, check_array, to_array
from faceseg.errors import InputError
from faceseg.providers import PROVIDERS, choose, works
from faceseg.rle import RLE, Order, encode_labels
from faceseg.runtimes import OnnxRuntime, OpenVino, Runtime

__all__ = ["PROVIDERS", "Prediction", "Predictor", "works"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model finds in one picture.

    Attributes
    ----------
    classes
        Name of each class; the first is the background.
    mask
        (H, W) uint8 class ids, indices into `classes`.
    probabilities
        (C, H, W) float32, 0 to 1, adding up to 1 over the classes; None if the model was exported
        without them.
    """

    classes: tuple[str, ...]
    mask: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None

    @property
    def probability(self) -> NDArray[np.float32]:
        """(H, W) float32, 0 to 1: of the foreground, whichever class it is.

        Raises
        ------
        InputError
            If the model was exported without probabilities.
        """
        if self.probabilities is None:
            raise InputError(
                "this model gives no probabilities; export it with --probabilities, or do without "
                "a threshold"
            )
        foreground: NDArray[np.float32] = self.probabilities[1]
        return foreground if len(self.classes) == 2 else 1 - self.probabilities[0]

    def rle(self, *, threshold: float | None = None, order: Order = "F") -> RLE:
        """Return the run lengths of the foreground, whichever class it is.

        Parameters
        ----------
        threshold
            Pixels of a probability over it are foreground, encoded from the probabilities with no
            mask in between; None takes the mask.
        order
            Read the pixels down the columns, as Kaggle and COCO do, or along the rows.

        Raises
        ------
        InputError
            If there is a threshold, and the model was exported without probabilities.
        """
        if threshold is None:
            return RLE.from_mask(self.mask, order=order)
        return RLE.from_mask(self.probability, order=order, threshold=threshold)

    def rles(self, *, order: Order = "F") -> dict[str, RLE]:
        """Return the run lengths of each class but the background, by its name."""
        ids = range(1, len(self.classes))
        found = encode_labels(self.mask, classes=ids, order=order)
        return {self.classes[i]: found[i] for i in ids}


class Predictor:
    """An exported ONNX model; several threads may use one at once.

    Parameters
    ----------
    path
        An ``.onnx`` file or ``.openvino`` folder from ``faceseg export``, or the name of a shipped
        model; by default the light face model.
    provider
        ``"cpu"``, ``"cuda"`` or ``"tensorrt"`` of ONNX Runtime; ``"openvino"``, which reads the
        same files; or ``"auto"``: CUDA where it works, else the CPU. What was chosen is `provider`.
    threads
        Threads on the CPU; None is the runtime's choice, the number of cores.
    precision
        What to compute in, where it is not what the file holds: ``"bfloat16"`` with OpenVINO,
        ``"float16"`` with TensorRT.
    cuda_graph
        With CUDA and a file of one size: replay the launches of the kernels as one.

    Attributes
    ----------
    contract : Contract
        Inputs, outputs, classes and origin, as the file states them.
    provider : str
        The execution provider that runs the model.
    providers : list of str
        All that ONNX Runtime may place parts of the model on, in order of preference.
    precision : str
        What the network computes in.

    Raises
    ------
    InputError
        If the file is missing, broken or not from ``faceseg export``, or a provider or precision
        was asked for that is not there: the runtimes would go on with another without an error.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = zoo.DEFAULT,
        *,
        provider: str = "auto",
        threads: int | None = None,
        precision: str | None = None,
        cuda_graph: bool = False,
    ) -> None:
        path = _file_of(path)
        if threads is not None and threads < 1:
            raise InputError(f"threads: {threads} given, expected 1 or more")
        folder = path.is_dir()
        wanted = choose("openvino" if folder and provider == "auto" else provider)
        if folder and wanted != "openvino":
            raise InputError(f"{path}: a folder for OpenVINO, {wanted} was asked for")
        self._runtime: Runtime
        if wanted == "openvino" and not cuda_graph:
            self._runtime = OpenVino(path, threads=threads, precision=precision)
        else:
            self._runtime = OnnxRuntime(
                path, wanted, threads=threads, precision=precision, cuda_graph=cuda_graph
            )
        self.contract = self._runtime.contract
        self.precision = self._runtime.precision
        self.providers = self._runtime.providers
        self.provider = self.providers[0]
        self._outputs = list(self.contract.outputs)
        if "mask" not in self._outputs:
            raise InputError(
                f"{path}: gives {', '.join(self._outputs)} and no mask; export the whole pipeline"
            )

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Segment a picture, or several of one size.

        Parameters
        ----------
        images
            (H, W, 3) or (N, H, W, 3) uint8, RGB.

        Returns
        -------
        (H, W) or (N, H, W) uint8 array
            Class ids, indices into ``contract.classes``.

        Raises
        ------
        InputError
            If `images` has another shape or dtype.
        """
        return self._run(images, ["mask"])[0]

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each class.

        Parameters
        ----------
        images
            (H, W, 3) or (N, H, W, 3) uint8, RGB.

        Returns
        -------
        (C, H, W) or (N, C, H, W) float32 array
            0 to 1; they add up to 1 over the classes.

        Raises
        ------
        InputError
            If the model was exported without probabilities, or `images` has another shape or
            dtype.
        """
        if not self.contract.probabilities:
            raise InputError(
                f"{self.contract.name}: this model gives no probabilities; export it with "
                "--probabilities"
            )
        return self._run(images, ["probabilities"])[0]

    @overload
    def predict(self, pictures: Picture) -> Prediction: ...
    @overload
    def predict(
        self, pictures: list[Picture] | tuple[Picture, ...], *, batch: int = ..., workers: int = ...
    ) -> list[Prediction]: ...
    def predict(
        self,
        pictures: Picture | list[Picture] | tuple[Picture, ...],
        *,
        batch: int = 1,
        workers: int = 2,
    ) -> Prediction | list[Prediction]:
        """Segment one picture, or several of any sizes.

        Parameters
        ----------
        pictures
            An array, (H, W, 3) uint8 RGB, a path, the bytes of an image file, or such a file open
            for reading; or a list or tuple of these.
        batch, workers
            For a list, as `stream` has them.

        Returns
        -------
        Prediction, or list of Prediction
            In the order of `pictures`.

        Raises
        ------
        InputError
            If a picture is no such thing, is broken, or has another shape or dtype.
        """
        if isinstance(pictures, (list, tuple)):
            return list(self.stream(pictures, batch=batch, workers=workers))
        return self._together([to_array(pictures)])[0]

    def stream(
        self, pictures: Iterable[Picture], *, batch: int = 1, workers: int = 2
    ) -> Iterator[Prediction]:
        """Segment pictures one after the other, as many as there are, in memory that stays flat.

        Parameters
        ----------
        pictures
            Each as `predict` takes it; a generator may be endless.
        batch
            So many are taken together, and those of one size go through the network at once. On
            a CPU that is no faster than one by one.
        workers
            Threads that decode ahead; 0 decodes when a result is asked for.

        Yields
        ------
        Prediction
            In the order of `pictures`.

        Raises
        ------
        InputError
            If `batch` or `workers` is out of range; when its turn comes, if a picture is broken.
        """
        if batch < 1 or workers < 0:
            raise InputError(
                f"batch {batch}, workers {workers}; expected batch 1 or more, workers 0 or more"
            )
        return self._stream(ahead(_listed, enumerate(pictures), workers), batch)

    def _stream(self, images: Iterator[NDArray[np.uint8]], batch: int) -> Iterator[Prediction]:
        while together := list(islice(images, batch)):
            yield from self._together(together)

    def _together(self, images: list[NDArray[np.uint8]]) -> list[Prediction]:
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for place, image in enumerate(images):
            by_shape.setdefault(image.shape, []).append(place)
        found: dict[int, Prediction] = {}
        for places in by_shape.values():
            same = [images[place] for place in places]
            # One alone is not copied.
            outputs = self._run(np.stack(same) if len(same) > 1 else same[0][None], self._outputs)
            for place, row in zip(places, zip(*outputs, strict=True), strict=True):
                probabilities = row[1] if len(row) > 1 else None
                found[place] = Prediction(self.contract.classes, row[0], probabilities)
        return [found[place] for place in range(len(images))]

    def _run(self, images: NDArray[np.uint8], outputs: list[str]) -> list[NDArray[Any]]:
        check_array(images)
        batch = images[None] if images.ndim == 3 else images
        for size, fixed in zip(batch.shape, self._runtime.shape, strict=True):
            if isinstance(fixed, int) and size != fixed:
                raise InputError(
                    f"{self.contract.name}: images of shape {batch.shape}, this file takes "
                    f"{tuple(self._runtime.shape)} alone; resize them, or export with "
                    "--size dynamic"
                )
        results = self._runtime.run(outputs, np.ascontiguousarray(batch))
        return [result[0] for result in results] if images.ndim == 3 else results


def _listed(item: tuple[int, Picture]) -> NDArray[np.uint8]:
    place, picture = item
    try:
        return to_array(picture)
    except InputError as error:
        raise InputError(f"pictures[{place}]: {error}") from error


def _file_of(model: str | os.PathLike[str]) -> Path:
    path = zoo.locate(model)
    if path.suffix.lower() == ".openvino" and path.is_dir():
        return path
    if path.suffix.lower() == ".openvino":
        raise InputError(f"{path}: no such folder; 'faceseg export --format openvino' makes one")
    if path.suffix.lower() != ".onnx":
        if not path.suffix and not path.exists():
            # Not a file's name, so that of a shipped model, and of none there is.
            zoo.find(str(path))
        raise InputError(
            f"{path}: expected an .onnx file or .openvino folder; 'faceseg export' makes one of a "
            "checkpoint"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an .onnx file from 'faceseg export'")
    return path
