"""Compiled by AOTInductor: runs with libtorch, without Python and without compiling again.

Compiling needs a C++ compiler and takes from half a minute up; the file serves the kind of CPU it
was compiled on.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import torch

from faceseg.contract import TORCHSCRIPT_FILE, Contract
from faceseg.errors import InputError
from faceseg.export.archive import without
from faceseg.export.job import Job, Runner, as_runner, quiet
from faceseg.export.program import captured

# Ends like the files of torch.export, as torch wants it.
SUFFIX = ".aoti.pt2"


def find_compiler() -> None:
    """Look for what compiling needs.

    Raises
    ------
    InputError
        If there is no C++ compiler.
    """
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise InputError(
            f"aoti: no C++ compiler {compiler!r} here; apt-get install g++, or name one by CXX"
        )


def write_aoti(job: Job, path: Path) -> None:
    """Compile a graph and write it."""
    metadata = {TORCHSCRIPT_FILE: job.contract.to_json()}
    # A line about the antialiased resize, which runs, called another way; and one about CUDA where
    # its compiler is here and no GPU.
    with (
        tempfile.TemporaryDirectory() as folder,
        quiet("torch._inductor"),
        quiet("torch.utils.cpp_extension"),
    ):
        # The file's name becomes the name of the archive inside it.
        made = torch._inductor.aoti_compile_and_package(
            captured(job),
            package_path=f"{folder}/model.pt2",
            inductor_configs={"aot_inductor.metadata": metadata},
        )
        # The sources, which nothing reads again, hold the compiler's command and its paths.
        path.write_bytes(without(Path(made), ".cpp"))


def open_aoti(path: Path, contract: Contract) -> Runner:
    """Return the file as a function from its input to its outputs, on the CPU.

    Raises
    ------
    InputError
        If the file does not load, or has no contract of this package.
    """
    try:
        model = torch._inductor.aoti_load_package(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: truncated or not a file of AOTInductor") from error
    Contract.from_json(model.get_metadata().get(TORCHSCRIPT_FILE, ""), str(path))
    return as_runner(model)
