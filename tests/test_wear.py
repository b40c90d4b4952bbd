from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceseg.draw import draw_portrait
from faceseg.draw.wear import wear_mask


@pytest.fixture(scope="module")
def portraits() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [draw_portrait(rng, size=(160, 160)) for _ in range(8)]


def test_a_mask_hides_the_mouth_and_no_eye(portraits):
    worn = 0
    for seed, (image, labels) in enumerate(portraits):
        found = wear_mask(np.random.default_rng(seed), image, labels)
        if found is None:  # an arm in front of it, or dark glasses
            continue
        picture, mask = found
        assert picture.shape == image.shape
        assert picture.dtype == mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 1}
        assert mask[np.isin(labels, (7, 8))].mean() > 0.8
        assert mask[np.isin(labels, (5, 6))].mean() < 0.1
        # Far from the mask nothing changes but where straps are.
        far = cv2.dilate(mask, np.ones((25, 25), np.uint8)) == 0
        changed = (picture != image).any(axis=2)
        assert changed[far].mean() < 0.1
        assert changed[mask == 1].mean() > 0.9
        worn += 1
    assert worn >= 4


def test_the_same_seed_gives_the_same_mask(portraits):
    for image, labels in portraits:
        twice = [wear_mask(np.random.default_rng(3), image, labels) for _ in range(2)]
        if twice[0] is not None and twice[1] is not None:
            assert all((a == b).all() for a, b in zip(*twice, strict=True))


@pytest.mark.parametrize("hidden", [5, 6, 7])
def test_without_eyes_or_mouth_there_is_no_telling(portraits, hidden):
    image, labels = portraits[0]
    bare = np.where(np.isin(labels, (hidden, 8)), np.uint8(2), labels)
    assert wear_mask(np.random.default_rng(0), image, bare) is None
