"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

# The networks of the tests are too small for a second thread to pay, and on a busy machine threads
# that wait for each other cost minutes. Set before torch is loaded; subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from faceseg import RLE
from faceseg.files import write_csv
from faceseg.images import write_png
from faceseg.records import Source, open_source


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data sets beside the checkout; tests that need it skip without."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real data sets are not beside this checkout (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def ellipses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of 12 pictures of a bright ellipse on noise, two for each of six subjects."""
    folder = tmp_path_factory.mktemp("ellipses")
    rng = np.random.default_rng(0)
    height, width = 48, 40
    y, x = np.mgrid[:height, :width]
    rows = []
    for place in range(12):
        cy, cx = rng.uniform(16, 32), rng.uniform(14, 26)
        a, b = rng.uniform(8, 14, 2)
        mask = ((y - cy) / a) ** 2 + ((x - cx) / b) ** 2 <= 1
        image = rng.integers(0, 110, (height, width, 3), dtype=np.uint8)
        image[mask] += 130
        write_png(folder / "images" / f"e{place:02d}.png", image)
        text = RLE.from_mask(mask).to_kaggle()
        rows.append([f"e{place:02d}", text, height, width, f"s{place // 2}"])
    write_csv(folder / "train.csv", ["image", "rle_mask", "height", "width", "subject"], rows)
    return folder / "train.csv"


@pytest.fixture(scope="session")
def source(ellipses: Path) -> Source:
    """Return the records of `ellipses`."""
    return open_source(ellipses)


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder: ``python -c`` in the checkout would import the sources there."""
    monkeypatch.chdir(tmp_path)
