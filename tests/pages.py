"""A reader of HTML pages that fails on tags that do not match."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link"}


class Page(HTMLParser):
    """Collects text, tags and table rows; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def fetches(self) -> list[str]:
        """Return what a browser would load from elsewhere."""
        values = [v or "" for _, given in self.tags for k, v in given.items() if k != "xmlns"]
        return [v for v in values if re.match(r"(https?:)?//|[\w./-]+\.(js|css|png|jpg)$", v)]
