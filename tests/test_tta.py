"""Test-time augmentation: the picture and its mirror image, averaged."""

from __future__ import annotations

import pytest
import torch

from faceseg.augment import swap_table
from faceseg.checkpoint import save
from faceseg.cli import main
from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.images import read_image
from faceseg.models import build
from faceseg.models.pipeline import Mirrored, Pipeline
from faceseg.segment import load_segmenter

CLASSES = ("background", "skin", "left eye", "right eye")
SWAP = swap_table(CLASSES)[: len(CLASSES)].tolist()
TINY = Config(width=4, depth=2, size=(32, 32), workers=0)


@pytest.fixture
def pictures() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 40, 36, 3), generator=generator, dtype=torch.uint8)


def pipeline(classes: int, **options) -> Pipeline:
    torch.manual_seed(1)
    # Statistics that are not those of the start, so that the classes are not all alike.
    network = build(TINY, classes).train()
    network(3 * torch.randn(4, 3, 32, 32))
    return Pipeline(network, TINY.size, **options).eval()


@torch.inference_mode()
@pytest.mark.parametrize(("classes", "swap"), [(2, [0, 1]), (4, SWAP)])
def test_it_is_the_mean_of_the_two(pictures, classes, swap):
    plain = pipeline(classes, probabilities=True)
    mask, probabilities = Mirrored(plain, swap)(pictures)
    one = plain(pictures)[1]
    two = plain(pictures.flip(2))[1].flip(3)[:, swap]
    torch.testing.assert_close(probabilities, (one + two) / 2)
    assert (mask.dtype, mask.shape) == (torch.uint8, (2, 40, 36))
    assert (mask == probabilities.argmax(dim=1)).float().mean() > 0.999
    assert not torch.equal(one, two)


@torch.inference_mode()
def test_mirrored_pictures_give_mirrored_results_with_left_and_right_exchanged(pictures):
    assert SWAP == [0, 1, 3, 2]
    mirrored = Mirrored(pipeline(4, probabilities=True), SWAP)
    mask, probabilities = mirrored(pictures)
    flipped_mask, flipped = mirrored(pictures.flip(2))
    torch.testing.assert_close(flipped.flip(3)[:, SWAP], probabilities, atol=1e-5, rtol=1e-4)
    assert (torch.tensor(SWAP)[flipped_mask.flip(2).long()] == mask).float().mean() > 0.99
    # A symmetric picture has a symmetric result.
    symmetric = torch.maximum(pictures, pictures.flip(2))
    result = mirrored(symmetric)[1]
    torch.testing.assert_close(result, result.flip(3)[:, SWAP], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_network_that_sees_single_pixels_gains_nothing(pictures):
    plain = Pipeline(torch.nn.Conv2d(3, 2, 1), (20, 18), probabilities=True)
    mask, probabilities = plain(pictures)
    averaged_mask, averaged = Mirrored(plain, [0, 1])(pictures)
    torch.testing.assert_close(averaged, probabilities, atol=1e-5, rtol=1e-4)
    assert (averaged_mask == mask).float().mean() > 0.99


@pytest.fixture
def checkpoint(tmp_path):
    plain = pipeline(2)
    save(
        tmp_path / "run" / "best.pt",
        config=TINY,
        task="face",
        classes=("background", "face"),
        weights=plain.network.state_dict(),
    )
    return tmp_path / "run"


def test_a_checkpoint_is_loaded_with_it(checkpoint, source):
    image = read_image(source.records[0].image)
    one, two = (load_segmenter(str(checkpoint), tta=tta) for tta in ("none", "flip"))
    assert one.parameters == two.parameters
    mask = two.segment(image)
    assert mask.shape == image.shape[:2]
    # The mask of the mirrored picture is the mirrored mask, but for pixels on the edge of a tie.
    assert (two.segment(image[:, ::-1])[:, ::-1] == mask).mean() > 0.99
    assert (one.segment(image[:, ::-1])[:, ::-1] == one.segment(image)).mean() < 0.99


@pytest.mark.parametrize("model", ["face.onnx", "face.ts", "otsu"])
def test_other_models_are_refused(model):
    with pytest.raises(InputError, match=f"flip asked for, but {model} is no checkpoint"):
        load_segmenter(model, tta="flip")


def test_unknown_kinds_are_refused(checkpoint):
    with pytest.raises(InputError, match="tta: unknown 'flop'"):
        load_segmenter(str(checkpoint), tta="flop")


def test_eval_has_the_flag(checkpoint, ellipses, capsys):
    words, flags = ["eval", str(ellipses), str(checkpoint)], ["--split", "train", "--tta", "flip"]
    assert main([*words, *flags, "--device", "cpu"]) == 0
    assert "test-time augmentation flip" in capsys.readouterr().out
    assert main([*words, "otsu", *flags]) == 2
    error = capsys.readouterr().err
    assert "otsu is no checkpoint" in error
    assert error.count("\n") == 1
