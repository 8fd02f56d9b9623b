"""When a condition on behaviour turns by itself, if the customer does nothing more: for explanations. Pure.

"Is in it with 3 orders in the last 30 days, until 12 June 14:03:10, when that of 13 May falls out."
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Protocol

from domain.filters.behaviour.amounts import Amount, amount_at, changes
from domain.filters.behaviour.measures import Fact, Measure
from domain.filters.behaviour.windows import FOREVER, InPeriod
from domain.filters.facets import facets_of
from domain.filters.regions import Daily, Moving, Region, Rolling
from domain.instants import Days, Moment
from domain.values import Value

# So many changes of a value, and beginnings of days, are looked ahead; and so many facts at most are looked at again.
CHANGES, DAYS, FACTS = 500, 400, 2_000


class Holds(Protocol):
    """A tree of `domain.filters.conditions` on one measure."""

    def holds(self, values: Mapping[str, Value], moment: Moment | None = None) -> bool:
        """Returns whether it is true of these values at a moment."""


def lets_go(measure: Measure) -> bool:
    """Returns whether time takes facts out of the window, or moves it, so that the value changes by itself."""
    return measure.window.longest < FOREVER or isinstance(measure.window, InPeriod)


def turns_at(
    node: Holds,
    regions: Iterable[Region | Moving],
    measure: Measure,
    facts: Sequence[Fact],
    seen: Mapping[str, Value],
    moment: Moment,
) -> int | None:
    """The next instant at which the truth of `node` changes by itself; `None` where none is found.

    `facts` are those in the window where it `lets_go` of them; else `seen` are the values, which stay.
    """
    days = moment.days
    assert days is not None, "windows end when the account's days begin"
    moving = [each for each in regions if isinstance(each, Daily | Rolling)]
    was = node.holds(seen, moment)
    start = moment.micros
    for end, following in _stretches(measure, facts, start, days):
        for instant in _moves(measure, moving, seen, start, end, days):
            if node.holds(seen, days.moment(instant)) != was:
                return instant
        if following is None:
            return None
        start, seen = end, _seen(measure, following, days)
        if node.holds(seen, days.moment(start)) != was:
            return start
    return None


def _stretches(measure: Measure, facts: Sequence[Fact], now: int, days: Days) -> Iterator[tuple[int, Amount | None]]:
    """Until when the value stays, with the amount that follows; in the end for good. Cut short where it is too long."""
    if lets_go(measure):
        if len(facts) > FACTS:
            return
        found = changes(measure, amount_at(measure, facts, now, days), facts, FOREVER, days)
        for count, (end, following) in enumerate(islice(found, CHANGES), start=1):
            yield end, following
            if count == CHANGES:
                return
    yield FOREVER, None


def _seen(measure: Measure, amount: Amount, days: Days) -> dict[str, Value]:
    facets = facets_of(measure.key, measure.type, amount.value if amount.counted else None, days)
    return {facet: each for facet, each in facets.items() if each is not None}


def _moves(
    measure: Measure, moving: Sequence[Moving], seen: Mapping[str, Value], start: int, end: int, days: Days
) -> list[int]:
    """The instants after one and before another at which regions may let go of a value, or take it in, in order."""
    found: set[int] = set()
    age = seen.get(f"{measure.key}@age")
    for region in moving:
        if isinstance(region, Rolling) and isinstance(age, int):
            found.update(age + each for each in (region.since, region.until) if each is not None)
        elif isinstance(region, Daily):
            found.update(_midnights(start, end, days))
    return sorted(each for each in found if start < each < end)


def _midnights(start: int, end: int, days: Days) -> Iterator[int]:
    day = days.day_of(start).toordinal()
    for ordinal in range(day + 1, day + 1 + DAYS):
        instant = days.starts(date.fromordinal(ordinal))
        if instant >= end:
            return
        yield instant
