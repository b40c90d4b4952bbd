from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from faceseg import RLE
from faceseg.check import check
from faceseg.cli import main
from faceseg.config import Config
from faceseg.data import TrainingSet, make_loader
from faceseg.draw import draw_dataset
from faceseg.errors import InputError
from faceseg.images import read_image
from faceseg.records import list_splits, open_source, split_off
from faceseg.shards import write_shards


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "portraits"
    draw_dataset(folder, 8, size=48)
    return folder


@pytest.fixture
def shards(ellipses, tmp_path):
    """Return shards of the ellipses, about four images in each."""
    write_shards([open_source(ellipses)], tmp_path / "shards", size_mb=0.034)
    return tmp_path / "shards"


def _digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_samples_are_those_of_the_source(ellipses, shards):
    source, sharded = open_source(ellipses), open_source(shards)
    assert sharded.kind == "shards"
    assert sharded.classes == source.classes
    assert len(list(shards.glob("train-*.tar"))) > 1
    for ours, theirs in zip(sharded.records, source.records, strict=True):
        assert (ours.name, ours.group) == (theirs.name, theirs.group)
        assert np.array_equal(read_image(ours.image), read_image(theirs.image))
        assert np.array_equal(sharded.mask(ours), source.mask(theirs))
    config = Config(size=(32, 32), batch_size=4, workers=0)
    for ours, theirs in zip(
        make_loader(sharded, config, last=5), make_loader(source, config, last=5), strict=True
    ):
        assert all(map(torch.equal, ours, theirs))


def test_a_tar_holds_what_webdataset_expects(ellipses, shards):
    source = open_source(ellipses)
    seen = 0
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            samples: dict[str, dict[str, bytes]] = {}
            for member in tar:
                key, _, extension = member.name.partition(".")
                samples.setdefault(key, {})[extension] = tar.extractfile(member).read()
                assert (member.mtime, member.uid, member.uname) == (0, 0, "")
        for files in samples.values():
            assert list(files) == ["png", "json"]  # the ellipses are PNG
            about = json.loads(files["json"])
            record = source.records[seen]
            assert about["name"] == record.name
            assert (about["height"], about["width"]) == record.size
            assert np.array_equal(RLE.from_coco(about["rle"]).decode(), source.mask(record))
            assert files["png"] == record.image.read_bytes()
            seen += 1
    assert seen == len(source)


def test_the_same_source_gives_the_same_bytes(ellipses, shards, tmp_path):
    write_shards([open_source(ellipses)], tmp_path / "again", size_mb=0.034)
    assert _digests(tmp_path / "again") == _digests(shards)
    # Shards can be sharded anew.
    write_shards([open_source(shards)], tmp_path / "third", size_mb=0.034)
    assert _digests(tmp_path / "third") == _digests(shards)


def test_all_classes_and_splits(portraits, tmp_path, capsys):
    out = tmp_path / "parts"
    assert main(["data", "shard", str(portraits), "--task", "parse", "--out", str(out)]) == 0
    assert "faceseg train" in capsys.readouterr().out
    assert list_splits(out) == list_splits(portraits)
    for split in list_splits(out):
        source = open_source(portraits, split=split, task="parse")
        sharded = open_source(out, split=split, task="parse")
        assert sharded.classes == source.classes
        for ours, theirs in zip(sharded.records, source.records, strict=True):
            assert ours.group == theirs.group
            assert np.array_equal(sharded.mask(ours), source.mask(theirs))
        with tarfile.open(out / f"{split}-000000.tar") as tar:
            names = tar.getnames()
            mask = Image.open(io.BytesIO(tar.extractfile(names[2]).read()))
        assert names[2] == names[0].replace(".jpg", ".mask.png")
        assert np.array_equal(np.asarray(mask), source.mask(source.records[0]))
    assert check([out]).defects == ()


@pytest.mark.parametrize("task", ["face", "parse"])
def test_reduced_pictures_and_masks_fit(tmp_path, task):
    draw_dataset(tmp_path / "in", 4, size=101)
    source = open_source(tmp_path / "in", task=task)
    write_shards([source], tmp_path / "out", min_side=50)
    sharded = open_source(tmp_path / "out", task=task)
    config = Config(size=(40, 40), colour=0, degrade=0)
    for place in range(len(source)):
        image, mask = (x.astype(int) for x in TrainingSet(source, config)[0, place])
        ours, our_mask = (x.astype(int) for x in TrainingSet(sharded, config)[0, place])
        assert sharded.records[place].size == (51, 51)
        assert np.abs(image - ours).mean() < 3
        assert (mask != our_mask).mean() < 0.06


def test_several_tables_are_the_splits(portraits, tmp_path, capsys):
    tables = [str(portraits / f"{split}_rle.csv") for split in ("train", "val")]
    assert main(["data", "shard", *tables, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("train: ")
    assert list_splits(tmp_path / "out") == ("train", "val")
    with pytest.raises(InputError, match="no split 'test'; there are: train, val"):
        open_source(tmp_path / "out", split="test")


def test_shards_can_be_divided(shards):
    train, val = split_off(open_source(shards), 0.3, seed=0)
    assert len(train) + len(val) == 12
    assert {r.group for r in train.records}.isdisjoint(r.group for r in val.records)


def test_names_that_a_tar_or_webdataset_would_not_take(tmp_path):
    names = ["a.b", "ä/x", "n" * 200]
    (tmp_path / "ä").mkdir()
    rows = ["image,rle,height,width"]
    for name in names:
        Image.new("RGB", (4, 3)).save(tmp_path / f"{name}.png")
        rows.append(f"{name}.png,1 2,3,4")
    (tmp_path / "t.csv").write_text("\n".join(rows), encoding="utf-8")
    write_shards([open_source(tmp_path / "t.csv")], tmp_path / "out")
    assert [record.name for record in open_source(tmp_path / "out").records] == names
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        assert tar.getnames()[:3] == ["000000-a_b.png", "000000-a_b.json", "000001-__x.png"]


def test_a_folder_that_is_there_is_kept(ellipses, shards):
    before = _digests(shards)
    with pytest.raises(InputError, match="already there"):
        write_shards([open_source(ellipses)], shards)
    assert _digests(shards) == before


def test_nothing_is_left_of_shards_that_fail(ellipses, tmp_path):
    source = open_source(ellipses)

    def stop(done: int) -> None:
        raise InputError("stop")

    with pytest.raises(InputError, match="stop"):
        write_shards([source], tmp_path / "deep" / "out", progress=stop)
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "mask"}, "shards of task 'face': use task face"),
        ({"classes": [2]}, "shards say themselves how masks are stored"),
        ({"split": "val"}, "no split 'val'; there are: train"),
    ],
)
def test_options_that_do_not_fit(shards, options, message):
    with pytest.raises(InputError, match=message):
        open_source(shards, **options)


def test_a_truncated_shard(shards):
    tar = shards / "train-000001.tar"
    tar.write_bytes(tar.read_bytes()[:-512])
    with pytest.raises(InputError, match=r"train-000001\.tar: \d+ bytes where the index has \d+"):
        open_source(shards)


def test_a_missing_shard_index_or_table(shards):
    tar = shards / "train-000001.tar"
    data = tar.read_bytes()
    tar.unlink()
    with pytest.raises(InputError, match=r"train-000001\.tar: no such file; the index names it"):
        open_source(shards)
    tar.write_bytes(data)
    table = shards / "train.csv"
    table.write_text(table.read_text().replace("e00", "e99"))
    with pytest.raises(InputError, match=r"train\.csv: missing, or not as it was written"):
        open_source(shards)
    index = shards / "index.json"
    whole = json.loads(index.read_text())
    for without in ("task", "classes", "masks", "splits"):
        index.write_text(json.dumps({k: v for k, v in whole.items() if k != without}))
        with pytest.raises(InputError, match=rf"index\.json: damaged: '{without}'"):
            open_source(shards)
    index.write_text("[]")
    with pytest.raises(InputError, match=r"index\.json: expected format 'faceseg shards 1'"):
        open_source(shards)
    index.write_text("{")
    with pytest.raises(InputError, match=r"index\.json: not JSON"):
        open_source(shards)
    index.unlink()
    with pytest.raises(InputError, match=r"index\.json: no such file; shards need the index"):
        open_source(shards)


def test_a_shard_that_changed_under_a_source(shards):
    source = open_source(shards)
    record = source.records[0]
    archive = record.image.archive
    data = bytearray(archive.read_bytes())
    data[record.label.start] ^= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"000000-e00\.json: broken run lengths"):
        source.mask(record)
    assert any("SHA-256 differs" in defect.problem for defect in check([shards]).defects)
    data[record.image.start - 512] ^= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"000000-e00\.png: not where the index has it"):
        read_image(record.image)
    archive.unlink()
    with pytest.raises(InputError, match=r"000000-e00\.png: No such file"):
        read_image(record.image)


def test_a_size_of_nothing(portraits, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["data", "shard", str(portraits), "--out", out, "--size-mb", "0"]) == 2
    assert "expected more than 0" in capsys.readouterr().err
    assert main(["data", "shard", str(portraits), "--out", out, "--min-side", "0"]) == 2
    assert "expected 1 or more" in capsys.readouterr().err
