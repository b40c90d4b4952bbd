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
    # What leaves 50 bytes behind each time is seen in each turn. In one turn alone, after five
    # thousand other tests, the process itself once grew by 1.6 MiB.
    _, added = leak.growth(leak.KINDS[kind], 1500, turns=3)
    assert added <= 2**16


def test_a_leak_is_seen() -> None:
    kept: list[bytes] = []
    _, added = leak.growth(lambda: kept.append(bytes(100)), 1500, turns=3)
    assert added > 2**16
