"""The pages run as doctests, the README's code runs, generated tables are those of the results."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["docs/rle-format.md", "docs/rle.md"]
GENERATED = [
    "docs/benchmarks.md",
    "docs/frames.md",
    "docs/inference.md",
    "docs/metrics.md",
    "docs/results.md",
    "README.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_examples_of(page: str) -> None:
    result = doctest.testfile(str(ROOT / page), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0


def test_errors_quoted_in_the_format_page() -> None:
    """Every message in the table of refused input is one that is raised."""
    from faceseg import RLE

    shape = (3, 4)
    attempts = [
        lambda: RLE.from_counts([4, 2, 1, 2, 2], shape),
        lambda: RLE.from_counts([4, 2, 0, 6], shape),
        lambda: RLE.from_counts([4, -2, 10], shape),
        lambda: RLE.from_kaggle("5 2 8", shape),
        lambda: RLE.from_kaggle("5 2 6 2", shape),
        lambda: RLE.from_kaggle("12 2", shape),
        lambda: RLE.from_kaggle("5 2x", shape),
        lambda: RLE.from_coco("421 01O", shape),
        lambda: RLE.from_coco("42101o", shape),
        lambda: RLE.from_coco("T02101O", shape),
        lambda: RLE.from_coco("4O", shape),
        lambda: RLE.from_coco("4202", shape),
        lambda: RLE.from_packed(b"\xff\xff", shape),
        lambda: RLE.full((65536, 65536), True),
    ]
    raised = set()
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"\d") as error:
            attempt()
        raised.add(str(error.value))
    text = (ROOT / "docs/rle-format.md").read_text(encoding="utf-8")
    table = text.split("| input | error |")[1].split("\n\n")[0]
    quoted = re.findall(r"\| `([^`]+)` \|$", table, flags=re.MULTILINE)
    assert len(quoted) > 10
    assert set(quoted) <= raised


def test_python_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = next(b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "RLE" in b)
    exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("page", GENERATED)
def test_tables_are_those_of_the_results(page: str) -> None:
    table = _table_module()
    text = (ROOT / page).read_text(encoding="utf-8")
    overview = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    parts = table.parts(
        table.named(overview, "rle"), table.named(overview, "robustness"), ROOT / page
    )
    assert "<!-- generated: " in text
    assert table.fill(text, parts) == text


def test_the_recipe_has_the_tables_of_its_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    ablation = importlib.import_module("ablation")
    text = (ROOT / "docs/recipe.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"benchmarks/results/(ablation_[\w.-]+?)\.md", text))
    assert len(linked) > 0
    for stem in linked:
        path = ROOT / "benchmarks/results" / f"{stem}.json"
        assert ablation.table(json.loads(path.read_text(encoding="utf-8"))) in text


def test_links_between_the_pages() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def _table_module() -> ModuleType:
    path = ROOT / "benchmarks" / "table.py"
    spec = importlib.util.spec_from_file_location("table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
