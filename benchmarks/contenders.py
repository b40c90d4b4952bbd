"""Every timed case: our way, the peers' ways, and the least ratio that is aimed at.

A contender is a function and what makes its arguments from a pool of masks. All contenders of a
case give the same answer, which `bench_rle.py` checks before it times them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import baselines
import numpy as np
from answers import plain, plain_sorted
from cases import PATTERNS, SIZES
from inputs import Inputs, coco, faster, optional, rlemasklib

from faceseg import coco_mask, rle
from faceseg.rle import RLE

hotcoco = optional("hotcoco.mask")
primitives = optional("hotcoco.primitives")
cv2 = optional("cv2")

Make = Callable[[Inputs, int], tuple[Any, ...]]


@dataclass(frozen=True)
class Contender:
    """A function, and what makes its arguments."""

    make: Make
    run: Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One thing to do.

    Attributes
    ----------
    title, section
        What a reader is told.
    ours, peers
        The contenders.
    targets
        Least ratio to the best peer for each size, ``(AVX-512, AVX2)``, on ellipses; "noise" is
        that on noise at any size. Wherever nothing is said it is 1: never slower.
    ceiling
        What memory would allow: "read", "memset", "allocated memset" or "".
    share
        Least share of the ceiling at 1080p, ``(AVX-512, AVX2)``.
    sizes, patterns
        Those that are timed.
    items
        Number of inputs of a pass; None is the whole pool.
    call_cost
        Whether the case is also timed on masks of 4 x 4, which is the cost of the call.
    check
        What makes answers comparable.
    tolerance
        Largest relative difference of floats.
    """

    title: str
    section: str
    ours: Contender
    peers: Mapping[str, Contender]
    targets: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    ceiling: str = ""
    share: tuple[float, float] = (0, 0)
    sizes: tuple[str, ...] = tuple(SIZES)
    patterns: tuple[str, ...] = tuple(PATTERNS)
    items: int | None = None
    call_cost: bool = True
    check: Callable[[Any], Any] = plain
    tolerance: float = 1e-12

    @property
    def name(self) -> str:
        """Return section and title in plain letters."""
        return "/".join(
            re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
            for text in (self.section, self.title)
        )

    def target(self, pattern: str, size: str, version: str) -> float | None:
        """Return the least ratio for a version of our kernels, None if there is none."""
        column = {"avx512": 0, "avx2": 1}.get(version)
        if column is None or size == "tiny":
            return None
        known = self.targets.get({"ellipse": size, "noise": "noise"}.get(pattern, ""))
        return known[column] if known else 1


def _each(of: str, *more: Any) -> Make:
    """Return a maker of one argument, a form of `Inputs`."""
    return lambda inputs, i: (getattr(inputs, of)(i, *more),)


def _pair(of: str) -> Make:
    return lambda inputs, i: (getattr(inputs, of)(i), getattr(inputs, of)(i + 1))


def _eight(of: str) -> Make:
    return lambda inputs, i: ([getattr(inputs, of)(i + k) for k in range(8)],)


def _matrix(of: str) -> Make:
    return lambda inputs, i: (inputs.matrix(0, of), inputs.matrix(1, of))


def _shaped(of: str, *more: Any) -> Make:
    """Return a maker of a form and the shape."""
    return lambda inputs, i: (getattr(inputs, of)(i, *more), inputs.shape)


def _sized(of: str, *more: Any) -> Make:
    """Return a maker of a form and the number of pixels."""
    return lambda inputs, i: (getattr(inputs, of)(i, *more), inputs.shape[0] * inputs.shape[1])


def _decoding(inputs: Inputs, i: int) -> tuple[Any, ...]:
    return inputs.string(i), inputs.shape


def _out(of: str) -> Make:
    return lambda inputs, i: (getattr(inputs, of)(i), inputs.out(i))


def _present(**peers: Mapping[str, Contender] | None) -> dict[str, Contender]:
    """Return the contenders of the peers that are installed."""
    return {name: way for found in peers.values() if found for name, way in found.items()}


def _fortran(array: Any) -> Any:
    return np.asfortranarray(array)


# --- encoding ---------------------------------------------------------------------------------


def _to_string(of: str, turn: Callable[[Any], Any] | None) -> dict[str, Contender]:
    """Return the peers' ways from a form of mask to COCO's compressed counts.

    `turn` makes a uint8 mask of it first, inside the timing.
    """
    make = _each(of)
    ready = turn or (lambda mask: mask)
    found: dict[str, Contender] = {}
    if coco:
        encode = coco.encode
        found["pycocotools"] = Contender(make, lambda m: encode(_fortran(ready(m)))["counts"])
    if rlemasklib:
        functional, of_array = rlemasklib.encode, rlemasklib.RLEMask.from_array
        found["rlemasklib"] = Contender(make, lambda m: functional(ready(m))["counts"])
        found["rlemasklib object"] = Contender(
            make, lambda m: of_array(ready(m)).to_dict()["counts"]
        )
        found["rlemasklib object, dense"] = Contender(
            make, lambda m: of_array(ready(m), is_sparse=False).to_dict()["counts"]
        )
    if faster:
        theirs = optional("faster_coco_eval.core.mask").encode  # type: ignore[union-attr]
        found["faster-coco-eval"] = Contender(make, lambda m: theirs(_fortran(ready(m)))["counts"])
    if hotcoco:
        hot = hotcoco.encode
        found["hotcoco"] = Contender(make, lambda m: hot(ready(m))["counts"])
    return found


def _encoding() -> list[Case]:
    section = "encode"
    counts_peers: dict[str, Contender] = {
        "NumPy": Contender(_each("mask"), lambda m: baselines.numpy_counts(m.ravel(order="F"))),
        "numba": Contender(_each("mask"), lambda m: baselines.numba_counts(m.ravel(order="F"))),
    }
    column_text: dict[str, Contender] = {
        "NumPy, Kaggle's recipe": Contender(_each("mask"), baselines.numpy_to_kaggle),
        "NumPy, lean": Contender(
            _each("mask"), lambda m: baselines.lean_to_kaggle(m.ravel(order="F"))
        ),
        "numba": Contender(_each("mask"), lambda m: baselines.numba_to_kaggle(m.ravel(order="F"))),
    }
    row_text: dict[str, Contender] = {
        "NumPy, Kaggle's recipe": Contender(_each("mask"), baselines.numpy_rows_to_kaggle),
        "NumPy, lean": Contender(_each("mask"), lambda m: baselines.lean_to_kaggle(m.ravel())),
        "numba": Contender(_each("mask"), lambda m: baselines.numba_to_kaggle(m.ravel())),
    }
    above = _to_string("logits", lambda x: (x > 0).view(np.uint8))
    labels: dict[str, Contender] = {}
    if rlemasklib:
        of_array, of_labels = rlemasklib.RLEMask.from_array, rlemasklib.RLEMask.from_label_map
        counts_peers |= {
            "rlemasklib": Contender(_each("mask"), lambda m: of_array(m).counts),
            "rlemasklib, dense": Contender(
                _each("mask"), lambda m: of_array(m, is_sparse=False).counts
            ),
        }
        to_text = baselines.counts_to_kaggle
        column_text["rlemasklib + NumPy"] = Contender(
            _each("mask"), lambda m: to_text(of_array(m).counts_view)
        )
        row_text["rlemasklib + NumPy"] = Contender(
            _each("mask"), lambda m: to_text(of_array(m.T).counts_view)
        )
        just_above = np.nextafter(np.float32(0), np.float32(1))
        above["rlemasklib, its own threshold"] = Contender(
            _each("logits"),
            lambda x: of_array(x, threshold=just_above).to_dict()["counts"],
        )
        labels["rlemasklib"] = Contender(_each("labels"), of_labels)
    labels["NumPy + pycocotools"] = Contender(
        _each("labels"),
        lambda x: {int(k): coco.encode(_fortran(x == k).view(np.uint8)) for k in np.unique(x) if k},
    )
    return [
        Case(
            "C-order mask → COCO counts",
            section,
            Contender(_each("mask"), lambda m: RLE.from_mask(m).counts),
            counts_peers,
            {"256": (8, 5), "512": (8, 5), "1080p": (4, 3), "noise": (6, 6)},
            "read",
            (0.5, 0.3),
        ),
        Case(
            "C-order mask → COCO string",
            section,
            Contender(_each("mask"), lambda m: RLE.from_mask(m).to_coco()),
            _to_string("mask", None),
            {"256": (8, 5), "512": (8, 5), "1080p": (4, 3), "noise": (6, 6)},
            "read",
            (0.5, 0.3),
        ),
        Case(
            "F-order mask → COCO string",
            section,
            Contender(_each("columns"), lambda m: RLE.from_mask(m).to_coco()),
            _to_string("columns", None),
            {"256": (5, 3), "512": (4.5, 2.2), "1080p": (2.2, 1.5)},
            "read",
        ),
        Case(
            "mask → Kaggle text, column-major",
            section,
            Contender(_each("mask"), lambda m: RLE.from_mask(m).to_kaggle()),
            column_text,
            {"256": (15, 10), "512": (15, 10), "1080p": (9, 7), "noise": (40, 1)},
            "read",
        ),
        Case(
            "mask → Kaggle text, row-major",
            section,
            Contender(_each("mask"), lambda m: RLE.from_mask(m, order="C").to_kaggle()),
            row_text,
            {"256": (18, 10), "512": (18, 10), "1080p": (10, 7)},
            "read",
        ),
        Case(
            "float32 logits > 0 → COCO string",
            section,
            Contender(_each("logits"), lambda x: RLE.from_mask(x, threshold=0.0).to_coco()),
            above,
            {"256": (4, 4), "512": (4, 4), "1080p": (4, 4)},
            ceiling="read float32",
        ),
        Case(
            "label map of 8 classes → an RLE for each",
            section,
            Contender(_each("labels"), rle.encode_labels),
            labels,
        ),
    ]


# --- decoding ---------------------------------------------------------------------------------


def _from_string(finish: Callable[[Any], Any]) -> dict[str, Contender]:
    """Return the peers' ways from COCO's dictionary to a mask that `finish` is called with."""
    make = _each("coco")
    found: dict[str, Contender] = {}
    if coco:
        decode = coco.decode
        found["pycocotools"] = Contender(make, lambda d: finish(decode(d)))
    if rlemasklib:
        functional = rlemasklib.decode
        found["rlemasklib"] = Contender(make, lambda d: finish(functional(d)))
    if faster:
        theirs = optional("faster_coco_eval.core.mask").decode  # type: ignore[union-attr]
        found["faster-coco-eval"] = Contender(make, lambda d: finish(theirs(d)))
    if hotcoco:
        hot = hotcoco.decode
        found["hotcoco"] = Contender(make, lambda d: finish(hot(d)))
    return found


def _decode_cases() -> list[Case]:
    section = "decode"
    to_rows = _from_string(np.ascontiguousarray)
    resized = _from_string(lambda mask: baselines.cv2_nearest(mask, (384, 384)))
    into: dict[str, Contender] = {}
    labels: dict[str, Contender] = {}
    if rlemasklib:
        of_dict = rlemasklib.RLEMask.from_dict
        to_rows["rlemasklib, row-major"] = Contender(
            _each("coco"), lambda d: of_dict(d).to_array(order="C")
        )
        into["rlemasklib"] = Contender(
            _out("coco"), lambda d, out: of_dict(d).decode_into(out, 1, 0) or out
        )
        resized["rlemasklib object"] = Contender(
            _each("rlemask"),
            lambda r: baselines.cv2_nearest(r.to_array(order="F"), (384, 384)),
        )
        resized["rlemasklib object, row-major"] = Contender(
            _each("rlemask"),
            lambda r: baselines.cv2_nearest(r.to_array(order="C"), (384, 384)),
        )
        labels["rlemasklib"] = Contender(_eight("rlemask"), rlemasklib.RLEMask.merge_to_label_map)
    for name, way in list(_from_string(lambda mask: mask).items()):
        into[f"{name}, copied"] = Contender(
            _out("coco"), lambda d, out, run=way.run: np.copyto(out, run(d)) or out
        )
    if coco:
        labels["pycocotools + NumPy"] = Contender(_eight("coco"), _labels_of)
    return [
        Case(
            "COCO string → mask, any order",
            section,
            Contender(_decoding, lambda s, shape: RLE.from_coco(s, shape).decode(layout="K")),
            _from_string(lambda mask: mask),
            {"256": (2, 1.5), "512": (2.2, 1.5), "1080p": (2, 1.5)},
            "allocated memset",
            (0.55, 0.55),
        ),
        Case(
            "COCO string → C-order mask",
            section,
            Contender(_decoding, lambda s, shape: RLE.from_coco(s, shape).decode()),
            to_rows,
            {"256": (4, 2.5), "512": (3.5, 2.2), "1080p": (2.8, 2)},
            "allocated memset",
            (0.28, 0.28),
        ),
        Case(
            "COCO string → C-order mask, given `out`",
            section,
            Contender(
                lambda inputs, i: (inputs.string(i), inputs.shape, inputs.out(i)),
                lambda s, shape, out: RLE.from_coco(s, shape).decode(out=out),
            ),
            into,
            ceiling="memset",
        ),
        Case(
            "Kaggle text, column-major → mask",
            section,
            Contender(
                _shaped("kaggle"), lambda t, shape: RLE.from_kaggle(t, shape).decode(layout="K")
            ),
            {
                "NumPy, Kaggle's recipe": Contender(_shaped("kaggle"), baselines.numpy_from_kaggle),
                "NumPy, lean": Contender(
                    _shaped("kaggle"),
                    lambda t, shape: (
                        baselines.lean_from_kaggle(t, shape[0] * shape[1]).reshape(shape[::-1]).T
                    ),
                ),
                "numba": Contender(
                    _shaped("kaggle"),
                    lambda t, shape: (
                        baselines.numba_from_kaggle(t, shape[0] * shape[1]).reshape(shape[::-1]).T
                    ),
                ),
            },
            {"256": (7, 6), "512": (7, 6), "1080p": (6, 5)},
            "allocated memset",
        ),
        Case(
            "Kaggle text, row-major → mask",
            section,
            Contender(
                _shaped("kaggle", "C"),
                lambda t, shape: RLE.from_kaggle(t, shape, order="C").decode(),
            ),
            {
                "NumPy, Kaggle's recipe": Contender(
                    _shaped("kaggle", "C"), baselines.numpy_rows_from_kaggle
                ),
                "NumPy, lean": Contender(
                    _shaped("kaggle", "C"),
                    lambda t, shape: baselines.lean_from_kaggle(t, shape[0] * shape[1]).reshape(
                        shape
                    ),
                ),
                "numba": Contender(
                    _shaped("kaggle", "C"),
                    lambda t, shape: baselines.numba_from_kaggle(t, shape[0] * shape[1]).reshape(
                        shape
                    ),
                ),
            },
            {"256": (9, 8), "512": (9, 8), "1080p": (7, 7)},
            "allocated memset",
        ),
        Case(
            "1080p RLE → 384 x 384, nearest",
            section,
            Contender(_each("rle"), lambda r: r.decode(size=(384, 384))),
            resized,
            {"1080p": (8, 8)},
            sizes=("1080p",),
            call_cost=False,
        ),
        Case(
            "8 RLEs → label map, any order",
            section,
            Contender(
                lambda inputs, i: ([inputs.rle(i + k) for k in range(8)], inputs.shape),
                lambda r, shape: rle.decode_labels(r, out=np.empty(shape, np.uint8, "F")),
            ),
            labels,
        ),
        Case(
            "8 RLEs → label map, row-major",
            section,
            Contender(_eight("rle"), rle.decode_labels),
            {
                name: Contender(way.make, lambda r, run=way.run: np.ascontiguousarray(run(r)))
                for name, way in labels.items()
            },
        ),
    ]


def _labels_of(dictionaries: list[dict[str, Any]]) -> Any:
    labels = np.zeros(dictionaries[0]["size"], np.uint8)
    for label, one in enumerate(dictionaries, 1):
        labels[coco.decode(one) != 0] = label
    return labels


# --- text -------------------------------------------------------------------------------------


def _text() -> list[Case]:
    section = "text"
    to_string: dict[str, Contender] = {}
    from_string: dict[str, Contender] = {}
    array_to_string: dict[str, Contender] = {}
    to_packed: dict[str, Contender] = {}
    from_packed: dict[str, Contender] = {}
    to_kaggle = {
        "NumPy": Contender(_each("counts"), baselines.counts_to_kaggle),
    }
    if rlemasklib:
        of_dict, of_counts = rlemasklib.RLEMask.from_dict, rlemasklib.RLEMask.from_counts
        to_string["rlemasklib"] = Contender(_each("rlemask"), lambda r: r.to_dict()["counts"])
        from_string["rlemasklib object"] = Contender(_each("coco"), lambda d: of_dict(d).counts)
        from_string["rlemasklib"] = Contender(
            _each("coco"), lambda d: rlemasklib.decompress(d)["ucounts"]
        )
        to_packed["rlemasklib + NumPy"] = Contender(
            _each("rlemask"), lambda r: np.packbits(r.to_array().ravel(order="F"))
        )
        from_packed["NumPy + rlemasklib"] = Contender(
            _shaped("packed"),
            lambda p, shape: rlemasklib.RLEMask.from_array(
                np.unpackbits(p, count=shape[0] * shape[1]).reshape(shape, order="F")
            ),
        )
        array_to_string["rlemasklib object"] = Contender(
            _shaped("counts"), lambda c, shape: of_counts(c, shape).to_dict()["counts"]
        )
        array_to_string["rlemasklib"] = Contender(
            _shaped("counts"),
            lambda c, shape: rlemasklib.compress({"size": shape, "ucounts": c})["counts"],
        )
    if faster:
        to_string["faster-coco-eval"] = Contender(_each("faster"), lambda r: r.toString().encode())
        from_string["faster-coco-eval"] = Contender(
            _each("coco"),
            lambda d: np.array(faster.toUncompressedRLE([d])[0]["counts"], np.uint32),
        )
    if coco:
        array_to_string["pycocotools"] = Contender(
            _shaped("counts"),
            lambda c, shape: coco.frPyObjects({"size": shape, "counts": c.tolist()}, *shape)[
                "counts"
            ],
        )
    return [
        Case(
            "RLE → COCO string",
            section,
            Contender(_each("rle"), RLE.to_coco),
            to_string,
            {"256": (15, 6), "512": (15, 6), "1080p": (15, 6)},
        ),
        Case(
            "COCO string → counts",
            section,
            Contender(_decoding, lambda s, shape: RLE.from_coco(s, shape).counts),
            from_string,
            {"256": (3.5, 2.2), "512": (3.5, 2.2), "1080p": (3.5, 2.2)},
        ),
        Case(
            "array of counts → COCO string",
            section,
            Contender(_shaped("counts"), lambda c, shape: RLE.from_counts(c, shape).to_coco()),
            array_to_string,
        ),
        Case(
            "RLE → Kaggle text",
            section,
            Contender(_each("rle"), RLE.to_kaggle),
            to_kaggle,
            {"256": (30, 1), "512": (30, 1), "1080p": (30, 1)},
        ),
        Case(
            "RLE → packed bits",
            section,
            Contender(_each("rle"), RLE.to_packed),
            to_packed,
        ),
        Case(
            "packed bits → RLE",
            section,
            Contender(_shaped("packed"), RLE.from_packed),
            from_packed,
        ),
        Case(
            "Kaggle text → counts",
            section,
            Contender(_shaped("kaggle"), lambda t, shape: RLE.from_kaggle(t, shape).counts),
            {
                "NumPy, split": Contender(
                    _sized("kaggle"),
                    lambda t, size: baselines.counts_from_kaggle(
                        np.array(t.split(), np.int64), size
                    ),
                ),
                "NumPy, fromstring": Contender(
                    _sized("kaggle"),
                    lambda t, size: baselines.counts_from_kaggle(
                        np.fromstring(t, np.int64, sep=" "), size
                    ),
                ),
            },
            {"256": (3.2, 1), "512": (3.2, 1), "1080p": (3.2, 1)},
        ),
    ]


# --- measures and sets ------------------------------------------------------------------------


def _sets() -> list[Case]:
    section = "measure and combine"
    area: dict[str, Contender] = {}
    box: dict[str, Contender] = {}
    iou: dict[str, Contender] = {}
    matrix: dict[str, Contender] = {}
    union2: dict[str, Contender] = {}
    both: dict[str, Contender] = {}
    union8: dict[str, Contender] = {}
    xor: dict[str, Contender] = {}
    minus: dict[str, Contender] = {}
    inverse: dict[str, Contender] = {}
    if rlemasklib:
        kind = rlemasklib.RLEMask
        area["rlemasklib object"] = Contender(_each("coco"), lambda d: kind.from_dict(d).area())
        area["rlemasklib"] = Contender(_each("coco"), rlemasklib.area)
        box["rlemasklib object"] = Contender(_each("coco"), lambda d: kind.from_dict(d).bbox())
        iou["rlemasklib"] = Contender(_pair("rlemask"), lambda a, b: a.iou(b))
        matrix["rlemasklib"] = Contender(_matrix("rlemask"), kind.iou_matrix)
        union2["rlemasklib"] = Contender(_pair("rlemask"), lambda a, b: a | b)
        both["rlemasklib"] = Contender(_pair("rlemask"), lambda a, b: a & b)
        union8["rlemasklib"] = Contender(_eight("rlemask"), kind.union)
        xor["rlemasklib"] = Contender(_pair("rlemask"), lambda a, b: a ^ b)
        minus["rlemasklib"] = Contender(_pair("rlemask"), lambda a, b: a - b)
        inverse["rlemasklib"] = Contender(_each("rlemask"), lambda a: ~a)
    for name, module in {"pycocotools": coco, "hotcoco": hotcoco, "faster-coco-eval": optional(
        "faster_coco_eval.core.mask"
    )}.items():  # fmt: skip
        if module:
            # Functions of ours, too, since a call of one is a quarter of the least of these times.
            area[name] = Contender(_each("coco"), lambda d, run=module.area: run(d))
            box[name] = Contender(_each("coco"), lambda d, run=module.toBbox: run(d))
            iou[f"{name} from strings"] = Contender(
                _pair("coco"), lambda a, b, run=module.iou: run([a], [b], [0])[0][0]
            )
            matrix[f"{name} from strings"] = Contender(
                _matrix("coco"), lambda a, b, run=module.iou: run(a, b, [0] * len(b))
            )
            union2[f"{name} from strings"] = Contender(
                _pair("coco"), lambda a, b, run=module.merge: run([a, b], 0)
            )
            both[f"{name} from strings"] = Contender(
                _pair("coco"), lambda a, b, run=module.merge: run([a, b], 1)
            )
            union8[f"{name} from strings"] = Contender(
                _eight("coco"), lambda all_, run=module.merge: run(all_, 0)
            )
    if faster:
        iou["faster-coco-eval"] = Contender(
            _pair("faster"), lambda a, b: faster.rleIou([a], [b], 1, 1, [0])[0]
        )
    return [
        Case(
            "area from COCO string",
            section,
            Contender(_decoding, lambda s, shape: RLE.from_coco(s, shape).area),
            area,
            {"256": (2, 1.5), "512": (3, 1.8), "1080p": (4, 2)},
        ),
        Case(
            "bounding box from COCO string",
            section,
            Contender(_decoding, lambda s, shape: RLE.from_coco(s, shape).bbox),
            box,
        ),
        Case(
            "IoU of a pair",
            section,
            Contender(_pair("rle"), RLE.iou),
            iou,
            {"256": (2.2, 1.7), "512": (2.2, 1.7), "1080p": (2, 1.7)},
        ),
        Case(
            "IoU matrix, 32 x 32",
            section,
            Contender(_matrix("rle"), rle.iou_matrix),
            matrix,
            {"256": (12, 5), "512": (12, 5), "1080p": (5, 2)},
            items=1,
        ),
        Case(
            "union of 2",
            section,
            Contender(_pair("rle"), lambda a, b: a | b),
            union2,
            {"256": (2.2, 1.8), "512": (2.2, 1.8), "1080p": (2.2, 1.8)},
        ),
        Case(
            "intersection of 2",
            section,
            Contender(_pair("rle"), lambda a, b: a & b),
            both,
            {"256": (1.9, 1.6), "512": (1.9, 1.6), "1080p": (1.9, 1.6)},
        ),
        Case(
            "union of 8",
            section,
            Contender(_eight("rle"), rle.union),
            union8,
            {"256": (1.6, 1.6), "512": (1.6, 1.6), "1080p": (1.6, 1.6)},
        ),
        Case("xor of 2", section, Contender(_pair("rle"), lambda a, b: a ^ b), xor),
        Case("difference of 2", section, Contender(_pair("rle"), lambda a, b: a - b), minus),
        Case("complement", section, Contender(_each("rle"), lambda a: ~a), inverse),
    ]


# --- pycocotools' interface -------------------------------------------------------------------


def _drop_in() -> list[Case]:
    section = "drop-in for pycocotools"
    names = {
        "pycocotools": coco,
        "hotcoco": hotcoco,
        "faster-coco-eval": optional("faster_coco_eval.core.mask"),
    }
    installed = {name: module for name, module in names.items() if module}

    def peers(make: Make, run: Callable[..., Any]) -> dict[str, Contender]:
        return {
            name: Contender(make, lambda *arguments, module=module: run(module, *arguments))
            for name, module in installed.items()
        }

    def case(
        title: str,
        make: Make,
        run: Callable[..., Any],
        items: int | None = None,
        patterns: tuple[str, ...] = tuple(PATTERNS),
    ) -> Case:
        return Case(
            title,
            section,
            Contender(make, lambda *arguments: run(coco_mask, *arguments)),
            peers(make, run),
            sizes=("512",),
            patterns=patterns,
            items=items,
            call_cost=False,
        )

    return [
        case("`encode`", _each("columns"), lambda module, m: module.encode(m)),
        case(
            "`encode` of 8",
            lambda inputs, i: (np.asfortranarray(inputs.stack(i).transpose(1, 2, 0)),),
            lambda module, m: module.encode(m),
        ),
        case("`decode`", _each("coco"), lambda module, d: module.decode(d)),
        case("`decode` of 8", _eight("coco"), lambda module, d: module.decode(d)),
        case(
            "`iou`, 32 x 32",
            _matrix("coco"),
            lambda module, a, b: module.iou(a, b, [0] * len(b)),
            1,
        ),
        case("`merge` of 8", _eight("coco"), lambda module, d: module.merge(d)),
        case("`area` of 8", _eight("coco"), lambda module, d: module.area(d)),
        case("`toBbox` of 8", _eight("coco"), lambda module, d: module.toBbox(d)),
        case(
            "`frPyObjects` of a polygon of 64 corners",
            lambda inputs, i: ([_polygon(i)], *inputs.shape),
            lambda module, polygons, h, w: module.frPyObjects(polygons, h, w),
            patterns=("ellipse",),
        ),
    ]


def _polygon(number: int) -> list[float]:
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    radius = 120 + 40 * np.random.default_rng(number).random(64)
    points = np.stack([256 + radius * np.cos(angle), 256 + radius * np.sin(angle)], 1)
    return [float(x) for x in points.ravel()]


# --- geometry ---------------------------------------------------------------------------------


def _geometry() -> list[Case]:
    section = "geometry"
    if not rlemasklib:
        return []

    # rlemasklib gives components in an order of its own, and centroids in single precision.

    def case(title: str, ours: Callable[[Any], Any], **peers: Callable[[Any], Any]) -> Case:
        ways = {
            name.replace("_", " "): Contender(
                _each("mask" if name.startswith("cv2") else "rlemask"), run
            )
            for name, run in peers.items()
        }
        return Case(
            title,
            section,
            Contender(_each("rle"), ours),
            ways,
            sizes=("512",),
            call_cost=False,
            check=plain_sorted if "components" in title else plain,
            tolerance=1e-6 if title == "centroid" else 1e-12,
        )

    return [
        case(
            "crop to the middle",
            lambda r: r.crop(100, 120, 300, 280),
            rlemasklib=lambda r: r.crop([120, 100, 280, 300]),
        ),
        case(
            "pad",
            lambda r: r.pad(10, 20, 30, 40),
            rlemasklib=lambda r: r.pad(10, 20, 30, 40),
        ),
        case(
            "translate",
            lambda r: r.translate(17, -23),
            rlemasklib=lambda r: r.shift((17, -23)),
        ),
        case("flip, upside down", lambda r: r.flip(0), rlemasklib=lambda r: r.flip(0)),
        case("flip, left to right", lambda r: r.flip(1), rlemasklib=lambda r: r.flip(1)),
        case("transpose", lambda r: r.transpose(), rlemasklib=lambda r: r.transpose()),
        case(
            "connected components, 8",
            lambda r: r.components(connectivity=8),
            rlemasklib=lambda r: r.connected_components(connectivity=8),
        ),
        case(
            "boundary, 4",
            lambda r: r.boundary(connectivity=4),
            rlemasklib=lambda r: r.contours(),
        ),
        case(
            "bounding box",
            lambda r: r.bbox,
            rlemasklib=lambda r: r.bbox(),
        ),
        case(
            "centroid",
            lambda r: r.centroid,
            rlemasklib=lambda r: r.centroid()[::-1],
        ),
        case("area", lambda r: r.area, rlemasklib=lambda r: r.area()),
    ]


# --- many masks in a call ---------------------------------------------------------------------


def _batches() -> list[Case]:
    section = "batches of 8"
    to_strings: dict[str, Contender] = {}
    from_strings: dict[str, Contender] = {}
    stacks = _each("stack")
    if rlemasklib:
        of_array, of_dict = rlemasklib.RLEMask.from_array, rlemasklib.RLEMask.from_dict
        encode = rlemasklib.encode
        to_strings["rlemasklib"] = Contender(
            stacks, lambda m: [one["counts"] for one in encode(m, batch_first=True)]
        )
        to_strings["rlemasklib objects"] = Contender(
            stacks, lambda m: [of_array(one).to_dict()["counts"] for one in m]
        )
        from_strings["rlemasklib objects"] = Contender(
            _eight("coco"), lambda d: np.stack([of_dict(one).to_array(order="C") for one in d])
        )
    for name, module in {"pycocotools": coco, "hotcoco": hotcoco}.items():
        if module:
            to_strings[name] = Contender(
                stacks,
                lambda m, run=module.encode: [
                    one["counts"] for one in run(_fortran(m.transpose(1, 2, 0)))
                ],
            )
            from_strings[name] = Contender(
                _eight("coco"),
                lambda d, run=module.decode: np.ascontiguousarray(run(d).transpose(2, 0, 1)),
            )
    return [
        Case(
            "(8, H, W) masks → COCO strings",
            section,
            Contender(stacks, lambda m: rle.to_coco(rle.encode(m))),
            to_strings,
            sizes=("512",),
        ),
        Case(
            "COCO strings → (8, H, W) masks",
            section,
            Contender(_eight("coco"), lambda d: rle.decode(rle.from_coco(d))),
            from_strings,
            sizes=("512",),
        ),
    ]


CASES: dict[str, Case] = {
    case.title: case
    for cases in (
        _encoding(),
        _decode_cases(),
        _text(),
        _sets(),
        _drop_in(),
        _batches(),
        _geometry(),
    )
    for case in cases
}
