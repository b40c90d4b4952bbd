"""Face and face-mask segmentation, from the mask's bytes to a model in somebody's app.

Importing ``faceseg`` loads NumPy alone; ``faceseg.rle`` and ``faceseg.metrics`` are the compiled
kernels, everything else is imported by name when it is needed.
"""

__version__ = "0.1.0"
