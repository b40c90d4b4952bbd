"""The page is whole, escaped and well formed, and its JSON holds the same figures."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages import Page
from PIL import Image

from faceseg.images import write_jpeg, write_png
from faceseg.report import FileRow, Picture, Report, ScoreRow, SpeedRow, write_report

NASTY = "<script>alert('x')</script> & \"quoted\" ünï"


@pytest.fixture
def report(tmp_path: Path) -> Report:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    write_png(tmp_path / "pictures" / "a.png", noise)
    write_jpeg(tmp_path / "pictures" / "b.jpg", noise)
    return Report(
        title=f"title {NASTY}",
        headline=f"headline {NASTY}",
        facts={f"name {NASTY}": f"value {NASTY}"},
        scores=[
            ScoreRow("unet", "networks", 0.93121, 0.96444, 0.97911, 1_941_537, 21.34),
            ScoreRow("unet.onnx", "networks", 0.93119, 0.96443, 0.97909, None, 9.1),
            ScoreRow(NASTY, f"group {NASTY}", 0.7, 0.8, 0.9, 0, 2.0),
        ],
        history={NASTY: [{"epoch": 1, "loss": 0.9, "lr": 0.1, "iou": float("nan")}]},
        speed=[
            SpeedRow("unet", f"way {NASTY}", "fp32", "CPU", 0, 21.0, 24.0, 1.0),
            SpeedRow("unet", "ONNX Runtime", "fp32", "CPU", 1234, 8.4, 9.7, 2.5),
        ],
        speed_note=f"note {NASTY}",
        files=[FileRow(f"file {NASTY}", 7_800_000, "0123456789abcdef" * 4, f"same {NASTY}")],
        pictures=[
            Picture(tmp_path / "pictures" / "a.png", f"caption {NASTY}"),
            Picture(tmp_path / "pictures" / "b.jpg", "a photograph"),
        ],
        limits=[f"limit {NASTY}"],
        commands=["faceseg train a > b && c", "faceseg eval"],
    )


def _write(report: Report, tmp_path: Path) -> tuple[str, Page, dict]:
    path = write_report(tmp_path / "report.html", report)
    text = path.read_text(encoding="utf-8")
    return text, Page(text), json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


def test_all_text_is_there_and_escaped(report: Report, tmp_path: Path):
    text, page, _ = _write(report, tmp_path)
    assert "<script" not in text
    shown = "".join(page.text)
    for what in ("title", "headline", "name", "value", "group", "way", "note", "file", "same",
                 "caption", "limit"):  # fmt: skip
        assert f"{what} {NASTY}" in shown
    assert "faceseg train a > b && c\nfaceseg eval" in shown
    alternatives = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert alternatives == [f"caption {NASTY}", "a photograph"]


def test_tables_hold_every_row(report: Report, tmp_path: Path):
    _, page, _ = _write(report, tmp_path)
    assert ["unet", "0.9312", "0.9644", "0.9791", "1,941,537", "21.3"] in page.rows
    assert ["unet.onnx", "0.9312", "0.9644", "0.9791", "", "9.1"] in page.rows
    assert [NASTY, "0.7000", "0.8000", "0.9000", "0", "2.0"] in page.rows
    speed = ["ONNX Runtime", "fp32", "CPU", "1,234", "8.4 ms", "9.7 ms", "2.50", ""]
    assert speed in page.rows
    assert [f"file {NASTY}", "7.8 MB", f"same {NASTY}", "0123456789abcdef" * 4] in page.rows


def test_best_scores_are_bold_and_ties_alike(report: Report, tmp_path: Path):
    text, _, _ = _write(report, tmp_path)
    assert re.findall("<b>(.*?)</b>", text) == ["0.9312", "0.9644", "0.9791"] * 2


def test_pictures_are_inside(report: Report, tmp_path: Path):
    text, page, _ = _write(report, tmp_path)
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    for source, picture in zip(sources, report.pictures, strict=True):
        kind, data = re.fullmatch(r"data:image/(png|jpeg);base64,(.*)", source).groups()
        content = base64.b64decode(data, validate=True)
        assert content == picture.path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == kind.upper()
            assert image.size == (20, 12)
    assert not re.search(r"https?://|<link|<script|@import|url\(", text)


def test_json_holds_the_same_figures(report: Report, tmp_path: Path):
    _, _, figures = _write(report, tmp_path)
    assert figures["title"] == report.title
    assert figures["scores"][0]["iou"] == 0.93121
    assert figures["history"] == {NASTY: [{"epoch": 1, "loss": 0.9, "lr": 0.1, "iou": None}]}
    assert [row["differing"] for row in figures["speed"]] == [0, 1234]
    assert figures["files"][0]["sha256"] == "0123456789abcdef" * 4
    assert [p["path"] for p in figures["pictures"]] == ["pictures/a.png", "pictures/b.jpg"]


def test_a_score_that_is_not_defined(report: Report, tmp_path: Path):
    nan = float("nan")
    row = ScoreRow("blind", "networks", nan, nan, 1.0, None, 1.0)
    _, page, figures = _write(replace(report, scores=[row]), tmp_path)
    assert ["blind", "", "", "1.0000", "", "1.0"] in page.rows
    assert figures["scores"][0]["iou"] is None


def test_empty_tables(report: Report, tmp_path: Path):
    empty = replace(
        report, scores=[], history={}, speed=[], files=[], pictures=[], limits=[], commands=[]
    )
    _, page, figures = _write(empty, tmp_path)
    assert figures["scores"] == []
    assert [tag for tag, _ in page.tags].count("table") == 3
