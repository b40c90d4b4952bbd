"""Videos drawn for the test: pictures, smoothing, the pipeline, its ends and its errors."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceseg.cli import build_parser, main
from faceseg.draw.moving import draw_moving
from faceseg.errors import InputError
from faceseg.images import write_png
from faceseg.predict import Predictor
from faceseg.video import EFFECTS, effect_of, process
from faceseg.video.effects import enlarge, mix, shrink
from faceseg.video.overlap import overlapped
from faceseg.video.smooth import Smoother
from faceseg.video.source import Source
from faceseg.video.stages import _size_for

if TYPE_CHECKING:
    from exported import Exports

pytest_plugins = ["exported"]

Image = NDArray[np.uint8]
SIZE = (72, 128)
FRAMES = 12


def write_video(path: Path, frames: list[Image], codec: str = "mp4v") -> Path:
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, 25, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def read_video(path: Path) -> list[Image]:
    with Source(str(path)) as source:
        return list(source)


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    path = [(2.0 * k, 0.0) for k in range(FRAMES)]
    drawn = draw_moving(np.random.default_rng(1), SIZE, path)
    return [np.ascontiguousarray(frame[..., ::-1]) for frame, _ in drawn]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, frames: list[Image]) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no ffmpeg."""
    monkeypatch.setenv("PATH", str(tmp_path))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["video", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


# ---- single parts


def test_mix_is_a_blend_by_alpha() -> None:
    rng = np.random.default_rng(0)
    front, back = rng.integers(0, 256, (2, 40, 50, 3), np.uint8)
    alpha = rng.choice(np.array([0, 1, 100, 254, 255], np.uint8), (40, 50))
    share = alpha[..., None] / 255
    expected = front * share + back * (1 - share)
    assert np.abs(mix(front, back.copy(), alpha) - expected).max() <= 0.51


def test_shrinking_keeps_the_mean_and_lets_no_pattern_through() -> None:
    stripes = np.zeros((720, 1280, 3), np.uint8)
    stripes[:, ::2] = 200
    small = shrink(stripes, (320, 320))
    assert small.shape == (320, 320, 3)
    assert np.abs(small.astype(int) - 100).max() <= 1
    assert shrink(stripes[:100, :90], (320, 320)).shape == (320, 320, 3)


def test_effects_leave_face_or_background_alone(frames: list[Image], tmp_path: Path) -> None:
    labels = np.zeros((36, 64), np.uint8)
    labels[10:30, 20:40] = 1
    alpha = enlarge(labels * np.uint8(255), SIZE)
    inside, outside = alpha == 255, alpha == 0
    frame = frames[0]
    beach = tmp_path / "beach.png"
    write_png(beach, np.full((30, 90, 3), (250, 200, 100), np.uint8))

    painted = effect_of("overlay")(frame.copy(), alpha, labels)
    assert np.array_equal(painted[outside], frame[outside])
    assert not np.array_equal(painted[inside], frame[inside])
    for name, background in (("blur", ""), ("replace", str(beach)), ("replace", "#fac864")):
        painted = effect_of(name, background)(frame.copy(), alpha, labels)
        assert np.array_equal(painted[inside], frame[inside])
        if name == "replace":
            assert (painted[outside] == (100, 200, 250)).all()
    cut = effect_of("cutout")(frame.copy(), alpha, labels)
    assert np.array_equal(cut[~outside, :3], frame[~outside])
    assert not cut[outside].any()
    assert np.array_equal(cut[..., 3], alpha)


def test_blur_keeps_the_face_out_of_the_background() -> None:
    frame = np.zeros((160, 160, 3), np.uint8)
    labels = np.zeros((160, 160), np.uint8)
    labels[40:120, 40:120] = 1
    frame[labels > 0] = 255
    painted = effect_of("blur")(frame.copy(), labels * np.uint8(255), labels)
    assert painted[labels == 0].mean() < 8


def test_overlay_gives_each_class_its_colour() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[:20], labels[20:] = 1, 9  # 9 starts the palette over
    frame = np.full((40, 40, 3), 90, np.uint8)
    painted = effect_of("overlay")(frame.copy(), np.full((40, 40), 255, np.uint8), labels)
    assert np.array_equal(painted[5, 5], painted[35, 35])
    empty = effect_of("overlay")(frame.copy(), np.zeros((40, 40), np.uint8), labels * 0)
    assert np.array_equal(empty, frame)


# ---- smoothing


def flicker_and_iou(keep: float, speed: float) -> tuple[float, float]:
    """Feed the true masks, frayed by chance, of a person who walks to and fro."""
    rng = np.random.default_rng(5)
    path = [(speed * (k if k < 12 else 24 - k), 0.0) for k in range(24)]
    smoother, before, changed, overlap = Smoother(keep), None, 0.0, []
    fray = np.random.default_rng(7)
    for frame, face in draw_moving(rng, (160, 160), path):
        noise = cv2.GaussianBlur(fray.normal(0, 1, face.shape), (0, 0), 3) * 5
        frayed = cv2.GaussianBlur(face * 255.0, (0, 0), 3) / 255 + 0.3 * noise > 0.5
        steady = smoother(frame, np.where(frayed, np.uint8(255), np.uint8(0))) >= 128
        if before is not None:
            changed += float((steady != before).sum() / face.sum())
        before = steady
        overlap.append((steady & (face > 0)).sum() / (steady | (face > 0)).sum())
    return changed, float(np.mean(overlap))


def test_smoothing_takes_flicker_away() -> None:
    plain, iou = flicker_and_iou(0, speed=0)
    smooth, smooth_iou = flicker_and_iou(0.7, speed=0)
    assert smooth < 0.6 * plain
    assert smooth_iou > iou


def test_smoothing_leaves_no_ghost_behind_what_moves_fast() -> None:
    _, iou = flicker_and_iou(0, speed=7)
    _, smooth_iou = flicker_and_iou(0.7, speed=7)
    assert smooth_iou > iou - 0.005


# ---- stages


def test_overlapped_keeps_order_and_drops_nothing_unless_told() -> None:
    def numbers() -> Generator[int, None, None]:
        yield from range(50)

    assert list(overlapped(numbers(), 2)) == list(range(50))
    lost: list[int] = []
    slow = []
    for number in overlapped(numbers(), 2, lambda: lost.append(1)):
        time.sleep(0.01)
        slow.append(number)
    assert slow[-2:] == [48, 49]
    assert slow == sorted(slow)
    assert len(slow) + len(lost) == 50
    assert lost


def test_overlapped_passes_errors_on_and_closes_what_it_runs() -> None:
    closed = threading.Event()

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    running = overlapped(endless(), 2)
    assert next(running) == 1
    running.close()
    assert closed.is_set()

    def broken() -> Generator[int, None, None]:
        yield 1
        raise InputError("broken")

    with pytest.raises(InputError, match="broken"):
        list(overlapped(broken(), 2))


# ---- whole runs


@pytest.mark.usefixtures("silent")
def test_a_file_is_segmented_frame_by_frame(
    exported: Exports, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, told = tmp_path / "new" / "seen.mp4", tmp_path / "told.json"
    status, text, _ = run(capsys, clip, exported.onnx, "--out", out, "--json", told)
    assert status == 0
    assert f"frames: {FRAMES} of 128 x 72" in text
    assert "sound: not kept: ffmpeg is not on the PATH" in text
    assert "next: faceseg video" in text
    summary = json.loads(told.read_text())
    assert summary["frames"] == FRAMES
    assert summary["dropped"] == 0
    assert summary["ended"] == "end"
    assert summary["fps"] > 0
    assert summary["p99_ms"] >= summary["median_ms"] > 0
    assert set(summary["stages_ms"]) == {"decode", "predict", "compose", "encode"}
    seen = read_video(out)
    assert len(seen) == FRAMES
    assert seen[0].shape == (*SIZE, 3)
    assert [p.name for p in out.parent.iterdir()] == ["seen.mp4"]


def test_masks_are_those_of_the_predictor(exported: Exports, clip: Path, tmp_path: Path) -> None:
    """Frames come in order, each with the mask that its picture gets, for any number of workers."""
    predictor = Predictor(exported.onnx, provider="cpu", threads=1)
    found = []
    for workers in (1, 3):
        out = tmp_path / f"cut{workers}"
        with Source(str(clip)) as source:
            effect = effect_of("cutout")
            summary = process(source, out, predictor, effect, smooth=0, workers=workers)
        assert summary.audio == "none: a folder of pictures has no sound"
        files = sorted(out.iterdir())
        assert [f.name for f in files][-1] == f"frame_{FRAMES:06d}.png"
        found.append([cv2.imread(str(f), cv2.IMREAD_UNCHANGED) for f in files])
    for one, three, frame in zip(*found, read_video(clip), strict=True):
        assert np.array_equal(one, three)
        assert np.array_equal(one[..., :3], np.where(one[..., 3:] > 0, frame, 0))
        small = shrink(frame, predictor.contract.size)
        share = predictor.probabilities(np.ascontiguousarray(small[..., ::-1]))[1]
        expected = cv2.resize(share, SIZE[::-1]) > 0.5
        assert ((one[..., 3] >= 128) != expected).mean() < 0.01


class Live(Source):
    """A file that comes at its own pace, as a camera does."""

    def __init__(self, name: str, fps: float) -> None:
        super().__init__(name)
        self.live, self.file, self.frames, self.pace = True, None, None, fps

    def __iter__(self) -> Iterator[Image]:
        for image in super().__iter__():
            time.sleep(1 / self.pace)
            yield image


class Slow:
    """A predictor that takes its time."""

    def __init__(self, predictor: Predictor, seconds: float) -> None:
        self.contract, self.provider = predictor.contract, predictor.provider
        self._predictor, self._seconds = predictor, seconds

    def probabilities(self, image: Image) -> NDArray[np.float32]:
        time.sleep(self._seconds)
        return self._predictor.probabilities(image)


def test_a_live_source_drops_the_oldest_and_keeps_its_length(
    exported: Exports, clip: Path, tmp_path: Path
) -> None:
    slow = Slow(Predictor(exported.onnx, provider="cpu", threads=1), 0.1)
    out = tmp_path / "live.mp4"
    with Live(str(clip), 100) as source:
        summary = process(source, out, slow, effect_of("overlay"), workers=1)  # type: ignore[arg-type]
    assert summary.dropped > 0
    assert summary.frames + summary.dropped == FRAMES
    assert summary.audio == "none: only that of files is kept"
    assert len(read_video(out)) == FRAMES


def test_a_change_of_size_ends_the_result_there(
    exported: Exports, clip: Path, tmp_path: Path
) -> None:
    class Changing(Source):
        def __iter__(self) -> Iterator[Image]:
            for number, image in enumerate(super().__iter__()):
                yield image if number < 5 else image[:60]

    out = tmp_path / "out.mp4"
    predictor = Predictor(exported.onnx, provider="cpu", threads=1)
    with Changing(str(clip)) as source:
        summary = process(source, out, predictor, effect_of("overlay"))
    assert summary.ended.startswith("frame 6 is 128 x 60, those before were 128 x 72")
    assert len(read_video(out)) == 5


@pytest.mark.usefixtures("silent")
def test_a_file_cut_short_is_told(
    exported: Exports, frames: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_video(tmp_path / "clip.avi", frames * 3, "MJPG")
    # The header keeps the number of frames; AVI can be read without the index at its end.
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    status, _, error = run(capsys, clip, exported.onnx, "--out", tmp_path / "out.mp4")
    assert status == 1
    assert f"of {3 * FRAMES} frames; is the file cut short?" in error
    assert 0 < len(read_video(tmp_path / "out.mp4")) < 3 * FRAMES


def test_ctrl_c_leaves_a_finished_file(
    exported: Exports, frames: list[Image], tmp_path: Path
) -> None:
    clip = write_video(tmp_path / "long.mp4", frames * 200)
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "faceseg", "video", str(clip), str(exported.onnx)]
    running = subprocess.Popen(
        [*command, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(p.stat().st_size > 20_000 for p in tmp_path.glob(".out-*-silent.mp4")):
        assert time.monotonic() < deadline
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    text, error = running.communicate(timeout=60)
    assert running.returncode == 0, error
    assert "stopped by Ctrl-C; the result is whole up to there" in text
    assert 0 < len(read_video(out)) < 200 * FRAMES
    assert not list(tmp_path.glob(".out*"))


# ---- sound


def fake_ffmpeg(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'Stream #0:0: Video: mpeg4' >&2", "sound: none in the source"),
        (
            "echo 'Stream #0:1: Audio: pcm' >&2\n"
            "case $* in *'-c copy'*) echo no tag >&2; exit 1;; esac",
            "sound: not kept: ffmpeg cannot copy it into .mp4: no tag",
        ),
    ],
)
def test_what_ffmpeg_says_is_told(
    exported: Exports,
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    told: str,
) -> None:
    (tmp_path / "bin").mkdir()
    fake_ffmpeg(tmp_path / "bin", script, monkeypatch)
    status, text, _ = run(capsys, clip, exported.onnx, "--out", tmp_path / "out.mp4")
    assert status == 0
    assert told in text
    assert len(read_video(tmp_path / "out.mp4")) == FRAMES


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_sound_is_kept(
    exported: Exports, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = tmp_path / "loud.mp4"
    command = "ffmpeg -v error -i clip -f lavfi -i sine=duration=0.48 -c:v copy -c:a aac loud"
    words = {"clip": str(clip), "loud": str(loud)}
    subprocess.run([words.get(w, w) for w in command.split()], check=True)
    status, text, _ = run(capsys, loud, exported.onnx, "--out", tmp_path / "out.mp4")
    assert status == 0
    assert "sound: kept" in text
    told = subprocess.run(
        ["ffmpeg", "-hide_banner", "-i", str(tmp_path / "out.mp4")], capture_output=True, text=True
    )
    assert " Audio: aac" in told.stderr
    assert len(read_video(tmp_path / "out.mp4")) == FRAMES


# ---- errors


@pytest.mark.parametrize(
    ("source", "out", "more", "message"),
    [
        ("gone.mp4", "o.mp4", (), "gone.mp4: no such file"),
        ("text.mp4", "o.mp4", (), "text.mp4: not a video that OpenCV reads"),
        ("7", "o.mp4", (), "7: no camera of this number"),
        ("http://u:secret@127.0.0.1:9/x", "o.mp4", (), "http://127.0.0.1:9/x: no answer"),
        ("clip", "o.gif", (), "unknown suffix .gif"),
        ("clip", "o.mp4", ("--effect", "cutout"), "a cut-out's transparency goes into no .mp4"),
        ("clip", "there", (), "there: there already"),
        ("clip", "clip", (), "would replace the video it is made of"),
        ("clip", "o.mp4", ("--codec", "h264!"), "expected four letters"),
        ("clip", "o.mp4", ("--codec", "zzzz"), "cannot write 'zzzz' into .mp4; mp4v works there"),
        ("clip", "o.mp4", ("--smooth", "1"), "smooth: 1.0 given"),
        ("clip", "o.mp4", ("--threads", "-1"), "--threads: -1 given"),
        ("clip", "o.mp4", ("--background", "#000000"), "it goes with replace"),
        (
            "clip", "o.mp4", ("--effect", "replace", "--background", "red"),
            "red: neither a colour such as #00b140 nor a picture",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    exported: Exports,
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    out: str,
    more: tuple[str, ...],
    message: str,
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "text.mp4").write_text("no video\n")
    before = sorted(tmp_path.rglob("*"))
    words = [str(clip) if word == "clip" else word for word in (source, out)]
    status, _, error = run(capsys, words[0], exported.onnx, "--out", words[1], *more)
    assert status == 2
    assert error.startswith("faceseg: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert "secret" not in error
    assert sorted(tmp_path.rglob("*")) == before


def test_opencv_missing_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceseg.cli.video.find_spec", lambda name: None)
    status, _, error = run(capsys, "clip.mp4", "--out", "o.mp4")
    assert status == 2
    assert "this command needs cv2: pip install opencv-python-headless" in error


def test_the_command_knows_every_effect() -> None:
    # It names them itself: its parser is there without OpenCV.
    parser = build_parser()
    for effect in EFFECTS:
        words = ["video", "in.mp4", "--out", "out.mp4", "--effect", effect]
        assert parser.parse_args(words).effect == effect


def test_the_command_by_openvino(
    exported: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openvino")
    frames = [frame for frame, _ in draw_moving(np.random.default_rng(3), SIZE, [(0, 0)] * 4)]
    video = write_video(tmp_path / "in.mp4", frames)
    words = ["video", str(video), str(exported.onnx), "--out", str(tmp_path / "out.mp4")]
    assert main([*words, "--device", "openvino"]) == 0
    said = capsys.readouterr().out
    assert "on OpenVINO, float32 (--device openvino)" in said
    assert "frames: 4 of 128 x 72" in said
    assert main([*words, "--precision", "bfloat16", "--device", "cpu"]) == 2
    assert "ONNX Runtime computes in what the file holds, float32" in capsys.readouterr().err


def test_frames_reach_the_graph_as_the_file_takes_them(exported: Exports) -> None:
    contract = Predictor(exported.onnx, provider="cpu").contract
    assert _size_for(contract, (720, 1280)) == (64, 64)
    boxed = dataclasses.replace(contract, letterbox=True)
    assert _size_for(boxed, (720, 1280)) == (36, 64)
    assert _size_for(boxed, (1280, 2)) == (64, 1)
    assert _size_for(dataclasses.replace(boxed, picture=(90, 160)), (720, 1280)) == (90, 160)
