"""Measures: what a filter asks of a customer's behaviour, the left side of a behavioural condition.

"How many orders of over 50 in the last 30 days" is a measure, whatever number it is compared with. Each customer has a
value of it at each instant; `domain.filters.behaviour.amounts` keeps that value up to date. Equal questions, however
they are written, are one measure, with one `key`, by which conditions read its value as that of an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, get_args

from domain.filters.behaviour.windows import Window
from domain.values import AttributeType, Value

Aggregate = Literal["count", "sum", "min", "max", "average", "distinct", "first_at", "last_at", "latest"]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)
# Those of a property, and of them those of a number.
OF_PROPERTY = frozenset({"sum", "min", "max", "average", "distinct", "latest"})
OF_NUMBER = frozenset({"sum", "min", "max", "average"})
# Those that are 0 where no fact counts; the others have no value then.
ZERO_WITHOUT_FACTS = frozenset({"count", "sum", "distinct"})
MARK = "#"


class Matches(Protocol):
    """A filter over the properties of a fact; a tree of `domain.filters.conditions`."""

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Returns whether these properties, as they compare, fit."""


class Fact(NamedTuple):
    """What a customer did, at `time` (microseconds since 1970) and at the position of its event.

    `properties` are in normal form; `compared` are the same as conditions compare them.
    """

    time: int
    position: int
    activity: str
    properties: Mapping[str, Value]
    compared: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Measure:
    """One question: an aggregate of the facts of an activity that fit `where`, in a window. `type` is its value's."""

    key: str
    activity: str
    aggregate: Aggregate
    type: AttributeType
    window: Window = field(compare=False)
    of: str | None = field(default=None, compare=False)
    where: Matches | None = field(default=None, compare=False)
    # Of which facts: those of equal ones, whatever their windows and aggregates, are the same.
    source: str = field(default="", compare=False, repr=False)
    # Its JSON form, as it was asked.
    definition: Any = field(default=None, compare=False, repr=False)

    @property
    def zero(self) -> int | None:
        """The value where no fact counts; `None` where there is no value then."""
        return 0 if self.aggregate in ZERO_WITHOUT_FACTS else None

    def takes(self, fact: Fact) -> bool:
        """Returns whether a fact enters while it is in the window."""
        if fact.activity != self.activity or (self.of is not None and self.of not in fact.properties):
            return False
        return self.where is None or self.where.holds(fact.compared)
