"""Run folders are read from their JSON and CSV alone; what cannot be read is told, not fatal."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from pages import Page

from faceseg.cli import main
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.evaluate import Evaluation
from faceseg.files import write_csv, write_json
from faceseg.runs import choose, compare, find_runs, listing, read_run

LOG = ["epoch", "loss", "lr", "seconds", "iou", "dice", "pixel_accuracy"]


def write_run(folder: Path, ious, *, finished=True, seed=0, images=8, plan=None, **settings):
    """Write the text files of a run, with images whose IoU is about the last one given."""
    config = Config(epochs=5).replace(settings)
    options = {"task": "face", "classes": None, "images": None, "order": "F", "base": 1}
    whole = {"data": "/data/portraits", "val": None, "options": options, "folds": None,
             "init": None, "config": config.to_dict(), **(plan or {})}  # fmt: skip
    write_json(folder / "run.json", whole)
    rows = [
        [n, 1 / n, 1e-3, 10 * n, "" if iou is None else iou, "" if iou is None else iou, 0.9]
        for n, iou in enumerate(ious, start=1)
    ]
    write_csv(folder / "log.csv", LOG, rows)
    if finished:
        best = max((iou for iou in ious if iou == iou and iou is not None), default=None)
        write_json(folder / "scores.json", {"iou": best, "dice": best, "pixel_accuracy": 0.9})
        rng = np.random.default_rng(seed)
        right = rng.binomial(100, best or 0, images)
        counts = np.array([[[50, 0], [100 - r, r]] for r in right], np.int64)
        names = tuple(f"i{n}" for n in range(images))
        Evaluation(names, ("background", "face"), counts).write_csv(folder / "per_image.csv")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_run(folder / "low", [0.2, 0.5, 0.4])
    write_run(
        folder / "deep" / "high", [0.7, None, 0.8, 0.75, 0.79], lr=0.01, size="256x192", seed=1
    )
    write_run(folder / "stopped", [0.6, 0.3], finished=False)
    write_run(folder / "blind", [float("nan")])
    write_json(folder / "blind" / "scores.json", {"iou": None, "dice": None, "pixel_accuracy": 1.0})
    return folder


def test_the_best_comes_first(runs):
    found, problems = find_runs(runs)
    assert [run.name for run in found] == ["deep/high", "stopped", "low", "blind"]
    assert problems == []
    high, stopped, _, blind = (run.figures() for run in found)
    assert high["epochs"] == high["epochs_asked"] == 5
    assert high["seconds"] == 50
    assert (stopped["iou"], stopped["finished"]) == (0.6, False)
    assert blind["iou"] is None


def test_the_listing_fits_80_columns(runs):
    write_run(runs / ("a" * 50) / "b", [0.1], size="1024x768", model="deeplabv3")
    (runs / "x").mkdir()
    (runs / "x" / "run.json").write_text('{"config": {"lr": "much"}}')
    text = listing(*find_runs(runs), runs)
    lines = text.splitlines()
    assert max(map(len, lines[:7])) <= 80
    assert lines[1].split() == ["deep/high", "unet", "face", "256x192", "5/5", "0.8000", "0.8000",
                                "50s", lines[1].split()[-1]]  # fmt: skip
    assert "2/5*" in text
    assert "* not finished" in text
    assert "–" in lines[5]
    assert "…aaaa" in text
    assert "expected float" in " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", "{", "not readable as JSON"),
        ("run.json", "[]", "no JSON object"),
        ("run.json", "{}", "without config"),
        ("run.json", '{"config": {"depht": 3}}', "did you mean 'depth'"),
        ("log.csv", "epoch,loss\n1,much\n", "log.csv: not the log"),
        ("scores.json", "", "scores.json: not readable"),
        ("scores.json", '{"iou": "high"}', "not readable as a run"),
    ],
)
def test_what_cannot_be_read_is_told_and_not_fatal(runs, name, content, message):
    (runs / "low" / name).write_text(content)
    found, problems = find_runs(runs)
    assert "low" not in [run.name for run in found]
    assert len(found) == 3
    assert len(problems) == 1
    assert message in problems[0]
    assert str(runs / "low") in problems[0]


def test_a_run_in_its_first_epoch_is_listed(runs):
    write_run(runs / "new", [], finished=False)
    (runs / "new" / "log.csv").unlink()
    found, problems = find_runs(runs)
    assert problems == []
    (new,) = (run for run in found if run.name == "new")
    assert (new.epochs, new.seconds, new.best, new.finished) == ((0, 5), 0, None, False)
    assert "0/5*" in listing(found, problems, runs)


def test_folds_are_one_run(tmp_path):
    folder = tmp_path / "runs" / "k"
    for fold in (1, 2):
        write_run(folder / f"fold{fold}", [0.5, 0.6])
    write_run(folder, [], finished=False, plan={"folds": 2})
    (folder / "log.csv").unlink()
    (run,), _ = find_runs(tmp_path / "runs")
    assert (run.epochs, run.seconds, run.finished, run.iou) == ((4, 10), 40, False, 0.6)
    write_json(folder / "folds.json", {"mean": {"iou": 0.55, "dice": 0.7, "pixel_accuracy": 0.9}})
    run = read_run(folder)
    assert (run.finished, run.iou) == (True, 0.55)


def test_the_command_makes_the_run_again(runs, monkeypatch):
    # Paths inside the working folder are shown from there.
    command = read_run(runs / "deep" / "high").command
    assert command == (
        "faceseg train /data/portraits --size 256x192 --epochs 5 --lr 0.01 --out runs/deep/high"
    )
    options = {"task": "face", "order": "F", "base": 1}
    for value, flag in ((-1, ""), (255, " --ignore-index 255")):
        plan = {"options": {**options, "ignore_index": value}}
        write_run(runs / "ignoring", [0.5], plan=plan, ignore_index=value)
        command = read_run(runs / "ignoring").command
        assert command == (f"faceseg train /data/portraits --epochs 5{flag} --out runs/ignoring")
    monkeypatch.chdir(runs)
    assert read_run(runs / "low").command.endswith("--epochs 5 --out low")
    write_json(runs / "low" / "run.json", {"config": Config().to_dict()})
    assert read_run(runs / "low").command is None


def test_compare(runs, tmp_path):
    found, _ = find_runs(runs)
    low, high, stopped = choose(found, ["low", "deep/high", str(runs / "stopped")])
    result = compare([low, high, stopped])
    assert result.settings == {"size": ["192", "256x192", "192"], "lr": ["0.003", "0.01", "0.003"]}
    gap, none = result.differences
    assert none is None
    totals = [sum(_counts(run)) for run in (low, high)]
    iou = [m[1, 1] / (m.sum() - m[0, 0]) for m in totals]
    assert gap["score"] == pytest.approx(iou[1] - iou[0])
    assert 0 < gap["low"] < gap["score"] < gap["high"]
    # The same run is equal to itself in every draw.
    assert set(compare([low, low]).differences[0].values()) == {0.0}
    text = result.text()
    assert max(map(len, text.splitlines())) <= 80
    assert "8 shared images" in text
    result.write_html(tmp_path / "c.html")
    page = Page((tmp_path / "c.html").read_text(encoding="utf-8"))
    assert page.fetches() == []
    assert ["IoU", "0.5000", "0.8000", "0.6000"] in page.rows


def _counts(run):
    with (run.folder / "per_image.csv").open(encoding="utf-8") as stream:
        rows = list(csv.reader(stream))[1:]
    return [np.array(row[4:], int).reshape(2, 2) for row in rows]


def test_many_runs_are_compared_in_parts(runs):
    for n in range(9):
        write_run(runs / f"run-number-{n}", [0.5], lr=0.001 * (n + 1))
    found, _ = find_runs(runs)
    text = compare(found).text()
    assert max(map(len, text.splitlines())) <= 80
    assert all(run.name in text for run in found)


def test_other_images_or_other_masks_are_not_compared(runs):
    write_run(runs / "fewer", [0.5], images=7)
    write_run(runs / "other", [0.5])
    table = runs / "other" / "per_image.csv"
    lines = table.read_text().splitlines()
    cells = lines[1].split(",")
    cells[-1] = str(int(cells[-1]) + 1)
    table.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
    found, _ = find_runs(runs)
    result = compare(choose(found, ["low", "fewer", "other"]))
    assert result.differences == [None, None]
    assert "not validated on the same images" in result.text()


def test_errors(runs):
    found, _ = find_runs(runs)
    with pytest.raises(InputError, match="did you mean 'low'"):
        choose(found, ["lwo"])
    with pytest.raises(InputError, match="two runs or more"):
        compare(found[:1])
    with pytest.raises(InputError, match="no such folder"):
        find_runs(runs / "nowhere")


def test_on_the_command_line(runs, tmp_path, capsys):
    assert main(["runs", str(runs)]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("deep/high")
    assert main(["runs", str(runs), "--json", "--csv", str(tmp_path / "r.csv")]) == 0
    printed = json.loads(capsys.readouterr().out)["runs"]
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == [run["name"] for run in printed]
    assert rows[0]["size"] == "256x192"
    page = tmp_path / "c.html"
    words = ["runs", str(runs), "--compare", "low", "deep/high"]
    assert main([*words, "--json", "--html", str(page)]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 8
    assert page.exists()
    (tmp_path / "empty").mkdir()
    assert main(["runs", str(tmp_path / "empty")]) == 0
    assert "no runs below" in capsys.readouterr().out
    assert main(["runs", str(runs), "--html", "x.html"]) == 2
