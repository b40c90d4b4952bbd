"""Face and face-mask segmentation, from the mask's bytes to a model in somebody's app.

Importing ``faceseg`` loads nothing else, so that ``faceseg.contract`` needs the standard library
alone; `RLE` brings NumPy and the compiled kernels when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceseg.rle import RLE

__all__ = ["RLE", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "RLE":
        from faceseg.rle import RLE

        return RLE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
