"""Blocks of the HTML pages: escaped, well formed, and charts that show what they are given."""

from __future__ import annotations

import re

import pytest
from pages import Page

from faceseg.page import Html, Line, chart, document, facts, run_charts, settings, table

NASTY = "<b>&\"'"


def test_all_text_is_escaped_but_html():
    rows = [NASTY, (NASTY, Html("<i>1</i>"))]
    body = [*facts({NASTY: NASTY}), settings({NASTY: NASTY}), *table(("a", "b:"), rows)]
    text = document(NASTY, NASTY, body)
    page = Page(text)
    assert "<b>" not in text
    assert "".join(page.text).count(NASTY) == 9
    assert page.rows == [["a", "b"], [NASTY], [NASTY, "1"]]
    assert page.fetches() == []


def points(svg: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for x, y in re.findall(r'<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"', svg)
    ]


def test_chart_places_values():
    svg = chart("t", [Line("a", [0, 1, 2], [0.0, 1.0, 0.5])], x="x", y_range=(0, 1))
    Page(svg)
    (x0, y0), (x1, y1), (x2, y2) = points(svg)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y1 < y2 < y0
    assert y2 == pytest.approx((y0 + y1) / 2, abs=0.1)
    assert "a: 1, 1</title>" in svg


def test_chart_leaves_gaps_and_names_lines():
    lines = [
        Line("one", [1, 2, 3, 4], [1.0, None, float("nan"), 2.0]),
        Line(NASTY, [1, 4], [1.0, 2.0], dots=False, dashed=True),
    ]
    svg = chart(NASTY, lines, x=NASTY, y=NASTY)
    page = Page(svg)
    assert len(points(svg)) == 2
    assert svg.count("M") - svg.count('class="grid"') == 3  # the gap starts the first line anew
    assert NASTY in page.text


@pytest.mark.parametrize("values", [[], [0.5], [3.0, 3.0], [1e-9, 2e-9], [0.0, 1e9]])
def test_chart_of_any_range(values):
    svg = chart("t", [Line("a", range(len(values)), values)], x="x")
    assert "nan" not in svg
    assert len(points(svg)) == len(values)
    assert 1 <= svg.count("text-anchor") <= 20


def test_curves_of_one_run_and_of_several():
    history = [{"epoch": 1, "loss": 1.0, "lr": 0.1}, {"epoch": 2, "loss": 0.5, "lr": 0.1, "iou": 1}]
    one = "".join(run_charts({"a": history}))
    assert "Dice" in one
    assert len(points(one)) == 2 + 1 + 2
    two = "".join(run_charts({"a": history, "b": history[:1]}))
    assert "Dice" not in two
    assert len(points(two)) == 3 + 1 + 3
