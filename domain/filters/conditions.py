"""The tree of a filter: conditions, and the groups that join them. Its evaluation is total.

`domain.filters.parsing` makes it; `holds` is the Python evaluator; `domain.filters.wording` puts a filter into words.
Rules: SEMANTICS, "Filters".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.filters.behaviour.measures import Measure
from domain.filters.regions import Moving, Region, Rolling, region_at
from domain.instants import Moment
from domain.values import AttributeType, Value


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute in (or, negated, not in) a region. A missing value is in no region.

    A condition on behaviour has a `measure`, whose key stands in the place of the attribute's.
    """

    attribute: str
    type: AttributeType
    region: Region | Moving
    negated: bool = False
    measure: Measure | None = None

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether the condition is true of a customer's matchable values; moving regions need the moment."""
        value: Any = values.get(self.attribute)
        if value is None and self.measure is not None:
            value = self.measure.zero
        if value is None:
            return self.negated
        if isinstance(self.region, Rolling):
            assert moment is not None, "a moving region needs a moment"
            return self.region.holds(value, moment.micros) != self.negated
        return region_at(self.region, moment).holds(value) != self.negated


@dataclass(frozen=True, slots=True)
class All:
    """True when every node is true; without nodes it matches no customer."""

    nodes: tuple[Node, ...]

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether all nodes hold and there is one."""
        return bool(self.nodes) and all(node.holds(values, moment) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one node is true."""

    nodes: tuple[Node, ...]

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether one of the nodes holds."""
        return any(node.holds(values, moment) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Not:
    """True when the node is false."""

    node: Node

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether the node does not hold."""
        return not self.node.holds(values, moment)


Node = Condition | All | AnyOf | Not


def conditions_of(node: Node) -> Iterator[Condition]:
    """Every condition of a filter."""
    match node:
        case Condition():
            yield node
        case Not():
            yield from conditions_of(node.node)
        case All() | AnyOf():
            for each in node.nodes:
                yield from conditions_of(each)


def measures_of(node: Node) -> dict[str, Measure]:
    """What a filter asks of behaviour, by key."""
    found = (condition.measure for condition in conditions_of(node))
    return {measure.key: measure for measure in found if measure is not None}


def attributes_read(node: Node) -> frozenset[str]:
    """The attributes (of a datetime, the facets) whose values can change the filter's answer."""
    return frozenset(condition.attribute for condition in conditions_of(node))
