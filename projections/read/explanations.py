"""The parts of an explanation: a customer's values, the served filter, and the event that caused a change.

Used by `api.v1.explanations` and the console's history, within one snapshot.
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
    """A customer: their values as shown to people and as conditions see them, and when they last changed."""

    customer_no: int
    shown: dict[str, Any]
    seen: dict[str, Value]
    updated_at: datetime


class EventDetails(NamedTuple):
    """An event of the log: its type, its source, and the values that a change of a customer set.

    `created`: whether the change created the customer.
    """

    type: str
    source: str | None
    change_id: str | None
    values: dict[str, Any]
    created: bool


def customer(connection: Connection[TupleRow], account_id: UUID, customer_id: UUID) -> ExplainedCustomer | None:
    """Returns the customer with this id in this account."""
    row = connection.execute(SQL.customer, {"account_id": account_id, "customer_id": customer_id}).fetchone()
    if row is None:
        return None
    shown, _, seen = read_values(row[1], row[2])
    return ExplainedCustomer(row[0], shown, seen, row[3])


def joined_at(connection: Connection[TupleRow], version_no: int | None, customer_no: int) -> datetime | None:
    """Returns when a customer joined a version, `None` if they are not a member."""
    row = connection.execute(SQL.joined, {"version_no": version_no, "customer_no": customer_no}).fetchone()
    return row[0] if row else None


def filter_of(connection: Connection[TupleRow], version_no: int) -> Any:
    """Returns the filter of a version as JSON, segments written out; `None` for a static segment."""
    row = connection.execute(SQL.filter, {"version_no": version_no}).fetchone()
    return None if row is None or row[0] is None else json_text.loads(row[0])


def segments_of(
    connection: Connection[TupleRow], account_id: UUID, customer_no: int, segment_ids: set[str]
) -> set[str]:
    """Returns which of `segment_ids` a customer is in."""
    if not segment_ids:
        return set()
    asked = {"account_id": account_id, "customer_no": customer_no, "segment_ids": sorted(segment_ids)}
    return {segment_id for (segment_id,) in connection.execute(SQL.segments_of, asked)}


def event(connection: Connection[TupleRow], account_id: UUID, position: int) -> EventDetails | None:
    """Returns the event at a position of the log, if it is of this account."""
    return events(connection, account_id, [position]).get(position)


def events(connection: Connection[TupleRow], account_id: UUID, positions: Sequence[int]) -> dict[int, EventDetails]:
    """Returns the events at some positions of the log that are of this account, by position."""
    asked = {"account_id": account_id, "positions": sorted(set(positions))}
    found = {}
    for position, topic, text in connection.execute(SQL.events, asked):
        state = json_text.loads(text)
        values = state.get("values") if topic == CustomerChanged.type_name else None
        created = bool(state.get("created"))
        found[int(position)] = EventDetails(topic, state.get("source"), state.get("change_id"), values or {}, created)
    return found
