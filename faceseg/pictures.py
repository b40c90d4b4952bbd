"""Pictures people look at: masks over photographs, mistakes, best and worst, curves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFilter, ImageFont
from PIL.Image import Resampling

from faceseg.evaluate import Evaluation, Segmenter
from faceseg.files import atomic_path
from faceseg.images import read_image, write_png
from faceseg.records import Source

Image = NDArray[np.uint8]

# Okabe and Ito (2008): told apart by colour-blind people, too. Class 0 is not painted.
PALETTE = np.array(
    [
        (0, 0, 0), (0, 158, 115), (86, 180, 233), (230, 159, 0), (213, 94, 0),
        (0, 114, 178), (204, 121, 167), (240, 228, 66), (255, 255, 255),
    ],
    np.uint8,
)  # fmt: skip
FOUND, INVENTED, MISSED = PALETTE[1], PALETTE[3], PALETTE[6]

_INK = (40, 40, 40)
_LIGHT = np.array((255, 255, 255), np.uint8)
_LINE = 18


def overlay(image: Image, mask: Image, *, alpha: float = 0.45) -> Image:
    """Paint each class over the picture in its colour, with a line along its border.

    A thin light line runs outside the region, so that it stands out on a picture of its own colour.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB.
    mask
        (H, W) uint8 class ids; 0 stays as it is, ids beyond the palette start over at 1.
    alpha
        Opacity of the paint, 0 to 1.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB.
    """
    colours = PALETTE[np.where(mask > 0, (mask.astype(int) - 1) % 8 + 1, 0)]
    painted = (image * (1 - alpha) + colours * alpha).round().astype(np.uint8)
    painted = np.where(mask[..., None] > 0, painted, image)
    width = max(1, min(mask.shape) // 250)
    # The largest and the smallest class around each pixel; OpenCV does this faster, but an app that
    # predicts need not have it.
    shape = PIL.Image.fromarray(mask)
    low, high = (
        np.asarray(shape.filter(extreme(2 * width + 1)))
        for extreme in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    border = low != high
    painted[border] = np.where(mask[..., None] > 0, colours, _LIGHT)[border]
    return np.asarray(painted, np.uint8)


def error_map(image: Image, prediction: Image, truth: Image) -> Image:
    """Show a darkened picture with what was found, invented and missed.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB.
    prediction, truth
        (H, W) uint8 class ids. With more than two classes a pixel of the wrong foreground class
        counts as missed.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB: found is green, invented orange, missed pink.
    """
    grey = (image.mean(axis=2) * 0.6).astype(np.uint8)
    shown: Image = np.stack([grey] * 3, axis=2)
    for chosen, colour in (
        ((prediction == truth) & (truth > 0), FOUND),
        ((prediction > 0) & (truth == 0), INVENTED),
        ((truth > 0) & (prediction != truth), MISSED),
    ):
        shown[chosen] = (0.35 * shown[chosen] + 0.65 * colour).astype(np.uint8)
    return shown


def contact_sheet(
    rows: Sequence[Sequence[Image]],
    titles: Sequence[str],
    captions: Sequence[str],
    *,
    cell: int = 200,
) -> Image:
    """Set pictures in a grid with a title over each column and a caption under each row.

    Parameters
    ----------
    rows
        (H, W, 3) uint8 RGB pictures of any size; each is fitted into a square of `cell` pixels.
    titles
        One for each column.
    captions
        One for each row.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB on white.
    """
    gap = 6
    width = len(titles) * (cell + gap) + gap
    height = _LINE + len(rows) * (cell + _LINE + gap) + gap
    sheet = np.full((height, width, 3), 255, np.uint8)
    for column, title in enumerate(titles):
        _write(sheet, title, gap + column * (cell + gap), _LINE - 4)
    for place, (row, caption) in enumerate(zip(rows, captions, strict=True)):
        top = _LINE + place * (cell + _LINE + gap)
        for column, picture in enumerate(row):
            fitted = _fit(picture, cell)
            y = top + (cell - fitted.shape[0]) // 2
            x = gap + column * (cell + gap) + (cell - fitted.shape[1]) // 2
            sheet[y : y + fitted.shape[0], x : x + fitted.shape[1]] = fitted
        _write(sheet, caption, gap, top + cell + _LINE - 4)
    return sheet


def _fit(picture: Image, cell: int) -> Image:
    scale = cell / max(picture.shape[:2])
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    fitted = PIL.Image.fromarray(picture).resize((size[0], size[1]), Resampling.BILINEAR)
    return np.asarray(fitted, np.uint8)


def _write(sheet: Image, text: str, x: int, y: int) -> None:
    """Write a line whose feet stand at `y`."""
    strip = PIL.Image.fromarray(sheet[y - _LINE + 4 : y + 4])
    ImageDraw.Draw(strip).text((x, _LINE - 4), text, _INK, ImageFont.load_default(12), anchor="ls")
    sheet[y - _LINE + 4 : y + 4] = np.asarray(strip)


def best_and_worst(
    evaluation: Evaluation, source: Source, segment: Segmenter, *, count: int = 3
) -> Image:
    """Return a sheet of the images with the highest and lowest IoU: picture, truth, mask, mistakes.

    Parameters
    ----------
    evaluation
        Scores of `segment` on `source`.
    source
        Where the pictures are.
    segment
        Predicts the shown images again; masks are not kept.
    count
        Of each kind; fewer where there are not so many.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB.
    """
    iou = np.array([row["iou"] for row in evaluation.per_image])
    order = np.argsort(np.where(np.isnan(iou), 2, iou), kind="stable")
    order = order[: int(np.isfinite(iou).sum())]
    count = min(count, (len(order) + 1) // 2)
    best = order[::-1][:count]
    chosen = [*best, *(index for index in order[:count][::-1] if index not in best)]
    records = {record.name: record for record in source.records}
    rows, captions = [], []
    for place, index in enumerate(chosen):
        record = records[evaluation.names[index]]
        image, truth = read_image(record.image), source.mask(record)
        mask = segment(image)
        mistakes = error_map(image, mask, truth)
        rows.append([image, overlay(image, truth), overlay(image, mask), mistakes])
        kind = "best" if place < count else "worst"
        captions.append(f"{kind}: {record.name}, IoU {iou[index]:.3f}")
    return contact_sheet(rows, ["picture", "truth", "prediction", "mistakes"], captions)


def write_evaluation(
    folder: str | os.PathLike[str],
    name: str,
    evaluation: Evaluation,
    source: Source,
    segment: Segmenter,
) -> None:
    """Write ``<name>.csv``, a row for each image, and ``<name>.png``, the best and worst."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    evaluation.write_csv(Path(folder) / f"{safe}.csv")
    write_png(Path(folder) / f"{safe}.png", best_and_worst(evaluation, source, segment))


def curves(histories: Mapping[str, Sequence[Mapping[str, float]]], path: Path) -> None:
    """Draw loss and validation IoU by epoch, one line for each run.

    Parameters
    ----------
    histories
        Rows with ``epoch``, ``loss`` and, where the run was validated, ``iou``.
    path
        PNG or SVG file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for place, (name, rows) in enumerate(histories.items()):
        colour = tuple(PALETTE[(5, 4, 1, 6)[place % 4]] / 255)
        seen = [row for row in rows if "iou" in row]
        for axis, column, shown in ((left, "loss", rows), (right, "iou", seen)):
            axis.plot(
                [row["epoch"] for row in shown], [row[column] for row in shown],
                color=colour, marker="o", markersize=3, label=name,
            )  # fmt: skip
    left.set(xlabel="epoch", title="training loss (cross-entropy + Dice)", ylim=(0, None))
    right.set(xlabel="epoch", title="validation IoU", ylim=(0, 1))
    for axis, corner in ((left, "upper right"), (right, "lower right")):
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, loc=corner)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
