"""Customers' events brought into the read model: runs of changes, deletions and moves into static segments.

Used by the worker, within its transaction. The customers of a run are loaded with one statement and written with one
for each kind of row; between the two, each event finds every customer as the events before it left her.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.errors import Corrupt
from domain.stored_events import CustomerChanged, CustomerDeleted, StaticMembersAdded, StaticMembersRemoved
from domain.values import Value
from projections.matching.flip_index import Flips
from projections.model import audiences, erasure, segments, static_members, time_flips
from projections.model.account_state import AccountState
from projections.model.customers import CustomerRow, CustomerRows
from projections.model.membership import MembershipBatch

CustomerEvent = CustomerChanged | CustomerDeleted | StaticMembersAdded | StaticMembersRemoved
# Position, effective time in microseconds since 1970, event.
TimedCustomerEvent = tuple[int, int, CustomerEvent]


def apply(
    connection: Connection[Any],
    accounts: Mapping[UUID, AccountState],
    run: Sequence[TimedCustomerEvent],
    batch: MembershipBatch,
) -> None:
    """Bring a run into the rows, and what it flips into `batch`, which is written. Raises `Corrupt`."""
    if not run:
        return
    customers = CustomerRows()
    erased: list[CustomerRow] = []
    customers.load(connection, {each for _, _, event in run for each in _touched(event)})
    for position, at, event in run:
        account = accounts[event.account_id]
        if isinstance(event, StaticMembersAdded | StaticMembersRemoved):
            static_members.move(account, customers, event, position, at, batch)
            continue
        row = customers.rows.get(event.originator_id)
        if row is not None:
            segments.settle_before(account, row, batch)
            time_flips.advance(account, row, at, position, batch)
        account.be_at(at)
        if isinstance(event, CustomerChanged):
            if row is None:
                _create(account, customers, event, position, at, batch)
            else:
                _change(account, row, event, position, at, batch)
        elif row is not None:
            _delete(account, customers, row, position, at, batch)
            erased.append(row)
    audiences.settle(connection, accounts.values())
    customers.write(connection)
    batch.write(connection)
    erasure.forget(connection, erased)


def _touched(event: CustomerEvent) -> list[UUID]:
    return event.customer_ids if isinstance(event, StaticMembersAdded | StaticMembersRemoved) else [event.originator_id]


def _create(
    account: AccountState, customers: CustomerRows, event: CustomerChanged, position: int, at: int,
    batch: MembershipBatch,
) -> None:  # fmt: skip
    if not event.created:
        raise Corrupt("customer_missing", f"the change at {position} is of a customer never created")
    row = customers.create(event, position, at, account.types, account.days)
    time_flips.expect(account, row.matchable, at)
    flips = Flips(account.index.members_of(row.matchable), [])
    batch.flip(account.account_id, row.customer_no, flips, position, at, "change")


def _change(
    account: AccountState, row: CustomerRow, event: CustomerChanged, position: int, at: int, batch: MembershipBatch
) -> None:
    changed: dict[str, Value | None] = {}
    for key, value in event.values.items():
        changed |= row.set(key, account.types[key], tuple(value) if isinstance(value, list) else value, account.days)
    flips = account.index.change(row.matchable, changed)
    time_flips.expect(account, changed, at)
    row.position, row.version, row.updated_at = position, event.originator_version, at
    batch.flip(account.account_id, row.customer_no, flips, position, at, "change")


def _delete(
    account: AccountState, customers: CustomerRows, row: CustomerRow, position: int, at: int, batch: MembershipBatch
) -> None:
    flips = Flips([], [*account.index.members_of(row.matchable), *static_members.versions_of(account, row)])
    batch.flip(account.account_id, row.customer_no, flips, position, at, "deletion")
    customers.delete(row, account.types)
