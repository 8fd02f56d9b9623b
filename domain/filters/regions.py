"""Regions: the sets of values for which a condition is true.

Every operator turns its operand into one of four shapes, and each evaluator knows the shapes, not
the operators: the Python predicate (`holds`), the flip index (where does truth change along the
values?) and SQL (projections.model.filter_sql). A region never holds a missing value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from domain.calendar import Period, add_days, period, returns
from domain.instants import Moment, micros_text
from domain.values import Value

MatchKind = Literal["contains", "starts_with", "ends_with", "includes_any", "includes_all", "month", "returns_in"]
DailyKind = Literal["last_days", "next_days", "days_ago", "days_ahead", "period", "return_in", "return_days"]


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
        """Returns whether `value` is one of them."""
        return value in self.values


@dataclass(frozen=True, slots=True)
class Span:
    """The values from `low` to `high` of an ordered type; `None` leaves that side open."""

    low: Any = None
    high: Any = None
    low_included: bool = True
    high_included: bool = True

    def holds(self, value: Any) -> bool:
        """Returns whether `value` lies in it."""
        if self.low is not None and (value < self.low or (value == self.low and not self.low_included)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.high_included)


@dataclass(frozen=True, slots=True)
class Matching:
    """The values that pass a test which neither equality nor order can express."""

    kind: MatchKind
    operand: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        """Returns whether `value` (folded text, or a folded list) passes."""
        return _TESTS[self.kind](self.operand, value)


Region = Anything | Points | Span | Matching


@dataclass(frozen=True, slots=True)
class Daily:
    """A region of dates that moves when a day begins."""

    kind: DailyKind
    days: int = 0
    later_days: int = 0
    period: Period | None = None

    def on(self, today: date) -> Region:
        """The region while the account's calendar shows `today`."""
        return _region_on(self, today)


@dataclass(frozen=True, slots=True)
class Rolling:
    """The instants of a certain age, `since <= now - t < until` in microseconds; `None` leaves that side open.

    The truth about an instant `t` changes exactly at `t + since` and `t + until`.
    """

    since: int | None
    until: int | None

    def holds(self, instant: int, now: int) -> bool:
        """Returns whether an instant has that age at `now`, both in microseconds since 1970."""
        age = now - instant
        return (self.since is None or age >= self.since) and (self.until is None or age < self.until)

    def at(self, now: int) -> Region:
        """The region of instants, as the texts that datetime values are, at `now`."""
        low = None if self.until is None else micros_text(now - self.until)
        high = None if self.since is None else micros_text(now - self.since)
        return Span(low=low, high=high, low_included=False)


Moving = Daily | Rolling


def region_at(region: Region | Moving, moment: Moment | None) -> Region:
    """The region at a moment; one that does not move is itself and needs none."""
    if not isinstance(region, Daily | Rolling):
        return region
    assert moment is not None, "a moving region needs a moment"
    return region.on(moment.today) if isinstance(region, Daily) else region.at(moment.micros)


@lru_cache(maxsize=4_096)
def _region_on(daily: Daily, today: date) -> Region:
    match daily.kind:
        case "last_days":
            return _days(add_days(today, -daily.days), today)
        case "next_days":
            return _days(today, add_days(today, daily.days))
        case "days_ago":
            return Span(high=add_days(today, -daily.days).isoformat(), high_included=False)
        case "days_ahead":
            return Span(low=add_days(today, daily.days).isoformat(), low_included=False)
        case "return_days":
            return Matching("returns_in", returns(add_days(today, -daily.days), add_days(today, daily.later_days)))
        case "period" | "return_in":
            assert daily.period is not None
            first, last = period(daily.period, today)
            return _days(first, last) if daily.kind == "period" else Matching("returns_in", returns(first, last))


def _days(first: date, last: date) -> Region:
    return Span(low=first.isoformat(), high=last.isoformat())


def _returns_in(windows: tuple[str, ...], value: str) -> bool:
    """`windows` holds year, first and last month-day, three texts each (domain.calendar.returns)."""
    year, day = value[:4], value[5:]
    return any(
        year <= windows[place] and windows[place + 1] <= day <= windows[place + 2]
        for place in range(0, len(windows), 3)
    )


_TESTS: dict[MatchKind, Callable[[tuple[str, ...], Any], bool]] = {
    "contains": lambda operand, value: operand[0] in value,
    "starts_with": lambda operand, value: value.startswith(operand[0]),
    "ends_with": lambda operand, value: value.endswith(operand[0]),
    "includes_any": lambda operand, value: not set(operand).isdisjoint(value),
    "includes_all": lambda operand, value: set(operand).issubset(value),
    "month": lambda operand, value: value[5:7] in operand,
    "returns_in": _returns_in,
}
