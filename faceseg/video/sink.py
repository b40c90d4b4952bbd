"""Where frames go: a video file or a folder of PNG files, there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceseg.errors import InputError
from faceseg.files import atomic_folder, atomic_path
from faceseg.video.audio import keep_audio
from faceseg.video.source import Source

Image = NDArray[np.uint8]

# MPEG-4 part 2 and MJPEG are in every build of OpenCV; H.264 ("avc1") is not in those from pip.
CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}


def check_sink(out: Path, effect: str, source: Path | None, codec: str | None) -> None:
    """Raise InputError for what cannot become a result, before any work.

    Parameters
    ----------
    out
        A video file, or a folder that is not there yet.
    effect
        ``"cutout"`` has an alpha, which only PNG files take.
    source
        The file that is read, if it is one.
    codec
        Four letters, or None.
    """
    if codec is not None and len(codec) != 4:
        raise InputError(f"--codec: {codec!r} given, expected four letters such as mp4v or avc1")
    suffix = out.suffix.lower()
    if not suffix:
        if out.exists():
            raise InputError(f"{out}: there already; name a new folder for the PNG files")
    elif effect == "cutout":
        raise InputError(
            f"{out}: a cut-out's transparency goes into no {suffix} here; name a folder (no "
            "suffix), which gets one PNG file a frame"
        )
    elif suffix not in CODECS:
        raise InputError(
            f"{out}: unknown suffix {suffix}; expected {', '.join(CODECS)}, or a folder (no suffix)"
        )
    elif source is not None and out.exists() and out.samefile(source):
        raise InputError(f"{out}: the result would replace the video it is made of")


@contextmanager
def open_sink(out: Path, source: Source, codec: str | None) -> Iterator[VideoFile | PngFolder]:
    """Give something to write frames to; `out` is put in place when the block ends well.

    Raises
    ------
    InputError
        If the codec cannot be written, or the file, read again, lacks frames.
    """
    if not out.suffix:
        with atomic_folder(out) as folder:
            yield PngFolder(folder)
        return
    with atomic_path(out) as path:
        pictures = path.with_stem(f"{path.stem}-silent")
        sink = VideoFile(pictures, source.fps, codec or CODECS[out.suffix.lower()])
        try:
            yield sink
            sink.close()
            if source.file is None:
                sink.audio = "none: only that of files is kept"
                pictures.replace(path)
            else:
                sink.audio = keep_audio(source.file, pictures, path, sink.written / source.fps)
        finally:
            sink.release()
            pictures.unlink(missing_ok=True)


class VideoFile:
    """A video file; `audio` says in the end what became of the sound."""

    def __init__(self, path: Path, fps: float, codec: str) -> None:
        self._path = path
        self._fps = fps
        self._codec = codec
        self._writer: cv2.VideoWriter | None = None
        self.written = 0
        self.audio = ""

    def write(self, image: Image, times: int) -> None:
        """Encode a BGR frame that is to be shown so many times."""
        if self._writer is None:
            fourcc = cv2.VideoWriter.fourcc(*self._codec)
            size = image.shape[1::-1]
            self._writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, fourcc, self._fps, size)
            if not self._writer.isOpened():
                suffix = self._path.suffix
                raise InputError(
                    f"codec: this OpenCV cannot write {self._codec!r} into {suffix}; "
                    f"{CODECS[suffix.lower()]} works there"
                )
        for _ in range(times):
            self._writer.write(image)
        self.written += times

    def release(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()

    def close(self) -> None:
        """Finish the file and count its frames: OpenCV says nothing of a full disk."""
        self.release()
        found = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        frames = int(found.get(cv2.CAP_PROP_FRAME_COUNT)) if found.isOpened() else 0
        found.release()
        # A container's count may be its duration times its rate, rounded.
        if abs(frames - self.written) > 1:
            raise InputError(
                f"{self._path.parent}: {self.written} frames were written, {frames} can be read; "
                "is the disk full?"
            )


class PngFolder:
    """A folder of ``frame_000001.png`` and so on; BGR or BGRA frames."""

    audio = "none: a folder of pictures has no sound"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written = 0

    def write(self, image: Image, times: int) -> None:
        """Write a frame so many times."""
        # OpenCV's own settings take 20 ms for a cut-out of 1280 x 720, any level given 55 to 86.
        _, data = cv2.imencode(".png", image)
        for _ in range(times):
            self.written += 1
            (self._folder / f"frame_{self.written:06d}.png").write_bytes(data.tobytes())
