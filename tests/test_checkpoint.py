from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
import textwrap

import pytest
import torch

from faceseg import checkpoint
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.models import build

CONFIG = Config(width=4, depth=1, size=(32, 32))


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = build(CONFIG, 2)
    path = tmp_path / "run" / "best.pt"
    checkpoint.save(
        path,
        config=CONFIG,
        task="face",
        classes=("background", "face"),
        weights=model.state_dict(),
        scores={"iou": 0.5},
    )
    return path, model


def test_a_flipped_byte_is_found(saved):
    path, model = saved
    content = bytearray(path.read_bytes())
    content[content.find(model.state_dict()["down.1.0.weight"].numpy().tobytes()) + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"best.pt: damaged"):
        checkpoint.load(path)


def test_round_trip(saved):
    path, model = saved
    loaded = checkpoint.load(path)
    assert loaded.config == CONFIG
    assert (loaded.task, loaded.classes) == ("face", ("background", "face"))
    assert loaded.scores == {"iou": 0.5}
    assert all(torch.equal(v, loaded.weights[k]) for k, v in model.state_dict().items())
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(loaded.model()(x), model.eval()(x))
    assert checkpoint.load(path.parent).path == path


def test_sha256_is_of_the_weights_and_not_of_the_file(saved, tmp_path):
    path, model = saved
    other = tmp_path / "other.pt"
    checkpoint.save(
        other, config=CONFIG, task="mask", classes=("background", "mask"),
        weights=model.state_dict(),
    )  # fmt: skip
    assert checkpoint.load(path).sha256 == checkpoint.load(other).sha256
    with torch.no_grad():
        model.head.bias[0] += 1
    checkpoint.save(
        other, config=CONFIG, task="face", classes=("a", "b"), weights=model.state_dict()
    )
    assert checkpoint.load(path).sha256 != checkpoint.load(other).sha256


def test_weights_of_another_architecture_are_named(saved, tmp_path):
    path, model = saved
    for config, message in [
        (CONFIG.replace({"width": 8}), r"down\.0\.0\.weight is \(4, 3, 3, 3\), expected \(8,"),
        (CONFIG.replace({"depth": 2}), r"down\.2\.0\.weight is only in the network"),
    ]:
        wrong = tmp_path / "wrong.pt"
        checkpoint.save(
            wrong, config=config, task="face", classes=("background", "face"),
            weights=model.state_dict(),
        )  # fmt: skip
        with pytest.raises(InputError, match=message):
            checkpoint.load_pipeline(wrong)
    assert path.exists()


def test_no_truncation_is_loaded(saved):
    path, _ = saved
    whole = path.read_bytes()
    for length in [0, 1, 30, len(whole) // 2, len(whole) - 200, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="truncated or not a checkpoint"):
            checkpoint.load(path)


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("bomb-went-off",))


def test_a_pickle_that_is_not_ours_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": "faceseg checkpoint", "weights": Bomb()}, "a.pt")
    with open("b.pt", "wb") as stream:
        pickle.dump(Bomb(), stream)
    for name in ("a.pt", "b.pt"):
        with pytest.raises(InputError):
            checkpoint.load(name)
    assert not os.path.exists("bomb-went-off")


def test_other_files_are_refused(saved, tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "foreign.pt")
    with pytest.raises(InputError, match="not a faceseg checkpoint"):
        checkpoint.load(tmp_path / "foreign.pt")
    with pytest.raises(InputError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "missing.pt")
    path, _ = saved
    content = torch.load(path, weights_only=True)
    torch.save({**content, "version": 99}, path)
    with pytest.raises(InputError, match="version 99, this faceseg reads up to 1; upgrade"):
        checkpoint.load(path)
    del content["classes"]
    torch.save(content, path)
    with pytest.raises(InputError, match="'classes'"):
        checkpoint.load(path)


def test_a_full_disk_keeps_the_old_checkpoint(saved):
    path, _ = saved
    before = path.read_bytes()
    # A limit on the size of files stands for the full disk: writing fails half-way.
    program = textwrap.dedent(f"""
        import resource, signal
        from faceseg import checkpoint
        from faceseg.config import Config
        from faceseg.models import build
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, {resource.RLIM_INFINITY}))
        config = Config(width=16, depth=1)
        try:
            checkpoint.save({str(path)!r}, config=config, task="face", classes=("a", "b"),
                            weights=build(config, 2).state_dict())
        except OSError as error:
            print("refused:", error.strerror)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "refused: File too large" in done.stdout
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["best.pt"]
