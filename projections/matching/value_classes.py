"""The classes into which conditions cut the values of one attribute, each with its bitset.

Used by the flip index. For an ordered type (number, date, datetime) the classes are the thresholds and
the gaps between them; for the others the values that conditions name, and all other values. Conditions
that match parts of a value (contains, list membership) are evaluated once for each distinct value.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Context
from typing import Any

from domain.filters.conditions import All, AnyOf, Condition, Node, Not, conditions_of
from domain.filters.regions import Anything, Daily, Matching, Points, Rolling, Span
from domain.values import Value

ORDERED = ("number", "date", "datetime")
_MEMO = 10_000
_ELSEWHERE: Any = object()


class ValueClasses:
    """`at(value)`: the bitset, `width` bits wide, of the nodes that hold at a value of attribute `key`.

    A bit without a node here is always set. `None` is a missing value. Regions that move when a day begins are as
    on the day `today`; the values of a facet that ages are ages.
    """

    def __init__(self, key: str, nodes: Sequence[tuple[int, Node]], width: int, today: date) -> None:
        self._key = key
        masks: dict[Node, int] = {}
        for bit, moving in nodes:
            node = resolved(moving, today)
            masks[node] = masks.get(node, 0) | 1 << bit
        self._free = (1 << width) - 1
        for mask in masks.values():
            self._free &= ~mask
        self._missing = self._free | sum(mask for node, mask in masks.items() if node.holds({}))
        self._matching = [(node, mask) for node, mask in masks.items() if _matches_parts(node)]
        placed = [(node, mask) for node, mask in masks.items() if not _matches_parts(node)]
        self._memo: dict[Value, int] = {}
        ordered = any(each.type in ORDERED for node in masks for each in conditions_of(node))
        lookup = self._ranges(placed) if ordered else self._named(placed)
        self._lookup = lookup
        self.at = self._at_matching if self._matching else lookup

    def _named(self, nodes: Sequence[tuple[Node, int]]) -> Callable[[Value | None], int]:
        """Classes of an unordered attribute: each named value, and all others (`elsewhere`)."""
        base = self._free
        toggles: dict[Value, int] = {}
        for node, mask in nodes:
            elsewhere = node.holds({self._key: _ELSEWHERE})
            if elsewhere:
                base |= mask
            for value in set(_named_values(node)):
                if node.holds({self._key: value}) != elsewhere:
                    toggles[value] = toggles.get(value, 0) ^ mask
        bits: dict[Value | None, int] = {value: base ^ mask for value, mask in toggles.items()}
        bits[None] = self._missing
        get = bits.get
        return lambda value: get(value, base)

    def _ranges(self, nodes: Sequence[tuple[Node, int]]) -> Callable[[Value | None], int]:
        """Classes of an ordered attribute, swept from the lowest: gap, threshold, gap, …, gap."""
        keys: list[Any] = sorted({value for node, _ in nodes for value in _named_values(node)})
        place = {value: index for index, value in enumerate(keys)}
        base = self._free
        toggles: dict[int, int] = {}
        for node, mask in nodes:
            holds = node.holds({self._key: _below(keys[0])}) if keys else node.holds({self._key: _ELSEWHERE})
            if holds:
                base |= mask
            own = sorted(set(_named_values(node)), key=lambda value: place[value])
            for here, following in zip(own, [*own, None][1:], strict=True):
                gap = _above(here) if following is None else _middle(here, following)
                for class_no, value in ((2 * place[here] + 1, here), (2 * place[here] + 2, gap)):
                    if node.holds({self._key: value}) != holds:
                        holds = not holds
                        toggles[class_no] = toggles.get(class_no, 0) ^ mask
        rows = []
        for class_no in range(2 * len(keys) + 1):
            base ^= toggles.get(class_no, 0)
            rows.append(base)
        missing, count = self._missing, len(keys)

        def at(value: Any) -> int:
            if value is None:
                return missing
            index = bisect_left(keys, value)
            if index < count and keys[index] == value:
                return rows[2 * index + 1]
            return rows[2 * index]

        return at

    def _at_matching(self, value: Value | None) -> int:
        if value is None:
            return self._missing
        bits = self._memo.get(value)
        if bits is None:
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            bits = 0
            for node, mask in self._matching:
                if node.holds({self._key: value}):
                    bits |= mask
            self._memo[value] = bits
        return self._lookup(value) | bits


def ids_of(bits: int) -> list[int]:
    """The positions of the bits that are set, lowest first."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def resolved(node: Node, today: date) -> Node:
    """The node with daily regions as they are on a day, and rolling regions as spans of ages."""
    match node:
        case Condition(region=Daily() as region):
            return replace(node, region=region.on(today))
        case Condition(region=Rolling(since=since, until=until)):
            return replace(node, region=Span(low=since, high=until, high_included=False))
        case Condition():
            return node
        case Not():
            return Not(resolved(node.node, today))
        case All():
            return All(tuple(resolved(each, today) for each in node.nodes))
        case AnyOf():
            return AnyOf(tuple(resolved(each, today) for each in node.nodes))


def _matches_parts(node: Node) -> bool:
    return any(isinstance(each.region, Matching) for each in conditions_of(node))


def _named_values(node: Node) -> Iterable[Any]:
    for condition in conditions_of(node):
        match condition.region:
            case Points(values=values):
                yield from values
            case Span(low=low, high=high):
                yield from (end for end in (low, high) if end is not None)
            case Anything() | Matching():
                pass


# Values beside thresholds; an attribute need not be able to hold them. The precision is enough for any two numbers:
# rounded to Decimal's usual 28 digits, the value "below" a longer threshold would lie above it.
_EXACT = Context(prec=120)


def _below(value: Any) -> Any:
    return "" if isinstance(value, str) else _EXACT.subtract(value, 1)


def _above(value: Any) -> Any:
    return value + "\x00" if isinstance(value, str) else _EXACT.add(value, 1)


def _middle(low: Any, high: Any) -> Any:
    return low + "\x00" if isinstance(low, str) else _EXACT.divide(_EXACT.add(low, high), 2)
