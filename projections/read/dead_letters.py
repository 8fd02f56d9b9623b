"""Unresolved dead letters. Used by `api.v1.dead_letters` and the console."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import beside
from projections.read import MOST_BYTES

SQL = beside(__file__)


class DeadLetterRow(NamedTuple):
    """A record byte for byte, with the reason and its origin; the values of its headers are in hex."""

    dead_letter_id: int
    topic: str
    partition: int
    record_offset: int
    record_timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, str | None]]
    code: str
    message: str
    attempts: int
    first_failed_at: datetime
    published_at: datetime | None


def page(
    connection: Connection[TupleRow], account_id: UUID, *, before: int | None, limit: int
) -> tuple[list[DeadLetterRow], bool]:
    """Returns a page of dead letters, newest first, and whether there are more.

    It ends early after the record that fills `MOST_BYTES`: a record may be as large as a whole page of others.
    """
    asked = {"account_id": account_id, "before": before}
    sizes = connection.execute(SQL.sizes, asked | {"limit": limit + 1}).fetchall()
    fitting = total = 0
    while fitting < min(limit, len(sizes)) and total < MOST_BYTES:
        total += sizes[fitting][1]
        fitting += 1
    found = connection.execute(SQL.page, asked | {"limit": fitting})
    return [DeadLetterRow(*row) for row in found], len(sizes) > fitting


def outlines(
    connection: Connection[TupleRow], account_id: UUID, *, before: int | None, limit: int
) -> list[DeadLetterRow]:
    """Returns dead letters, newest first, without what their records hold."""
    found = connection.execute(SQL.outlines, {"account_id": account_id, "before": before, "limit": limit})
    return [DeadLetterRow(*row) for row in found]


def by_id(connection: Connection[TupleRow], account_id: UUID, dead_letter_id: int) -> DeadLetterRow | None:
    """Returns the dead letter with this id in this account, unless a retry has ingested it."""
    row = connection.execute(SQL.by_id, {"account_id": account_id, "dead_letter_id": dead_letter_id}).fetchone()
    return DeadLetterRow(*row) if row else None


def count(connection: Connection[TupleRow], account_id: UUID) -> int:
    """Returns how many dead letters the account has."""
    row = connection.execute(SQL.count, [account_id]).fetchone()
    return int(row[0]) if row else 0
