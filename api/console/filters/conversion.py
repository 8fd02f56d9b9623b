"""Converts a stored filter to the filter builder's form, and the form back to filter JSON, without any loss.

A group that says "not all of" or "none of" is stored as `not` around a group. Around a single condition the group is
left out, so that no filter gets deeper than it was. Two nested `not` cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from api.console.filters.form import ROOT_PATH, FilterGroup, FilterRow, normalise_row
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
from api.console.filters.vocabulary import FilterVocabulary
from domain.errors import FieldError

NEGATED_MATCH = {"all": "not_all", "any": "none", "not_all": "all", "none": "any"}


@dataclass
class FilterJson:
    """A form as JSON; `unfinished` says by path what a row still needs, `nodes` finds a node by its JSON pointer."""

    json: Any = None
    unfinished: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, FilterGroup | FilterRow] = field(default_factory=dict)

    def node_at(self, pointer: str) -> FilterGroup | FilterRow | None:
        """The innermost node of the form that contains what a JSON pointer points at."""
        while pointer and pointer not in self.nodes:
            pointer = pointer.rpartition("/")[0]
        return self.nodes.get(pointer)

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
    is_plain_list = group.path == ROOT_PATH and match == "all" and not negated
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
    if not row.attribute:
        result.unfinished[row.path] = "Choose an attribute"
        return None
    condition: dict[str, Any] = {"attribute": row.attribute, "operator": row.operator}
    if row.inputs[0] == "none":
        return condition
    try:
        return condition | {"value": _value_of(row, zone)}
    except NotAValue as error:
        result.unfinished[row.path] = str(error)
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
    if not values:
        raise NotAValue({"segment": "Choose a segment", "month": "Choose a month"}.get(kind, CHOOSE_A_VALUE))
    return values


def _value_of_item(row: FilterRow, item: str, zone: ZoneInfo) -> Any:
    kind, value = row.inputs[1], from_json_line(item)
    if isinstance(value, str):
        return value if kind in ("text", "segment") else value_from_text(kind, value, zone)
    if kind == "number" and value is not None:
        return value
    raise NotAValue(CHOOSE_A_VALUE)


def _node_from_json(stored: Any, path: str, vocabulary: FilterVocabulary, zone: ZoneInfo) -> FilterGroup | FilterRow:
    if isinstance(stored, dict) and "not" in stored:
        inner = _node_from_json(stored["not"], path, vocabulary, zone)
        if isinstance(inner, FilterGroup):
            inner.match = NEGATED_MATCH[inner.match]
            return inner
        return FilterGroup(path, "none", [_with_path(inner, f"{path}-0")])
    if isinstance(stored, dict) and "attribute" in stored:
        return _row_from_json(stored, path, vocabulary, zone)
    match = "any" if isinstance(stored, dict) and "any" in stored else "all"
    nodes = stored[match] if isinstance(stored, dict) else stored
    return FilterGroup(
        path,
        match,
        [_node_from_json(each, f"{path}-{index}", vocabulary, zone) for index, each in enumerate(nodes or [])],
    )


def _row_from_json(stored: dict[str, Any], path: str, vocabulary: FilterVocabulary, zone: ZoneInfo) -> FilterRow:
    row = normalise_row(FilterRow(path, stored["attribute"], stored["operator"]), vocabulary)
    shape, kind = row.inputs
    value = stored.get("value")
    match shape:
        case "one":
            row.texts = {"value": [value_to_text(kind, value, zone)], "exact": [exact_json(kind, value, zone)]}
        case "pair":
            for name, each in zip(("low", "high"), value or ("", ""), strict=True):
                row.texts[name] = [value_to_text(kind, each, zone)]
                row.texts[f"{name}_exact"] = [exact_json(kind, each, zone)]
        case "several":
            row.texts = {"item": [to_json_line(each) for each in value or []]}
        case "months":
            row.texts = {"month": [str(int(each)) for each in value or []]}
    return row


def _with_path(row: FilterRow, path: str) -> FilterRow:
    row.path = path
    return row
