"""The rows of static segments in the read model: members, history and counts, as the log tells them.

Used by the worker. An event that comes between two runs of customers finds the rows of those before it.
Whoever is not there any more, as customer or as segment, is let be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.stored_events import CustomerDeleted, Event, StaticMembersAdded, StaticMembersRemoved
from projections.account_state import AccountState
from projections.customers import CustomerRows
from projections.database import beside

SQL = beside(__file__)


def apply(
    connection: Connection[Any], account: AccountState, event: StaticMembersAdded | StaticMembersRemoved,
    position: int, at: int,
) -> int:  # fmt: skip
    """Bring customers into a static segment, or out of it; how many."""
    segment = account.segments.get(event.segment_id)
    if segment is None or segment.serving is None:
        return 0
    fields = {
        "account_id": account.account_id, "version_no": segment.serving, "position": position, "at": at,
        "customer_ids": event.customer_ids,
    }  # fmt: skip
    if isinstance(event, StaticMembersAdded):
        row = connection.execute(SQL.add, fields | {"cause": event.cause}).fetchone()
    else:
        row = connection.execute(SQL.remove, fields | {"cause": "manual"}).fetchone()
    return int(row[0]) if row else 0


def of_deleted(
    connection: Connection[Any], accounts: dict[UUID, AccountState], customers: CustomerRows, events: Iterable[Event]
) -> dict[int, list[int]]:
    """The static segments' versions that each customer deleted in a run is in, by customer number."""
    leaving: dict[int, list[int]] = {}
    numbers: dict[UUID, list[int]] = {}
    for event in events:
        if isinstance(event, CustomerDeleted) and event.originator_id in customers.rows:
            numbers.setdefault(event.account_id, []).append(customers.rows[event.originator_id].customer_no)
    for account_id, deleted in numbers.items():
        static = [each.serving for each in accounts[account_id].segments.values() if each.static]
        if static:
            for customer_no, version_no in connection.execute(SQL.memberships, [static, deleted], binary=True):
                leaving.setdefault(customer_no, []).append(version_no)
    return leaving
