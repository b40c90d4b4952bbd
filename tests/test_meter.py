"""A meter of batches is the score of everything at once."""

from __future__ import annotations

import copy
import doctest
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faceseg import meter as module
from faceseg import metrics
from faceseg.meter import SCORES, Meter


def batches(classes: int = 4) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Return logits (N, C, H, W) and labels of batches that differ in size."""
    rng = np.random.default_rng(0)
    result = []
    for images in (3, 1, 4):
        logits = rng.normal(size=(images, classes, 16, 21)).astype(np.float32)
        result.append((logits, rng.integers(0, classes, (images, 16, 21))))
    return result


def test_batches_are_counted_as_one() -> None:
    meter = Meter(4, class_axis=1)
    for logits, target in batches():
        assert meter.update(logits, target) is None
    logits, target = (np.concatenate(part) for part in zip(*batches(), strict=True))
    matrix = metrics.confusion_matrix(logits, target, class_axis=1)
    np.testing.assert_array_equal(meter.matrix, matrix)
    found = meter.compute()
    assert tuple(found) == SCORES
    for name in ("iou", "dice", "precision", "recall", "specificity"):
        assert found[name] == getattr(metrics, name)(matrix, average="macro")
    for name in ("mean_iou", "pixel_accuracy", "cohen_kappa", "frequency_weighted_iou"):
        assert found[name] == getattr(metrics, name)(matrix)
    assert all(isinstance(value, float) for value in found.values())
    meter.reset()
    assert not meter.matrix.any()
    assert np.isnan(meter.compute()["iou"])


def test_a_call_scores_its_batch_and_counts_it() -> None:
    meter = Meter(4, class_axis=1, average=None)
    for logits, target in batches():
        matrix = metrics.confusion_matrix(logits, target, class_axis=1)
        np.testing.assert_array_equal(meter(logits, target)["iou"], metrics.iou(matrix))
    assert meter.matrix.sum() == sum(target.size for _, target in batches())


def test_images() -> None:
    meter = Meter(4, class_axis=1, per_image=True, average="image", classes=[1, 2])
    each = [metrics.confusion_matrix(*b, class_axis=1, per_image=True) for b in batches()]
    for (logits, target), matrices in zip(batches(), each, strict=True):
        expected = metrics.iou(matrices, average="image", classes=[1, 2])
        assert meter(logits, target)["iou"] == expected
    np.testing.assert_array_equal(meter.matrices, np.concatenate(each))
    expected = metrics.dice(meter.matrices, average="image", classes=[1, 2])
    assert meter.compute()["dice"] == expected
    assert metrics.bootstrap(meter.matrices).score.shape == (4,)
    np.testing.assert_array_equal(meter.matrix, meter.matrices.sum(axis=0))
    meter.reset()
    assert meter.matrices.shape == (0, 4, 4)


def test_two_classes_are_scored_by_the_foreground() -> None:
    logits, target = batches(2)[0]
    meter = Meter(threshold=0)
    meter.update(logits[:, 0], 255 * target)
    matrix = metrics.confusion_matrix(logits[:, 0], target, threshold=0)
    assert meter.compute()["iou"] == metrics.iou(matrix)[1]
    assert meter.compute()["mean_iou"] == metrics.iou(matrix).mean()
    empty = Meter(zero_division=1)
    empty.update(np.zeros((2, 2), bool), np.zeros((2, 2), bool))
    assert empty.compute()["dice"] == 1


def test_a_meter_survives_copies_and_pickles() -> None:
    meter = Meter(4, class_axis=1, per_image=True)
    first, second, third = batches()
    meter.update(*first)
    for other in (copy.deepcopy(meter), copy.copy(meter), pickle.loads(pickle.dumps(meter))):
        other.update(*second)
        assert other.matrices.shape == (4, 4, 4)
        other.reset()
    assert meter.matrices.shape == (3, 4, 4)
    assert meter.to("cuda:0", non_blocking=True) is meter
    meter.update(*third)
    assert meter.matrices.shape == (7, 4, 4)


def test_merge() -> None:
    meters = [Meter(4, class_axis=1, per_image=True) for _ in batches()]
    whole = Meter(4, class_axis=1, per_image=True)
    for meter, batch in zip(meters, batches(), strict=True):
        meter.update(*batch)
        whole.update(*batch)
    assert meters[0].merge(*meters[1:]) is meters[0]
    np.testing.assert_array_equal(meters[0].matrices, whole.matrices)
    np.testing.assert_array_equal(meters[0].matrix, whole.matrix)
    for other in (Meter(5), Meter(4, class_axis=1), Meter(4, class_axis=-1, per_image=True)):
        with pytest.raises(ValueError, match="count differently"):
            meters[0].merge(other)
    assert meters[0].matrices.shape == (8, 4, 4)


def test_counts_do_not_overflow() -> None:
    """2**40 pixels and more, by merging a meter with itself."""
    meter = Meter()
    meter.update(np.arange(2**16) % 2, np.arange(2**16) % 4 < 2)
    small = meter.compute()
    while meter.matrix.sum() < 2**60:
        meter.merge(meter)
    assert meter.matrix.sum() == 2**60
    assert meter.compute() == small
    meter.update([1], [1])
    assert meter.matrix[1, 1] == 2**58 + 1


def test_malformed_arguments() -> None:
    for message, options in (
        ("num_classes is not given; expected it with class_axis", {"class_axis": 1}),
        ("num_classes is 257", {"num_classes": 257}),
        ("scores has 'f2'; expected some of iou, dice", {"scores": ["iou", "f2"]}),
        ("expected per_image=True", {"average": "image"}),
        ("average is 'weighted'", {"average": "weighted"}),
        ("classes has 7; expected 0 to 2", {"num_classes": 3, "classes": [7]}),
    ):
        with pytest.raises(ValueError, match=message):
            Meter(**options)
    with pytest.raises(ValueError, match=r"expected Meter\(per_image=True\)"):
        _ = Meter().matrices
    meter = Meter(2)
    with pytest.raises(ValueError, match="is 7; expected 0 to 1"):
        meter.update([0, 7], [0, 1])
    assert not meter.matrix.any()


def test_reduce_alone_is_a_copy() -> None:
    meter = Meter(4, class_axis=1, per_image=True)
    meter.update(*batches()[0])
    other = meter.reduce()
    np.testing.assert_array_equal(other.matrices, meter.matrices)
    other.update(*batches()[1])
    assert meter.matrices.shape == (3, 4, 4)


RANK = """
import sys
import numpy as np, torch.distributed as dist
from faceseg.meter import Meter
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
meter = Meter(3, per_image=True)
rng = np.random.default_rng(rank)
for _ in range(1 + rank):
    meter.update(rng.integers(0, 3, (2, 8, 9)), rng.integers(0, 3, (2, 8, 9)))
for _ in range(2):
    whole = meter.reduce()
print(meter.matrix.sum(), whole.matrix.sum(), whole.matrices.shape, whole.compute()["iou"])
dist.destroy_process_group()
"""


def test_reduce_adds_the_ranks(tmp_path: Any) -> None:
    pytest.importorskip("torch.distributed")
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path / "meet")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    lines = [rank.communicate(timeout=120)[0].split(maxsplit=1) for rank in ranks]
    assert [line[0] for line in lines] == ["144", "288"]
    assert lines[0][1] == lines[1][1]
    assert lines[0][1].startswith("432 (6, 3, 3) ")


def test_where_a_metric_of_torchmetrics_is_expected() -> None:
    """The loop of an evaluation takes either, and finds the same."""
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torchmetrics.classification")

    def evaluate(metric: Any) -> Any:
        metric = metric.to("cpu")
        metric.reset()
        for logits, target in batches():
            metric.update(torch.from_numpy(logits), torch.from_numpy(target))
        return metric.compute()

    ours = evaluate(Meter(4, class_axis=1))
    theirs = evaluate(peer.MulticlassJaccardIndex(4))
    assert ours["mean_iou"] == pytest.approx(float(theirs), rel=3e-7)


def test_doctests() -> None:
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.attempted > 1
    assert result.failed == 0


def test_the_metric_of_the_page() -> None:
    torch = pytest.importorskip("torch")
    torchmetrics = pytest.importorskip("torchmetrics")
    text = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0], names)
    given = [(torch.from_numpy(logits), torch.from_numpy(target)) for logits, target in batches()]
    collection = torchmetrics.MetricCollection(
        {
            "ours": names["Confusion"](4, class_axis=1),
            "jaccard": torchmetrics.JaccardIndex("multiclass", num_classes=4),
        }
    )
    meter = Meter(4, class_axis=1)
    for batch in given:
        collection.update(*batch)
        meter.update(*batch)
    found = collection.compute()
    assert float(found["iou"]) == meter.compute()["mean_iou"]
    assert float(found["iou"]) == pytest.approx(float(found["jaccard"]), rel=3e-7)
    with pytest.raises(ValueError, match="not an instance"):
        torchmetrics.MetricCollection({"meter": meter})
