"""Time-driven flips: who joins and leaves because time went on, each at the exact instant.

Used by the worker. Nothing but events moves time here: `TimePassed` for a whole account, any other event
for the customers it touches. `is_due` is the only question put to the clock: whether to append one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection

from domain.calendar import day_after
from domain.values import Value
from projections.matching.flip_index import Flips
from projections.model import account_rows, audiences, date_values, segments
from projections.model.account_state import AccountState
from projections.model.customers import CustomerRow, CustomerRows
from projections.model.membership import MembershipBatch

CHUNK = 5_000
NEVER = 2**62
LONGEST_IDLE = 7 * 24 * 3_600 * 1_000_000


def advance(account: AccountState, row: CustomerRow, until: int, position: int, batch: MembershipBatch) -> None:
    """Let time go on for one customer, from where she was last evaluated; instants in microseconds."""
    if not account.time:
        return
    after = max(account.time_passed_to, row.updated_at)
    for instant, versions in account.time.due(row.matchable, after, until, account.days):
        before, now = account.days.moment(instant - 1), account.days.moment(instant)
        flips = Flips([], [])
        for version in sorted(versions):
            node = account.nodes[version]
            member = node.holds(row.matchable, now)
            if member != node.holds(row.matchable, before):
                (flips.joined if member else flips.left).append(version)
        if flips.joined or flips.left:
            batch.flip(account.account_id, row.customer_no, flips, position, instant, "time")


def pass_time(
    connection: Connection[Any], account: AccountState, until: int, position: int, batch: MembershipBatch
) -> None:
    """Let time go on for a whole account; only customers whom something passes are looked at."""
    if until <= account.time_passed_to:
        return
    if account.time:
        crossings = account.time.crossings(account.time_passed_to, until, account.days)
        numbers = date_values.candidates(connection, account.account_id, crossings) if crossings else []
        if numbers:
            audiences.finish(connection, account)
        for start in range(0, len(numbers), CHUNK):
            customers = CustomerRows()
            customers.load_numbers(connection, account.account_id, numbers[start : start + CHUNK])
            for row in customers.rows.values():
                segments.settle_before(account, row, batch)
                advance(account, row, until, position, batch)
                row.position = position
            if account.builds:
                # Touched: a chunk that comes later must not take them as of the edit again.
                customers.write(connection)
            batch.write(connection)
    account.time_passed_to = until
    account.due_at = None
    account_rows.pass_time(connection, account.account_id, until)


def expect(account: AccountState, changed: Mapping[str, Value | None], now: int) -> None:
    """Take note of when a new value will flip something, so that nobody has to look for it."""
    if account.due_at is None:
        return
    for key, value in changed.items():
        if isinstance(value, int) and key.endswith("@age"):
            instant = account.time.next_edge(key, value, now)
            if instant is not None and instant < account.due_at:
                account.due_at = instant


def all_due(connection: Connection[Any], accounts: Iterable[AccountState], now: int) -> list[AccountState]:
    """The accounts in which something may have flipped by `now` that is not in the members yet."""
    return [each for each in accounts if each.time and is_due(connection, each, now)]


def is_due(connection: Connection[Any], account: AccountState, now: int) -> bool:
    """Whether something may have flipped by `now` that is not in the members yet; else keeps when to ask again."""
    if account.due_at is None:
        account.due_at = next_due(connection, account)
    if now < account.due_at:
        return False
    crossings = account.time.crossings(account.time_passed_to, now, account.days)
    if date_values.any_candidate(connection, account.account_id, crossings):
        return True
    account.idle_to, account.due_at = now, None
    return now - account.time_passed_to > LONGEST_IDLE


def next_due(connection: Connection[Any], account: AccountState) -> int:
    """The next instant at which something may flip, in microseconds; far away where nothing ever does."""
    asked_to = max(account.time_passed_to, account.idle_to)
    due = [NEVER]
    instant = date_values.next_instant(connection, account.account_id, account.time.edges, asked_to)
    if instant is not None:
        due.append(instant)
    if account.time.has_daily:
        due.append(account.days.starts(day_after(account.days.day_of(asked_to))))
    return min(due)
