"""The filter builder's form as the JSON that is stored, and back: every filter can be shown and loses nothing.

A group that says not all of, or none of, is `not` around one; around a single condition the group in between is left
out, so that no filter gets deeper than it was. Two `not` around each other cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from api.console.filters.form import ROOT, Group, Row, settled
from api.console.filters.values import EMPTY, Unreadable, exact, read, read_beside, shown, token, untoken
from api.console.filters.vocabulary import Vocabulary
from domain.errors import FieldError

TURNED = {"all": "not_all", "any": "none", "not_all": "all", "none": "any"}


@dataclass
class Written:
    """A form as JSON; `unfinished` tells what is missing at which row, `places` which node a JSON pointer means."""

    filter: Any = None
    unfinished: dict[str, str] = field(default_factory=dict)
    places: dict[str, Group | Row] = field(default_factory=dict)

    def node_at(self, pointer: str) -> Group | Row | None:
        """The node of the form that a JSON pointer lies in."""
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places.get(pointer)

    def mistakes(self, errors: tuple[FieldError, ...]) -> dict[str, str]:
        """What the domain found wrong, by the place of the node in the form."""
        found: dict[str, str] = {}
        for error in errors:
            node = self.node_at(error.pointer)
            if node is not None:
                found.setdefault(node.path, error.detail)
        return found


def written(root: Group, zone: ZoneInfo) -> Written:
    """What a form says; its `filter` counts only where nothing is unfinished."""
    told = Written()
    told.filter = _group(root, "/filter", told, zone)
    return told


def form_of(raw: Any, words: Vocabulary, zone: ZoneInfo) -> Group:
    """The form that shows a stored filter."""
    node = _read_node(raw, ROOT, words, zone)
    return node if isinstance(node, Group) else Group(ROOT, "all", [_moved(node, f"{ROOT}-0")])


def shown_item(row: Row, item: str, words: Vocabulary, zone: ZoneInfo) -> str:
    """One value of a list as its chip shows it."""
    value = untoken(item)
    if row.inputs[1] == "segment":
        return words.segments.get(str(value), str(value))
    return value if isinstance(value, str) else shown(row.inputs[1], value, zone)


def _group(group: Group, pointer: str, told: Written, zone: ZoneInfo) -> Any:
    negated, match = group.match in ("not_all", "none"), "all" if group.match in ("all", "not_all") else "any"
    told.places[pointer] = group
    if negated:
        pointer += "/not"
        told.places[pointer] = group
        if len(group.nodes) == 1 and isinstance(only := group.nodes[0], Row):
            return {"not": _row(only, pointer, told, zone)}
    plain = group.path == ROOT and match == "all" and not negated
    pointer += "" if plain else f"/{match}"
    told.places[pointer] = group
    nodes = [
        _group(node, f"{pointer}/{index}", told, zone)
        if isinstance(node, Group)
        else _row(node, f"{pointer}/{index}", told, zone)
        for index, node in enumerate(group.nodes)
    ]
    inner: Any = nodes if plain else {match: nodes}
    return {"not": inner} if negated else inner


def _row(row: Row, pointer: str, told: Written, zone: ZoneInfo) -> Any:
    told.places[pointer] = row
    if not row.attribute:
        told.unfinished[row.path] = "Choose an attribute"
        return None
    condition: dict[str, Any] = {"attribute": row.attribute, "operator": row.operator}
    if row.inputs[0] == "none":
        return condition
    try:
        return condition | {"value": _value(row, zone)}
    except Unreadable as why:
        told.unfinished[row.path] = str(why)
        return None


def _value(row: Row, zone: ZoneInfo) -> Any:
    shape, kind = row.inputs
    match shape:
        case "one":
            return read_beside(kind, row.text("value"), row.text("exact"), zone)
        case "pair":
            low = read_beside(kind, row.text("low"), row.text("low_exact"), zone)
            return [low, read_beside(kind, row.text("high"), row.text("high_exact"), zone)]
        case "months":
            values = [read(kind, text, zone) for text in row.all("month")]
        case _:
            values = [_item(row, text, zone) for text in row.all("item")]
    if not values:
        raise Unreadable({"segment": "Choose a segment", "month": "Choose a month"}.get(kind, EMPTY))
    return values


def _item(row: Row, text: str, zone: ZoneInfo) -> Any:
    kind, value = row.inputs[1], untoken(text)
    if isinstance(value, str):
        return value if kind in ("text", "segment") else read(kind, value, zone)
    if kind == "number" and value is not None:
        return value
    raise Unreadable(EMPTY)


def _read_node(raw: Any, path: str, words: Vocabulary, zone: ZoneInfo) -> Group | Row:
    if isinstance(raw, dict) and "not" in raw:
        inner = _read_node(raw["not"], path, words, zone)
        if isinstance(inner, Group):
            inner.match = TURNED[inner.match]
            return inner
        return Group(path, "none", [_moved(inner, f"{path}-0")])
    if isinstance(raw, dict) and "attribute" in raw:
        return _read_row(raw, path, words, zone)
    match = "any" if isinstance(raw, dict) and "any" in raw else "all"
    nodes = raw[match] if isinstance(raw, dict) else raw
    return Group(
        path, match, [_read_node(each, f"{path}-{index}", words, zone) for index, each in enumerate(nodes or [])]
    )


def _read_row(raw: dict[str, Any], path: str, words: Vocabulary, zone: ZoneInfo) -> Row:
    row = settled(Row(path, raw["attribute"], raw["operator"]), words)
    shape, kind = row.inputs
    value = raw.get("value")
    match shape:
        case "one":
            row.texts = {"value": [shown(kind, value, zone)], "exact": [exact(kind, value, zone)]}
        case "pair":
            for name, each in zip(("low", "high"), value or ("", ""), strict=True):
                row.texts[name], row.texts[f"{name}_exact"] = [shown(kind, each, zone)], [exact(kind, each, zone)]
        case "several":
            row.texts = {"item": [token(each) for each in value or []]}
        case "months":
            row.texts = {"month": [str(int(each)) for each in value or []]}
    return row


def _moved(row: Row, path: str) -> Row:
    row.path = path
    return row
