"""Answers already given to requests with an `Idempotency-Key`, so that a repeat gets the same one.

Used by `api.http.idempotency`. A row is written before the work starts, completed with the answer, and
removed where the work was refused: then nothing happened, and the caller may try again. A row without an
answer that is older than `ABANDONED` is taken over by the next request: its process died.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from projections.postgres.database import Database, beside

SQL = beside(__file__)
KEPT = timedelta(days=1)
ABANDONED = timedelta(seconds=60)


class Earlier(NamedTuple):
    """The row of an earlier request with the same key; without `status` it is still being answered."""

    request_hash: bytes
    status: int | None
    headers: dict[str, str] | None
    body: bytes | None


def begin(database: Database, account_id: UUID, key: str, request_hash: bytes, now: datetime) -> Earlier | None:
    """Claim the key for this request, or return the row of an earlier one."""
    parameters = {
        "account_id": account_id,
        "key": key,
        "request_hash": request_hash,
        "now": now,
        "expired": now - KEPT,
        "abandoned": now - ABANDONED,
    }
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.sweep, parameters)
        if connection.execute(SQL.claim, parameters).fetchone():
            return None
        row = connection.execute(SQL.earlier, parameters).fetchone()
    return Earlier(*row) if row else Earlier(request_hash, None, None, None)


def complete(
    database: Database, account_id: UUID, key: str, *, status: int, headers: dict[str, str], body: bytes
) -> None:
    """Store the answer."""
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(
            SQL.complete,
            {"account_id": account_id, "key": key, "status": status, "headers": Jsonb(headers), "body": body},
        )


def forget(database: Database, account_id: UUID, key: str) -> None:
    """Release the key: nothing was done."""
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.forget, {"account_id": account_id, "key": key})
