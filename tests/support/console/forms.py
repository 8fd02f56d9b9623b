"""What a browser would send of an unchanged form, and the text of a page without its tags."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser


class _Form(HTMLParser):
    """The named fields of every form that posts; what can be ticked only where it is, buttons never."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._posts = False
        self._area = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._posts = given.get("method") == "post"
        name = given.get("name", "")
        if not self._posts or not (name or tag == "option"):
            return
        if tag == "input" and (given.get("type") not in ("checkbox", "radio", "file") or "checked" in given):
            self.fields[name] = given.get("value", "")
        elif tag == "textarea":
            self._area = name
            self.fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.fields):
            self.fields[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("form", "textarea", "select"):
            self._area = self._select = ""
        if tag == "form":
            self._posts = False

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data.removeprefix("\n")


def fields_of(page: str) -> dict[str, str]:
    """The fields of a page's forms with the values they were rendered with."""
    parser = _Form()
    parser.feed(page)
    parser.close()
    return parser.fields


def said(page: str) -> str:
    """A page's words, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())
