"""From drawn portraits to a mask by ONNX Runtime, in Python: about two minutes on two cores.

python examples/train_tiny.py [FOLDER]
"""

import sys
from pathlib import Path

from faceseg import RLE
from faceseg.config import Config
from faceseg.draw import draw_dataset
from faceseg.export import export_model
from faceseg.images import read_image
from faceseg.predict import Predictor
from faceseg.records import open_source
from faceseg.train import train


def main(folder: Path) -> None:
    """Draw, train from run lengths, export, and predict without torch."""
    data = draw_dataset(folder / "portraits", 120, size=128)
    source = open_source(data / "train_rle.csv")
    validation = open_source(data / "val_rle.csv")
    config = Config(size=(96, 96), width=8, epochs=8)
    run = train(source, validation, config, folder / "run", log=print)

    (exported,) = export_model(run.folder, ["onnx"], folder)
    predict = Predictor(exported.path)
    mask = predict(read_image(validation.records[0].image))
    print(f"IoU {run.scores['iou']:.3f} in {exported.path}")
    print(RLE.from_mask(mask).to_kaggle()[:60], "...")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "tiny"))
