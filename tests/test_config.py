from __future__ import annotations

import json

import pytest

from faceseg.config import Config
from faceseg.errors import InputError


def test_round_trip_through_json():
    config = Config(size=(256, 192), attention=True, lr=1e-4, schedule="plateau")
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_strings_are_read_as_the_type_of_the_field():
    changed = Config().replace(
        {"lr": "1e-4", "size": "256x192", "attention": "true", "epochs": "3", "model": "deeplabv3"}
    )
    assert (changed.lr, changed.size, changed.attention) == (1e-4, (256, 192), True)
    assert (changed.epochs, changed.model) == (3, "deeplabv3")
    assert Config().replace({"size": "96"}).size == (96, 96)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "unknown setting 'epoch'; did you mean 'epochs'?"),
        ({"model": "unt"}, "model: unknown 'unt'; did you mean 'unet'?"),
        ({"model": "zzz"}, "model: unknown 'zzz'; known: deeplabv3, unet"),
        ({"epochs": "many"}, "epochs: 'many' given, expected int"),
        ({"attention": "yes"}, "attention: 'yes' given, expected true or false"),
        ({"size": "12,12"}, "size: '12,12' given"),
        ({"size": "4"}, "height and width of 8 or more"),
        ({"lr": -1}, "lr: -1.0 given, expected more than 0"),
        ({"flip": 2}, "flip: 2.0 given, expected 0 to 1"),
        ({"zoom": 0.5}, "zoom: 0.5 given, expected 1 or more"),
        ({"patience": -1}, "patience: -1 given, expected 0 or more"),
        ({"ce_weight": 0, "dice_weight": 0}, "nothing to minimise"),
    ],
)
def test_what_cannot_work_is_refused_by_name(values, message):
    with pytest.raises(InputError) as caught:
        Config().replace(values)
    assert message in str(caught.value)
