from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from faceseg.config import Config
from faceseg.data import Batches, TrainingSet, make_loader, read_picture
from faceseg.errors import InputError
from faceseg.images import image_size, read_reduced

SMALL = Config(size=(32, 32), batch_size=5, workers=0)


@pytest.mark.parametrize(("accumulate", "world"), [(5, 1), (3, 2)])
def test_every_part_of_a_batch_has_an_image_on_every_rank(source, accumulate, world):
    # Else ranks would wait for parts that others do not have.
    config = Config(batch_size=4, accumulate=accumulate, norm="none")
    with pytest.raises(InputError, match=f"accumulate: {accumulate} parts of {4 // world} images"):
        make_loader(source, config, last=1, world=world)
    small = Config(batch_size=4, accumulate=4 // world, size=(16, 16))
    with pytest.raises(InputError, match="batches of 2 or more"):
        make_loader(source, small, last=1, world=world)


def test_every_epoch_visits_each_record_at_most_once_in_another_order():
    batches = list(Batches(12, SMALL, 0, 4))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5]
    epochs = [[i for e, i in itertools.chain(*batches) if e == epoch] for epoch in (0, 1)]
    assert all(len(set(order)) == 10 for order in epochs)
    assert epochs[0] != epochs[1]


def test_batches_from_the_middle_are_those_of_the_whole_run():
    assert list(Batches(12, SMALL, 0, 9))[3:] == list(Batches(12, SMALL, 3, 9))


def test_a_set_smaller_than_a_batch_is_one_batch():
    assert [len(batch) for batch in Batches(3, SMALL, 0, 2)] == [3, 3]


def test_a_sample_depends_on_seed_epoch_and_record_alone(source):
    ours = TrainingSet(source, SMALL)
    image, mask = ours[1, 4]
    again, mask_again = TrainingSet(source, SMALL)[1, 4]
    assert (image == again).all()
    assert (mask == mask_again).all()
    assert (ours[2, 4][0] != image).any()
    assert (TrainingSet(source, SMALL.replace({"seed": 1}))[1, 4][0] != image).any()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("least", [(8, 8), (40, 33), (90, 100), (91, 201), (300, 20)])
@pytest.mark.parametrize("kind", ["plain", "turned", "grey", "cmyk", "progressive", "png"])
def test_pictures_are_those_of_pillow(tmp_path, kind, least):
    y, x = np.mgrid[:181, :201]
    pixels = np.stack([x, y, (x * y) % 251], axis=2).astype(np.uint8)
    image = Image.fromarray(pixels).convert({"grey": "L", "cmyk": "CMYK"}.get(kind, "RGB"))
    path = tmp_path / f"a.{'png' if kind == 'png' else 'jpg'}"
    exif = Image.Exif()
    if kind == "turned":
        exif[0x0112] = 6
    image.save(path, exif=exif, **({"progressive": True} if kind == "progressive" else {}))
    ours, size = read_picture(path, least)
    theirs, whole = read_reduced(path, least)
    assert size == whole == image_size(path)
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_a_truncated_picture_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (200, 100)).save(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"a\.jpg: broken image: image file is truncated"):
        read_picture(path, (20, 20))
    with pytest.raises(InputError, match=r"b\.jpg: no such file"):
        read_picture(tmp_path / "b.jpg", (20, 20))


def test_batches_do_not_depend_on_the_number_of_workers(source):
    alone = list(make_loader(source, SMALL, last=3))
    two = list(make_loader(source, SMALL.replace({"workers": 2}), last=3))
    for (image, mask), (other_image, other_mask) in zip(alone, two, strict=True):
        assert torch.equal(image, other_image)
        assert torch.equal(mask, other_mask)


def test_batches_are_uint8_and_channels_last(source):
    images, masks = next(iter(make_loader(source, SMALL, last=1)))
    assert (images.shape, images.dtype) == ((5, 32, 32, 3), torch.uint8)
    assert (masks.shape, masks.dtype) == ((5, 32, 32), torch.uint8)
    assert images.permute(0, 3, 1, 2).is_contiguous(memory_format=torch.channels_last)
    assert set(masks.unique().tolist()) == {0, 1}


def test_ranks_share_the_batches_of_one_process():
    whole = list(Batches(23, SMALL, 2, 9))
    parts = [list(Batches(23, SMALL, 2, 9, rank, 2)) for rank in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert first == batch[::2]
        assert second == batch[1::2]


def test_a_process_without_records_is_refused(source):
    with pytest.raises(InputError, match="batches of 5 for 6 processes"):
        make_loader(source, SMALL, last=1, rank=0, world=6)


def test_deeplab_refuses_batches_of_one(source):
    config = SMALL.replace({"model": "deeplabv3", "batch_size": 1})
    with pytest.raises(InputError, match="batches of 2 or more"):
        make_loader(source, config, last=1)
