"""Some thousand calls of each kind leave nothing behind; `make leak` makes a million."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import leak
import pytest

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm"),
    pytest.mark.skipif(
        "asan" in os.environ.get("LD_PRELOAD", ""),
        reason="the address sanitizer keeps what is freed",
    ),
]

_CODE = """
import json, leak
kept = []
kinds = {**leak.KINDS, "kept": lambda: kept.append(bytes(1000))}
print(json.dumps({name: leak.growth(call, 1500, turns=3)[1] for name, call in kinds.items()}))
"""


@pytest.fixture(scope="module")
def added() -> dict[str, int]:
    """Bytes that each kind added, in a program of its own.

    In this one five thousand tests have left free memory, which would take in what leaks, and
    other threads, of which one once took 1.6 MiB meanwhile.
    """
    command = [sys.executable, "-c", _CODE]
    done = subprocess.run(
        command, cwd=Path(leak.__file__).parent, check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("kind", leak.KINDS)
def test_memory_stays_what_it_is(added: dict[str, int], kind: str) -> None:
    # What leaves 50 bytes behind each time is seen.
    assert added[kind] <= 2**16


def test_a_leak_is_seen(added: dict[str, int]) -> None:
    assert added["kept"] > 2**19
