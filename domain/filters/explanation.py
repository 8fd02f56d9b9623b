"""Explanation: a filter taken apart for one customer, each condition with the customer's value and its result.

Called by the API and the console to answer "why is this customer (not) in this segment?". Evaluates the nodes that the
projection worker evaluates, so that the result is the membership.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.filters.conditions import All, AnyOf, Node, Not
from domain.filters.nesting import SEGMENT
from domain.instants import Moment
from domain.values import Value

Explained = dict[str, Any]


def explain(
    raw: Any,
    node: Node,
    values: Mapping[str, Value],
    shown: Mapping[str, Any],
    moment: Moment,
    pointer: str = "/filter",
) -> Explained:
    """The tree of a filter as saved (`raw`, of which `node` was made) with the result of every node at `moment`.

    `values` are what conditions compare; `shown` are the same values as people read them, with the segments that the
    customer is in. Where `raw` names a segment, `node` may have that segment's own filter.
    """
    explained: Explained
    match node:
        case _ if isinstance(raw, dict) and "attribute" in raw:
            explained = {
                "pointer": pointer,
                "attribute": raw["attribute"],
                "operator": raw["operator"],
                "value": raw.get("value"),
                "actual": shown.get(raw["attribute"]),
            }
            if raw["attribute"] == SEGMENT:
                explained["actual"] = [each for each in raw["value"] if each in shown[SEGMENT]]
        case Not():
            inside = explain(raw["not"], node.node, values, shown, moment, f"{pointer}/not")
            explained = {"pointer": pointer, "group": "not", "nodes": [inside]}
        case All() | AnyOf():
            word = "all" if isinstance(node, All) else "any"
            parts, place = (raw, pointer) if isinstance(raw, list) else (raw[word], f"{pointer}/{word}")
            nodes = [
                explain(part, each, values, shown, moment, f"{place}/{index}")
                for index, (part, each) in enumerate(zip(parts, node.nodes, strict=True))
            ]
            explained = {"pointer": pointer, "group": word, "nodes": nodes}
    return explained | {"result": node.holds(values, moment)}


def missing(explained: Explained, wanted: bool = True) -> Iterator[str]:
    """The pointers of the conditions that keep a tree from being `wanted`; of those in one `any`, one suffices.

    An empty group, which matches no customer whatever their values, is itself what is missing.
    """
    if explained["result"] == wanted:
        return
    group = explained.get("group")
    if group is None or not explained["nodes"]:
        yield explained["pointer"]
        return
    for each in explained["nodes"]:
        yield from missing(each, wanted != (group == "not"))
