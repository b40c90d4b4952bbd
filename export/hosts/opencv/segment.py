"""Segment a picture with an exported model: OpenCV's dnn and NumPy, nothing of faceseg.

    python segment.py face-unet.onnx photo.jpg mask.png

Copy this file into an app. All it knows of the model it reads from the model: the contract is JSON
in the ONNX metadata under "faceseg".
"""

import json
import sys

import cv2
import numpy as np

METADATA = 14  # field of an ONNX file that holds pairs of a key (1) and a value (2)


def load(path):
    """Return a network and the model's contract."""
    with open(path, "rb") as file:
        data = file.read()
    entries = [
        dict(_fields(each, path)) for field, each in _fields(data, path) if field == METADATA
    ]
    texts = {bytes(entry[1]).decode(): bytes(entry[2]).decode() for entry in entries}
    if "faceseg" not in texts:
        raise ValueError(f"{path}: not a model of faceseg export")
    contract = json.loads(texts["faceseg"])
    if contract["version"] not in (1, 2):
        raise ValueError(f"{path}: contract version {contract['version']}, this app knows 1 and 2")
    if contract["outputs"][0]["name"] != "mask":
        raise ValueError(f"{path}: gives {contract['outputs'][0]['name']}, this app takes a mask")
    free = contract["input"]["shape"][1] == "height"
    if free and contract.get("resize") == "letterbox":
        raise ValueError(f"{path}: letterbox; this app stretches pictures to the network's size")
    if free and int(cv2.__version__.split(".")[0]) < 5:
        raise ValueError(
            f"{path}: takes pictures of any size, which OpenCV {cv2.__version__} cannot; export "
            "it for one size (faceseg export --size), or use OpenCV 5"
        )
    return cv2.dnn.readNetFromONNX(path), contract


def segment(network, contract, picture):
    """Return the class of each pixel of a (H, W, 3) uint8 RGB picture, as (H, W) uint8."""
    shape = contract["input"]["shape"]
    # OpenCV passes over the antialiasing of the graph's own resize, without a word, and thin parts
    # of a large picture come out wrong; at the network's size there is nothing to resize.
    height, width = contract["network_size"] if shape[1] == "height" else shape[1:3]
    before = picture.shape[:2]
    if before != (height, width):
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    network.setInput(np.ascontiguousarray(picture[np.newaxis]), contract["input"]["name"])
    # OpenCV 4 gives float32, 5 gives what the graph says.
    mask = network.forward(contract["outputs"][0]["name"])[0].astype(np.uint8)
    if before != (height, width):
        mask = cv2.resize(mask, before[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return mask


def _fields(data, path):
    """Yield number and bytes of each length-delimited field of a protobuf message."""
    data, at = memoryview(data), 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = data[at], at + 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    try:
        while at < len(data):
            field, kind = divmod(varint(), 8)
            # 0: a number; 1 and 5: 8 and 4 bytes; 2: as many bytes as say themselves.
            size = {0: lambda: varint() * 0, 1: lambda: 8, 2: varint, 5: lambda: 4}[kind]()
            if at + size > len(data):
                raise IndexError
            if kind == 2:
                yield field, data[at : at + size]
            at += size
    except (IndexError, KeyError):
        raise ValueError(f"{path}: not an ONNX file, or cut short") from None


def main():
    """Read a picture, write its mask, print the share of each class."""
    if len(sys.argv) != 4:
        raise SystemExit("usage: python segment.py MODEL.onnx PICTURE MASK.png")
    model, source, target = sys.argv[1:]
    picture = cv2.imread(source, cv2.IMREAD_COLOR)  # turned as EXIF says
    if picture is None:
        raise SystemExit(f"error: {source}: not a picture that OpenCV reads")
    try:
        network, contract = load(model)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    mask = segment(network, contract, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    classes = contract["classes"]
    # Two classes are written black and white, more by their ids.
    cv2.imwrite(target, mask * 255 if len(classes) == 2 else mask)
    for value, name in enumerate(classes):
        print(f"{name:12}{(mask == value).mean():7.2%}")


if __name__ == "__main__":
    main()
