"""Explanation: a filter taken apart for one customer, each condition with her value and its result.

Called by whoever answers "why is she (not) in this segment?". Evaluates with the nodes that the projection
worker evaluates, so that the result is the membership.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.filters.conditions import All, AnyOf, Node, Not
from domain.filters.nesting import SEGMENT
from domain.moments import Moment
from domain.values import Value

Told = dict[str, Any]


def explain(
    raw: Any,
    node: Node,
    values: Mapping[str, Value],
    shown: Mapping[str, Any],
    moment: Moment,
    pointer: str = "/filter",
) -> Told:
    """The tree of a filter as saved (`raw`, of which `node` was made) with the result of every node at `moment`.

    `values` are what conditions compare, `shown` the same as people see them, with the segments she is in. `node` may
    have more in the place of a segment's name: its own filter.
    """
    told: Told
    match node:
        case _ if isinstance(raw, dict) and "attribute" in raw:
            told = {
                "pointer": pointer,
                "attribute": raw["attribute"],
                "operator": raw["operator"],
                "value": raw.get("value"),
                "actual": shown.get(raw["attribute"]),
            }
            if raw["attribute"] == SEGMENT:
                told["actual"] = [each for each in raw["value"] if each in shown[SEGMENT]]
        case Not():
            inside = explain(raw["not"], node.node, values, shown, moment, f"{pointer}/not")
            told = {"pointer": pointer, "group": "not", "nodes": [inside]}
        case All() | AnyOf():
            word = "all" if isinstance(node, All) else "any"
            parts, place = (raw, pointer) if isinstance(raw, list) else (raw[word], f"{pointer}/{word}")
            nodes = [
                explain(part, each, values, shown, moment, f"{place}/{index}")
                for index, (part, each) in enumerate(zip(parts, node.nodes, strict=True))
            ]
            told = {"pointer": pointer, "group": word, "nodes": nodes}
    return told | {"result": node.holds(values, moment)}


def missing(told: Told, wanted: bool = True) -> Iterator[str]:
    """The pointers of the conditions that keep a tree from being `wanted`; of those in one `any`, one suffices.

    An empty group, which matches nobody whatever she becomes, is itself what is missing.
    """
    if told["result"] == wanted:
        return
    group = told.get("group")
    if group is None or not told["nodes"]:
        yield told["pointer"]
        return
    for each in told["nodes"]:
        yield from missing(each, wanted != (group == "not"))
