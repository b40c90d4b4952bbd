"""Masks to run lengths and back, and a score: needs NumPy alone.

python examples/quickstart.py
"""

import numpy as np

from faceseg import metrics, rle

y, x = np.mgrid[:256, :256]
truth = (x - 128) ** 2 + (y - 120) ** 2 < 90**2
prediction = (x - 124) ** 2 + (y - 126) ** 2 < 88**2

counts = rle.encode(truth)  # runs down the columns
text = rle.counts_to_kaggle(counts)  # "start length start length ..."
again = rle.decode(rle.counts_from_kaggle(text, truth.shape), truth.shape)
assert (again == truth).all()

matrix = metrics.confusion_matrix(prediction, truth)
print(f"{len(counts)} runs, {rle.area(counts)} pixels, {len(text)} characters")
print(f"IoU {metrics.iou(matrix)[1]:.4f}, Dice {metrics.dice(matrix)[1]:.4f}")
