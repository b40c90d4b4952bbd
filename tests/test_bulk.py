"""Ray Data gives what one process gives, also when a worker is killed."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import killed_worker
import numpy as np
import pytest
from killed_worker import loaded
from numpy.typing import NDArray

from faceseg import bulk
from faceseg.cli import main
from faceseg.errors import InputError
from faceseg.images import read_labels, write_png


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i:02}.png" for i in range(20)]
    for i, path in enumerate(paths):
        image = np.random.default_rng(i).integers(0, 256, (20 + i, 30, 3), dtype=np.uint8)
        image[0, 0, 0] = i
        write_png(path, image)
    return paths


def test_rows_and_files_in_this_process(photos: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = list(bulk.here(loaded(), photos, out, ["mask", "rle"]))
    assert [place for place, _ in rows] == list(range(20))
    assert rows[3][1][0] == "03.png"
    assert rows[3][1][2:] == (23, 30)
    mask = read_labels(out / "mask" / "03.png")
    assert set(np.unique(mask)) == {0, 255}
    assert int((mask > 0).sum()) == sum(map(int, rows[3][1][1].split()[1::2]))


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")
def test_a_killed_worker_loses_and_repeats_nothing(photos: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    # The current folder holds what is not this package: a checkout, say, that is not compiled.
    (tmp_path / "faceseg").mkdir()
    (tmp_path / "faceseg" / "__init__.py").write_text("raise ImportError('not this one')\n")
    # Ray's workers give way to all other programs: minutes where the tests have company.
    subprocess.run(
        [sys.executable, killed_worker.__file__, out, *photos],
        env=os.environ | {"RAY_worker_niceness": "0"},
        check=True,
    )
    rows = [(place, tuple(row)) for place, row in json.loads((out / "rows.json").read_text())]
    assert (out / "killed").exists()
    assert sorted(place for place, _ in rows) == list(range(20))
    assert dict(rows) == dict(bulk.here(loaded(), photos, tmp_path / "here", ["rle"]))
    assert sorted(path.name for path in (out / "mask").iterdir()) == [p.name for p in photos]


def test_an_address_is_for_ray(
    photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["predict", "otsu", str(photos[0]), "--out", str(tmp_path), "--address", "a:1"]
    assert main(arguments) == 2
    assert "--address: a:1 given without --engine ray" in capsys.readouterr().err


def test_a_broken_picture_ends_it(photos: list[Path], tmp_path: Path) -> None:
    photos[2].write_bytes(b"")
    rows = bulk.here(loaded(), photos, tmp_path / "out", ["rle"])
    assert [next(rows)[0], next(rows)[0]] == [0, 1]
    with pytest.raises(InputError, match=r"02\.png: not an image but empty"):
        next(rows)


def test_a_picture_that_the_model_does_not_take_is_named(
    photos: list[Path], tmp_path: Path
) -> None:
    def segment(_: NDArray[np.uint8]) -> NDArray[np.uint8]:
        raise InputError("another size")

    model = dataclasses.replace(loaded(), segment=segment)
    with pytest.raises(InputError, match=r"00\.png: another size"):
        next(bulk.here(model, photos, tmp_path, ["mask"]))


def test_a_worker_tells_of_a_broken_picture(photos: list[Path], tmp_path: Path) -> None:
    photos[2].write_bytes(b"")
    worker = bulk._Worker(loaded, tmp_path / "out", ["rle"])
    batch = {"place": np.array([1, 2, 3]), "path": np.array([str(p) for p in photos[1:4]])}
    columns = worker(batch)
    assert columns["place"] == [1, 2, 3]
    assert columns["image"] == ["01.png", "02.png", "03.png"]
    assert columns["height"] == [21, 0, 23]
    assert [bool(text) for text in columns["error"]] == [False, True, False]
    assert "not an image but empty" in columns["error"][1]
