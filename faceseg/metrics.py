"""Metrics of segmentation: count once, exactly, then score.

`confusion_matrix` counts the pixels of labels, masks, logits or run lengths in int64; the scores
are functions of those counts, in double precision. `sweep` counts at many thresholds in one pass,
`calibration` tells whether probabilities mean what they say. `faceseg.meter` adds batches up, and
`faceseg.boundary` scores outlines. ``docs/metrics.md`` tells where other libraries differ.

By convention class 0 is background, so that with two classes the scores of interest are those of
class 1.
"""

from __future__ import annotations

from faceseg.counting import confusion_matrix
from faceseg.scores import (
    Average,
    Interval,
    bootstrap,
    cohen_kappa,
    dice,
    frequency_weighted_iou,
    iou,
    mean_iou,
    pixel_accuracy,
    precision,
    recall,
    specificity,
)
from faceseg.sweeps import Calibration, Sweep, calibration, sweep

__all__ = [
    "Average",
    "Calibration",
    "Interval",
    "Sweep",
    "bootstrap",
    "calibration",
    "cohen_kappa",
    "confusion_matrix",
    "dice",
    "frequency_weighted_iou",
    "iou",
    "mean_iou",
    "pixel_accuracy",
    "precision",
    "recall",
    "specificity",
    "sweep",
]
