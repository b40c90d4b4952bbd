from __future__ import annotations

import itertools

import pytest
import torch

from faceseg.config import Config
from faceseg.data import Batches, TrainingSet, make_loader
from faceseg.errors import InputError

SMALL = Config(size=(32, 32), batch_size=5, workers=0)


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


def test_deeplab_refuses_batches_of_one(source):
    config = SMALL.replace({"model": "deeplabv3", "batch_size": 1})
    with pytest.raises(InputError, match="batches of 2 or more"):
        make_loader(source, config, last=1)
