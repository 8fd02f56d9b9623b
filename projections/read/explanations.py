"""What an explanation is made of: a customer as conditions see her, the filter being served, the cause.

Used by `api.explanations`. All of one snapshot, and of the instant at which the projection worker evaluated her last.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.values import Value
from projections.customers import read_values
from projections.database import beside

SQL = beside(__file__)


class Person(NamedTuple):
    """A customer: her values as people and as conditions see them, and when she last changed."""

    customer_no: int
    shown: dict[str, Any]
    seen: dict[str, Value]
    updated_at: datetime


class Told(NamedTuple):
    """An event of the log: its type, and who told it."""

    type: str
    source: str | None
    change_id: str | None


def person(connection: Connection[TupleRow], account_id: UUID, customer_id: UUID) -> Person | None:
    """The customer with this id in this account."""
    row = connection.execute(SQL.person, {"account_id": account_id, "customer_id": customer_id}).fetchone()
    if row is None:
        return None
    shown, _, seen = read_values(row[1], row[2])
    return Person(row[0], shown, seen, row[3])


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


def event(connection: Connection[TupleRow], account_id: UUID, position: int) -> Told | None:
    """The event at a position of the log, as the account may see it."""
    row = connection.execute(SQL.event, {"account_id": account_id, "position": position}).fetchone()
    if row is None:
        return None
    state = json_text.loads(row[1])
    return Told(row[0], state.get("source"), state.get("change_id"))
