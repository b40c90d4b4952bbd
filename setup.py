"""The compiled extension and its flags; everything else is in pyproject.toml.

FACESEG_SANITIZE=1 builds with the address and undefined-behaviour sanitizers.
"""

import os
from glob import glob

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g"]


class Build(build_ext):
    """Flags by compiler: MSVC has its own, and builds the scalar version alone."""

    def build_extensions(self):
        """Set the flags, then build."""
        if self.compiler.compiler_type == "msvc":
            compile_args, link_args = ["/O2", "/std:c11"], []
        else:
            link_args = SANITIZE if os.environ.get("FACESEG_SANITIZE") == "1" else []
            compile_args = ["-O3", "-Wall", "-Wextra", "-std=c11", *link_args]
        for extension in self.extensions:
            extension.extra_compile_args = compile_args
            extension.extra_link_args = link_args
        super().build_extensions()


extension = Extension(
    "faceseg._kernels",
    ["faceseg/_kernels.pyx", *sorted(glob("csrc/*.c"))],
    include_dirs=["csrc", np.get_include()],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
    depends=[*glob("csrc/*.h"), *glob("faceseg/*.px[di]")],
)

setup(ext_modules=cythonize([extension], build_dir="build"), cmdclass={"build_ext": Build})
