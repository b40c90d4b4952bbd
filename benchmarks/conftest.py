"""Options of the benchmarks."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seconds",
        type=float,
        default=0.4,
        help="time for the rounds of one case (default 0.4; ellipses get twice that)",
    )
