"""The filter builder's form: a tree of groups and conditions in which every value is still text, as it was typed.

A field's name is the path of its node: `filter-0-1-attribute` is the attribute of the second node in the first group.
Paths do not change while a form is edited, so that a browser keeps focus and texts; nodes are ordered by their numbers.
Fields that make no sense are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from api.console.filters.behaviour import USUAL_OPERATOR, USUAL_VALUE, operator_fits, settled, value_type
from api.console.filters.values import Inputs, from_json_line, inputs_of_type, split_values, to_json_line
from api.console.filters.vocabulary import DID, MATCH_WORDS, FilterVocabulary, operator_groups
from api.http.problems import RequestError
from domain.filters.behaviour.measures import OF_PROPERTY
from domain.filters.nesting import SEGMENT
from domain.filters.operators import OPERATORS
from domain.segment import MAX_NAME
from domain.values import AttributeType

ROOT_PATH = "filter"
MAX_DEPTH = 8
MAX_NODES = 2_000
# So deep groups may be nested that are added in the builder.
MAX_LEVEL = 4
_FIELD_NAME = re.compile(
    r"(filter((?:-\d{1,6})*))-(match|attribute|operator|value|exact|low|low_exact|high|high_exact|item|more|month|kind|asked"
    r"|aggregate|of|window|span|period|from|from_exact|to|to_exact)\Z",
    re.ASCII,
)
_VALUE_TEXTS = ("value", "exact", "low", "low_exact", "high", "high_exact", "item", "more", "month")
Fields = dict[str, list[str]]


@dataclass
class FilterRow:
    """One condition; `texts` holds the texts of its inputs, by the last word of the inputs' names.

    On behaviour, its `attribute` names an activity (`DID`), and `where` has conditions on the activity's properties.
    """

    path: str
    attribute: str = ""
    operator: str = ""
    texts: Fields = field(default_factory=dict)
    inputs: Inputs = ("none", "text")
    # What was typed as the name of a segment, and is none.
    unknown: str = ""
    # The activity whose property it is about; empty of a condition on customers.
    of: str = ""
    where: FilterGroup | None = None

    def text(self, name: str) -> str:
        """The text of an input that has a single text."""
        return self.texts.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """The texts of an input that may have several."""
        return self.texts.get(name, [])

    @property
    def asked(self) -> str:
        """A condition on behaviour as JSON, which the builder cannot show in inputs; empty of any other."""
        return self.text("asked")

    @property
    def activity(self) -> str:
        """The activity that a condition on behaviour asks about, empty until it is chosen."""
        return self.attribute.removeprefix(DID) if self.where is not None else ""

    @property
    def value_id(self) -> str:
        """The id of the first input of its value."""
        shape, kind = self.inputs
        if self.asked:
            return f"{self.path}-asked"
        if shape == "none" or (self.where is not None and not self.activity):
            return f"{self.path}-{'operator' if self.attribute not in ('', DID) else 'attribute'}"
        last = {"one": "value", "pair": "low", "several": f"more-{len(self.all('item'))}", "months": "month"}[shape]
        return f"{self.path}-{last}-{kind}"


@dataclass
class FilterGroup:
    """All of, any of, not all of, or none of its nodes.

    Of conditions on the properties of an activity where `of` names one; `is_where`: all that a row asks of them.
    """

    path: str
    match: str = "all"
    nodes: list[FilterGroup | FilterRow] = field(default_factory=list)
    of: str = ""
    is_where: bool = False

    def rebase(self, path: str) -> None:
        """Give this group, and with it all below, another path."""
        for node in self.nodes:
            last = node.path.rpartition("-")[2]
            rebase(node, f"{path}-{last}")
        self.path = path

    def next_path(self) -> str:
        """The path for a node that is added."""
        return f"{self.path}-{max((int(node.path.rpartition('-')[2]) for node in self.nodes), default=-1) + 1}"

    def descendants(self) -> Iterator[tuple[FilterGroup, FilterGroup | FilterRow]]:
        """Every node below this group, each with the group it is in."""
        for node in self.nodes:
            yield self, node
            inner = node if isinstance(node, FilterGroup) else node.where
            if inner is not None:
                yield from inner.descendants()

    @property
    def is_top(self) -> bool:
        """Whether it is in no other group."""
        return self.is_where or self.path == ROOT_PATH

    @property
    def takes_groups(self) -> bool:
        """Whether a group in it is not nested too deep."""
        return self.is_where if self.of else self.level < MAX_LEVEL

    @property
    def level(self) -> int:
        """How deep it is nested; 0 for the outermost group."""
        return self.path.count("-")


def rebase(node: FilterGroup | FilterRow, path: str) -> None:
    """Give a node, and what is in it, another path."""
    if isinstance(node, FilterGroup):
        node.rebase(path)
        return
    node.path = path
    if node.where is not None:
        node.where.rebase(f"{path}-0")


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
        if path in groups:
            groups[path].match = _parse_match(node_fields)  # what a row asks of properties
        elif parent is None:
            continue
        elif "match" in node_fields:
            parent.nodes.append(groups.setdefault(path, FilterGroup(path, _parse_match(node_fields), of=parent.of)))
        else:
            row = _row_from_fields(path, node_fields, vocabulary, parent.of)
            parent.nodes.append(row)
            if row.where is not None:
                groups[row.where.path] = row.where
    return root


def normalise_row(row: FilterRow, vocabulary: FilterVocabulary) -> FilterRow:
    """Gives the row an operator that its attribute allows, and the inputs that this operator needs."""
    if row.attribute.startswith(DID) and not (row.of or row.asked):
        _ask_of_behaviour(row, vocabulary)
    allowed = [name for _, options in offered_operators(row, vocabulary) for name, _ in options]
    kind = kind_of(row, vocabulary)
    # Values of another kind: what was typed as a text has no meaning as a number.
    inputs = _inputs_of(row, kind)
    if allowed and row.operator not in allowed:
        row.operator = USUAL_OPERATOR if row.where is not None and USUAL_OPERATOR in allowed else allowed[0]
        inputs = _inputs_of(row, kind)
    row.inputs = inputs
    if row.text("kind") not in ("", row.inputs[1]):
        row.texts = {name: texts for name, texts in row.texts.items() if name not in _VALUE_TEXTS}
    return row


def kind_of(row: FilterRow, vocabulary: FilterVocabulary) -> AttributeType | None:
    """Returns the type of what a row compares; `None` where it is not known, or a segment."""
    if row.where is not None:
        return value_type(row.text("aggregate"), row.text("of"), vocabulary.activities.get(row.activity, {}))
    return vocabulary.about(row.of).types.get(row.attribute)


def offered_operators(row: FilterRow, vocabulary: FilterVocabulary) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the operators that a row may have, by what they look at, each with its words."""
    if row.where is None:
        return vocabulary.about(row.of).operator_groups(row.attribute)
    kind, aggregate = kind_of(row, vocabulary), row.text("aggregate")
    if kind is None:
        return []
    groups = [
        (heading, [each for each in options if operator_fits(aggregate, OPERATORS[kind][each[0]])])
        for heading, options in operator_groups(kind)
    ]
    return [(heading, options) for heading, options in groups if options]


def values_address(row: FilterRow) -> str:
    """Returns the address of the values that are known of what a row compares; empty where none are."""
    if row.where is not None:
        return _values_of(row.activity, row.text("of")) if row.text("aggregate") == "latest" else ""
    return _values_of(row.of, row.attribute) if row.of else f"/console/filters/values/{row.attribute}"


def noted_paths(root: FilterGroup) -> Iterator[str]:
    """Yields the paths at which there are notes."""
    yield root.path
    for _, node in root.descendants():
        yield node.path
        if isinstance(node, FilterRow) and node.where is not None and node.activity:
            yield node.where.path
            yield f"{node.path}-window"
            if node.text("aggregate") in OF_PROPERTY:
                yield f"{node.path}-of"


def _values_of(activity: str, key: str) -> str:
    return f"/console/filters/activities/{activity}/properties/{key}/values"


def _ask_of_behaviour(row: FilterRow, vocabulary: FilterVocabulary) -> None:
    if row.where is None:
        row.where = FilterGroup(f"{row.path}-0", is_where=True)
    row.where.of = row.activity
    is_new = "aggregate" not in row.texts
    row.texts = settled(row.texts, vocabulary.activities.get(row.activity, {}))
    if is_new:
        row.operator = USUAL_OPERATOR
        row.texts |= {"value": [USUAL_VALUE], "kind": ["number"]}


def _inputs_of(row: FilterRow, kind: AttributeType | None) -> Inputs:
    if row.attribute == SEGMENT and not row.of:
        return "several", "segment"
    return inputs_of_type(kind, row.operator)


def empty_form() -> FilterGroup:
    """The form of a new filter: one row without an attribute."""
    return FilterGroup(ROOT_PATH, "all", [FilterRow(f"{ROOT_PATH}-0")])


def _row_from_fields(path: str, fields: Fields, vocabulary: FilterVocabulary, of: str) -> FilterRow:
    row = FilterRow(path, fields.get("attribute", [""])[0], fields.get("operator", [""])[0], fields, of=of)
    normalise_row(row, vocabulary)
    if row.inputs[0] == "several":
        _add_typed_values(row, vocabulary)
    return row


def _add_typed_values(row: FilterRow, vocabulary: FilterVocabulary) -> None:
    """Moves what is typed in the entry of a list to the list's values."""
    kind = row.inputs[1]
    items = row.texts.setdefault("item", [])
    for part in split_values(kind, "\n".join(row.texts.pop("more", []))):
        value = vocabulary.segment_named(part) if kind == "segment" else part
        if value is None:
            row.unknown = part
            continue
        # Numbers stay as typed until the filter is read: only then is one that is no number reported.
        item = to_json_line(value)
        if item not in items:
            items.append(item)


def _parse_match(fields: Fields) -> str:
    match = fields.get("match", ["all"])[0]
    return match if match in MATCH_WORDS else "all"


def _numbers_of(path: str) -> tuple[int, ...]:
    return tuple(int(number) for number in path.split("-")[1:])


def segments_mentioned(fields: Iterable[tuple[str, str]]) -> set[str]:
    """Returns the texts of a form that may be the ids or the names of segments."""
    lists = [(name, text) for name, text in fields if name.endswith(("-item", "-more"))]
    typed = {text.strip() for name, text in lists if name.endswith("-more") and 0 < len(text) <= MAX_NAME}
    chosen = (from_json_line(text) for name, text in lists if name.endswith("-item") and len(text) < MAX_NAME)
    return typed | {each for each in chosen if isinstance(each, str)}
