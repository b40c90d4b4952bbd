"""Imports flow one way, and stay light where users count on it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import faceseg

PACKAGE = Path(faceseg.__file__).parent

# A module may import, at its top, only modules that stand before it.
ORDER = [
    "_faults", "_kernels", "errors", "machine", "files", "_reference", "rle", "coco_mask", "scores",
    "counting", "metrics_torch", "sweeps", "metrics", "meter", "boundary", "config", "contract",
    "exported", "zoo", "images", "labels", "tables", "shards", "records", "draw", "check",
    "convert", "augment", "balance", "data", "models", "losses", "onnx_weights", "checkpoint",
    "device", "distributed", "step", "classical", "frames", "evaluate", "train", "decode",
    "openvino_core",
    "openvino_graph", "providers", "runtimes", "predict", "export", "segment", "pictures", "bulk",
    "video", "benchmark", "page", "report", "runs", "run_scores", "run_page", "run_report", "demo",
    "cli", "__main__",
]  # fmt: skip


def _imported(path: Path) -> set[str]:
    found = set()
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("faceseg"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("faceseg.")}
    return found & set(ORDER)


def _module(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


def test_every_module_has_its_place():
    assert {_module(path) for path in FILES} <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_flow_one_way(path):
    module = _module(path)
    later = ORDER[ORDER.index(module) + 1 :]
    assert _imported(path) & set(later) == set()


def test_submodules_come_when_they_are_asked_for():
    program = (
        "import sys, faceseg\n"
        "assert {'RLE', 'rle', 'coco_mask', 'metrics', '__version__'} <= set(dir(faceseg))\n"
        "assert 'numpy' not in sys.modules\n"
        "assert faceseg.rle.RLE is faceseg.RLE\n"
        "assert faceseg.coco_mask.encode and faceseg.metrics.confusion_matrix\n"
        "assert not hasattr(faceseg, 'rel')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


HEAVY = ("torch", "cv2", "PIL", "matplotlib", "onnxruntime", "onnx")


@pytest.mark.parametrize(
    ("modules", "forbidden"),
    [
        (("faceseg", "faceseg.rle", "faceseg.metrics", "faceseg.config"), HEAVY),
        (("faceseg.meter", "faceseg.boundary"), HEAVY),
        (("faceseg.contract", "faceseg.zoo", "faceseg.cli"), HEAVY),
        (("faceseg.predict",), ("torch", "cv2", "matplotlib", "onnx")),
        (("faceseg.records", "faceseg.evaluate", "faceseg.segment"), ("torch", "matplotlib")),
        (("faceseg.draw", "faceseg.classical", "faceseg.pictures"), ("torch",)),
        (("faceseg.video",), ("torch", "matplotlib")),
        (("faceseg.runs", "faceseg.page"), HEAVY),
    ],
)
def test_imports_stay_light(modules, forbidden):
    program = (
        f"import sys, {', '.join(modules)}\n"
        f"print(*[name for name in {forbidden!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
