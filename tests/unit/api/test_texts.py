"""Every text of the console can be read in every language: none is unmarked, none untranslated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from jinja2 import Environment, nodes

from api.console.web.language import FOLDER
from tests.support.console.texts import CONSOLE, brought_up_to_date, read, untranslated

CATALOGUES = sorted(FOLDER.glob("*.po"))
SCRIPTS = sorted((CONSOLE / "static").glob("*.js"))
TEMPLATES = sorted((CONSOLE / "templates").rglob("*.html"))
SEEN_ATTRIBUTES = {"aria-label", "placeholder", "title", "alt", "data-label", "data-copied", "data-failed"}
# Names, formats and commands, which are the same in every language.
SAME = {
    "Rollcall",
    "· Rollcall",
    "ms",
    "button small",
    "button small plain",
    '[{"attribute": "country", "operator": "equals", "value": "PT"}]',
    "refresh throttle:5s",
    "rollcall person link",
    "identify",
    "GET",
    "API",
    "CSV",
}
# What `event.key` says, and a header.
KEYS = {"Location", "Enter", "Escape", "Backspace", "Tab", "Home", "End", "Delete", "Space"}
MARKS = {"_", "gettext", "ngettext"}
VALUE = re.compile(r"%\((\w+)\)s")


class Texts(HTMLParser):
    """The texts and the attributes that people see, in HTML whose values are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._verbatim += tag in {"code", "pre", "style", "script"}
        seen = (value for name, value in attrs if name in SEEN_ATTRIBUTES or name.startswith("data-says-"))
        self.found += [value for value in seen if value]

    def handle_endtag(self, tag: str) -> None:
        self._verbatim -= tag in {"code", "pre", "style", "script"}

    def handle_data(self, data: str) -> None:
        if not self._verbatim:
            self.found.append(data.strip())


def without_jinja(source: str) -> str:
    """The HTML of a template: without expressions, statements and what is in a `trans`."""
    html, inside = "", False
    source = re.sub(r"{% block width %}.*?{% endblock %}", "", source)
    for _, kind, text in Environment(extensions=["jinja2.ext.i18n"]).lex(source):
        if kind == "name" and text in {"trans", "endtrans"}:
            inside = text == "trans"
        if kind == "data" and not inside:
            html += text
        if kind == "variable_begin" and not inside:
            html += "\N{REPLACEMENT CHARACTER}"
    return html


def literals(source: str) -> Iterator[str]:
    """The texts that an expression shows and that are not marked."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    for output in tree.find_all((nodes.Output, nodes.Assign)):
        yield from _shown(output)


def _shown(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in MARKS:
        for value in node.kwargs:
            yield from _shown(value)
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, nodes.Compare | nodes.Getitem | nodes.Test | nodes.TemplateData | nodes.Filter):
        return
    for child in node.iter_child_nodes(exclude=("test",)):
        yield from _shown(child)


def is_text(text: str) -> bool:
    """Whether it is one that people read, and not a name of something."""
    return text not in SAME and re.search(r"^[A-Z][a-z]|[a-z]{2,} [a-z]{2,}", text) is not None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_text_that_cannot_be_translated(path: Path) -> None:
    source = path.read_text()
    texts = Texts()
    texts.feed(without_jinja(source))
    unmarked = [each for each in texts.found if re.search(r"[A-Za-z]{2,}", each) and '="' not in each]
    unmarked = [each for each in unmarked if each not in SAME]
    assert unmarked + [each for each in literals(source) if is_text(each)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_its_texts_from_the_page(path: Path) -> None:
    """A page gives them in attributes `data-says-...`, and the language of numbers and times in `lang`."""
    source = re.sub(r"^\s*//.*$|\s// .*$", "", path.read_text(), flags=re.MULTILINE)
    written = [each for pair in re.findall(r'"([^"\n]*)"|`([^`]*)`', source) for each in pair]
    assert [
        each for each in written if re.search(r"^[A-Z][a-z]+(,? [a-z$]|$)|^en(-US)?$", each) and each not in KEYS
    ] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_every_text_of_the_code_translated(path: Path) -> None:
    assert path.read_bytes() == brought_up_to_date(path), "run `make texts`"
    assert untranslated(read(path)) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_translation_has_the_values_and_the_markup_of_its_text(path: Path) -> None:
    assert [str(message.id) for message in read(path) if message.id and not _is_alike(message)] == []


def _is_alike(message: Message) -> bool:
    texts = [message.id] if isinstance(message.id, str) else list(message.id)
    said = [message.string] if isinstance(message.string, str) else list(message.string or ())
    values = {value for text in texts for value in VALUE.findall(text)}
    tags = sorted(re.findall(r"<[^>]+>", texts[-1]))
    return all(set(VALUE.findall(each)) <= values and sorted(re.findall(r"<[^>]+>", each)) == tags for each in said)
