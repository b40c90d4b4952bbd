"""Face and face-mask segmentation, from the mask's bytes to a model in somebody's app.

Importing ``faceseg`` loads nothing else, so that ``faceseg.contract`` needs the standard library
alone; `RLE`, `rle`, `coco_mask` and `metrics` bring NumPy and the compiled kernels when they are
first asked for, `Predictor` ONNX Runtime, too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceseg import coco_mask, metrics, rle
    from faceseg.predict import Predictor
    from faceseg.rle import RLE

__all__ = ["RLE", "Predictor", "__version__", "coco_mask", "metrics", "rle"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "RLE":
        from faceseg.rle import RLE

        return RLE
    if name == "Predictor":
        from faceseg.predict import Predictor

        return Predictor
    if name in ("coco_mask", "metrics", "rle"):
        return import_module(f"faceseg.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
