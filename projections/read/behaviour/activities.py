"""What a customer did, newest first. Used by `api.v1.customers`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from projections.postgres.database import beside

SQL = beside(__file__)


class ActivityRow(NamedTuple):
    """A fact; `position` is that of its event."""

    time: datetime
    position: int
    activity: str
    properties: dict[str, Any]


def page(
    connection: Connection[TupleRow],
    account_id: UUID,
    customer_no: int,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> list[ActivityRow]:
    """Returns a page of what a customer did, newest first; `before`: time and position of the last one before it."""
    last = dict(zip(("time", "position"), before or (None, None), strict=True))
    asked = {"account_id": account_id, "customer_no": customer_no, "limit": limit} | last
    return [
        ActivityRow(time, position, activity, json_text.loads(properties))
        for time, position, activity, properties in connection.execute(SQL.page, asked)
    ]


def count(connection: Connection[TupleRow], account_id: UUID, customer_no: int) -> int:
    """Returns how much a customer did."""
    row = connection.execute(SQL.count, {"account_id": account_id, "customer_no": customer_no}).fetchone()
    return int(row[0]) if row else 0
