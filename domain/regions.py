"""Regions: the sets of values for which a condition is true.

Every operator turns its operand into one of four shapes, and each evaluator knows the shapes, not
the operators: the Python predicate (`holds`), the flip index (where does truth change along the
values?) and SQL (projections.filter_sql). A region never holds a missing value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from domain.values import Value

MatchKind = Literal["contains", "starts_with", "ends_with", "includes_any", "includes_all"]


@dataclass(frozen=True, slots=True)
class Anything:
    """Every value that is set."""

    def holds(self, value: Value) -> bool:
        """Always true: the value is set."""
        return True


@dataclass(frozen=True, slots=True)
class Points:
    """One of these values, in the form in which they are compared."""

    values: frozenset[Value]

    def holds(self, value: Value) -> bool:
        """Whether `value` is one of them."""
        return value in self.values


@dataclass(frozen=True, slots=True)
class Span:
    """The values from `low` to `high` of an ordered type; `None` leaves that side open."""

    low: Any = None
    high: Any = None
    low_included: bool = True
    high_included: bool = True

    def holds(self, value: Any) -> bool:
        """Whether `value` lies in it."""
        if self.low is not None and (value < self.low or (value == self.low and not self.low_included)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.high_included)


@dataclass(frozen=True, slots=True)
class Matching:
    """The values that pass a test which neither equality nor order can express."""

    kind: MatchKind
    operand: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        """Whether `value` (folded text, or a folded list) passes."""
        return _TESTS[self.kind](self.operand, value)


Region = Anything | Points | Span | Matching

_TESTS: dict[MatchKind, Callable[[tuple[str, ...], Any], bool]] = {
    "contains": lambda operand, value: operand[0] in value,
    "starts_with": lambda operand, value: value.startswith(operand[0]),
    "ends_with": lambda operand, value: value.endswith(operand[0]),
    "includes_any": lambda operand, value: not set(operand).isdisjoint(value),
    "includes_all": lambda operand, value: set(operand).issubset(value),
}
