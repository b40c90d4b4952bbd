"""Segment a picture with an exported model: NumPy, ONNX Runtime and Pillow, nothing of faceseg.

    python segment.py face-unet.onnx photo.jpg mask.png

Copy this file into an app. All it knows of the model it reads from the model: the contract is JSON
in the ONNX metadata under "faceseg".
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def load(path):
    """Return a session and the model's contract."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    text = session.get_modelmeta().custom_metadata_map.get("faceseg")
    if text is None:
        raise ValueError(f"{path}: not a model of faceseg export")
    contract = json.loads(text)
    if contract["version"] not in (1, 2):
        raise ValueError(f"{path}: contract version {contract['version']}, this app knows 1 and 2")
    if contract["outputs"][0]["name"] != "mask":
        raise ValueError(f"{path}: gives {contract['outputs'][0]['name']}, this app takes a mask")
    return session, contract


def segment(session, contract, picture):
    """Return the class of each pixel of a (H, W, 3) uint8 RGB picture, as (H, W) uint8."""
    # The graph scales, resizes and takes the arg-max; any height and width will do, unless the
    # file takes one size alone: numbers stand in its shape then, instead of names.
    height, width = contract["input"]["shape"][1:3]
    before = picture.shape[:2]
    if height == "height" or before == (height, width):
        return _run(session, contract, picture)
    picture = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    mask = _run(session, contract, np.asarray(picture))
    return np.asarray(Image.fromarray(mask).resize(before[::-1], Image.Resampling.NEAREST))


def _run(session, contract, picture):
    (mask,) = session.run(
        [contract["outputs"][0]["name"]], {contract["input"]["name"]: picture[np.newaxis]}
    )
    return mask[0]


def main():
    """Read a picture, write its mask, print the share of each class."""
    if len(sys.argv) != 4:
        raise SystemExit("usage: python segment.py MODEL.onnx PICTURE MASK.png")
    model, source, target = sys.argv[1:]
    try:
        session, contract = load(model)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    picture = np.asarray(ImageOps.exif_transpose(Image.open(source)).convert("RGB"))
    mask = segment(session, contract, picture)
    classes = contract["classes"]
    # Two classes are written black and white, more by their ids.
    Image.fromarray(mask * 255 if len(classes) == 2 else mask).save(target)
    for value, name in enumerate(classes):
        print(f"{name:12}{(mask == value).mean():7.2%}")


if __name__ == "__main__":
    main()
