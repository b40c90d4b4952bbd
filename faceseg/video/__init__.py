"""Masks of moving pictures: files, cameras and streams, frame by frame, stages side by side."""

from __future__ import annotations

from faceseg.video.effects import EFFECTS, effect_of
from faceseg.video.process import Summary, process, warm_up

__all__ = ["EFFECTS", "Summary", "effect_of", "process", "warm_up"]
