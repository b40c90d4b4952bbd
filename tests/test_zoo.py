"""The shipped models: what is shipped holds what its card says, and names work as paths do."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import faceseg
from faceseg import checkpoint, metrics, zoo
from faceseg.benchmark.ways import WAYS
from faceseg.cli import main
from faceseg.contract import CONFIG_KEY
from faceseg.draw import draw_portrait
from faceseg.errors import InputError
from faceseg.export import export_model
from faceseg.images import write_png
from faceseg.models import build
from faceseg.onnx_weights import read, restored, stored
from faceseg.predict import Predictor
from faceseg.segment import is_model, load_segmenter
from faceseg.zoo import Card

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

ROOT = Path(__file__).resolve().parents[1]
SCORE = {"score": 0.9, "low": 0.85, "high": 0.93}
NAMES = zoo.names()


def card_of(path: Path, **values: Any) -> Card:
    content = path.read_bytes()
    return Card.of(
        {
            "name": path.stem,
            "task": "face",
            "classes": ["background", "face"],
            "network_size": [64, 64],
            "parameters": 12345,
            "store": "float32",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "terms": "drawn data: no terms at all, said in so many words that the line has to wrap",
            "date": "2026-11-22",
            "faceseg": "0.1.0",
            "commit": "0123456789ab",
            "command": "faceseg train portraits --out runs/new",
            "rounding": 0.001,
            "data": [{"name": "drawn portraits", "images": 400, "terms": "none"}],
            "scores": [
                {"set": "drawn val", "images": 80, "iou": SCORE, "dice": SCORE},
                {"set": "another set", "images": 8, "iou": SCORE},
            ],
            "groups": [
                {"set": "drawn val", "by": "pose", "group": "turned", "images": 9, "iou": SCORE}
            ],
            "latency": {
                "median_ms": 7.8, "size": [512, 512], "threads": 1, "cpu": "a processor",
                "runtime": "ONNX Runtime 1.31.1", "date": "2026-11-22",
            },
            "fails": ["faces smaller than a tenth of the picture"],
            **values,
        },
        "the card",
    )  # fmt: skip


@pytest.fixture
def shelf(exported: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship the untrained network of the tests as ``face-unet``, and nothing else."""
    folder = tmp_path / "weights"
    folder.mkdir()
    path = folder / "face-unet.onnx"
    shutil.copy(exported.onnx, path)
    path.with_suffix(".json").write_text(json.dumps(card_of(path).to_dict()))
    monkeypatch.setattr(zoo, "FOLDER", folder)
    return folder


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship nothing."""
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "nothing")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    write_png(path, draw_portrait(np.random.default_rng(5), size=(60, 80))[0])
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_name_means_the_file(shelf: Path) -> None:
    assert zoo.names() == ("face-unet",)
    assert zoo.find("face-unet") == zoo.locate("face-unet") == shelf / "face-unet.onnx"
    assert zoo.locate("face-unte") == Path("face-unte")
    with pytest.raises(InputError, match="'face-unet'"):
        zoo.find("face-unte")


def test_what_lies_here_is_nearer_than_a_name(shelf: Path) -> None:
    Path("face-unet").mkdir()
    assert zoo.locate("face-unet") == Path("face-unet")


def test_names_predict_as_their_files_do(shelf: Path, exported: Exports) -> None:
    image = draw_portrait(np.random.default_rng(2), size=(70, 50))[0]
    expected = Predictor(exported.onnx)(image)
    assert np.array_equal(Predictor()(image), expected)
    assert np.array_equal(Predictor("face-unet")(image), expected)
    loaded = load_segmenter("face-unet")
    assert (loaded.name, loaded.kind) == ("face-unet", "onnx")
    assert np.array_equal(loaded.segment(image), expected)
    with pytest.raises(InputError, match=r"face-unte: no shipped model .* mean 'face-unet'"):
        Predictor("face-unte")
    with pytest.raises(InputError, match=r"shipped model or a classical .* mean 'face-unet'"):
        load_segmenter("face-unte")


def test_nothing_shipped(bare: None, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="face-unet: no trained model comes with"):
        Predictor()
    status, _, err = run(capsys, "predict", photo, "--out", "masks")
    assert status == 2
    assert "no model before the pictures" in err
    assert err.count("\n") == 1
    status, out, _ = run(capsys, "models")
    assert status == 0
    assert "no trained model comes with" in out


@pytest.mark.parametrize("named", [[], ["face-unet"]])
def test_predict(
    shelf: Path, photo: Path, capsys: pytest.CaptureFixture[str], named: list[str]
) -> None:
    status, out, _ = run(capsys, "predict", *named, photo, "--out", "masks")
    assert status == 0
    assert ("model: face-unet, as none was named" in out) == (not named)
    assert "face-unet: background, face; on " in out
    assert Path("masks/mask/photo.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["face-unet"], "face-unet: a model, but no pictures after it"),
        (["face-unte", "photo.png"], "nor a model; did you mean 'face-unet'?"),
        (["photo.jpg"], "photo.jpg: no such file"),
    ],
)
def test_words_that_are_neither_model_nor_picture(
    shelf: Path, photo: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    status, _, err = run(capsys, "predict", *words, "--out", "masks")
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_what_is_a_model(shelf: Path, exported: Exports, photo: Path) -> None:
    for word in ("face-unet", "otsu", "a.onnx", "a.ts", "a.pt", str(exported.onnx.parent)):
        assert is_model(word), word
    for word in (str(photo), str(photo.parent), "photos/*.jpg", "a.jpg", "photos/none"):
        assert not is_model(word), word


def test_models(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "models")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    for part in ("face-unet", "0.900 (drawn", "7.8", "terms: drawn data", "next: "):
        assert part in out
    documents = json.loads(run(capsys, "models", "--json")[1])
    assert [document["name"] for document in documents] == ["face-unet"]
    assert run(capsys, "models", "face-unet")[1] == zoo.card("face-unet").markdown()
    assert json.loads(run(capsys, "models", "face-unet", "--json")[1])["name"] == "face-unet"
    status, _, err = run(capsys, "models", "face-unte")
    assert status == 2
    assert "did you mean 'face-unet'?" in err


def test_eval_and_benchmark_take_names(
    shelf: Path,
    ellipses: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, out, _ = run(capsys, "eval", ellipses, "face-unet", "ellipse", "--split", "train")
    assert status == 0
    assert "\nface-unet " in out
    # The first way alone: each is a process.
    monkeypatch.setitem(WAYS, "cpu", WAYS["cpu"][:1])
    status, out, _ = run(capsys, "benchmark", "face-unet", "--size", "32", "--repeats", "1")
    assert status == 0
    assert out.startswith("face-unet, batch 1")
    assert "\neager " in out


def test_a_card_is_read_back_and_its_errors_are_named(shelf: Path) -> None:
    card = zoo.card("face-unet")
    assert card == card_of(shelf / "face-unet.onnx")
    document = card.to_dict()
    with pytest.raises(InputError, match="unknown field 'term'; did you mean 'terms'"):
        Card.of({**document, "term": ""}, "a.json")
    del document["terms"]
    with pytest.raises(InputError, match=r"a\.json: a card without terms"):
        Card.of(document, "a.json")
    (shelf / "face-unet.json").write_text("{")
    with pytest.raises(InputError, match="not readable as JSON"):
        zoo.card("face-unet")
    (shelf / "face-unet.json").unlink()
    with pytest.raises(InputError, match="no such card"):
        zoo.card("face-unet")


def test_a_page_says_what_the_card_says(shelf: Path) -> None:
    page = zoo.card("face-unet").markdown()
    for part in ("0.900 (0.850 to 0.930)", "| pose | turned | 9 |", "0.10% of the pixels"):
        assert part in page
    assert "## By group" not in replace(zoo.card("face-unet"), groups=[]).markdown()


def test_training_starts_from_a_file(
    shelf: Path, exported: Exports, ellipses: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = checkpoint.load(exported.checkpoint), checkpoint.load("face-unet")
    assert (new.config, new.task, new.classes) == (old.config, old.task, old.classes)
    assert new.terms == "drawn data"
    assert set(new.weights) == set(old.weights)
    for name, value in old.weights.items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(new.weights[name], value), name
    # The network's settings are those of the file.
    status, _, err = run(
        capsys, "train", ellipses, "--init", "face-unet", "--epochs", "1", "--workers", "0",
        "--batch-size", "5", "--out", "run", "--no-report",
    )  # fmt: skip
    assert status == 0, err
    plan = json.loads(Path("run/run.json").read_text())
    assert plan["init"] == "face-unet"
    assert [plan["config"][name] for name in ("width", "depth", "size")] == [4, 2, [64, 64]]


def test_a_file_without_settings_is_named(exported: Exports, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    kept = {e.key: e.value for e in model.metadata_props if e.key != CONFIG_KEY}
    onnx.helper.set_model_props(model, kept)
    onnx.save(model, tmp_path / "old.onnx")
    with pytest.raises(InputError, match=r"old\.onnx: without the settings of its run"):
        checkpoint.load(tmp_path / "old.onnx")
    (tmp_path / "cut.onnx").write_bytes(exported.onnx.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cut\.onnx: truncated or not an ONNX model"):
        checkpoint.load(tmp_path / "cut.onnx")


def test_the_auxiliary_head_starts_anew(tmp_path: Path) -> None:
    """DeepLabV3's graph has none; all else comes back as it was."""
    from faceseg.config import Config

    config = Config(model="deeplabv3", size=(32, 32))
    torch.manual_seed(3)
    network = build(config, 2)
    checkpoint.save(
        tmp_path / "best.pt", config=config, task="face", classes=("background", "face"),
        weights=network.state_dict(),
    )  # fmt: skip
    (written,) = export_model(tmp_path, ["onnx"], tmp_path, store="int8", name="face-deeplabv3")
    assert written.path.name == "face-deeplabv3.onnx"
    assert written.path.stat().st_size < 12e6
    assert written.verification.rounding is not None
    first, again = (checkpoint.load(written.path) for _ in range(2))
    assert first.model() is not None
    for name, value in network.state_dict().items():
        assert torch.equal(first.weights[name], again.weights[name])
        if "aux_classifier" not in name and not name.endswith("num_batches_tracked"):
            expected = restored(stored(value.numpy(), "int8", name))
            assert np.array_equal(first.weights[name].numpy(), expected), name


@pytest.mark.parametrize(("store", "share"), [("float16", 0.7), ("int8", 0.5)])
def test_weights_stored_small(exported: Exports, tmp_path: Path, store: str, share: float) -> None:
    config = replace(checkpoint.load(exported.checkpoint).config, width=8, depth=3, stride=2)
    torch.manual_seed(0)
    weights = build(config, 2).state_dict()
    classes = ("background", "face")
    checkpoint.save(
        tmp_path / "best.pt", config=config, task="face", classes=classes, weights=weights
    )
    (whole,) = export_model(tmp_path, ["onnx"], tmp_path / "whole")
    (small,) = export_model(tmp_path, ["onnx"], tmp_path / "small", store=store)
    (again,) = export_model(tmp_path, ["onnx"], tmp_path / "again", store=store)
    assert small.path.read_bytes() == again.path.read_bytes()
    assert small.path.stat().st_size < share * whole.path.stat().st_size
    assert whole.verification.rounding is None
    assert small.verification.rounding is not None
    assert "smaller weights change" in str(small.verification)
    model = onnx.load(small.path)
    assert model.ir_version == 8
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    found = read(small.path)
    assert found.store == store
    for name, value in found.weights.items():
        expected = restored(stored(weights[name].numpy(), store, name))
        assert value.dtype == np.float32
        assert np.array_equal(value, expected), name
    # What gives the weights back is done once, when the file is loaded.
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    onnxruntime.InferenceSession(small.path, options, providers=["CPUExecutionProvider"])
    loaded = onnx.load(tmp_path / "loaded.onnx")
    kinds = {tensor.data_type for tensor in loaded.graph.initializer}
    assert not kinds & {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8}
    assert "BatchNormalization" not in {node.op_type for node in loaded.graph.node}


def test_rounding() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5, 5)).astype(np.float32)
    values[1] = 0
    for store, error in [("float32", 0), ("float16", 2e-3), ("int8", 0.02)]:
        back = restored(stored(values, store, "w"))
        assert back.dtype == np.float32
        assert np.abs(back - values).max() <= error
        # Rounded once, a weight stays what it is, but for the last bits of a scale.
        np.testing.assert_allclose(restored(stored(back, store, "w")), back, rtol=1e-6)
    bias = np.float32([1e-9, 3])
    assert np.array_equal(restored(stored(bias, "float16", "b")), bias)
    with pytest.raises(InputError, match="w: 1e\\+05 is too large for float16"):
        stored(np.full((2, 2), 1e5, np.float32), "float16", "w")
    with pytest.raises(InputError, match="'float8'; did you mean 'float"):
        stored(bias, "float8", "b")


def test_other_formats_store_no_small_weights(exported: Exports, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="store: int8 is for onnx files, torchscript was asked"):
        export_model(exported.checkpoint, ["torchscript", "onnx"], tmp_path, store="int8")


def test_ship(
    exported: Exports, ellipses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ROOT / "export" / "ship.py"
    if not script.exists():
        pytest.skip("the sdist carries no export/ship.py")
    ship = _module(script)
    plan = {
        "started": "2026-11-22 12:00 UTC",
        "commit": "0123456789ab",
        "data": str(ellipses),
        "val": None,
        "options": {"task": "face"},
        "init": str(tmp_path / "first" / "last.pt"),
        "config": checkpoint.load(exported.checkpoint).config.to_dict(),
    }
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(exported.checkpoint, folder / "best.pt")
    (folder / "run.json").write_text(json.dumps(plan))
    weights, pages = tmp_path / "weights", tmp_path / "pages"
    monkeypatch.setattr(zoo, "FOLDER", weights)
    given: dict[str, Any] = {
        "sets": [ship.Set("ellipses", ellipses), ship.Set("some", ellipses, "e0")],
        "terms": "none",
        "notes": {"data": [{"name": "e", "images": 12, "terms": "none"}], "fails": ["all"]},
        "weights": weights,
        "pages": pages,
    }
    card = ship.ship(folder, "face-unet", **given)
    assert zoo.card("face-unet") == card
    assert Predictor("face-unet").contract.name == "face-unet"
    assert [(row["set"], row["images"]) for row in card.scores] == [("ellipses", 12), ("some", 10)]
    assert card.command == (
        f"faceseg train data/{ellipses.parent.name}/train.csv --init runs/first/last.pt "
        "--width 4 --depth 2 --size 64x64 --out runs/new"
    )
    assert {row["by"] for row in card.groups} == {"light on the face"}
    assert (pages / "face-unet.md").read_text() == card.markdown()
    assert (pages / "face-unet.png").stat().st_size < 300_000
    shipped = weights / "face-unet.onnx"
    _holds(shipped, card)
    older = onnx.load(shipped)
    older.producer_version = "0.0.1"
    shipped.write_bytes(older.SerializeToString())
    ship.export_again(weights)
    newer = onnx.load(shipped)
    assert newer.producer_version == faceseg.__version__
    assert newer.graph == older.graph
    again = Card.read(shipped.with_suffix(".json"))
    _holds(shipped, again)
    assert again == replace(card, sha256=again.sha256, bytes=again.bytes)
    assert Predictor(shipped, provider="cpu").contract.card == "face-unet"
    ship.write_pages(weights, pages)
    assert (pages / "face-unet.md").read_text() == again.markdown()
    labels = np.zeros((20, 40), np.uint8)
    labels[5:15, 10:30], labels[8, 20:24] = 2, 5
    assert ship._of_eyes(labels) == pytest.approx(2 / 20)
    labels[8, 20:24] = 0
    assert np.isnan(ship._of_eyes(labels))
    with pytest.raises(InputError, match="would get into the card"):
        ship.ship(folder, "b", **{**given, "terms": f"see {ellipses}"})
    monkeypatch.setattr(zoo, "LIMIT", 1000)
    with pytest.raises(InputError, match="more than 1,000; store it as"):
        ship.ship(folder, "b", **given)
    assert zoo.names() == ("face-unet",)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look themselves up there.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _holds(path: Path, card: Card) -> None:
    """Compare a card with its file."""
    content = path.read_bytes()
    assert card.name == path.stem
    assert card.bytes == len(content)
    assert card.sha256 == hashlib.sha256(content).hexdigest()
    assert card.terms
    assert card.fails
    assert card.scores
    assert all({"set", "images", "iou", "dice", "pixel_accuracy"} <= set(s) for s in card.scores)
    assert all(0 <= s["iou"]["low"] <= s["iou"]["high"] <= 1 for s in card.scores)
    assert all({"name", "images", "terms"} <= set(row) for row in card.data)
    contract = Predictor(path, provider="cpu", threads=1).contract
    assert (contract.name, contract.task, contract.terms) == (card.name, card.task, card.terms)
    assert (list(contract.classes), list(contract.size)) == (card.classes, card.network_size)
    found = read(path)
    assert found.store == card.store
    trained = [value.size for name, value in found.weights.items() if ".running_" not in name]
    assert sum(trained) == card.parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_file_is_what_its_card_says(name: str) -> None:
    card = zoo.card(name)
    _holds(zoo.find(name), card)
    assert checkpoint.load(name).model() is not None
    page = ROOT / "docs" / "models" / f"{name}.md"
    assert page.read_text(encoding="utf-8") == card.markdown()
    assert page.with_suffix(".png").is_file()
    text = json.dumps(card.to_dict())
    # No absolute path of any machine.
    assert not re.search(r"(?<![\w.])/\w", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_finds_what_is_drawn(name: str) -> None:
    predict = Predictor(name, provider="cpu", threads=1)
    task = "mask" if predict.contract.task == "mask" else "face"
    if predict.contract.task == "parse":
        pytest.skip("drawn portraits have no nine classes as photos have them")
    rng = np.random.default_rng(11)
    counts = np.zeros((2, 2), np.int64)
    for _ in range(8):
        image, labels = draw_portrait(rng, task=task, size=(256, 256))
        truth = labels > (0 if task == "mask" else 1)
        counts += metrics.confusion_matrix(predict(image), truth.astype(np.uint8))
    assert metrics.iou(counts)[1] > 0.5


def test_what_is_shipped_is_small_and_whole() -> None:
    assert sum(zoo.find(name).stat().st_size for name in NAMES) <= zoo.LIMIT
    checkout = ROOT / "faceseg" / "weights"
    # In `make test` the package is the installed wheel: it has to bring what the checkout has.
    assert {path.stem for path in checkout.glob("*.onnx")} == set(NAMES)
    assert NAMES[0] == zoo.DEFAULT
    for name in NAMES:
        assert zoo.find(name).read_bytes() == (checkout / f"{name}.onnx").read_bytes()
