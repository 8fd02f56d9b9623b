"""Filters as conjunctions, the form in which the flip index holds nearly all of them.

It fits every filter that joins conditions on different attributes by `all` alone, or by `any` alone: a OR b is
NOT (NOT a AND NOT b). Conditions on one attribute may be joined in any way. Used by
`projections.matching.flip_index`.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.filters.conditions import All, AnyOf, Condition, Node, Not, attributes_read


@dataclass(frozen=True, slots=True)
class Conjunction:
    """A filter as one node per attribute, all of which must hold; `inverted`: the filter is NOT that."""

    parts: dict[str, Node]
    inverted: bool


def conjunction_of(node: Node) -> Conjunction | None:
    """The filter as a conjunction, or `None` where it has no such form."""
    keys = attributes_read(node)
    if len(keys) == 1:
        return Conjunction({next(iter(keys)): node}, inverted=False)
    match node:
        case Not():
            inner = conjunction_of(node.node)
            return Conjunction(inner.parts, not inner.inverted) if inner else None
        case All(nodes=nodes) | AnyOf(nodes=nodes):
            inverted = isinstance(node, AnyOf)
            parts: dict[str, list[Node]] = {}
            for each in nodes:
                form = conjunction_of(each)
                if form is None or (len(form.parts) > 1 and form.inverted != inverted):
                    return None
                for key, part in form.parts.items():
                    flat = len(form.parts) == 1 and form.inverted != inverted
                    parts.setdefault(key, []).append(Not(part) if flat else part)
            return Conjunction({key: _all_of(nodes) for key, nodes in parts.items()}, inverted)
        case Condition():
            raise AssertionError("a condition reads one attribute")


def without_constants(node: Node) -> Node | bool:
    """The filter without empty groups, which match no customer; a truth value where nothing else is left."""
    match node:
        case Condition():
            return node
        case Not():
            inner = without_constants(node.node)
            return not inner if isinstance(inner, bool) else Not(inner)
        case All(nodes=nodes) | AnyOf(nodes=nodes):
            decisive = isinstance(node, AnyOf)
            rest: list[Node] = []
            for each in nodes:
                folded = without_constants(each)
                if isinstance(folded, bool):
                    if folded == decisive:
                        return decisive
                else:
                    rest.append(folded)
            if not rest:
                return bool(nodes) and not decisive
            return AnyOf(tuple(rest)) if decisive else All(tuple(rest))


def _all_of(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else All(tuple(nodes))
