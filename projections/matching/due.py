"""Where customers may flip in a window of time: found by `model.time_flips`, and looked up by `model.time_steps`.

By the index of date values: at the beginning of days, and at instants of their own. By the index of facts: when a
period of the calendar moves, and where a window lets facts go, each at an instant of its own. Pure.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.filters.behaviour.windows import Times
from projections.matching.time_index import DailyCrossing

# The place of customers who flip at an instant that is looked up for each of them.
BY_INSTANT = -1


class FactsDue(NamedTuple):
    """The facts of an activity in a range of times, which a window of `length` lets go each at an instant of its own.

    `versions` ask for it. Without a length, what flips is looked up for each customer; without an activity, it is the
    facts of any that are dated ahead of their arrival.
    """

    activity: str | None
    times: Times
    length: int | None = None
    versions: frozenset[int] = frozenset()


class PeriodMoves(NamedTuple):
    """The facts of an activity that enter or leave a period when a day begins, and the versions that ask for it."""

    activity: str
    times: Times
    versions: frozenset[int]

    @property
    def facts(self) -> FactsDue:
        """The facts alone."""
        return FactsDue(self.activity, self.times)


@dataclass(slots=True)
class Due:
    """Where customers may flip; a place in `daily`, or after these in `moves`, says by which condition."""

    daily: list[DailyCrossing]
    instants: list[tuple[str, int, int]]
    facts: list[FactsDue] = field(default_factory=list)
    moves: list[PeriodMoves] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.daily or self.instants or self.facts or self.moves)

    @property
    def ranges(self) -> list[FactsDue]:
        """Every range of facts."""
        return [*self.facts, *(each.facts for each in self.moves)]

    def versions_at(self, place: int) -> frozenset[int]:
        """The versions that the condition at a place concerns; the places of `facts` come after the others."""
        crossings, moves = len(self.daily), len(self.moves)
        if place < crossings:
            return self.daily[place].versions
        return self.moves[place - crossings].versions if place < crossings + moves else self.facts_at(place).versions

    def is_fact(self, place: int) -> bool:
        """Returns whether a place is one of `facts`."""
        return place >= len(self.daily) + len(self.moves)

    def facts_at(self, place: int) -> FactsDue:
        """The facts at a place."""
        return self.facts[place - len(self.daily) - len(self.moves)]


class Page(NamedTuple):
    """Which facts to look up next: of a range of times those after a time and customer, where these are given."""

    facts: FactsDue
    start: tuple[int, int] | None


class DueByFacts:
    """The customers who have facts that are due, by number; found a page at a time, and kept while a window passes."""

    def __init__(self, due: Due) -> None:
        moves, facts = len(due.daily), len(due.daily) + len(due.moves)
        self._wanted = [(moves + nth, each.facts) for nth, each in enumerate(due.moves)]
        self._wanted += [
            (BY_INSTANT if each.length is None else facts + nth, each) for nth, each in enumerate(due.facts)
        ]
        self._start: tuple[int, int] | None = None
        self._found: dict[int, array[int]] = {}

    @property
    def next_page(self) -> Page | None:
        """The facts to look up next; `None` where all are found."""
        return Page(self._wanted[0][1], self._start) if self._wanted else None

    def take(self, rows: Sequence[tuple[int, int]], *, is_last: bool) -> None:
        """Take in a page, the customers and times of facts; the last one of its range or not."""
        self._found.setdefault(self._wanted[0][0], array("q")).extend(number for number, _ in rows)
        self._start = None if is_last else (rows[-1][1], rows[-1][0])
        if is_last:
            del self._wanted[0]
        if not self._wanted:
            self._found = {each: array("q", sorted(set(numbers))) for each, numbers in self._found.items()}

    def among(self, after: int, last: int) -> list[tuple[int, int]]:
        """Those after number `after` and up to `last`, with their places."""
        return [
            (place, number)
            for place, numbers in self._found.items()
            for number in numbers[bisect_right(numbers, after) : bisect_right(numbers, last)]
        ]

    def count(self, after: int, last: int) -> int:
        """Returns how many there are after number `after` and up to `last`."""
        return sum(bisect_right(each, last) - bisect_right(each, after) for each in self._found.values())

    def first(self, after: int) -> int | None:
        """The first one after number `after`."""
        places = ((numbers, bisect_right(numbers, after)) for numbers in self._found.values())
        return min((numbers[place] for numbers, place in places if place < len(numbers)), default=None)
