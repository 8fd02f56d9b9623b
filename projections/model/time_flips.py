"""Time-driven flips: who joins and leaves because time passed, each at the exact instant.

Used by the worker within its transaction. Only events move time here: `TimePassed` for a whole account, any other
event for the customers that it touches. The clock serves one question only: whether to append a `TimePassed`
(`is_due`). Instants are microseconds since 1970.
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
from projections.model.customers import CustomerBatch, ProjectedCustomer
from projections.model.membership import MembershipBatch
from projections.postgres.row_writes import RowWrites

CHUNK = 5_000
NEVER = 2**62
LONGEST_IDLE = 7 * 24 * 3_600 * 1_000_000


def advance(
    account: AccountState, customer: ProjectedCustomer, until: int, position: int, batch: MembershipBatch
) -> None:
    """Let time pass for one customer, from the instant at which they were last evaluated."""
    if not account.time:
        return
    after = max(account.time_passed_to, customer.updated_at)
    for instant, versions in account.time.due(customer.matchable, after, until, account.days):
        before, now = account.days.moment(instant - 1), account.days.moment(instant)
        flips = Flips([], [])
        for version in sorted(versions):
            node = account.nodes[version]
            is_member = node.holds(customer.matchable, now)
            if is_member != node.holds(customer.matchable, before):
                (flips.joined if is_member else flips.left).append(version)
        if flips.joined or flips.left:
            batch.add(account.account_id, customer.customer_no, flips, position, instant, "time")


def pass_time(
    connection: Connection[Any], account: AccountState, until: int, position: int, batch: MembershipBatch
) -> None:
    """Let time pass for a whole account; only customers that a threshold passes are evaluated."""
    if until <= account.time_passed_to:
        return
    if account.time:
        crossings = account.time.crossings(account.time_passed_to, until, account.days)
        numbers = date_values.candidates(connection, account.account_id, crossings) if crossings else []
        if numbers:
            audiences.copy_rest(connection, account)
        for start in range(0, len(numbers), CHUNK):
            customers = CustomerBatch()
            customers.load_numbers(connection, account.account_id, numbers[start : start + CHUNK])
            for customer in customers.by_id.values():
                segments.evaluate_before_change(account, customer, batch)
                advance(account, customer, until, position, batch)
                customer.position = position
            writes = RowWrites()
            if account.builds:
                # With the new position, a chunk that comes later does not evaluate them as of the edit again.
                customers.write(writes)
            batch.write(writes)
            writes.execute(connection)
    account.time_passed_to = until
    account.due_at = None
    account_rows.record_time_passed(connection, account.account_id, until)


def expect(account: AccountState, changed: Mapping[str, Value | None], now: int) -> None:
    """Keep in `due_at` when a new value will flip something, so that it need not be searched for."""
    if account.due_at is None:
        return
    for key, value in changed.items():
        if isinstance(value, int) and key.endswith("@age"):
            instant = account.time.next_edge(key, value, now)
            if instant is not None and instant < account.due_at:
                account.due_at = instant


def all_due(connection: Connection[Any], accounts: Iterable[AccountState], now: int) -> list[AccountState]:
    """The accounts for which `is_due` holds."""
    return [each for each in accounts if each.time and is_due(connection, each, now)]


def is_due(connection: Connection[Any], account: AccountState, now: int) -> bool:
    """Returns whether something may have flipped by `now` that is not in the members yet; if not, keeps when to ask."""
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
    """The next instant at which something may flip; `NEVER` where nothing will."""
    asked_to = max(account.time_passed_to, account.idle_to)
    due = [NEVER]
    instant = date_values.next_instant(connection, account.account_id, account.time.edges, asked_to)
    if instant is not None:
        due.append(instant)
    if account.time.has_daily:
        due.append(account.days.starts(day_after(account.days.day_of(asked_to))))
    return min(due)


def next_known_due(accounts: Iterable[AccountState]) -> int | None:
    """The next instant at which something may flip, as far as it was computed; no query."""
    return min((each.due_at for each in accounts if each.time and each.due_at is not None), default=None)
