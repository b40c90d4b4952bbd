"""The compiled extension and its flags; everything else is in pyproject.toml.

FACESEG_SANITIZE=1 builds with the address and undefined-behaviour sanitizers.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g"]
flags = SANITIZE if os.environ.get("FACESEG_SANITIZE") == "1" else []

extension = Extension(
    "faceseg._kernels",
    [
        "faceseg/_kernels.pyx",
        "csrc/confusion.c",
        "csrc/rle.c",
        "csrc/rle_text.c",
        "csrc/scalar.c",
    ],
    include_dirs=["csrc"],
    depends=["csrc/faceseg.h", "csrc/loops.h", "csrc/status.h", "faceseg/_csrc.pxd"],
    extra_compile_args=["-O3", "-Wall", "-Wextra", "-std=c11", *flags],
    extra_link_args=flags,
)

setup(ext_modules=cythonize([extension], build_dir="build"))
