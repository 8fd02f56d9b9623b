"""The time index: what time alone flips. The moving conditions of an account's segment versions, by facet.

Held by the projection worker beside the flip index. A moving condition is a threshold that travels along an
attribute's values, so there is no timer per customer: the customers that a threshold passes are found in the index of
values, under the days that flip when a day begins (`daily`) and in ranges of instants (`instants`); the exact instants
at which one customer flips follow from their own values (`due`). Costs grow with what is due, not with customers or
conditions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import NamedTuple

from domain.calendar import add_days
from domain.filters.conditions import Condition, Node, conditions_of
from domain.filters.regions import Daily, Matching, Rolling, Span
from domain.instants import Days
from domain.values import Value
from projections.matching.value_classes import ValueClasses, ids_of

_REMEMBERED = 16


class DailyCrossing(NamedTuple):
    """The days for whose values a condition flips when a day begins, and the versions that have the condition."""

    key: str
    days: list[str]
    versions: frozenset[int]


# The years in which an account's customers have days of a facet, four digits each.
Years = Callable[[str], Iterable[str]]


class TimeIndex:
    """The moving conditions of all versions that are evaluated."""

    def __init__(self) -> None:
        self._versions: dict[Condition, set[int]] = {}
        self._daily: dict[str, list[Condition]] = {}
        self._edges: dict[str, list[tuple[int, frozenset[int]]]] = {}
        self._ages: dict[str, list[int]] = {}
        self._flipped: dict[tuple[str, date], ValueClasses] = {}

    def __bool__(self) -> bool:
        return bool(self._versions)

    @property
    def has_daily(self) -> bool:
        """Returns whether something can flip when a day begins."""
        return bool(self._daily)

    @property
    def edges(self) -> list[tuple[str, int]]:
        """Each facet that ages, with each age at which something flips."""
        return [(key, age) for key, ages in self._ages.items() for age in ages]

    def add(self, version: int, node: Node) -> None:
        """Start to evaluate the moving conditions of a version."""
        self.add_all([(version, node)])

    def add_all(self, nodes: Iterable[tuple[int, Node]]) -> None:
        """Start to evaluate the moving conditions of many versions."""
        for version, node in nodes:
            for condition in set(conditions_of(node)):
                if isinstance(condition.region, Daily | Rolling):
                    self._versions.setdefault(condition, set()).add(version)
        self._arrange()

    def remove(self, version: int) -> None:
        """Stop evaluating a version."""
        for condition, versions in list(self._versions.items()):
            versions.discard(version)
            if not versions:
                del self._versions[condition]
        self._arrange()

    def _arrange(self) -> None:
        self._daily, self._flipped = {}, {}
        edges: dict[str, dict[int, set[int]]] = {}
        for condition, versions in self._versions.items():
            match condition.region:
                case Daily():
                    self._daily.setdefault(condition.attribute, []).append(condition)
                case Rolling(since=since, until=until):
                    for age in (since, until):
                        if age is not None:
                            edges.setdefault(condition.attribute, {}).setdefault(age, set()).update(versions)
        self._edges = {
            key: [(age, frozenset(versions)) for age, versions in sorted(ages.items())] for key, ages in edges.items()
        }
        self._ages = {key: [age for age, _ in pairs] for key, pairs in self._edges.items()}

    def next_edge(self, key: str, instant: int, after: int) -> int | None:
        """The next instant after `after` at which the value `instant` of a facet that ages flips something."""
        ages = self._ages.get(key)
        if not ages:
            return None
        place = bisect_right(ages, after - instant)
        return instant + ages[place] if place < len(ages) else None

    def due(self, values: Mapping[str, Value], after: int, until: int, days: Days) -> list[tuple[int, set[int]]]:
        """The instants, after `after` and up to `until`, at which conditions flip, in order, with their versions."""
        found: dict[int, set[int]] = {}
        for key, ages in self._ages.items():
            instant = values.get(key)
            if isinstance(instant, int):
                for place in range(bisect_right(ages, after - instant), bisect_right(ages, until - instant)):
                    age, versions = self._edges[key][place]
                    found.setdefault(instant + age, set()).update(versions)
        if self._daily and days.day_of(after) != days.day_of(until):
            for day in days.begun(after, until):
                for key, conditions in self._daily.items():
                    value = values.get(key)
                    flipped = self._classes(key, add_days(day, -1)).at(value) ^ self._classes(key, day).at(value)
                    for bit in ids_of(flipped):
                        found.setdefault(days.starts(day), set()).update(self._versions[conditions[bit]])
        return sorted(found.items())

    def _classes(self, key: str, day: date) -> ValueClasses:
        classes = self._flipped.get((key, day))
        if classes is None:
            if len(self._flipped) > _REMEMBERED * len(self._daily):
                self._flipped.clear()
            conditions = self._daily[key]
            classes = self._flipped[key, day] = ValueClasses(key, list(enumerate(conditions)), len(conditions), day)
        return classes

    def instants(self, after: int, until: int) -> list[tuple[str, int, int]]:
        """Where to find every customer who ages past a threshold after `after` and up to `until`.

        Each is a facet and the range of its instants, the first of which is not part of it.
        """
        return [(key, after - age, until - age) for key, ages in self._ages.items() for age in ages]

    def daily(self, day: date, years: Years) -> list[DailyCrossing]:
        """Where to find every customer that a condition flips for when `day` begins."""
        found = []
        for key, conditions in self._daily.items():
            for condition in conditions:
                assert isinstance(condition.region, Daily)
                days = _flipping_days(condition.region, day, partial(years, key))
                if days:
                    found.append(DailyCrossing(key, days, frozenset(self._versions[condition])))
        return found


def _flipping_days(region: Daily, day: date, years: Callable[[], Iterable[str]]) -> list[str]:
    """The days that are in the region only before, or only after `day` begins."""
    before, now = region.on(add_days(day, -1)), region.on(day)
    if before == now:
        return []
    passed: Iterable[str] = ()
    if isinstance(before, Span) and isinstance(now, Span):
        passed = {
            each
            for one, other in ((before.low, now.low), (before.high, now.high))
            if one is not None
            for each in _days_between(min(one, other), max(one, other))
        }
    elif isinstance(before, Matching) and isinstance(now, Matching):
        month_days = {each[5:] for each in _month_days(before) ^ _month_days(now)}
        passed = [f"{year}-{each}" for year in years() for each in month_days]
    return sorted(each for each in passed if before.holds(each) != now.holds(each))


def _days_between(first: str, last: str) -> Iterator[str]:
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day < end:
        yield day.isoformat()
        day = add_days(day, 1)
    yield last


def _month_days(region: Matching) -> set[str]:
    """Every month-day in a region's windows, with its year, so that the same month-day a year later is another."""
    windows = region.operand
    return {
        f"{windows[place]}:{each[5:]}"
        for place in range(0, len(windows), 3)
        for each in _days_between(f"2000-{windows[place + 1]}", f"2000-{windows[place + 2]}")
    }
