"""Portraits drawn by rule, with exact labels: data for trials, tests and demonstrations."""

from __future__ import annotations

from faceseg.draw.dataset import draw_dataset
from faceseg.draw.portrait import draw_portrait

__all__ = ["draw_dataset", "draw_portrait"]
