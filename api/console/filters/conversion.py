"""Converts a stored filter to the filter builder's form, and the form back to filter JSON, without any loss.

A group that says "not all of" or "none of" is stored as `not` around a group. Around a single condition the group is
left out, so that no filter gets deeper than it was. Two nested `not` cancel out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from api.console.filters.behaviour import is_shown, window_from_texts, window_to_texts
from api.console.filters.form import ROOT_PATH, FilterGroup, FilterRow, normalise_row, rebase
from api.console.filters.pasted import place_of
from api.console.filters.values import (
    CHOOSE_A_VALUE,
    NotAValue,
    exact_json,
    from_json_line,
    to_json_line,
    value_from_text,
    value_from_text_or_exact,
    value_to_text,
)
from api.console.filters.vocabulary import DID, NEGATED_MATCH, FilterVocabulary
from domain import json_text
from domain.errors import FieldError, Invalid
from domain.filters.behaviour.measures import OF_PROPERTY
from domain.filters.conditions import Node as Tree
from domain.texts.language import said

CHOOSE_A_PROPERTY = said("Choose a property")
# What a new row needs first, which is said only once saving was tried: its input asks for it.
CHOICES = (said("Choose an attribute"), said("Choose what they did"), CHOOSE_A_PROPERTY)


class Part(NamedTuple):
    """Inputs of a row that have notes of their own: the property or the window of a condition on behaviour."""

    path: str


@dataclass
class FilterJson:
    """A form as JSON; `unfinished` says by path what a row still needs, `nodes` finds a node by its JSON pointer."""

    json: Any = None
    unfinished: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, FilterGroup | FilterRow | Part] = field(default_factory=dict)

    def node_at(self, pointer: str) -> FilterGroup | FilterRow | Part | None:
        """The innermost node of the form that contains what a JSON pointer points at."""
        while pointer and pointer not in self.nodes:
            pointer = pointer.rpartition("/")[0]
        return self.nodes.get(pointer)

    def by_path(self, parsed: Mapping[str, Tree]) -> dict[str, Tree]:
        """What the domain read at each node of the form, by the node's path: of a group as a whole, with its `not`."""
        found: dict[str, Tree] = {}
        for pointer in sorted(parsed.keys() & self.nodes.keys(), key=len):
            found.setdefault(self.nodes[pointer].path, parsed[pointer])
        return found

    def errors_by_path(self, errors: tuple[FieldError, ...]) -> dict[str, str]:
        """The first error that the domain found in each node of the form, by the node's path."""
        by_path: dict[str, str] = {}
        for error in errors:
            node = self.node_at(error.pointer)
            if node is not None:
                by_path.setdefault(node.path, error.detail)
        return by_path


def to_filter_json(root: FilterGroup, zone: ZoneInfo) -> FilterJson:
    """Returns what a form means; its `json` is a filter only where nothing is unfinished."""
    result = FilterJson()
    result.json = _group_to_json(root, "/filter", result, zone)
    return result


def form_from_filter(stored: Any, vocabulary: FilterVocabulary, zone: ZoneInfo) -> FilterGroup:
    """Returns the form that shows a stored filter."""
    node = _node_from_json(stored, ROOT_PATH, vocabulary, zone)
    if isinstance(node, FilterGroup):
        return node
    return FilterGroup(ROOT_PATH, "all", [_with_path(node, f"{ROOT_PATH}-0")])


def measure_to_json(
    row: FilterRow, where: FilterGroup, pointer: str, result: FilterJson, zone: ZoneInfo
) -> dict[str, Any] | None:
    """Returns what a row asks of behaviour, without what it is compared with; `None` until an activity is chosen."""
    if not row.activity:
        result.unfinished[row.path] = CHOICES[1]
        return None
    parts = {name: Part(f"{row.path}-{name}") for name in ("of", "window")}
    result.nodes |= {f"{pointer}/{name}": part for name, part in parts.items()}
    measure: dict[str, Any] = {"activity": row.activity}
    if where.nodes or where.match != "all":
        measure["where"] = _group_to_json(where, f"{pointer}/where", result, zone)
    measure["aggregate"] = row.text("aggregate")
    if measure["aggregate"] in OF_PROPERTY:
        measure["of"] = row.text("of")
        if not measure["of"]:
            result.unfinished[parts["of"].path] = CHOOSE_A_PROPERTY
    try:
        measure["window"] = window_from_texts(row.texts, zone)
    except NotAValue as error:
        result.unfinished[parts["window"].path] = error.args[0]
    if measure.get("window") is None:
        measure.pop("window", None)
    return measure


def row_from_measure(measure: dict[str, Any], path: str, vocabulary: FilterVocabulary, zone: ZoneInfo) -> FilterRow:
    """Returns the row that shows what is asked of behaviour, whatever it is compared with."""
    activity, place = measure["activity"], f"{path}-0"
    where = _node_from_json(measure.get("where") or [], place, vocabulary, zone, activity)
    if isinstance(where, FilterRow):
        where = FilterGroup(place, "all", [_with_path(where, f"{place}-0")], activity)
    where.is_where = True
    row = FilterRow(path, f"{DID}{activity}", measure.get("operator", ""), where=where)
    row.texts = {"aggregate": [measure["aggregate"]], "of": [measure.get("of") or ""]}
    row.texts |= window_to_texts(measure.get("window"), zone)
    return normalise_row(row, vocabulary)


def show_mended(root: FilterGroup, vocabulary: FilterVocabulary, zone: ZoneInfo) -> None:
    """Puts inputs in the place of conditions that are shown as JSON, where these can be shown in inputs by now."""
    for group, node in list(root.descendants()):
        written = from_json_line(node.asked) if isinstance(node, FilterRow) and node.asked else None
        if isinstance(written, dict) and "activity" in written and is_shown(written, vocabulary.activities):
            group.nodes[group.nodes.index(node)] = _valued(
                row_from_measure(written, node.path, vocabulary, zone), written, vocabulary, zone
            )


def item_to_text(row: FilterRow, item: str, vocabulary: FilterVocabulary, zone: ZoneInfo) -> str:
    """Returns the text of a chip: one value of a row that takes several."""
    value = from_json_line(item)
    if row.inputs[1] == "segment":
        return vocabulary.segments.get(str(value), str(value))
    return value if isinstance(value, str) else value_to_text(row.inputs[1], value, zone)


def _group_to_json(group: FilterGroup, pointer: str, result: FilterJson, zone: ZoneInfo) -> Any:
    negated, match = group.match in ("not_all", "none"), "all" if group.match in ("all", "not_all") else "any"
    result.nodes[pointer] = group
    if negated:
        pointer += "/not"
        result.nodes[pointer] = group
        if len(group.nodes) == 1 and isinstance(only := group.nodes[0], FilterRow):
            return {"not": _row_to_json(only, pointer, result, zone)}
    is_plain_list = group.is_top and match == "all" and not negated
    pointer += "" if is_plain_list else f"/{match}"
    result.nodes[pointer] = group
    nodes = [
        _group_to_json(node, f"{pointer}/{index}", result, zone)
        if isinstance(node, FilterGroup)
        else _row_to_json(node, f"{pointer}/{index}", result, zone)
        for index, node in enumerate(group.nodes)
    ]
    inner: Any = nodes if is_plain_list else {match: nodes}
    return {"not": inner} if negated else inner


def _row_to_json(row: FilterRow, pointer: str, result: FilterJson, zone: ZoneInfo) -> Any:
    result.nodes[pointer] = row
    if row.asked:
        return _asked(row, result)
    if row.where is not None:
        measure = measure_to_json(row, row.where, pointer, result, zone)
        return None if measure is None else _with_value(measure, row, result, zone)
    if not row.attribute:
        result.unfinished[row.path] = CHOICES[2 if row.of else 0]
        return None
    return _with_value({"attribute": row.attribute}, row, result, zone)


def _with_value(condition: dict[str, Any], row: FilterRow, result: FilterJson, zone: ZoneInfo) -> Any:
    condition["operator"] = row.operator
    if row.inputs[0] == "none":
        return condition
    try:
        return condition | {"value": _value_of(row, zone)}
    except NotAValue as error:
        result.unfinished[row.path] = error.args[0]
        return None


def _asked(row: FilterRow, result: FilterJson) -> Any:
    try:
        return json_text.parse(row.asked.encode("utf-8", "replace"))
    except Invalid as invalid:
        result.unfinished[row.path] = place_of(row.asked) or invalid.detail
        return None


def _value_of(row: FilterRow, zone: ZoneInfo) -> Any:
    shape, kind = row.inputs
    match shape:
        case "one":
            return value_from_text_or_exact(kind, row.text("value"), row.text("exact"), zone)
        case "pair":
            low = value_from_text_or_exact(kind, row.text("low"), row.text("low_exact"), zone)
            return [low, value_from_text_or_exact(kind, row.text("high"), row.text("high_exact"), zone)]
        case "months":
            values = [value_from_text(kind, text, zone) for text in row.all("month")]
        case _:
            values = [_value_of_item(row, item, zone) for item in row.all("item")]
    if row.unknown:
        raise NotAValue(said("No segment is called “%(name)s”", name=row.unknown))
    if not values:
        missing = {"segment": said("Choose a segment"), "month": said("Choose a month")}
        raise NotAValue(missing.get(kind, CHOOSE_A_VALUE))
    return values


def _value_of_item(row: FilterRow, item: str, zone: ZoneInfo) -> Any:
    kind, value = row.inputs[1], from_json_line(item)
    if isinstance(value, str):
        return value if kind in ("text", "segment") else value_from_text(kind, value, zone)
    if kind == "number" and value is not None:
        return value
    raise NotAValue(CHOOSE_A_VALUE)


def _node_from_json(
    stored: Any, path: str, vocabulary: FilterVocabulary, zone: ZoneInfo, of: str = ""
) -> FilterGroup | FilterRow:
    if isinstance(stored, dict) and "not" in stored:
        inner = _node_from_json(stored["not"], path, vocabulary, zone, of)
        if isinstance(inner, FilterGroup):
            inner.match = NEGATED_MATCH[inner.match]
            return inner
        return FilterGroup(path, "none", [_with_path(inner, f"{path}-0")], of)
    if isinstance(stored, dict) and "activity" in stored and not of:
        if is_shown(stored, vocabulary.activities):
            return _valued(row_from_measure(stored, path, vocabulary, zone), stored, vocabulary, zone)
        return FilterRow(path, texts={"asked": [json_text.dumps(stored).decode()]})
    if isinstance(stored, dict) and "attribute" in stored:
        return _valued(FilterRow(path, stored["attribute"], stored["operator"], of=of), stored, vocabulary, zone)
    match = "any" if isinstance(stored, dict) and "any" in stored else "all"
    nodes = stored[match] if isinstance(stored, dict) else stored
    return FilterGroup(
        path,
        match,
        [_node_from_json(each, f"{path}-{index}", vocabulary, zone, of) for index, each in enumerate(nodes or [])],
        of,
    )


def _valued(row: FilterRow, stored: dict[str, Any], vocabulary: FilterVocabulary, zone: ZoneInfo) -> FilterRow:
    """Gives a row the texts that show the value of its condition."""
    normalise_row(row, vocabulary)
    shape, kind = row.inputs
    value = stored.get("value")
    match shape:
        case "one":
            row.texts |= {"value": [value_to_text(kind, value, zone)], "exact": [exact_json(kind, value, zone)]}
        case "pair":
            ends = value if isinstance(value, list) and len(value) == 2 else ("", "")
            for name, each in zip(("low", "high"), ends, strict=True):
                row.texts[name] = [value_to_text(kind, each, zone)]
                row.texts[f"{name}_exact"] = [exact_json(kind, each, zone)]
        case "several":
            row.texts |= {"item": [to_json_line(each) for each in (value if isinstance(value, list) else [])]}
        case "months":
            months = value if isinstance(value, list) else []
            row.texts |= {"month": [str(int(each)) for each in months if isinstance(each, int | Decimal)]}
    return row


def _with_path(row: FilterRow, path: str) -> FilterRow:
    rebase(row, path)
    return row
