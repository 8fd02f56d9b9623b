"""The facts whose turn it is in a window of time, by the index of their times, and when the next ones are due.

Used by the worker as time passes. Nothing is stored of a customer for this: a window that moves passes facts as a
threshold passes dates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.filters.behaviour.windows import FOREVER, InPeriod, Last, Times
from domain.filters.conditions import conditions_of
from domain.filters.regions import Rolling
from projections.matching.due import Due, DueByFacts, FactsDue, Page, PeriodMoves
from projections.model.account_state import AccountState
from projections.postgres.database import beside

SQL = beside(__file__)
# So many facts are found at a time.
PAGE = 40_000
# The first instant of the calendar.
_FIRST = -62_135_596_800_000_000


def between(account: AccountState, after: int, until: int) -> tuple[list[FactsDue], list[PeriodMoves]]:
    """The facts for which amounts may change after one instant and up to another: each by itself, and by periods.

    Only those that a filter version in use asks about, or whose value is in the index of dates and instants.
    """
    if not account.measures:
        return [], []
    moves: list[PeriodMoves] = []
    # What is due at the end itself, at which a day may begin, is looked up for each customer, as what is dated ahead.
    singly, together = {FactsDue(None, _in_calendar(Times(after, until)))}, defaultdict[tuple[str, int], set[int]](set)
    for state in account.measures.values():
        activity, window = state.measure.activity, state.measure.window
        versions = account.index.versions_that_read(state.measure.key)
        if not (versions or state.is_indexed):
            continue
        if isinstance(window, Last) and not state.is_indexed:
            together[activity, window.length].update(versions)
        elif window.longest < FOREVER:
            singly.add(FactsDue(activity, _in_calendar(Times(after - window.longest, until - window.longest))))
        if isinstance(window, InPeriod) and (times := window.passed(after, until, account.days)) is not None:
            if state.is_indexed:
                singly.add(FactsDue(activity, _in_calendar(times)))
            else:
                moves.append(PeriodMoves(activity, _in_calendar(times), frozenset(versions)))
    facts = []
    for (activity, length), concerned in together.items():
        last = until - 1 - length
        singly.add(FactsDue(activity, _in_calendar(Times(last, last + 1))))
        times = _in_calendar(Times(after - length, last))
        plain = all(_is_plain(account, version) for version in concerned)
        facts.append(FactsDue(activity, times, length if plain else None, frozenset(concerned)))
    return [*sorted(singly, key=str), *facts], moves


def _is_plain(account: AccountState, version: int) -> bool:
    """Returns whether what a version asks of dates is the same throughout a day, so that only facts flip it."""
    regions = (condition.region for condition in conditions_of(account.nodes[version]))
    return not any(isinstance(region, Rolling) for region in regions)


def next_at(connection: Connection[Any], account: AccountState, after: int) -> int | None:
    """The first instant later than `after` at which an amount may change by itself."""
    fields = {"account_id": account.account_id, "after": max(after, _FIRST)}
    row = connection.execute(SQL.next_ahead, fields).fetchone()
    found = [] if row is None or row[0] is None else [row[0]]
    lengths: dict[tuple[str, int], None] = {}
    for state in account.measures.values():
        window = state.measure.window
        if window.longest < FOREVER:
            lengths[state.measure.activity, window.longest] = None
        if (change := window.counted(after, account.days).changes) is not None:
            found.append(change)
    if lengths:
        asked = {max(after - length, _FIRST): length for _, length in lengths}
        wanted = {
            "activities": [each for each, _ in lengths],
            "after": [max(after - each, _FIRST) for _, each in lengths],
        }
        rows = connection.execute(SQL.next_times, wanted | {"account_id": account.account_id})
        found += [time + asked[began] for began, time in rows]
    return min(found, default=None)


def is_any(connection: Connection[Any], account_id: UUID, ranges: Collection[FactsDue]) -> bool:
    """Returns whether there are such facts; an index probe for each range."""
    ahead = {each for each in ranges if each.activity is None}
    return any(_rows(connection, account_id, Page(each, None), 1) for each in ahead) or bool(
        _ranges_with_facts(connection, account_id, ranges)
    )


def without_empty_ranges(connection: Connection[Any], account_id: UUID, due: Due) -> Due:
    """Returns what is due but for the ranges of activities that hold no fact: one statement instead of one for each."""
    found = _ranges_with_facts(connection, account_id, due.ranges)
    facts = [each for each in due.facts if each.activity is None or (each.activity, each.times) in found]
    return Due(due.daily, due.instants, facts, [each for each in due.moves if (each.activity, each.times) in found])


def is_shown_due(connection: Connection[Any], account: AccountState, after: int, until: int) -> bool:
    """Returns whether a value that readers see may change after one instant and up to another."""
    facts = set[FactsDue]()
    for state in account.computed.values():
        if state.serving is None:
            continue
        measure = account.measures[state.serving].measure
        changes = measure.window.counted(after, account.days).changes
        if changes is not None and changes <= until:
            return True
        facts.add(FactsDue(None, _in_calendar(Times(after, until))))
        if (longest := measure.window.longest) < FOREVER:
            facts.add(FactsDue(measure.activity, _in_calendar(Times(after - longest, until - longest))))
    return is_any(connection, account.account_id, facts)


def find_more(connection: Connection[Any], account_id: UUID, customers: DueByFacts) -> bool:
    """Look up some more of the customers who have facts that are due. Returns whether there were any left."""
    page = customers.next_page
    if page is not None:
        rows = _rows(connection, account_id, page, PAGE)
        customers.take(rows, is_last=len(rows) < PAGE)
    return page is not None


def _ranges_with_facts(
    connection: Connection[Any], account_id: UUID, ranges: Iterable[FactsDue]
) -> set[tuple[str, Times]]:
    """Those of the ranges of activities that hold a fact."""
    asked = list({(each.activity, each.times) for each in ranges if each.activity is not None})
    if not asked:
        return set()
    fields = {
        "account_id": account_id,
        "activities": [activity for activity, _ in asked],
        "after": [times.after for _, times in asked],
        "until": [times.until for _, times in asked],
    }
    return {asked[place - 1] for (place,) in connection.execute(SQL.ranges_with_facts, fields)}


def _in_calendar(times: Times) -> Times:
    return Times(max(times.after, _FIRST), max(times.until, _FIRST))


def _rows(connection: Connection[Any], account_id: UUID, page: Page, size: int) -> list[tuple[int, int]]:
    """Customers and times of facts, by time."""
    activity, times = page.facts.activity, page.facts.times
    after, after_no = page.start or (times.after, 2**62)  # that time itself is out
    fields = {"account_id": account_id, "activity": activity, "after": after, "after_no": after_no}
    fields |= {"until": times.until, "size": size}
    return connection.execute(SQL.page if activity else SQL.page_ahead, fields, binary=True).fetchall()
