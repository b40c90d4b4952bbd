"""Pictures people look at: masks over photographs, mistakes, outlines, best and worst."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFilter, ImageFont
from PIL.Image import Resampling

from faceseg.evaluate import Evaluation, Segmenter
from faceseg.images import read_image, write_png
from faceseg.records import Record, Source

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
    evaluation: Evaluation,
    source: Source,
    segment: Segmenter,
    *,
    count: int = 3,
    ignore_index: int = -1,
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
    ignore_index
        Label of pixels that are shown as they were predicted; -1 is none.

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
        image, mask, truth = _segmented(record, source, segment, ignore_index)
        mistakes = error_map(image, mask, truth)
        rows.append([image, overlay(image, truth), overlay(image, mask), mistakes])
        kind = "best" if place < count else "worst"
        captions.append(f"{kind}: {record.name}, IoU {iou[index]:.3f}")
    return contact_sheet(rows, ["picture", "truth", "prediction", "mistakes"], captions)


def _segmented(
    record: Record, source: Source, segment: Segmenter, ignore_index: int
) -> tuple[Image, Image, Image]:
    """Return picture, prediction and truth, which agree where the truth is to be ignored."""
    image, truth = read_image(record.image), source.mask(record)
    mask = segment(image)
    return image, mask, np.where(truth == ignore_index, mask, truth)


def jpeg(image: Image) -> bytes:
    """Return an (H, W, 3) uint8 picture as the bytes of a JPEG file."""
    stream = io.BytesIO()
    PIL.Image.fromarray(image).save(stream, "JPEG", quality=90)
    return stream.getvalue()


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


def boundary_errors(image: Image, prediction: Image, truth: Image) -> tuple[Image, Image]:
    """Show the wrong pixels of a picture between the true and the predicted outline.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB.
    prediction, truth
        (H, W) uint8 class ids.

    Returns
    -------
    whole : ndarray
        (H, W, 3) uint8 RGB, darkened: invented pixels are orange, missed ones pink, those of
        another foreground class yellow; the true outline is white, the predicted one blue. A frame
        shows where `crop` is.
    crop : ndarray
        The same of the worst part, square, enlarged: two fifths of the short side, around the
        pixel on an outline that has the most wrong pixels near it.
    """
    height, width = truth.shape
    side = min(height, width, max(24, 2 * min(height, width) // 5))
    wrong = prediction != truth
    outline = _edges(prediction) | _edges(truth)
    # Wrong pixels in the square around each pixel, from sums over rows and columns.
    half = max(1, side // 2)
    sums = np.pad(wrong, half).cumsum(axis=0).cumsum(axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    rows = sums[2 * half :] - sums[: -2 * half]
    near = (rows[:, 2 * half :] - rows[:, : -2 * half])[:height, :width]
    y, x = np.unravel_index(int(np.where(outline, near + 1, 0).argmax()), truth.shape)
    if not outline.any():
        y, x = height // 2, width // 2
    top, left = min(max(y - side // 2, 0), height - side), min(max(x - side // 2, 0), width - side)
    part = np.s_[top : top + side, left : left + side]
    scale = -(-300 // side)
    large = [
        a.repeat(scale, axis=0).repeat(scale, axis=1)
        for a in (image[part], prediction[part], truth[part])
    ]
    whole = _with_outlines(image, prediction, truth)
    line = max(1, min(height, width) // 200)
    for frame in (
        np.s_[top : top + line, left : left + side],
        np.s_[top + side - line : top + side, left : left + side],
        np.s_[top : top + side, left : left + line],
        np.s_[top : top + side, left + side - line : left + side],
    ):
        whole[frame] = PALETTE[7]
    return whole, _with_outlines(large[0], large[1], large[2])


def _with_outlines(image: Image, prediction: Image, truth: Image) -> Image:
    shown: Image = (image * 0.6).astype(np.uint8)
    for chosen, colour in (
        ((prediction > 0) & (truth == 0), INVENTED),
        ((prediction == 0) & (truth > 0), MISSED),
        ((prediction > 0) & (truth > 0) & (prediction != truth), PALETTE[7]),
    ):
        shown[chosen] = (0.45 * shown[chosen] + 0.55 * colour).astype(np.uint8)
    width = max(1, min(truth.shape) // 150)
    shown[_edges(prediction, width)] = PALETTE[2]
    shown[_edges(truth, width)] = _LIGHT
    return shown


def _edges(mask: Image, width: int = 1) -> NDArray[np.bool_]:
    """Return the pixels whose class is not that of one at their left or above, `width` thick."""
    edges = np.zeros(mask.shape, bool)
    for shift in range(1, width + 1):
        edges[shift:] |= mask[shift:] != mask[:-shift]
        edges[:, shift:] |= mask[:, shift:] != mask[:, :-shift]
    return edges


def worst_boundaries(
    chosen: Sequence[tuple[str, float]],
    source: Source,
    segment: Segmenter,
    *,
    ignore_index: int = -1,
) -> Image:
    """Return a sheet of images with `boundary_errors`: picture, mistakes, the worst part.

    Parameters
    ----------
    chosen
        Name and boundary IoU of each image to show.
    source
        Where the pictures are.
    segment
        Predicts them again; masks are not kept.
    ignore_index
        As of `best_and_worst`.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB.
    """
    records = {record.name: record for record in source.records}
    rows, captions = [], []
    for name, score in chosen:
        image, mask, truth = _segmented(records[name], source, segment, ignore_index)
        rows.append([image, *boundary_errors(image, mask, truth)])
        captions.append(f"{name}, boundary IoU {score:.3f}")
    return contact_sheet(
        rows, ["picture", "outlines and mistakes", "worst part"], captions, cell=300
    )
