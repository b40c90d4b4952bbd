from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from faceseg.config import Config
from faceseg.errors import InputError
from faceseg.models import build
from faceseg.models.convolution import Conv2d
from faceseg.models.pipeline import MEAN, STD, Normalise, Pipeline, segmenter

CONFIGS = {
    "unet": Config(width=4, depth=2),
    "unet-group-attention": Config(width=8, depth=3, norm="group", attention=True),
    "unet-stride": Config(width=4, depth=2, stride=2),
    "unet-separable": Config(width=4, depth=2, separable=True),
    "unet-none": Config(width=4, depth=1, norm="none"),
    "deeplabv3": Config(model="deeplabv3"),
}


@pytest.fixture(scope="module", params=CONFIGS, name="config")
def _config(request) -> Config:
    return CONFIGS[request.param]


def test_logits_are_as_large_as_the_picture(config):
    model = build(config, 3).eval()
    with torch.inference_mode():
        for height, width in [(64, 64), (33, 47), (1, 1), (16, 100)]:
            logits = model(torch.rand(2, 3, height, width))
            assert logits.shape == (2, 3, height, width)
            assert torch.isfinite(logits).all()


def test_every_parameter_has_a_gradient(config):
    model = build(config, 2).train()
    outputs = model.forward_train(torch.rand(2, 3, 32, 32))
    sum(output.square().mean() for output in outputs).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


def test_parameter_counts_of_the_paper_and_the_light_network():
    count = {
        width: sum(p.numel() for p in build(Config(width=width), 2).parameters())
        for width in (16, 64)
    }
    assert round(count[64] / 1e6) == 31
    assert 1.8e6 < count[16] < 2.1e6


def test_deeplab_has_an_auxiliary_head_in_training_alone():
    model = build(CONFIGS["deeplabv3"], 2)
    assert len(model.forward_train(torch.rand(2, 3, 32, 32))) == 2
    assert len(build(CONFIGS["unet"], 2).forward_train(torch.rand(1, 3, 32, 32))) == 1


def test_spread_pooling_equals_torchvisions_resize():
    model = build(CONFIGS["deeplabv3"], 2).eval()
    from torchvision.models.segmentation.deeplabv3 import ASPPPooling

    ours = model.network.classifier[0].convs[-1]
    theirs = ASPPPooling(ours[1].in_channels, ours[1].out_channels).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(1, ours[1].in_channels, 5, 7)
    torch.testing.assert_close(ours(x), theirs(x))


def test_weights_from_a_file_with_other_classes(tmp_path):
    old = build(CONFIGS["deeplabv3"], 21)
    path = tmp_path / "coco.pth"
    torch.save(old.network.state_dict(), path)
    new = build(CONFIGS["deeplabv3"].replace({"weights": str(path)}), 2)
    assert torch.equal(new.network.classifier[1].weight, old.network.classifier[1].weight)
    assert new.network.classifier[4].weight.shape[0] == 2


def test_encoder_weights_as_torchvision_names_them(tmp_path, monkeypatch):
    from torchvision.models import mobilenet_v3_large

    encoder = mobilenet_v3_large(weights=None)
    monkeypatch.setattr(
        torch.hub, "load_state_dict_from_url", lambda *_, **__: encoder.state_dict()
    )
    model = build(CONFIGS["deeplabv3"].replace({"weights": "imagenet"}), 2)
    ours = model.network.backbone.state_dict()
    theirs = encoder.features.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_weights_that_cannot_be_had_are_refused(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    base = CONFIGS["deeplabv3"]
    with pytest.raises(InputError, match="could not be downloaded"):
        build(base.replace({"weights": "imagenet"}), 2)
    with pytest.raises(InputError, match="no such file"):
        build(base.replace({"weights": str(tmp_path / "none.pth")}), 2)
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    with pytest.raises(InputError, match="not a PyTorch state dict"):
        build(base.replace({"weights": str(tmp_path / "bad.pth")}), 2)
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="not those of this network"):
        build(base.replace({"weights": str(tmp_path / "other.pth")}), 2)


def test_normalise_by_hand():
    images = torch.randint(0, 256, (2, 5, 7, 3), dtype=torch.uint8)
    expected = (images / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(
        Normalise()(images).permute(0, 2, 3, 1), expected, atol=1e-5, rtol=1e-5
    )


class Brightness(torch.nn.Module):
    """Logits of class c are high where channel c is."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, : self.classes]


@pytest.mark.parametrize("classes", [2, 3])
def test_pipeline_is_resize_network_resize_argmax(classes):
    images = torch.randint(0, 256, (2, 37, 53, 3), dtype=torch.uint8)
    pipeline = Pipeline(Brightness(classes), (24, 32), probabilities=True)
    mask, probabilities = pipeline(images)
    x = F.interpolate(Normalise()(images), (24, 32), mode="bilinear", antialias=True)
    logits = F.interpolate(x[:, :classes], (37, 53), mode="bilinear")
    torch.testing.assert_close(probabilities, logits.softmax(dim=1), atol=1e-5, rtol=1e-4)
    assert (mask == logits.argmax(dim=1)).float().mean() > 0.999
    assert (mask.dtype, mask.shape) == (torch.uint8, (2, 37, 53))
    assert torch.equal(Pipeline(Brightness(classes), (24, 32))(images), mask)


def test_segmenter_keeps_the_mode_and_takes_any_strides():
    pipeline = Pipeline(build(CONFIGS["unet"], 2), (32, 32)).train()
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    segment = segmenter(pipeline)
    mask = segment(image)
    assert pipeline.training
    assert (mask.shape, mask.dtype) == ((40, 30), np.uint8)
    assert (segment(np.asfortranarray(image)) == mask).all()


@pytest.mark.parametrize(
    ("channels", "size", "kernel", "stride", "dilation"),
    [
        (8, (8, 8), 5, 1, 2),
        (6, (33, 20), 5, 2, 1),
        (6, (7, 9), 5, 1, 2),
        (12, (16, 15), 5, 1, 1),
        (4, (16, 16), 3, 2, 1),
        (5, (11, 8), 3, 1, 4),
    ],
)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_depthwise_convolutions_differentiate_as_pytorch_says(
    channels, size, kernel, stride, dilation, layout
):
    padding = kernel // 2 * dilation
    form = (channels, channels, kernel, stride, padding, dilation, channels, False)
    ours, theirs = Conv2d(*form), torch.nn.Conv2d(*form)
    theirs.load_state_dict(ours.state_dict())
    theirs.double()
    x = torch.randn(3, channels, *size).contiguous(memory_format=layout).requires_grad_()
    exact = x.detach().double().requires_grad_()
    found, expected = ours(x), theirs(exact)
    slope = torch.randn_like(found)
    found.backward(slope)
    expected.backward(slope.double())
    assert type(found.grad_fn).__name__ == "_DepthwiseBackward"
    for a, b in ((found, expected), (x.grad, exact.grad), (ours.weight.grad, theirs.weight.grad)):
        torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dilation", [5, 8, 12])
def test_weights_that_meet_padding_alone_are_left_out(dilation):
    ours = Conv2d(4, 6, 3, padding=dilation, dilation=dilation)
    theirs = torch.nn.Conv2d(4, 6, 3, padding=dilation, dilation=dilation)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, 8, 7)
    found, expected = ours(x), theirs(x)
    torch.testing.assert_close(found, expected)
    slope = torch.randn_like(found)
    found.backward(slope)
    expected.backward(slope)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_deeplabs_convolutions_are_the_short_ones():
    network = build(Config(model="deeplabv3"), 2)
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert layers
    assert all(type(layer) is Conv2d for layer in layers)
