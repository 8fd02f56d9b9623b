"""The time index: what time alone flips. The moving conditions of an account's segment versions, by facet.

Held by the projection worker beside the flip index. A moving condition is a threshold that travels along an
attribute's values, so there is no timer per customer: the customers that a threshold passes between two instants
are a range of the index of values (`crossings`), and the exact instants at which one customer flips follow from
their own values (`due`). Costs grow with what is due, not with customers or conditions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from domain.calendar import add_days
from domain.filters.conditions import Condition, Node, conditions_of
from domain.filters.regions import Daily, Matching, Rolling, Span
from domain.instants import Days
from domain.values import Value
from projections.matching.value_classes import ValueClasses, ids_of

_REMEMBERED = 16


@dataclass(slots=True)
class Crossings:
    """Where to find the customers that a threshold passes: ranges of days, month-days, and ranges of instants."""

    days: list[tuple[str, str, str]] = field(default_factory=list)
    month_days: list[tuple[str, str]] = field(default_factory=list)
    instants: list[tuple[str, int, int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.days or self.month_days or self.instants)


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

    def crossings(self, after: int, until: int, days: Days) -> Crossings:
        """Where to find every customer that a threshold passes after `after` and up to `until`."""
        found = Crossings()
        for key, ages in self._ages.items():
            found.instants += [(key, after - age, until - age) for age in ages]
        for day in days.begun(after, until) if self._daily else []:
            for key, conditions in self._daily.items():
                for condition in conditions:
                    assert isinstance(condition.region, Daily)
                    _add_day(found, key, condition.region, day)
        found.days = sorted(set(found.days))
        found.month_days = sorted(set(found.month_days))
        return found


def _add_day(found: Crossings, key: str, region: Daily, day: date) -> None:
    before, now = region.on(add_days(day, -1)), region.on(day)
    if isinstance(before, Span) and isinstance(now, Span):
        for one, other in ((before.low, now.low), (before.high, now.high)):
            if one is not None and one != other:
                found.days.append((key, min(one, other), max(one, other)))
    elif isinstance(before, Matching) and isinstance(now, Matching) and before != now:
        found.month_days += [(key, each[5:]) for each in _month_days(before) ^ _month_days(now)]


def _month_days(region: Matching) -> set[str]:
    """Every month-day in a region's windows, with its year, so that the same month-day a year later is another."""
    windows = region.operand
    return {
        f"{windows[place]}:{each}"
        for place in range(0, len(windows), 3)
        for each in _between(windows[place + 1], windows[place + 2])
    }


def _between(first: str, last: str) -> Iterable[str]:
    day, end = date.fromisoformat(f"2000-{first}"), date.fromisoformat(f"2000-{last}")
    while day <= end:
        yield day.isoformat()[5:]
        day = add_days(day, 1)
