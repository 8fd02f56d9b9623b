"""The log of a webhook: each attempt to deliver a message, and what the receiver answered. Kept for `KEPT`.

`consumers.webhooks` adds to it in the transaction that moves the webhook on, `api` shows it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import Database, beside

SQL = beside(__file__)
KEPT = timedelta(days=7)
SWEPT_AT_ONCE = 10_000
Kind = Literal["changes", "full_send", "test"]


class Delivery(NamedTuple):
    """An attempt; it was accepted where `failure` is `None`. Positions are those of its first and last change."""

    message_id: str
    kind: Kind
    attempt: int
    records: int
    first_position: int | None
    last_position: int | None
    at: datetime
    duration_ms: int
    status: int | None
    failure: str | None
    detail: str | None
    answer: str


class DeliveryRow(NamedTuple):
    """An attempt, and its place in the log."""

    delivery_no: int
    delivery: Delivery


def add(connection: Connection[TupleRow], account_id: UUID, webhook_id: UUID, delivery: Delivery) -> None:
    """Add an attempt, in the present transaction; none where the webhook was deleted meanwhile."""
    connection.execute(SQL.add, {"account_id": account_id, "webhook_id": webhook_id, **delivery._asdict()})


def page(
    connection: Connection[TupleRow], account_id: UUID, webhook_id: UUID, *, before: int | None, limit: int
) -> list[DeliveryRow]:
    """Returns a page of attempts, newest first; `before` is the `delivery_no` of the last one of the page before."""
    asked = {"account_id": account_id, "webhook_id": webhook_id, "before": before, "limit": limit}
    return [DeliveryRow(row[0], Delivery(*row[1:])) for row in connection.execute(SQL.page, asked)]


def count(connection: Connection[TupleRow], account_id: UUID, webhook_id: UUID) -> int:
    """Returns how many attempts are kept."""
    row = connection.execute(SQL.count, [account_id, webhook_id]).fetchone()
    return int(row[0]) if row else 0


def sweep(database: Database, now: datetime) -> None:
    """Remove the oldest attempts of all accounts, some at a time."""
    with database.spanning() as connection:
        connection.execute(SQL.sweep, {"before": now - KEPT, "limit": SWEPT_AT_ONCE})
