"""Time-driven flips of one customer, each at the exact instant; and when something is due in an account.

Used by the worker within its transaction. Only events move time: `TimePassed` for a whole account (`time_steps`), any
other event for the customers that it touches. The clock serves one question only: whether to append a `TimePassed`
(`is_due`). Instants are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

from psycopg import Connection

from domain.calendar import day_after
from domain.values import Value
from projections.matching.due import Due
from projections.matching.flip_index import Flips
from projections.model import date_values
from projections.model.account_state import AccountState
from projections.model.behaviour import due_facts, values
from projections.model.customers import ProjectedCustomer
from projections.model.membership import MembershipBatch

NEVER = 2**62
LONGEST_IDLE = 7 * 24 * 3_600 * 1_000_000


def advance(
    account: AccountState, customer: ProjectedCustomer, until: int, position: int, batch: MembershipBatch
) -> None:
    """Let time pass for one customer before an event at `position` changes them, from when it last passed for them.

    What an earlier event lets pass for the whole account, and has not reached them yet, comes first and keeps that
    event's position: so the rows are the same as if it had reached them.
    """
    if not account.moves_with_time:
        return
    after, passing = max(account.reached(customer.customer_no), customer.updated_at), account.passing
    if passing is not None and after < passing.until:
        if customer.position <= passing.position:
            flip(account, customer, after, passing.until, passing.position, batch)
        after = passing.until
    flip(account, customer, after, until, position, batch)


def flip(
    account: AccountState,
    customer: ProjectedCustomer,
    after: int,
    until: int,
    position: int,
    batch: MembershipBatch,
) -> None:
    """Add what flips for one customer after one instant and up to another: by dates, and by what windows let go."""
    while customer.next_at is not None and customer.next_at <= until:
        instant = max(customer.next_at, after)
        due = account.time.due(customer.matchable, after, instant, account.days)
        together = due.pop()[1] if due and due[-1][0] == instant else set[int]()
        for earlier, versions in due:
            _flip_at(account, customer, earlier, versions, position, batch)
        _change_amounts(account, customer, instant, together, position, batch)
        after = instant
    for instant, versions in account.time.due(customer.matchable, after, until, account.days):
        _flip_at(account, customer, instant, versions, position, batch)


def _flip_at(
    account: AccountState,
    customer: ProjectedCustomer,
    instant: int,
    versions: Iterable[int],
    position: int,
    batch: MembershipBatch,
) -> None:
    before = _members(account, customer, versions, instant - 1)
    _add_differences(account, customer, before, instant, position, batch)


def _change_amounts(
    account: AccountState,
    customer: ProjectedCustomer,
    instant: int,
    together: set[int],
    position: int,
    batch: MembershipBatch,
) -> None:
    """Change the amounts that are due at an instant, at which conditions of the versions `together` flip by dates."""
    changed = values.pass_time(account, customer, instant)
    versions = together.union(*(account.index.versions_that_read(facet) for facet in changed))
    before = _members(account, customer, versions, instant - 1)
    for facet, value in changed.items():
        if value is None:
            customer.matchable.pop(facet, None)
        else:
            customer.matchable[facet] = value
    if versions:
        _add_differences(account, customer, before, instant, position, batch)


def _members(account: AccountState, customer: ProjectedCustomer, versions: Iterable[int], at: int) -> dict[int, bool]:
    moment = account.days.moment(at)
    return {version: account.nodes[version].holds(customer.matchable, moment) for version in sorted(versions)}


def _add_differences(
    account: AccountState,
    customer: ProjectedCustomer,
    before: Mapping[int, bool],
    instant: int,
    position: int,
    batch: MembershipBatch,
) -> None:
    flips = Flips([], [])
    for version, is_member in _members(account, customer, before, instant).items():
        if is_member != before[version]:
            (flips.joined if is_member else flips.left).append(version)
    if flips.joined or flips.left:
        batch.add(account.account_id, customer.customer_no, flips, position, instant, "time")


def due_between(connection: Connection[Any], account: AccountState, after: int, until: int) -> Due:
    """Where customers may flip after one instant and up to another."""
    years = cache(partial(date_values.years, connection, account.account_id))
    days = account.days.begun(after, until) if account.time.has_daily else []
    daily = [crossing for day in days for crossing in account.time.daily(day, years)]
    return Due(daily, account.time.instants(after, until), *due_facts.between(account, after, until))


def is_any_due(connection: Connection[Any], account: AccountState, due: Due) -> bool:
    """Returns whether any customer may flip."""
    return (bool(due.daily or due.instants) and date_values.is_any_due(connection, account.account_id, due)) or (
        due_facts.is_any(connection, account.account_id, due.ranges)
    )


def expect(account: AccountState, changed: Mapping[str, Value | None], now: int) -> None:
    """Keep in `due_at` when a new value will flip something, so that it need not be searched for."""
    if account.due_at is None or not account.time:
        return
    for key, value in changed.items():
        if isinstance(value, int) and key.endswith("@age"):
            instant = account.time.next_edge(key, value, now)
            if instant is not None and instant < account.due_at:
                account.due_at = instant


def expect_amounts(account: AccountState, customer: ProjectedCustomer) -> None:
    """Keep in `due_at` when an amount of a customer may change by itself."""
    if account.due_at is not None and customer.next_at is not None:
        account.due_at = min(account.due_at, customer.next_at)


def all_due(connection: Connection[Any], accounts: Iterable[AccountState], now: int) -> list[AccountState]:
    """The accounts for which `is_due` holds; where time is passing, or is about to, that comes first."""
    return [each for each in accounts if _may_be_due(each) and each.passing is None and is_due(connection, each, now)]


def _may_be_due(account: AccountState) -> bool:
    return account.moves_with_time and account.time_passed_to >= account.asked_until


def is_due(connection: Connection[Any], account: AccountState, now: int) -> bool:
    """Returns whether something may have flipped by `now` that is not in the members yet; if not, keeps when to ask."""
    if account.due_at is None:
        account.due_at = next_due(connection, account)
    if now < max(account.due_at, account.rests_until):
        return False
    due = due_between(connection, account, account.time_passed_to, now)
    if is_any_due(connection, account, due):
        return True
    if account.computed and due_facts.is_shown_due(connection, account, account.time_passed_to, now):
        return True
    account.idle_to, account.due_at = now, None
    return now - account.time_passed_to > LONGEST_IDLE


def next_due(connection: Connection[Any], account: AccountState) -> int:
    """The next instant at which something may flip; `NEVER` where nothing will."""
    asked_to = max(account.time_passed_to, account.idle_to)
    due = [NEVER]
    instant = date_values.next_instant(connection, account.account_id, account.time.edges, asked_to)
    if instant is not None:
        due.append(instant)
    if account.measures:
        instant = due_facts.next_at(connection, account, asked_to)
        if instant is not None:
            due.append(instant)
    if account.time.has_daily:
        due.append(account.days.starts(day_after(account.days.day_of(asked_to))))
    return min(due)


def next_known_due(accounts: Iterable[AccountState]) -> int | None:
    """The next instant at which something may flip, as far as it was computed; no query."""
    moving = (each for each in accounts if _may_be_due(each))
    return min((max(each.due_at, each.rests_until) for each in moving if each.due_at is not None), default=None)
