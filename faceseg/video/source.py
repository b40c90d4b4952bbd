"""Where frames come from: a file, a camera, a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from faceseg.errors import InputError

Image = NDArray[np.uint8]

# OpenCV's own is 30 s, which looks like a hang.
_TIMEOUT_MS = 10_000
_USUAL_FPS = 30.0
# A container's number of frames is often its duration times its rate, so a few may be missing.
_SLACK = 0.02


class Source:
    """A video that is open for reading.

    Parameters
    ----------
    name
        Path of a file, number of a camera (``"0"``) or URL of a stream.

    Attributes
    ----------
    name : str
        As given, without the user and password of a URL.
    file : Path or None
        The file, if it is one.
    live : bool
        Whether frames come at their own pace: from a camera, or a URL without a length.
    fps : float
        Frames a second, as the source states it; 30 if it states nothing of use.
    frames : int or None
        Number of frames, as the container states it; None if unknown.

    Raises
    ------
    InputError
        If there is no such file, camera or stream, or it cannot be decoded.
    """

    def __init__(self, name: str) -> None:
        camera = name.isdecimal()
        url = "://" in name
        self.name = re.sub(r"(://)[^/]*@", r"\1", name)
        self.file = None if camera or url else Path(name)
        if camera:
            self._capture = cv2.VideoCapture(int(name))
        else:
            if self.file is not None and not self.file.is_file():
                raise InputError(
                    f"{name}: no such file; expected a video, a camera's number or a URL"
                )
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
            # FFmpeg takes what stands before a colon for a protocol, in a file's name, too.
            place = name if self.file is None else str(self.file.absolute())
            self._capture = cv2.VideoCapture(place, cv2.CAP_FFMPEG, limits)
        if not self._capture.isOpened():
            raise InputError(f"{self.name}: {_why_not(camera, url)}")
        stated = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frames = int(stated) if stated > 0 and not camera else None
        self.live = camera or (url and self.frames is None)
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 1 <= fps <= 240 else _USUAL_FPS

    def __iter__(self) -> Iterator[Image]:
        """Give (H, W, 3) uint8 frames, BGR as OpenCV has them, until there are no more."""
        while True:
            found, image = self._capture.read()
            if not found:
                return
            yield np.asarray(image, np.uint8)

    def cut_short(self, decoded: int) -> bool:
        """Return whether clearly fewer frames came than the container states."""
        return self.frames is not None and decoded < self.frames * (1 - _SLACK) - 2

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._capture.release()


def _why_not(camera: bool, url: bool) -> str:
    if camera:
        return "no camera of this number, or another program has it; on Linux see /dev/video*"
    if url:
        return f"no answer within {_TIMEOUT_MS // 1000} s, or not a stream that OpenCV reads"
    return "not a video that OpenCV reads, or cut short; expected an .mp4, .mkv, .avi or .mov file"
