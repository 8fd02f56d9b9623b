"""The filter builder's form: a tree of groups and conditions in which every value is still text, as it was typed.

A field's name is the path of its node: `filter-0-1-attribute` is the attribute of the second node in the first group.
Paths do not change while a form is edited, so that a browser keeps focus and texts; nodes are ordered by their numbers.
Fields that make no sense are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from api.console.filters.values import Inputs, inputs_of, split_values, to_json_line
from api.console.filters.vocabulary import MATCH_WORDS, FilterVocabulary
from api.http.problems import RequestError

ROOT_PATH = "filter"
MAX_DEPTH = 8
MAX_NODES = 2_000
_FIELD_NAME = re.compile(
    r"(filter((?:-\d{1,6})*))-(match|attribute|operator|value|exact|low|low_exact|high|high_exact|item|more|month|kind)\Z",
    re.ASCII,
)
Fields = dict[str, list[str]]


@dataclass
class FilterRow:
    """One condition; `texts` holds the texts of its inputs, by the last word of the inputs' names."""

    path: str
    attribute: str = ""
    operator: str = ""
    texts: Fields = field(default_factory=dict)
    inputs: Inputs = ("none", "text")

    def text(self, name: str) -> str:
        """The text of an input that has a single text."""
        return self.texts.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """The texts of an input that may have several."""
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
class FilterGroup:
    """All of, any of, not all of, or none of its nodes."""

    path: str
    match: str = "all"
    nodes: list[FilterGroup | FilterRow] = field(default_factory=list)

    def next_path(self) -> str:
        """The path for a node that is added."""
        return f"{self.path}-{max((int(node.path.rpartition('-')[2]) for node in self.nodes), default=-1) + 1}"

    def descendants(self) -> Iterator[tuple[FilterGroup, FilterGroup | FilterRow]]:
        """Every node below this group, each with the group it is in."""
        for node in self.nodes:
            yield self, node
            if isinstance(node, FilterGroup):
                yield from node.descendants()

    @property
    def level(self) -> int:
        """How deep it is nested; 0 for the outermost group."""
        return self.path.count("-")


def form_from_fields(fields: Iterable[tuple[str, str]], vocabulary: FilterVocabulary) -> FilterGroup:
    """Returns the tree that posted fields describe. Raises `RequestError` for more nodes than a filter can have."""
    nodes: dict[str, Fields] = {}
    for name, text in fields:
        match = _FIELD_NAME.match(name)
        if match and match.group(2).count("-") <= MAX_DEPTH:
            nodes.setdefault(match.group(1), {}).setdefault(match.group(3), []).append(text)
    if len(nodes) > MAX_NODES:
        raise RequestError(413, "too_many_conditions", f"{len(nodes):,} conditions and groups; at most {MAX_NODES:,}")
    root = FilterGroup(ROOT_PATH, _parse_match(nodes.get(ROOT_PATH, {})))
    groups = {ROOT_PATH: root}
    for path in sorted(nodes, key=_numbers_of):
        parent, node_fields = groups.get(path.rpartition("-")[0]), nodes[path]
        if parent is None:
            continue
        if "match" in node_fields:
            parent.nodes.append(groups.setdefault(path, FilterGroup(path, _parse_match(node_fields))))
        else:
            parent.nodes.append(_row_from_fields(path, node_fields, vocabulary))
    return root


def normalise_row(row: FilterRow, vocabulary: FilterVocabulary) -> FilterRow:
    """Gives the row an operator that its attribute allows, and the inputs that this operator needs."""
    allowed = [name for name, _ in vocabulary.operators(row.attribute)]
    if allowed and row.operator not in allowed:
        row.operator = allowed[0]
    row.inputs = inputs_of(row.attribute, row.operator, vocabulary.types)
    # Values of another kind: what was typed as a text has no meaning as a number.
    if row.text("kind") not in ("", row.inputs[1]):
        row.texts = {}
    return row


def apply_action(root: FilterGroup, action: str, vocabulary: FilterVocabulary) -> str | None:
    """Applies what a button of the builder sent, such as `add:filter-0`. Returns the id of the input to focus."""
    verb, _, rest = action.partition(":")
    path, _, index = rest.partition(":")
    nodes: dict[str, tuple[FilterGroup, FilterGroup | FilterRow]] = {
        node.path: (group, node) for group, node in root.descendants()
    }
    nodes[ROOT_PATH] = (root, root)
    if path not in nodes:
        return None
    group, node = nodes[path]
    match verb:
        case "add" if isinstance(node, FilterGroup):
            node.nodes.append(FilterRow(node.next_path()))
            return f"{node.nodes[-1].path}-attribute"
        case "group" if isinstance(node, FilterGroup):
            inner = FilterGroup(node.next_path(), "any")
            inner.nodes.append(FilterRow(inner.next_path()))
            node.nodes.append(inner)
            return f"{inner.path}-match"
        case "remove" if node is not root:
            group.nodes.remove(node)
            return f"{group.path}-add"
        case "more" if isinstance(node, FilterRow):
            return node.value_id
        case "drop" if isinstance(node, FilterRow) and index.isdigit() and int(index) < len(node.all("item")):
            del node.texts["item"][int(index)]
            return node.value_id
    return None


def empty_form() -> FilterGroup:
    """The form of a new filter: one row without an attribute."""
    return FilterGroup(ROOT_PATH, "all", [FilterRow(f"{ROOT_PATH}-0")])


def _row_from_fields(path: str, fields: Fields, vocabulary: FilterVocabulary) -> FilterRow:
    row = FilterRow(path, fields.get("attribute", [""])[0], fields.get("operator", [""])[0], fields)
    normalise_row(row, vocabulary)
    if row.inputs[0] == "several":
        _add_typed_values(row)
    return row


def _add_typed_values(row: FilterRow) -> None:
    """Moves what is typed in the entry of a list to the list's values."""
    kind = row.inputs[1]
    items = row.texts.setdefault("item", [])
    for part in split_values(kind, "\n".join(row.texts.pop("more", []))):
        # Numbers stay as typed until the filter is read: only then is one that is no number reported.
        item = to_json_line(part)
        if item not in items:
            items.append(item)


def _parse_match(fields: Fields) -> str:
    match = fields.get("match", ["all"])[0]
    return match if match in MATCH_WORDS else "all"


def _numbers_of(path: str) -> tuple[int, ...]:
    return tuple(int(number) for number in path.split("-")[1:])
