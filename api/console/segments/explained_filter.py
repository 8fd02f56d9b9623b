"""A filter evaluated for one customer, as the page `why` shows it: its conditions, and what is missing.

A tree is what `domain.filters.explanation` returns: groups with `group` and `nodes`, conditions with `attribute`,
`operator`, `value`, and the customer's value in `actual`; every node has a `result` and a `pointer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from domain.filters.explanation import missing
from domain.filters.nesting import SEGMENT, is_condition
from domain.filters.wording import Words
from domain.texts.language import said


class FilterLine(NamedTuple):
    """A node of a filter as a page shows it: a condition with the customer's value, or the heading of a group."""

    text: str
    value: str | None
    result: bool
    nodes: list[FilterLine]


def filter_line(node: dict[str, Any], words: Words) -> FilterLine:
    """Returns a filter's tree as lines."""
    group = node.get("group")
    if group is None:
        value = words.actual(node)
        if node.get("attribute") == SEGMENT:
            value = _membership(node, value, words)
        if (until := node.get("changes_at")) is not None:
            instant = words.language.instant(until.astimezone(words.zone))
            value = words.language.gettext("%(value)s; the result changes on %(instant)s", value=value, instant=instant)
        if "computed" in node:
            asked = words.subject(node["computed"])
            value = words.language.gettext("%(value)s, from: %(definition)s", value=value, definition=asked)
        return FilterLine(words.condition(node), value, node["result"], [])
    nodes = node["nodes"]
    if group != "not" and len(nodes) == 1:
        return filter_line(nodes[0], words)
    heading = {"all": said("All of these"), "any": said("Any of these"), "not": said("Not")}[group]
    if not nodes:
        heading = said("No filters: no customer matches")
    return FilterLine(heading, None, node["result"], [filter_line(each, words) for each in nodes])


def missing_conditions(tree: dict[str, Any], words: Words) -> Iterator[str]:
    """Yields what is missing for a customer to be a member, a sentence for each condition."""
    wanted = {each["pointer"]: not each["result"] for each in _nodes(tree)}
    by_pointer = {each["pointer"]: each for each in _nodes(tree)}
    for pointer in missing(tree):
        node = by_pointer[pointer]
        if not is_condition(node):
            yield said("The filter is empty, and an empty filter matches no customer")
            continue
        value = words.actual(node)
        if node.get("attribute") == SEGMENT:
            value = _membership(node, value, words)
        values = {"condition": words.condition(node), "value": value}
        if wanted[pointer]:
            yield said("“%(condition)s” must be true; the value is: %(value)s", **values)
        else:
            yield said("“%(condition)s” must not be true; the value is: %(value)s", **values)


def _membership(node: dict[str, Any], names: str, words: Words) -> str:
    """Returns which of the segments of a condition a customer is in."""
    return (
        words.language.gettext("in %(segments)s", segments=names)
        if node["actual"]
        else words.language.gettext("in none of them")
    )


def has_alternatives(node: dict[str, Any], wanted: bool = True) -> bool:
    """Returns whether some of what is missing are alternatives, of which one is enough."""
    if node["result"] == wanted or not node.get("nodes"):
        return False
    alternatives = node["group"] == ("any" if wanted else "all") and len(node["nodes"]) > 1
    return alternatives or any(has_alternatives(each, wanted != (node["group"] == "not")) for each in node["nodes"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("nodes") or ():
        yield from _nodes(each)


def conditions_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the conditions of a tree, in order."""
    return (each for each in _nodes(node) if is_condition(each))
