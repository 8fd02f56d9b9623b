"""What one customer did, arranged so that a measure is read off at any instant. Pure.

Used by the projection worker for customers with few facts, for which no amounts are stored. A `Series` has the facts
that enter measures of one source (activity, property and `where`) in the order of time, whatever their windows: two
searches find the facts that count, and sums are differences of exact running sums. Agrees with `amounts.amount_at`.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from domain.filters.behaviour.amounts import EXACT, plain, quotient
from domain.filters.behaviour.measures import Fact, Measure
from domain.filters.behaviour.windows import Counted
from domain.instants import from_micros
from domain.values import Value, instant_text, matchable

# A value before and after something.
Change = tuple[Value | None, Value | None]


class Series:
    """The facts of one source, by time and position."""

    __slots__ = ("_of", "_placed", "_sums", "times")

    def __init__(self, of: str | None) -> None:
        self._of = of
        # Time, position and value of each; the times alone are searched.
        self._placed: list[tuple[int, int, Any]] = []
        self.times: list[int] = []
        # The sums of the first so many values, as far as they were asked for.
        self._sums: list[int | Decimal] = [0]

    def add(self, fact: Fact) -> None:
        """Take in a fact."""
        placed = (fact.time, fact.position, None if self._of is None else fact.properties[self._of])
        if not self.times or placed[:2] > self._placed[-1][:2]:
            self._placed.append(placed)
            self.times.append(fact.time)
            return
        insort(self._placed, placed, key=lambda each: each[:2])
        insort(self.times, fact.time)
        del self._sums[bisect_right(self.times, fact.time - 1) + 1 :]

    def value(self, measure: Measure, counted: Counted) -> Value | None:
        """The value of a measure of this source from the facts that count; `None` where none do."""
        first, end = bisect_right(self.times, counted.after), bisect_right(self.times, counted.until)
        if end <= first:
            return None
        match measure.aggregate:
            case "count":
                return end - first
            case "sum":
                return self._sum(first, end)
            case "average":
                return quotient(self._sum(first, end), end - first)
            case "min" | "max":
                values: list[Any] = [given for _, _, given in self._placed[first:end]]
                extreme: Value = min(values) if measure.aggregate == "min" else max(values)
                return extreme
            case "distinct":
                return len({matchable(given) for _, _, given in self._placed[first:end]})
            case "first_at":
                return instant_text(from_micros(self.times[first]))
            case "last_at":
                return instant_text(from_micros(self.times[end - 1]))
            case "latest":
                latest: Value = self._placed[end - 1][2]
                return latest

    def with_latest(self, measure: Measure, counted: Counted, given: Value | None) -> Change | None:
        """The value before and after one more fact that counts, with no later one there; quick of most measures.

        `None` where that has to be computed in full.
        """
        times = self.times
        end = len(times)
        first = bisect_right(times, counted.after)
        if measure.aggregate == "count":
            return (end - first or None), end - first + 1
        if measure.aggregate != "sum" or type(given) is not int:
            return None
        before = self._sum(first, end) if end > first else 0
        if type(before) is not int:
            return None
        return (before if end > first else None), before + given

    def _sum(self, first: int, end: int) -> int | Decimal:
        sums = self._sums
        for place in range(len(sums), end + 1):
            total, given = sums[-1], self._placed[place - 1][2]
            whole = type(total) is int and type(given) is int
            sums.append(total + given if whole else EXACT.add(Decimal(total), Decimal(given)))
        total, before = sums[end], sums[first]
        if type(total) is int and type(before) is int:
            return total - before
        return plain(EXACT.subtract(Decimal(total), Decimal(before)))


class History:
    """The facts of a customer, and the series that were asked for."""

    __slots__ = ("_series", "facts")

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts = list(facts)
        self._series: dict[str, tuple[Measure, Series]] = {}

    def series(self, measure: Measure) -> Series:
        """The facts that enter a measure."""
        found = self._series.get(measure.source)
        if found is None:
            series = Series(measure.of)
            for fact in self.facts:
                if measure.takes(fact):
                    series.add(fact)
            self._series[measure.source] = found = (measure, series)
        return found[1]

    def add(self, fact: Fact) -> None:
        """Take in a fact."""
        self.facts.append(fact)
        for measure, series in self._series.values():
            if measure.takes(fact):
                series.add(fact)
