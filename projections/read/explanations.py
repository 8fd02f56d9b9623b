"""What an explanation is made of: a customer as conditions see her, the filter being served, the cause.

Used by `api.v1.explanations` and the console's history. All of one snapshot, and of the instant at which the
projection worker evaluated her last.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.stored_events import CustomerChanged
from domain.values import Value
from projections.model.customers import read_values
from projections.postgres.database import beside

SQL = beside(__file__)


class ExplainedCustomer(NamedTuple):
    """A customer: her values as people and as conditions see them, and when she last changed."""

    customer_no: int
    shown: dict[str, Any]
    seen: dict[str, Value]
    updated_at: datetime


class EventDetails(NamedTuple):
    """An event of the log: its type, who told it, and the values that a change of a customer set.

    `created`: the change was the customer's first.
    """

    type: str
    source: str | None
    change_id: str | None
    values: dict[str, Any]
    created: bool


def customer(connection: Connection[TupleRow], account_id: UUID, customer_id: UUID) -> ExplainedCustomer | None:
    """The customer with this id in this account."""
    row = connection.execute(SQL.customer, {"account_id": account_id, "customer_id": customer_id}).fetchone()
    if row is None:
        return None
    shown, _, seen = read_values(row[1], row[2])
    return ExplainedCustomer(row[0], shown, seen, row[3])


def joined_at(connection: Connection[TupleRow], version_no: int | None, customer_no: int) -> datetime | None:
    """Since when a customer is in a version; `None` where she is not."""
    row = connection.execute(SQL.joined, {"version_no": version_no, "customer_no": customer_no}).fetchone()
    return row[0] if row else None


def filter_of(connection: Connection[TupleRow], version_no: int) -> Any:
    """The filter of a version as it was saved; `None` for a static segment."""
    row = connection.execute(SQL.filter, {"version_no": version_no}).fetchone()
    return None if row is None or row[0] is None else json_text.loads(row[0])


def segments_of(
    connection: Connection[TupleRow], account_id: UUID, customer_no: int, segment_ids: set[str]
) -> set[str]:
    """Those of some segments that a customer is in."""
    if not segment_ids:
        return set()
    asked = {"account_id": account_id, "customer_no": customer_no, "segment_ids": sorted(segment_ids)}
    return {segment_id for (segment_id,) in connection.execute(SQL.segments_of, asked)}


def event(connection: Connection[TupleRow], account_id: UUID, position: int) -> EventDetails | None:
    """The event at a position of the log, as the account may see it."""
    return events(connection, account_id, [position]).get(position)


def events(connection: Connection[TupleRow], account_id: UUID, positions: Sequence[int]) -> dict[int, EventDetails]:
    """The events at some positions of the log, as the account may see them."""
    asked = {"account_id": account_id, "positions": sorted(set(positions))}
    found = {}
    for position, topic, text in connection.execute(SQL.events, asked):
        state = json_text.loads(text)
        values = state.get("values") if topic == CustomerChanged.type_name else None
        created = bool(state.get("created"))
        found[int(position)] = EventDetails(topic, state.get("source"), state.get("change_id"), values or {}, created)
    return found
