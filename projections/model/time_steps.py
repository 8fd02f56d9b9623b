"""Steps of time: an event lets time pass for a whole account, some customers at a time, in order of their numbers.

Used by the worker within its transaction. `begin` only notes that time passes; every `step` then flips what fell due
for the next customers, found by a range scan of the index of date values. Steps, events and batches may interleave in
any way: a customer that an event touches before their step is brought up to it first (`time_flips.advance`), with the
same rows. Before anything else of the account changes, `finish` takes all steps that are left.

A step passes one window at most, which ends when a day begins. Those who can flip only then, which may be very many,
are evaluated and written in SQL; those who also flip at instants of their own, one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection

from domain.calendar import day_after
from projections.matching.due import BY_INSTANT, Due, DueByFacts
from projections.model import account_rows, audiences, date_values, segments, time_flips
from projections.model.account_state import AccountState, Passing
from projections.model.behaviour import amounts, computed, due_facts, values
from projections.model.customers import CustomerBatch
from projections.model.membership import MembershipBatch
from projections.model.set_based import day_begins, windows
from projections.model.set_based.step import Step
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# What a step evaluates at most: customers in one version each. One by one they take longer.
MOST, MOST_ONE_BY_ONE = 2_500, 500
# What evaluating a version costs that asks for facts, beside one that has the values in the row; and each further one
# that is evaluated with it, when a day begins.
BY_FACTS, FURTHER = 2, 0.25
# So many customers make up for planning a statement.
SET_BASED_FROM = 10
WIDEST = 2**40


class Reached(NamedTuple):
    """How far a passing of time has got: to which window, which begins at `window`, and customer."""

    position: int
    window: int
    customer_no: int


class DueCustomers(NamedTuple):
    """The customers up to number `last` who may flip; each has the places of their conditions in `Due`.

    Those in `daily` flip when the window ends, those in `by_facts` before it does; others at any time, `one_by_one`.
    """

    last: int
    daily: dict[int, set[int]]
    by_facts: dict[int, set[int]]
    one_by_one: set[int]


def begin(connection: Connection[Any], account: AccountState, until: int, position: int) -> None:
    """Let time pass for an account from here on; nothing where it has passed already."""
    if until <= account.time_passed_to:
        return
    account.due_at = None
    if account.moves_with_time:
        account.passing = Passing(until, position, _window_end(account, until))
    else:
        account.time_passed_to = until
    _record(connection, account)


def finish(connection: Connection[Any], account: AccountState, flips: MembershipBatch) -> None:
    """Take all steps that are left."""
    while account.passing is not None:
        step(connection, account, flips)


def step(
    connection: Connection[Any],
    account: AccountState,
    flips: MembershipBatch,
    size: int | None = None,
    stop: Reached | None = None,
) -> None:
    """Let time pass for the next customers, at most `size`, and never further than `stop`.

    Audiences that are being copied are completed first, where a customer may flip.
    """
    passing = account.passing
    assert passing is not None
    if passing.due is None:
        passing.due = _due_in_window(connection, account, passing)
        passing.customers = DueByFacts(passing.due)
    if passing.customers is not None and due_facts.find_more(connection, account.account_id, passing.customers):
        passing.steps += 1
        return
    stops_here = stop is not None and stop[:2] == (passing.position, account.time_passed_to)
    end = stop.customer_no if stop is not None and stops_here else passing.position
    if passing.due:
        now = Step(connection, account, passing, passing.due, flips)
        end = _flip_next(now, end, size)
    passing.customer_no = end
    passing.steps += 1
    if passing.customer_no >= passing.position:
        _end_window(account, passing)
    _record(connection, account)


def reached(account: AccountState) -> Reached | None:
    """Returns how far the time that passes has got; `None` where none does."""
    if account.passing is None:
        return None
    return Reached(account.passing.position, account.time_passed_to, account.passing.customer_no)


def _record(connection: Connection[Any], account: AccountState) -> None:
    account_rows.record_time(connection, account)
    computed.move_windows(connection, account)


def _window_end(account: AccountState, until: int) -> int:
    """The next beginning of a day, or `until` where that comes first."""
    day = day_after(account.days.day_of(account.time_passed_to))
    while (starts := account.days.starts(day)) <= account.time_passed_to:  # where a clock is set back over midnight
        day = day_after(day)
    return min(until, starts)


def _end_window(account: AccountState, passing: Passing) -> None:
    account.time_passed_to = passing.passed_to
    if account.time_passed_to == passing.until:
        account.passing = None
    else:
        account.passing = Passing(
            passing.until,
            passing.position,
            _window_end(account, passing.until),
            width=passing.width,
            steps=passing.steps,
        )


def _due_in_window(connection: Connection[Any], account: AccountState, passing: Passing) -> Due:
    """Where customers may flip in the window, without the ranges of instants and of facts where these are empty."""
    due = time_flips.due_between(connection, account, account.time_passed_to, passing.passed_to)
    by_instant = Due([], due.instants)
    is_any = by_instant and date_values.is_any_due(connection, account.account_id, by_instant)
    due = due if is_any else Due(due.daily, [], due.facts, due.moves)
    return due_facts.without_empty_ranges(connection, account.account_id, due)


def _flip_next(step: Step, end: int, size: int | None) -> int:
    """Flip the next customers, up to number `end`. Returns the number of the last one who was looked at."""
    due = _next_customers(step, end, size)
    numbers = [*due.daily, *due.by_facts, *due.one_by_one]
    if numbers:
        audiences.copy_rest(step.connection, step.account)
    _flip_one_by_one(step, due.one_by_one)
    if due.by_facts:
        windows.flip(step, due.by_facts)
    if due.daily:
        day_begins.flip(step, due.daily)
    if step.account.builds:
        fields = {"account_id": step.account.account_id, "position": step.passing.position, "numbers": numbers}
        step.connection.execute(SQL.mark_touched, fields)
    return due.last


def _next_customers(step: Step, end: int, size: int | None) -> DueCustomers:
    """The next customers who may flip: as many as a step can take, however closely their numbers follow."""
    passing, first = step.passing, step.passing.customer_no
    while True:
        last = min(first + passing.width, end)
        found = _found(step, first, last, MOST if last > first + 1 else None)
        if found is not None:
            break
        passing.width = (last - first + 1) // 2
    if not found and not step.due.instants:
        last = min(end, _first_due(step, last) - 1)
    elif len(found) < MOST // 4:
        passing.width = min(passing.width * 2, WIDEST)
    places: defaultdict[int, set[int]] = defaultdict(set)
    for place, number in found:
        places[number].add(place)
    numbers = sorted(places)
    taken = _affordable(step.due, numbers, places, size)
    if taken < len(numbers):
        last = numbers[taken - 1]
        passing.width = max(1, last - first)
        numbers = numbers[:taken]
    return _arranged(step, last, {number: places[number] for number in numbers})


def _arranged(step: Step, last: int, places: dict[int, set[int]]) -> DueCustomers:
    """Which of the customers who may flip are evaluated in SQL, and which one by one."""
    daily = {each: at for each, at in places.items() if BY_INSTANT not in at and not any(map(step.due.is_fact, at))}
    by_facts = {each: at for each, at in places.items() if all(map(step.due.is_fact, at))}
    versions = {version for at in by_facts.values() for place in at for version in step.due.versions_at(place)}
    daily = daily if _is_set_based(step, daily, statements=1) else {}
    by_facts = by_facts if _is_set_based(step, by_facts, statements=len(versions)) else {}
    return DueCustomers(last, daily, by_facts, places.keys() - daily.keys() - by_facts.keys())


def _found(step: Step, first: int, last: int, limit: int | None) -> list[tuple[int, int]] | None:
    """The customers after one number and up to another who may flip, with their places; `None` where it is more."""
    connection, account_id, by_facts = step.connection, step.account.account_id, step.passing.customers
    found: list[tuple[int, int]] = []
    if by_facts is not None:
        if limit is not None and by_facts.count(first, last) >= limit:
            return None
        found = by_facts.among(first, last)
    if step.due.daily or step.due.instants:
        found += date_values.due_among(connection, account_id, step.due, first, last, limit)
    return found if limit is None or len(found) < limit else None


def _first_due(step: Step, after: int) -> int:
    """The first customer after a number who may flip when a day begins, or has facts that are due."""
    found = [WIDEST * 2]
    if step.due.daily:
        by_date = date_values.first_due(step.connection, step.account.account_id, step.due, after)
        found += [] if by_date is None else [by_date]
    by_facts = None if step.passing.customers is None else step.passing.customers.first(after)
    return min(found if by_facts is None else [*found, by_facts])


def _is_set_based(step: Step, customers: Mapping[int, set[int]], *, statements: int) -> bool:
    """Returns whether evaluating these customers in SQL is possible, and pays for so many statements.

    A version that is being filled has to be evaluated as of its edit first, which is done one by one.
    """
    is_filled = all(build.complete for build in step.account.builds.values())
    return is_filled and len(customers) >= SET_BASED_FROM * statements


def _affordable(due: Due, numbers: Sequence[int], places: Mapping[int, set[int]], size: int | None) -> int:
    """Returns how many of these customers a step can take: at least one, at most `size`."""
    cost = 0.0
    for taken, number in enumerate(numbers[:size]):
        at = places[number]
        cost += MOST / MOST_ONE_BY_ONE if BY_INSTANT in at else sum(_cost(due, place) for place in at)
        if cost > MOST and taken:
            return taken
    return len(numbers[:size])


def _cost(due: Due, place: int) -> float:
    """What evaluating one customer costs in the versions that are concerned at a place."""
    count = len(due.versions_at(place))
    if due.is_fact(place):
        return count * BY_FACTS
    return (1 + (count - 1) * FURTHER) * (1 if place < len(due.daily) else BY_FACTS)


def _flip_one_by_one(step: Step, numbers: Iterable[int]) -> None:
    account, passing = step.account, step.passing
    customers = CustomerBatch()
    customers.load_numbers(step.connection, account.account_id, sorted(numbers))
    found = list(customers.by_id.values())
    if account.measures:
        values.load(step.connection, account, found)
        needed = {each: amounts.needed_when_due(account, each, passing.passed_to) for each in found}
        amounts.load_facts(step.connection, account, {each: at for each, at in needed.items() if at is not None})
    for customer in found:
        if customer.position <= passing.position:
            segments.evaluate_before_change(account, customer, step.flips)
            after = max(account.time_passed_to, customer.updated_at)
            time_flips.flip(account, customer, after, passing.passed_to, passing.position, step.flips)
    writes = RowWrites()
    step.flips.write(writes)
    date_values.write(writes, (moved for customer in found for moved in customer.moved_dates()))
    writes.execute(step.connection)
