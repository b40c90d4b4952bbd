"""Options of the benchmarks."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seconds",
        type=float,
        default=0.2,
        help="time for the rounds of one case (default 0.2; ellipses get three times that)",
    )
