"""Explanation: a filter taken apart for one customer, each condition with the customer's value and its result.

Called by the API and the console to answer "why is this customer (not) in this segment?". Evaluates the nodes that the
projection worker evaluates, so that the result is the membership.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from domain.filters.behaviour.reading import FIELDS
from domain.filters.conditions import All, AnyOf, Node, Not, measures_of
from domain.filters.nesting import SEGMENT
from domain.instants import Moment
from domain.values import Value

Explained = dict[str, Any]
TurnsAt = Callable[[Node], datetime | None]


def never(_: Node) -> datetime | None:
    """Nothing turns by itself."""
    return None


def explain(
    raw: Any,
    node: Node,
    values: Mapping[str, Value],
    shown: Mapping[str, Any],
    moment: Moment,
    pointer: str = "/filter",
    turns_at: TurnsAt = never,
) -> Explained:
    """The tree of a filter as saved (`raw`, of which `node` was made) with the result of every node at `moment`.

    `values` are what conditions compare; `shown` are the same values as people read them, with the segments that the
    customer is in. Where `raw` names a segment, `node` may have that segment's own filter. `turns_at` says when a
    condition on behaviour turns by itself.
    """
    explained: Explained
    match node:
        case _ if isinstance(raw, dict) and "activity" in raw:
            measure = next(iter(measures_of(node).values()))
            asked = {key: raw[key] for key in (*FIELDS, "operator", "value") if key in raw}
            explained = {"pointer": pointer, **asked, "actual": shown.get(measure.key, measure.zero)}
            explained["changes_at"] = turns_at(node)
        case _ if isinstance(raw, dict) and "attribute" in raw:
            explained = {
                "pointer": pointer,
                "attribute": raw["attribute"],
                "operator": raw["operator"],
                "value": raw.get("value"),
                "actual": shown.get(raw["attribute"]),
            }
            if computed := list(measures_of(node).values()):
                explained |= {"computed": computed[0].definition}
                explained["actual"] = shown.get(computed[0].key, computed[0].zero)
                explained["changes_at"] = turns_at(node)
            if raw["attribute"] == SEGMENT:
                explained["actual"] = [each for each in raw["value"] if each in shown[SEGMENT]]
        case Not():
            inside = explain(raw["not"], node.node, values, shown, moment, f"{pointer}/not", turns_at)
            explained = {"pointer": pointer, "group": "not", "nodes": [inside]}
        case All() | AnyOf():
            word = "all" if isinstance(node, All) else "any"
            parts, place = (raw, pointer) if isinstance(raw, list) else (raw[word], f"{pointer}/{word}")
            nodes = [
                explain(part, each, values, shown, moment, f"{place}/{index}", turns_at)
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
