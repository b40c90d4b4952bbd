from __future__ import annotations

import os

import pytest

from faceseg.files import atomic_path, write_csv, write_json, write_text


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write_half():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_folders_are_made_and_permissions_are_those_of_a_plain_file(tmp_path):
    write_text(tmp_path / "deep" / "er" / "a.txt", "ü")
    plain = tmp_path / "plain"
    plain.write_text("x")
    written = tmp_path / "deep" / "er" / "a.txt"
    assert written.read_text(encoding="utf-8") == "ü"
    assert written.stat().st_mode == plain.stat().st_mode


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"iou": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_csv_quotes_what_needs_it(tmp_path):
    write_csv(tmp_path / "a.csv", ["a", "b"], [["x,y", 1]])
    assert (tmp_path / "a.csv").read_text() == 'a,b\n"x,y",1\n'
