"""The page of a run shows the figures of its JSON, and those are what they are said to be."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages import Page

from faceseg import checkpoint, metrics
from faceseg.boundary import boundary_f_score, boundary_iou
from faceseg.classical import choose
from faceseg.cli import main
from faceseg.config import Config
from faceseg.draw import draw_dataset
from faceseg.errors import InputError
from faceseg.evaluate import read_pairs
from faceseg.files import write_csv
from faceseg.models.pipeline import segmenter
from faceseg.records import open_source
from faceseg.run_report import write_run_report
from faceseg.run_scores import Probabilities, score_images
from faceseg.train import train

TINY = [
    "--size", "32", "--width", "4", "--depth", "2", "--epochs", "2", "--workers", "0",
    "--device", "cpu", "--amp", "fp32", "--batch-size", "4", "--lr", "0.01",
]  # fmt: skip
SECTIONS = [
    "What was run", "Curves", "Scores", "Best, worst, boundaries", "Threshold", "Calibration",
    "Timing", "Limits",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(ellipses, tmp_path_factory) -> Path:
    """Return the folder of a run of two epochs, with the report that training leaves."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    words = ["train", ellipses, "--val", ellipses, "--out", folder, *TINY]
    assert main([str(word) for word in words]) == 0
    return folder


def read(page: Path) -> tuple[str, Page, dict]:
    text = page.read_text(encoding="utf-8")
    return text, Page(text), json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))


def headings(text: str) -> list[str]:
    return [part.split("</h2>")[0] for part in text.split("<h2>")[1:]]


def shown(interval: dict) -> str:
    """Return a score and its interval as the table has them."""
    score, low, high = (f"{interval[k]:.4f}" for k in ("score", "low", "high"))
    return f"{score}{low} to {high}"


def test_the_page_is_whole_and_stands_alone(run):
    text, page, _ = read(run / "report.html")
    assert headings(text) == SECTIONS
    assert page.fetches() == []
    # Not "http" alone: pictures are base64, in which any letters may meet.
    body = text.split("</style>")[1].replace("xmlns", "")
    assert "http:" not in body
    assert "https:" not in body
    assert "<script" not in text
    sources = [given["src"] for tag, given in page.tags if tag == "img"]
    assert len(sources) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert text.count("<svg") == 7


def test_the_page_shows_the_figures_of_the_json(run):
    text, page, figures = read(run / "report.html")
    words = "".join(page.text)
    assert figures["headline"] in words
    assert f"faceseg train {figures['run']['facts']['command'].split()[2]}" in words
    (table,) = figures["scores"]
    assert table["on"] == "all 12 images"
    assert [row["model"] for row in table["rows"]] == ["tiny", *(m.name for m in choose("face"))]
    for row in table["rows"]:
        gap = row.get("model_minus_this")
        cells = [shown(row[k]) for k in
                 ("iou", "dice", "pixel_accuracy", "boundary_iou", "boundary_f_score")]  # fmt: skip
        last = "" if gap is None else "{score:+.4f}{low:+.4f} to {high:+.4f}".format(**gap)
        assert [row["model"], *cells, last, f"{row['median_ms']:.1f}"] in page.rows
    for row in figures["classes"]:
        cells = [shown(row[k]) for k in ("iou", "dice", "precision", "recall")]
        assert [row["class"], *cells, f"{100 * row['share_of_pixels']:.2f} %"] in page.rows
    sweep, calibration = figures["thresholds"], figures["calibration"]
    for value in (sweep["best_iou"], sweep["iou_at_half"], sweep["average_precision"],
                  calibration["expected_error"], figures["images"]["mean_iou"]):  # fmt: skip
        assert f"{value:.4f}" in words
    assert all(limit in words for limit in figures["limits"])
    assert figures["run"]["changed"]["width"] == "4"
    assert "lr=0.01" in words
    assert text.count("<circle") >= 2 * len(figures["history"])


def test_the_figures_are_right(run, source):
    figures = json.loads((run / "report.json").read_text())
    own = figures["scores"][0]["rows"][0]
    saved = json.loads((run / "scores.json").read_text())
    for name, value in saved.items():
        assert own[name]["score"] == pytest.approx(value, abs=1e-12)
        assert own[name]["low"] <= value <= own[name]["high"]
    pipeline, _ = checkpoint.load_pipeline(run, probabilities=True)
    kept = []
    pipeline.register_forward_hook(lambda module, given, found: kept.append(found[1][0, 1].numpy()))
    segment = segmenter(pipeline)
    pairs = [(segment(image), truth) for _, image, truth in read_pairs(source, source.records)]
    masks = np.array([mask for mask, _ in pairs])
    truths = np.array([truth for _, truth in pairs])
    assert own["boundary_iou"]["score"] == pytest.approx(
        np.mean([boundary_iou(m, t) for m, t in pairs]), abs=1e-8
    )
    assert own["boundary_f_score"]["score"] == pytest.approx(
        np.mean([boundary_f_score(m, t) for m, t in pairs]), abs=1e-8
    )
    # Both pictures of a subject are drawn together.
    counts = metrics.confusion_matrix(masks, truths, per_image=True)
    expected = metrics.bootstrap(
        counts[0::2] + counts[1::2], lambda m: metrics.iou(m, classes=[1])[:, 0]
    )
    assert [own["iou"][k] for k in ("score", "low", "high")] == pytest.approx(list(expected))
    sweep = metrics.sweep(np.array(kept), truths)
    assert figures["thresholds"]["average_precision"] == pytest.approx(sweep.average_precision)
    assert figures["thresholds"]["best_threshold"] == sweep.best()[0]
    assert figures["thresholds"]["iou_at_half"] == pytest.approx(saved["iou"])
    bins = metrics.calibration(np.array(kept), truths)
    assert figures["calibration"]["expected_error"] == pytest.approx(bins.expected_error)
    assert figures["calibration"]["pixels"] == bins.pixels.tolist()
    for row in figures["scores"][0]["rows"][1:]:
        gap = own["iou"]["score"] - row["iou"]["score"]
        assert row["model_minus_this"]["score"] == pytest.approx(gap)


def test_a_report_is_the_same_again(run, tmp_path):
    first = json.loads((run / "report.json").read_text())
    assert main(["report", str(run), "--out", str(tmp_path / "again.html"), "--device", "cpu"]) == 0
    second = json.loads((tmp_path / "again.json").read_text())
    for figures in (first, second):
        del figures["timing"], figures["run"]["facts"]["report made"]
        for row in figures["scores"][0]["rows"]:
            del row["median_ms"]
    assert first == second


def test_classical_methods_on_some_images(run, source, tmp_path):
    page = write_run_report(run, source, classical=5, out=tmp_path / "r.html", device="cpu")
    text, _, figures = read(page)
    whole, part = figures["scores"]
    assert (len(whole["rows"]), part["on"]) == (1, "5 of the 12 images, evenly spaced")
    assert {row["images"] for row in part["rows"]} == {5}
    assert part["rows"][0]["model"] == "tiny"
    assert text.count(part["on"]) == 2  # in the table and among the limits


def test_another_set_and_no_classical_methods(run, ellipses, tmp_path, capsys):
    out = tmp_path / "new" / "r.html"
    words = ["report", run, "--data", ellipses, "--no-classical", "--out", out, "--device", "cpu"]
    assert main([str(word) for word in words]) == 0
    assert f"report: {out}" in capsys.readouterr().out
    _, _, figures = read(out)
    assert [row["model"] for row in figures["scores"][0]["rows"]] == ["tiny"]
    assert "of another set" in figures["headline"]
    assert not any("best epoch was chosen" in limit for limit in figures["limits"])


def test_train_without_report_and_folds(ellipses, tmp_path, capsys):
    folder = tmp_path / "run"
    words = ["train", str(ellipses), "--out", str(folder), *TINY, "--epochs", "1", "--no-report"]
    assert main([*words, "--folds", "2"]) == 0
    assert not list(folder.rglob("report.html"))
    assert main(["report", str(folder)]) == 2
    assert "fold1" in capsys.readouterr().err
    assert main(["report", str(folder / "fold2"), "--no-classical", "--device", "cpu"]) == 0
    figures = json.loads((folder / "fold2" / "report.json").read_text())
    fold = json.loads((folder / "folds.json").read_text())["folds"][1]
    own = figures["scores"][0]["rows"][0]
    assert own["iou"]["score"] == pytest.approx(fold["iou"])
    assert main(["train", "--resume", str(folder), "--no-report"]) == 0


def blinded(run: Path, folder: Path) -> Path:
    """Return a copy of the run whose network has lost its weights: all is background."""
    shutil.copytree(run, folder)
    saved = checkpoint.load(run)
    weights = {name: value * 0 for name, value in saved.weights.items()}
    checkpoint.save(
        folder / "best.pt", config=saved.config, task=saved.task, classes=saved.classes,
        weights=weights,
    )  # fmt: skip
    return folder


def test_nothing_is_predicted(run, source, tmp_path):
    page = write_run_report(blinded(run, tmp_path / "blind"), source, classical=2, device="cpu")
    text, _, figures = read(page)
    own = figures["scores"][0]["rows"][0]
    assert own["iou"]["score"] == own["boundary_iou"]["score"] == 0
    assert headings(text) == SECTIONS
    assert any("scores.json" in limit for limit in figures["limits"])


def test_nothing_is_foreground_at_all(run, source, tmp_path):
    rows = [[r.name, "", 48, 40] for r in source.records]
    table = source.records[0].image.parents[1] / "empty.csv"
    write_csv(table, ["image", "rle_mask", "height", "width"], rows)
    page = write_run_report(
        blinded(run, tmp_path / "blind"), open_source(table), classical=0, device="cpu"
    )
    text, parsed, figures = read(page)
    assert headings(text) == SECTIONS
    assert figures["scores"][0]["rows"][0]["iou"] == {"score": None, "low": None, "high": None}
    row = next(row for row in parsed.rows if row[0] == "blind")
    assert row[1:6] == ["–", "–", "1.00001.0000 to 1.0000", "–", "–"]
    assert "nan" not in "".join(parsed.text).lower()
    assert "No image has foreground" in text
    assert "In 12 nothing is foreground" in text


def test_nine_classes(tmp_path):
    data = draw_dataset(tmp_path / "drawn", 10, seed=0, size=48)
    training, validation = (open_source(data, split=s, task="parse") for s in ("train", "val"))
    config = Config(size=(32, 32), width=4, depth=2, batch_size=4, workers=0, epochs=1,
                    amp="fp32", device="cpu")  # fmt: skip
    train(training, validation, config, tmp_path / "parse")
    text, page, figures = read(write_run_report(tmp_path / "parse", validation, device="cpu"))
    assert headings(text) == SECTIONS
    assert figures["thresholds"] is None
    assert figures["calibration"]["of"] == "predicted class"
    assert [row["class"] for row in figures["classes"]] == list(validation.classes)
    pixels = sum(48 * 48 for _ in validation.records)
    assert sum(figures["calibration"]["pixels"]) == pixels
    assert "command" not in figures["run"]["facts"]
    # run.json of a run made from Python does not tell the data.
    assert main(["report", str(tmp_path / "parse")]) == 2
    assert main(["report", str(tmp_path / "parse"), "--data", str(data), "--device", "cpu"]) == 0
    assert any(row[0] == "left brow" for row in page.rows)


def test_pixels_to_ignore_do_not_count(source, monkeypatch):
    record = source.records[0]
    one = replace(source, records=(record,))
    truth = np.array(source.mask(record))
    prediction = truth.copy()
    prediction[:, :10] = 1 - prediction[:, :10]
    truth[:, :10] = 255
    monkeypatch.setattr(type(source), "mask", lambda self, record, size=None: truth)
    scored = score_images("a", one, lambda image: prediction, ignore_index=255)
    row = scored.row()
    assert row["iou"]["score"] == row["boundary_iou"]["score"] == 1
    for size in (2, 3):
        probabilities = Probabilities(size, 255)
        values = np.stack([prediction == c for c in range(size)]).astype(np.float32)
        probabilities.add(values, prediction, truth)
        found = probabilities.figures()
        assert sum(found["calibration"]["pixels"]) == (truth != 255).sum()
        assert found["calibration"]["expected_error"] == 0


def test_classes_must_be_those_of_the_run(run, source, tmp_path):
    other = replace(source, classes=("background", "mask"))
    with pytest.raises(InputError, match="its classes are background, face"):
        write_run_report(run, other)
    with pytest.raises(InputError, match=r"run\.json: no such file"):
        write_run_report(tmp_path, source)


def test_tensorboard_reads_what_the_log_has(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run)).Reload()
    rows = list(csv.DictReader((run / "log.csv").read_text().splitlines()))
    assert set(events.Tags()["scalars"]) == set(rows[0]) - {"epoch"}
    for name in ("loss", "lr", "iou", "dice"):
        found = [event.value for event in events.Scalars(name)]
        assert found == pytest.approx([float(row[name]) for row in rows], rel=1e-5)
