"""A contender's process, seen from the one that compares."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import Any

from faceseg.benchmark.loaders import Images, Task
from faceseg.errors import InputError

# Read by glibc before a program starts: keep freed memory instead of giving its pages back, which
# the next picture would need again. For eager PyTorch that decides more than most runtimes do.
TUNED = {
    "MALLOC_TRIM_THRESHOLD_": "20000000000",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TOP_PAD_": "268435456",
}

# Modules come from where the parent's do. With -m the current folder would come first, and in a
# checkout that is the package without its kernels.
_CHILD = """
import sys
sys.path[:] = filter(None, sys.path)
from faceseg.benchmark.child import main
main()
"""


class Worker:
    """Starts with the block and ends with it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        paths = [path or os.getcwd() for path in sys.path]
        # NVIDIA's libraries compute float32 in TF32, which has three digits, where that is left to
        # them.
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "NVIDIA_TF32_OVERRIDE": "0",
        }
        if task.way.tuned:
            environment |= TUNED
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )
        self._send("prepare", task.way.runtime)

    def ready(self) -> None:
        """Wait until the imports are over, which begin with the process, beside each other."""
        self._answer()

    def start(self, images: Images) -> dict[str, Any]:
        """Load the model, run it once, and return what `child.Subject.start` does."""
        found: dict[str, Any] = self._ask("start", self.task, images)
        return found

    def masks(self, pictures: Images) -> Images:
        """Return the (K, N, H, W) masks of (K, N, H, W, 3) pictures."""
        found: Images = self._ask("masks", pictures)
        return found

    def time(self) -> tuple[float, float]:
        """Return the seconds of a run, and of one without copies, or NaN."""
        found: tuple[float, float] = self._ask("time")
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, name: str, *arguments: Any) -> Any:
        self._send(name, *arguments)
        return self._answer()

    def _send(self, name: str, *arguments: Any) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump((name, arguments), self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        try:
            answer = pickle.load(self._process.stdout)
        except EOFError:
            raise self._ended() from None
        if isinstance(answer, InputError):
            raise answer
        return answer

    def _ended(self) -> InputError:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(said) if line.strip()), "")
        return InputError(f"its process ended with {code}: {last.strip()}")
