"""A short, deterministic run of the fuzz targets; `make fuzz` is the long one."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faceseg import _kernels

ROOT = Path(__file__).resolve().parents[1]
FUZZ = ROOT / "tests" / "fuzz"
TARGETS = ("coco", "kaggle", "pixels", "paint", "merge", "shapes", "polygons", "confusion")
SHARED = ("fuzz", "driver")

FLAGS = ("-O1", "-g1", "-std=c11", f"-I{ROOT / 'csrc'}")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")

# Changed copies of each file of the corpus: some seconds for all targets.
COPIES = 250


def run(*command: object) -> subprocess.CompletedProcess[str]:
    """Run a command without what this process may have been made to load."""
    clean = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, errors="replace", env=clean
    )


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with each target, compiled with the sanitizers where they link."""
    compiler = os.environ.get("CC", "cc").split()
    if not shutil.which(compiler[0]):
        pytest.skip(f"no C compiler: {compiler[0]} is not on the path")
    if not (ROOT / "csrc").is_dir():
        pytest.skip("the C sources are not beside the tests")
    folder = tmp_path_factory.mktemp("fuzz")
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    sanitized = run(*compiler, *SANITIZERS, probe, "-o", folder / "probe").returncode == 0
    flags = (*FLAGS, *(SANITIZERS if sanitized and run(folder / "probe").returncode == 0 else ()))

    def compiled(source: Path) -> Path:
        done = run(
            *compiler, *flags, "-c", source, "-o", folder / f"{source.stem}.{source.parent.name}.o"
        )
        assert done.returncode == 0, done.stderr
        return folder / f"{source.stem}.{source.parent.name}.o"

    kernels = sorted((ROOT / "csrc").glob("*.c"))
    own = [FUZZ / f"{name}.c" for name in (*TARGETS, *SHARED)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = dict(zip([*kernels, *own], pool.map(compiled, [*kernels, *own]), strict=True))
    common = [objects[path] for path in (*kernels, *(FUZZ / f"{name}.c" for name in SHARED))]
    for target in TARGETS:
        done = run(
            *compiler, *flags, objects[FUZZ / f"{target}.c"], *common, "-lm", "-o", folder / target
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_and_what_is_like_it(programs: Path, target: str) -> None:
    corpus = FUZZ / "corpus" / target
    files = len(list(corpus.iterdir()))
    done = run(programs / target, COPIES, corpus)
    assert done.returncode == 0, done.stderr[-4000:]
    executions, versions = done.stdout.split(" executions, versions ")
    assert int(executions) == 1 + files * (1 + COPIES)
    assert versions.split() == _kernels.versions()


def test_what_does_not_hold_is_found(programs: Path, tmp_path: Path) -> None:
    """A driver that cannot fail proves nothing: leave out a file, and it says so."""
    missing = tmp_path / "missing"
    assert run(programs / "coco", 0, missing).returncode == 2
