"""Reads the pages that are made, as a browser does, and a name that would do harm in a careless one."""

from __future__ import annotations

from html.parser import HTMLParser

EVIL = "\"'><img src=x onerror=alert(1)></script></style><script>alert(2)</script>{{ 7|add:7 }}"


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text; scripts and styles apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.own: dict[str, list[str]] = {"script": [], "style": []}
        self._texts: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """What a reader reads, with single spaces."""
        return " ".join("".join(self._texts).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """Return the attributes of the elements of that tag that have these."""
        return [has for name, has in self.elements if name == tag and attributes.items() <= has.items()]

    def handle_starttag(self, tag, attrs):
        """Note an element; what stands in a cell, an item or a paragraph is apart from what stands before it."""
        if tag in ("td", "th", "p", "li", "dt", "dd", "div", "summary", "h1", "h2", "h3"):
            self._texts.append(" ")
        self.elements.append((tag, dict(attrs)))
        if tag in self.own:
            self._inside = tag
            self.own[tag].append("")

    def handle_endtag(self, tag):
        """Note the end of a script or a style."""
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data):
        """Note text."""
        if self._inside:
            self.own[self._inside][-1] += data
        else:
            self._texts.append(data)
