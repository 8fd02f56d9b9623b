"""What the filter versions of an account ask of behaviour, arranged for one customer at a time. Pure.

Held by the projection worker beside the flip index, and arranged anew after a version or a measure comes or goes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from domain.filters.behaviour.measures import Fact, Measure
from domain.filters.behaviour.windows import FOREVER, Counted, InPeriod
from domain.filters.conditions import Condition, Node, conditions_of, measures_of
from domain.instants import Days


class Questions:
    """All measures of an account.

    `together` are those whose values have to be known of every customer at hand: a filter asks something else too, or
    is being filled, or they are dates. The others are computed where a fact or time concerns them.
    """

    def __init__(self, measures: Mapping[str, Measure], nodes: Iterable[Node], filling: Sequence[Node]) -> None:
        self.measures = measures
        self.of_activity: dict[str, list[Measure]] = {}
        lengths: dict[str, set[int]] = {}
        self._periods: list[Measure] = []
        nodes = list(nodes)
        asked = {key for node in (*nodes, *filling) for key in measures_of(node)}
        for measure in measures.values():
            if measure.key not in asked and measure.type not in ("date", "datetime"):
                continue  # a version that waits asks for it
            self.of_activity.setdefault(measure.activity, []).append(measure)
            if measure.window.longest < FOREVER:
                lengths.setdefault(measure.activity, set()).add(measure.window.longest)
            if isinstance(measure.window, InPeriod):
                self._periods.append(measure)
        self._lengths = {activity: sorted(each) for activity, each in lengths.items()}
        wanted = {key for key, each in measures.items() if each.type in ("date", "datetime")}
        for node in nodes:
            if not isinstance(node, Condition):
                conditions = list(conditions_of(node))
                if len(conditions) > 1:
                    wanted.update(each.measure.key for each in conditions if each.measure is not None)
        wanted.update(key for node in filling for key in measures_of(node))
        self.together = [measures[key] for key in measures if key in wanted]
        self._day: date | None = None
        self._moves: dict[str, set[tuple[int, int]]] = {}
        self._at: int | None = None
        self._counted: dict[str, Counted] = {}
        self._counted_of: dict[str, list[tuple[Measure, Counted]]] = {}

    def counted(self, measure: Measure, at: int, days: Days) -> Counted:
        """The facts that count at an instant; those of one instant are asked for again and again."""
        if at != self._at:
            self._at, self._counted, self._counted_of = at, {}, {}
        found = self._counted.get(measure.key)
        if found is None:
            found = self._counted[measure.key] = measure.window.counted(at, days)
        return found

    def counted_of(self, activity: str, at: int, days: Days) -> list[tuple[Measure, Counted]]:
        """The measures of an activity, each with the facts that count at an instant."""
        if at != self._at or activity not in self._counted_of:
            measures = self.of_activity.get(activity, ())
            found = [(each, self.counted(each, at, days)) for each in measures]
            self._counted_of[activity] = found
        return self._counted_of[activity]

    def since(self, at: int, days: Days) -> int:
        """The instant after which facts matter from an instant on, to any measure."""
        return min((each.window.counted(at, days).after for each in self.measures.values()), default=at)

    def next_change_with(self, known: int | None, fact: Fact, at: int, days: Days) -> int | None:
        """The next instant at which facts may change any measure, from that without one more."""
        with_fact = self.next_change((fact,), at, days)
        return with_fact if known is None or (with_fact is not None and with_fact < known) else known

    def next_change(self, facts: Iterable[Fact], after: int, days: Days) -> int | None:
        """The next instant at which facts may change any measure by themselves."""
        found = FOREVER
        for fact in facts:
            time = fact.time
            if time > after:
                found = min(found, time)
                continue
            lengths = self._lengths.get(fact.activity)
            if lengths:
                place = bisect_right(lengths, after - time)
                if place < len(lengths):
                    found = min(found, time + lengths[place])
        if self._periods:
            moves = self._when_periods_move(after, days)
            for fact in facts:
                for since, changes in moves.get(fact.activity, ()):
                    if fact.time > since and changes < found:
                        found = changes
        return None if found == FOREVER else found

    def _when_periods_move(self, at: int, days: Days) -> dict[str, set[tuple[int, int]]]:
        """By activity: the instants after which facts enter or leave when a period moves, and when that is."""
        day = days.day_of(at)
        if day != self._day:
            self._day, self._moves = day, {}
            for measure in self._periods:
                counted = measure.window.counted(at, days)
                assert counted.changes is not None, "a period moves"
                self._moves.setdefault(measure.activity, set()).add((counted.after, counted.changes))
        return self._moves
