"""The filter builder's form as a browser sends it, and the meaning of filters, for tests of the builder."""

from __future__ import annotations

from typing import Any

from api.console.filters.form import FilterGroup
from domain.filters.behaviour.measures import Measure
from domain.filters.conditions import All, AnyOf, Condition, Node, Not


def fields_of(root: FilterGroup) -> list[tuple[str, str]]:
    """What a browser sends of the form that shows this tree: texts of one line, and newlines as it writes them."""
    sent = [(f"{root.path}-match", root.match)]
    for _, node in root.descendants():
        if isinstance(node, FilterGroup):
            sent.append((f"{node.path}-match", node.match))
            continue
        sent += [(f"{node.path}-attribute", node.attribute), (f"{node.path}-operator", node.operator)]
        if node.where is not None:
            sent.append((f"{node.where.path}-match", node.where.match))
        sent += [
            (f"{node.path}-{name}", text.replace("\n", "\r\n")) for name, texts in node.texts.items() for text in texts
        ]
    return sent


def plain(node: Node) -> Any:
    """The meaning of a tree: without groups of one, and with each `not` on what it turns round."""
    match node:
        case Condition():
            about = node.attribute if node.measure is None else (asked(node.measure), node.attribute.partition("@")[1:])
            return ("is", about, node.type, node.region, node.negated)
        case Not(node=Not(node=inner)):
            return plain(inner)
        case Not():
            inside = plain(node.node)
            if inside[0] == "not":
                return inside[1]
            return ("not", inside)
        case All(nodes=(only,)) | AnyOf(nodes=(only,)):
            return plain(only)
        case All() | AnyOf():
            word = "empty group" if not node.nodes else type(node).__name__
            return (word, *map(plain, node.nodes))


def asked(measure: Measure) -> Any:
    """The meaning of a question about behaviour."""
    where = measure.where
    assert where is None or isinstance(where, Condition | All | AnyOf | Not)
    inner = None if where is None else plain(where)
    return (measure.activity, measure.aggregate, measure.type, measure.window, measure.of, inner)
