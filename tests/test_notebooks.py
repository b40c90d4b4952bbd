"""The notebooks run on drawn portraits, and are committed clean.

Their code runs as a kernel would run it, cell by cell in one namespace, in a process of its own,
but without Jupyter: nbclient with ipykernel would bring some thirty packages to do what `exec`
does, and the notebooks use nothing that IPython alone understands.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = (
    "unet_face_segmentation",
    "deeplabv3_face_segmentation",
    "msfd_unet_segmentation",
)

# argv: the notebook. What the last expression of a cell is shown as goes to shown.json.
KERNEL = """
import ast, json, sys, types
from pathlib import Path

class HTML:
    def __init__(self, data):
        self.data = data
    def _repr_html_(self):
        return self.data

sys.modules["IPython"] = types.ModuleType("IPython")
sys.modules["IPython.display"] = types.ModuleType("IPython.display")
sys.modules["IPython.display"].HTML = HTML

shown = {}
space = {"__name__": "__main__"}
for cell in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["cells"]:
    if cell["cell_type"] != "code":
        continue
    body = ast.parse("".join(cell["source"])).body
    last = body.pop().value if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), cell["id"], "exec"), space)
    if last is None:
        continue
    value = eval(compile(ast.Expression(last), cell["id"], "eval"), space)
    if hasattr(value, "_repr_png_"):
        shown[cell["id"]] = ["picture", *value.size]
        assert value._repr_png_()
    elif hasattr(value, "_repr_html_"):
        shown[cell["id"]] = ["page", value._repr_html_()]
    elif value is not None:
        shown[cell["id"]] = ["text", repr(value)]
Path("shown.json").write_text(json.dumps(shown))
"""


@pytest.fixture(params=NAMES)
def notebook(request: pytest.FixtureRequest) -> Path:
    if not NOTEBOOKS.exists():
        pytest.skip("the sdist carries no notebooks")
    return NOTEBOOKS / f"{request.param}.ipynb"


def test_there_are_no_others() -> None:
    if not NOTEBOOKS.exists():
        pytest.skip("the sdist carries no notebooks")
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(NAMES)


def test_is_clean(notebook: Path) -> None:
    """No outputs, no counts, nothing of the machine that it was written on."""
    text = notebook.read_text(encoding="utf-8")
    book = json.loads(text)
    # As Jupyter writes it, so that a change of one cell is a difference of a few lines.
    assert text == json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert set(book) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert book["metadata"] == {"language_info": {"name": "python"}}, "see CONTRIBUTING.md"
    names = [cell["id"] for cell in book["cells"]]
    assert len(set(names)) == len(names)
    for cell in book["cells"]:
        _check_cell(cell)
    assert not re.search(r"(?<![\w.~])/(home|root|tmp|work|mnt|opt|Users|content)\b", text)
    assert not re.search(r"\b[A-Z]:\\\\", text)


def _check_cell(cell: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,64}", cell["id"])
    common = {"cell_type", "id", "metadata", "source"}
    assert cell["metadata"] == {}
    *lines, end = cell["source"]
    assert all(re.fullmatch(r"[^\n]*\n", line) for line in lines)
    assert end
    assert "\n" not in end
    if cell["cell_type"] == "markdown":
        assert set(cell) == common
    else:
        assert cell["cell_type"] == "code"
        assert set(cell) == common | {"execution_count", "outputs"}
        assert cell["execution_count"] is None
        assert cell["outputs"] == []


def test_defines_nothing(notebook: Path) -> None:
    """What a reader may need elsewhere belongs to the package."""
    source = "\n".join(_code(notebook))
    assert not re.search(r"^\s*(def|class|async)\b|\blambda\b|^\s*[%!]", source, re.MULTILINE)
    packages = set(re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE))
    others = {"IPython", "PIL", "numpy"}
    assert packages - set(sys.stdlib_module_names) <= {"faceseg", *others}


def _code(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_runs(notebook: Path, tmp_path: Path) -> None:
    settings = {"width": 4, "depth": 2, "size": "32", "batch_size": 4, "epochs": 1, "workers": 0}
    if notebook.stem.startswith("deeplabv3"):
        settings |= {"size": "64"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", KERNEL, str(notebook)],
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("FACESEG_")},
            "FACESEG_CONFIG": json.dumps(settings),
            "FACESEG_DRAW": "12",
            "FACESEG_FOLDS": "2",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads((tmp_path / "shown.json").read_text(encoding="utf-8"))
    assert "srcdoc=" in shown["curves"][1]
    assert "&lt;svg" in shown["curves"][1]
    for name in ("mistakes", "folder"):
        kind, width, height = shown[name]
        assert kind == "picture"
        assert min(width, height) > 100
    assert "pixels differ from eager" in done.stdout
    assert "the best IoU is" in done.stdout
    (out,) = (tmp_path / "out").iterdir()
    assert list(out.glob("*.onnx"))
    assert list(out.glob("masks/*.png"))
