"""The sound of a video, which OpenCV leaves out: copied by ffmpeg, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def keep_audio(source: Path, pictures: Path, result: Path, seconds: float) -> str:
    """Write `pictures` with the sound of `source` as `result`, or move it there without.

    Parameters
    ----------
    source
        The video that has the sound.
    pictures
        The video that has the pictures; it is gone afterwards if the sound is not kept.
    result
        Where the two go.
    seconds
        Length of the pictures, at which the sound ends, too.

    Returns
    -------
    str
        What became of the sound, in words: ``"kept"``, ``"none in the source"``, or ``"not kept:
        ..."`` with the reason.
    """
    ffmpeg = shutil.which("ffmpeg")
    source, pictures, result = (p.absolute() for p in (source, pictures, result))
    told = "not kept: ffmpeg is not on the PATH (any sound of the source is lost)"
    if ffmpeg is not None:
        seen = _run(ffmpeg, "-i", source).stderr
        told = "kept" if " Audio: " in seen else "none in the source"
    if ffmpeg is not None and told == "kept":
        done = _run(
            ffmpeg, "-v", "error", "-y", "-i", pictures, "-i", source, "-map", "0:v", "-map", "1:a",
            "-c", "copy", "-t", f"{seconds:.6f}", result,
        )  # fmt: skip
        if done.returncode == 0:
            return told
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        told = f"not kept: ffmpeg cannot copy it into {result.suffix}: {lines[-1]}"
    os.replace(pictures, result)
    return told


def _run(ffmpeg: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    # Without -nostdin ffmpeg reads the keyboard.
    command = [ffmpeg, "-nostdin", "-hide_banner", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace")
