"""Masks to run lengths and back, and a score: needs NumPy alone.

python examples/quickstart.py
"""

import numpy as np

from faceseg import RLE, metrics

y, x = np.mgrid[:256, :256]
truth = (x - 128) ** 2 + (y - 120) ** 2 < 90**2
prediction = (x - 124) ** 2 + (y - 126) ** 2 < 88**2

mask = RLE.from_mask(truth)  # runs down the columns
text = mask.to_kaggle()  # "start length start length ..."
again = RLE.from_kaggle(text, truth.shape)
assert again == mask
assert (again.decode() == truth).all()

matrix = metrics.confusion_matrix(prediction, truth)
print(f"{mask}: {len(text)} characters")
print(f"IoU {metrics.iou(matrix)[1]:.4f}, Dice {metrics.dice(matrix)[1]:.4f}")
print(f"IoU {mask.iou(RLE.from_mask(prediction)):.4f}, of the runs alone")
