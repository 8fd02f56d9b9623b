"""The filter builder's form: a tree of groups and conditions in which everything is still text, as it was typed.

Names tell the place: `filter-0-1-attribute` is the attribute of the second node in the first group. Places stay
what they are while a form is edited, so that a browser keeps focus and texts; order is that of the numbers.
What a form cannot mean is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from api.console.filters.values import Inputs, inputs_of, split, token
from api.console.filters.vocabulary import MATCH_WORDS, Vocabulary
from api.http.problems import RequestError

ROOT = "filter"
DEEPEST = 8
MOST_NODES = 2_000
_NAME = re.compile(
    r"(filter((?:-\d{1,6})*))-(match|attribute|operator|value|exact|low|low_exact|high|high_exact|item|more|month|kind)\Z",
    re.ASCII,
)
Fields = dict[str, list[str]]


@dataclass
class Row:
    """One condition; `texts` holds what its inputs hold, by the last word of their names."""

    path: str
    attribute: str = ""
    operator: str = ""
    texts: Fields = field(default_factory=dict)
    inputs: Inputs = ("none", "text")

    def text(self, name: str) -> str:
        """The text of an input that holds one."""
        return self.texts.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """The texts of an input that may hold several."""
        return self.texts.get(name, [])

    @property
    def value_id(self) -> str:
        """The id of the first input of its value."""
        shape, kind = self.inputs
        if shape == "none":
            return f"{self.path}-{'operator' if self.attribute else 'attribute'}"
        last = {"one": "value", "pair": "low", "several": f"more-{len(self.all('item'))}", "months": "month"}[shape]
        return f"{self.path}-{last}-{kind}"


@dataclass
class Group:
    """All of, any of, not all of, or none of what is in it."""

    path: str
    match: str = "all"
    nodes: list[Group | Row] = field(default_factory=list)

    def next_path(self) -> str:
        """The place of a node that is added."""
        return f"{self.path}-{max((int(node.path.rpartition('-')[2]) for node in self.nodes), default=-1) + 1}"

    def everything(self) -> Iterator[tuple[Group, Group | Row]]:
        """Each node below, with its group."""
        for node in self.nodes:
            yield self, node
            if isinstance(node, Group):
                yield from node.everything()

    @property
    def level(self) -> int:
        """How deep it is nested; 0 for the outermost."""
        return self.path.count("-")


def read_form(fields: Iterable[tuple[str, str]], words: Vocabulary) -> Group:
    """The tree that the posted fields describe. Raises `RequestError` for more than any filter can have."""
    nodes: dict[str, Fields] = {}
    for name, text in fields:
        found = _NAME.match(name)
        if found and found.group(2).count("-") <= DEEPEST:
            nodes.setdefault(found.group(1), {}).setdefault(found.group(3), []).append(text)
    if len(nodes) > MOST_NODES:
        raise RequestError(413, "too_many_conditions", f"{len(nodes):,} conditions and groups; at most {MOST_NODES:,}")
    root = Group(ROOT, _match(nodes.get(ROOT, {})))
    groups = {ROOT: root}
    for path in sorted(nodes, key=_place):
        parent, posted = groups.get(path.rpartition("-")[0]), nodes[path]
        if parent is None:
            continue
        if "match" in posted:
            parent.nodes.append(groups.setdefault(path, Group(path, _match(posted))))
        else:
            row = Row(path, posted.get("attribute", [""])[0], posted.get("operator", [""])[0], posted)
            parent.nodes.append(settled(row, words))
            if row.inputs[0] == "several":
                take_more(row)
    return root


def settled(row: Row, words: Vocabulary) -> Row:
    """The row with an operator that its attribute allows, and the inputs that this one needs."""
    allowed = [name for name, _ in words.operators(row.attribute)]
    if allowed and row.operator not in allowed:
        row.operator = allowed[0]
    row.inputs = inputs_of(row.attribute, row.operator, words.types)
    # Values of another kind: what was typed for a text says nothing as a number.
    if row.text("kind") not in ("", row.inputs[1]):
        row.texts = {}
    return row


def act(root: Group, action: str, words: Vocabulary) -> str | None:
    """Do what a button of the builder says, such as `add:filter-0`; the id of what to go on with, if anything."""
    verb, _, rest = action.partition(":")
    path, _, place = rest.partition(":")
    nodes: dict[str, tuple[Group, Group | Row]] = {node.path: (group, node) for group, node in root.everything()}
    nodes[ROOT] = (root, root)
    if path not in nodes:
        return None
    group, node = nodes[path]
    match verb:
        case "add" if isinstance(node, Group):
            node.nodes.append(Row(node.next_path()))
            return f"{node.nodes[-1].path}-attribute"
        case "group" if isinstance(node, Group):
            inner = Group(node.next_path(), "any")
            inner.nodes.append(Row(inner.next_path()))
            node.nodes.append(inner)
            return f"{inner.path}-match"
        case "remove" if node is not root:
            group.nodes.remove(node)
            return f"{group.path}-add"
        case "more" if isinstance(node, Row):
            return node.value_id
        case "drop" if isinstance(node, Row) and place.isdigit() and int(place) < len(node.all("item")):
            del node.texts["item"][int(place)]
            return node.value_id
    return None


def take_more(row: Row) -> None:
    """Put what is typed in the entry of a list among its values."""
    kind = row.inputs[1]
    items = row.texts.setdefault("item", [])
    for part in split(kind, "\n".join(row.texts.pop("more", []))):
        # Numbers stay as typed until somebody reads them: what is none is told then.
        item = token(part)
        if item not in items:
            items.append(item)


def first_row() -> Group:
    """The form of a filter that nobody began."""
    return Group(ROOT, "all", [Row(f"{ROOT}-0")])


def _match(posted: Fields) -> str:
    match = posted.get("match", ["all"])[0]
    return match if match in MATCH_WORDS else "all"


def _place(path: str) -> tuple[int, ...]:
    return tuple(int(number) for number in path.split("-")[1:])
