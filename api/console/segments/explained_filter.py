"""A filter evaluated for one customer, as the page `why` shows it: its conditions, and what is missing.

A tree is what `domain.filters.explanation` returns: groups with `group` and `nodes`, conditions with `attribute`,
`operator`, `value`, and the customer's value in `actual`; every node has a `result` and a `pointer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from domain.filters.explanation import missing
from domain.filters.nesting import SEGMENT
from domain.filters.wording import Words


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
        value = words.value(node["attribute"], node["actual"])
        if node["attribute"] == SEGMENT:
            value = f"in {value}" if node["actual"] else "in none of them"
        return FilterLine(words.condition(node), value, node["result"], [])
    nodes = node["nodes"]
    if group != "not" and len(nodes) == 1:
        return filter_line(nodes[0], words)
    heading = {"all": "All of these", "any": "Any of these", "not": "Not"}[group]
    if not nodes:
        heading = "No filters: no customer matches"
    return FilterLine(heading, None, node["result"], [filter_line(each, words) for each in nodes])


def missing_conditions(tree: dict[str, Any], words: Words) -> Iterator[str]:
    """Yields what is missing for a customer to be a member, a sentence for each condition."""
    wanted = {each["pointer"]: not each["result"] for each in _nodes(tree)}
    by_pointer = {each["pointer"]: each for each in _nodes(tree)}
    for pointer in missing(tree):
        node = by_pointer[pointer]
        if "attribute" not in node:
            yield "The filter is empty, and an empty filter matches no customer"
            continue
        must = "must be true" if wanted[pointer] else "must not be true"
        actual = words.value(node["attribute"], node["actual"])
        value = actual if node["attribute"] != SEGMENT else f"in {actual}" if node["actual"] else "in none of them"
        yield f"“{words.condition(node)}” {must}; the value is: {value}"


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
    return (each for each in _nodes(node) if "attribute" in each)
