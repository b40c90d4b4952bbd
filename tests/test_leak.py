"""Some thousand calls of each kind leave nothing behind; `make leak` makes a million."""

from __future__ import annotations

import os
import sys

import leak
import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
@pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="the address sanitizer keeps what is freed"
)
@pytest.mark.parametrize("kind", leak.KINDS)
def test_memory_stays_what_it_is(kind: str) -> None:
    # What leaves 50 bytes behind each time is seen.
    _, added = leak.growth(leak.KINDS[kind], 1500)
    assert added <= 2**16
