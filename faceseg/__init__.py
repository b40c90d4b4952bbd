"""Face and face-mask segmentation, from the mask's bytes to a model in somebody's app.

Importing ``faceseg`` loads NumPy and the compiled kernels; everything but `RLE` is imported by name
when it is needed: ``faceseg.rle``, ``faceseg.coco_mask``, ``faceseg.metrics`` and so on.
"""

from faceseg.rle import RLE

__all__ = ["RLE", "__version__"]

__version__ = "0.1.0"
