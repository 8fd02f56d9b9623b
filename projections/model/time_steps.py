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

from psycopg import Connection, sql

from domain.calendar import day_after
from domain.errors import Corrupt
from projections.model import account_rows, audiences, date_values, segments, time_flips
from projections.model.account_state import AccountState, Passing
from projections.model.customers import CustomerBatch
from projections.model.date_values import BY_INSTANT, Due
from projections.model.filter_sql import predicate
from projections.model.membership import MembershipBatch
from projections.postgres.arrays import column
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# What a step evaluates at most: customers in one version each. One by one they take longer.
MOST, MOST_ONE_BY_ONE = 2_500, 500
# So many customers for each version make up for planning its statement.
SET_BASED_FROM = 10
WIDEST = 2**40


class Reached(NamedTuple):
    """How far a passing of time has got: to which window, which begins at `window`, and customer."""

    position: int
    window: int
    customer_no: int


class Step(NamedTuple):
    """What a step works on: an account, how far its time has passed, and where its customers may flip."""

    connection: Connection[Any]
    account: AccountState
    passing: Passing
    due: Due
    flips: MembershipBatch


class DueCustomers(NamedTuple):
    """The customers up to number `last` who may flip; each in `daily` has the places of their conditions in `Due`."""

    last: int
    daily: dict[int, set[int]]
    one_by_one: set[int]


def begin(connection: Connection[Any], account: AccountState, until: int, position: int) -> None:
    """Let time pass for an account from here on; nothing where it has passed already."""
    if until <= account.time_passed_to:
        return
    account.due_at = None
    if account.time:
        account.passing = Passing(until, position, _window_end(account, until))
    else:
        account.time_passed_to = until
    account_rows.record_time(connection, account)


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
    stops_here = stop is not None and stop[:2] == (passing.position, account.time_passed_to)
    end = stop.customer_no if stop is not None and stops_here else passing.position
    if passing.due:
        now = Step(connection, account, passing, passing.due, flips)
        end = _flip_next(now, end, size)
    passing.customer_no = end
    passing.steps += 1
    if passing.customer_no >= passing.position:
        _end_window(account, passing)
    account_rows.record_time(connection, account)


def reached(account: AccountState) -> Reached | None:
    """Returns how far the time that passes has got; `None` where none does."""
    if account.passing is None:
        return None
    return Reached(account.passing.position, account.time_passed_to, account.passing.customer_no)


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
    """Where customers may flip in the window, without the ranges of instants where these are empty."""
    due = time_flips.due_between(connection, account, account.time_passed_to, passing.passed_to)
    by_instant = Due([], due.instants)
    return (
        due if by_instant and date_values.is_any_due(connection, account.account_id, by_instant) else Due(due.daily, [])
    )


def _flip_next(step: Step, end: int, size: int | None) -> int:
    """Flip the next customers, up to number `end`. Returns the number of the last one who was looked at."""
    due = _next_customers(step, end, size)
    numbers = [*due.daily, *due.one_by_one]
    if numbers:
        audiences.copy_rest(step.connection, step.account)
    _flip_one_by_one(step, due.one_by_one)
    if due.daily:
        _flip_when_day_begins(step, due.daily)
    if step.account.builds:
        fields = {"account_id": step.account.account_id, "position": step.passing.position, "numbers": numbers}
        step.connection.execute(SQL.mark_touched, fields)
    return due.last


def _next_customers(step: Step, end: int, size: int | None) -> DueCustomers:
    """The next customers who may flip: as many as a step can take, however closely their numbers follow."""
    passing, first = step.passing, step.passing.customer_no
    while True:
        last = min(first + passing.width, end)
        limit = MOST if last > first + 1 else None
        found = date_values.due_among(step.connection, step.account.account_id, step.due, first, last, limit)
        if limit is None or len(found) < limit:
            break
        passing.width = (last - first + 1) // 2
    if not found and not step.due.instants:
        next_number = date_values.first_due(step.connection, step.account.account_id, step.due, last)
        last = end if next_number is None else min(end, next_number - 1)
    elif len(found) < MOST // 4:
        passing.width = min(passing.width * 2, WIDEST)
    one_by_one = {number for place, number in found if place == BY_INSTANT}
    daily: defaultdict[int, set[int]] = defaultdict(set)
    for place, number in found:
        if number not in one_by_one:
            daily[number].add(place)
    if not _is_set_based(step, daily):
        one_by_one, daily = one_by_one.union(daily), defaultdict(set)
    numbers = sorted({*daily, *one_by_one})
    taken = _affordable(step.due, numbers, daily, size)
    if taken < len(numbers):
        last = numbers[taken - 1]
        passing.width = max(1, last - first)
        numbers = numbers[:taken]
    return DueCustomers(
        last, {number: daily[number] for number in numbers if number in daily}, one_by_one.intersection(numbers)
    )


def _is_set_based(step: Step, daily: Mapping[int, set[int]]) -> bool:
    """Returns whether evaluating these customers in SQL is possible, and pays.

    A version that is being filled has to be evaluated as of its edit first, which is done one by one.
    """
    places = {place for each in daily.values() for place in each}
    versions = {version for place in places for version in step.due.daily[place].versions}
    is_filled = all(build.complete for build in step.account.builds.values())
    return is_filled and len(daily) >= SET_BASED_FROM * len(versions)


def _affordable(due: Due, numbers: Sequence[int], daily: Mapping[int, set[int]], size: int | None) -> int:
    """Returns how many of these customers a step can take: at least one, at most `size`."""
    weights = [len(each.versions) for each in due.daily]
    cost = 0
    for taken, number in enumerate(numbers[:size]):
        cost += sum(weights[place] for place in daily[number]) if number in daily else MOST // MOST_ONE_BY_ONE
        if cost > MOST and taken:
            return taken
    return len(numbers[:size])


def _flip_one_by_one(step: Step, numbers: Iterable[int]) -> None:
    account, passing = step.account, step.passing
    customers = CustomerBatch()
    customers.load_numbers(step.connection, account.account_id, sorted(numbers))
    for customer in customers.by_id.values():
        if customer.position <= passing.position:
            segments.evaluate_before_change(account, customer, step.flips)
            after = max(account.time_passed_to, customer.updated_at)
            time_flips.flip(account, customer, after, passing.passed_to, passing.position, step.flips)
    writes = RowWrites()
    step.flips.write(writes)
    writes.execute(step.connection)


def _flip_when_day_begins(step: Step, daily: Mapping[int, set[int]]) -> None:
    """Flip customers in the versions with a condition that flips for them when the window ends, in one statement."""
    account, passing = step.account, step.passing
    instant = sql.SQL("('epoch'::timestamptz + {}::bigint * interval '1 microsecond')")
    terms = {
        "account": sql.Literal(account.account_id),
        "position": sql.SQL("{}::bigint").format(sql.Literal(passing.position)),
        "at": instant.format(sql.Literal(passing.passed_to)),
    }
    customers, flips = [], []
    for nth, (versions, numbers) in enumerate(_by_versions(step.due, daily)):
        name = sql.Identifier(f"customers_{nth}")
        listed = sql.Literal(f"{{{','.join(map(str, sorted(numbers)))}}}")
        customers.append(sql.SQL(SQL.customers).format(name=name, numbers=listed, **terms))
        flips += [_flips_of_version(step, name, version) for version in versions]
    parts = {"customers": sql.SQL(", ").join(customers), "flips": sql.SQL("UNION ALL\n").join(flips)}
    statement = sql.SQL(SQL.flip_when_day_begins).format(**parts, **terms)
    row = step.connection.execute(statement, binary=True).fetchone()
    assert row is not None
    _count_and_publish(step, *row)


def _flips_of_version(step: Step, customers: sql.Identifier, version: int) -> sql.Composable:
    """The statement that finds who flips in a version when the window ends; its predicates are compiled once."""
    account, passing = step.account, step.passing
    if version not in passing.predicates:
        node, before, now = account.nodes[version], passing.passed_to - 1, passing.passed_to
        passing.predicates[version] = {
            name: sql.SQL(predicate(node, account.days.moment(at)).as_string(step.connection))
            for name, at in (("before", before), ("now", now))
        }
    predicates = passing.predicates[version]
    return sql.SQL(SQL.flips).format(name=customers, version=sql.Literal(version), **predicates)


def _by_versions(due: Due, daily: Mapping[int, set[int]]) -> list[tuple[list[int], set[int]]]:
    """The versions that the same conditions concern together, with the customers that may flip in them."""
    conditions: defaultdict[int, set[int]] = defaultdict(set)
    for place, crossing in enumerate(due.daily):
        for version in crossing.versions:
            conditions[version].add(place)
    customers: defaultdict[int, set[int]] = defaultdict(set)
    for number, places in daily.items():
        for place in places:
            customers[place].add(number)
    together: defaultdict[frozenset[int], list[int]] = defaultdict(list)
    for version, places in conditions.items():
        together[frozenset(places)].append(version)
    found = [
        (versions, set[int]().union(*(customers[place] for place in places))) for places, versions in together.items()
    ]
    return [(versions, numbers) for versions, numbers in found if numbers]


def _count_and_publish(step: Step, gone: int, numbers: list[int], versions: list[int], joined: list[bool]) -> None:
    """Count the flips that were written, and append them to the change stream. Raises `Corrupt`."""
    joins, count = sum(joined), len(joined)
    if gone != count - joins:
        raise Corrupt("rows_differ", f"{count - joins} members leave, {gone} were there")
    step.flips.joins += joins
    step.flips.leaves += gone
    if count:
        positions, instants = [step.passing.position] * count, [step.passing.passed_to] * count
        accounts = [step.account.account_id] * count
        columns: list[list[Any]] = [numbers, versions, positions, instants, joined, ["time"] * count, accounts]
        writes = RowWrites()
        step.flips.changes.append_flips(writes, [column(each) for each in columns])
        writes.execute(step.connection)
