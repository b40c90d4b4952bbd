"""Which version of the inner loops is in use, and who says so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from faceseg import RLE, _kernels
from faceseg.cli import main

NAMES = ("scalar", "sse2", "avx2", "avx512", "neon")


@pytest.fixture(autouse=True)
def _as_before():
    name = _kernels.version()
    yield
    _kernels.select(name)


def run(kernels: str | None, program: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "FACESEG_KERNELS"}
    if kernels is not None:
        environment["FACESEG_KERNELS"] = kernels
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_versions_are_known_and_the_slowest_is_first() -> None:
    versions = _kernels.versions()
    assert versions[0] == "scalar"
    assert versions == [name for name in NAMES if name in versions]


def test_each_can_be_chosen() -> None:
    for name in _kernels.versions():
        _kernels.select(name)
        assert _kernels.version() == name
        assert RLE.from_mask([[0, 1, 1]]).to_kaggle() == "2 2"
    _kernels.select()
    assert _kernels.version() == _kernels.versions()[-1]


@pytest.mark.parametrize("name", ["", "AVX2", "avx", "scalar ", "sse2\0", "ä", "neon avx2"])
def test_others_cannot(name: str) -> None:
    before = _kernels.version()
    with pytest.raises(ValueError, match=r"^kernels '.*': this machine has scalar"):
        _kernels.select(name)
    assert _kernels.version() == before


PRINT = "from faceseg import _kernels as k; print(k.version(), k.forced)"


def test_the_environment_forces_one() -> None:
    for name in _kernels.versions():
        assert run(name, PRINT).stdout.split() == [name, name]
    for nothing in (None, ""):
        assert run(nothing, PRINT).stdout.split() == [_kernels.versions()[-1], "None"]


@pytest.mark.parametrize("name", [*NAMES, "avx1024", "fastest", " "])
def test_the_environment_asks_for_one_that_is_not_here(name: str) -> None:
    if name in _kernels.versions():
        pytest.skip("it is here")
    done = run(name, "import faceseg.rle")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"ImportError: FACESEG_KERNELS is {name!r}; expected a version that this machine can run: "
        + ", ".join(_kernels.versions())
    )


def test_info_tells(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    names = ", ".join(_kernels.versions())
    for forced, how in ((None, "chosen"), ("scalar", "forced by FACESEG_KERNELS")):
        monkeypatch.setattr(_kernels, "forced", forced)
        _kernels.select(forced)
        assert main(["info"]) == 0
        line = f"kernels: {_kernels.version()} ({how} of {names})"
        assert line in capsys.readouterr().out.splitlines()
