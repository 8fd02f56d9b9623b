"""API keys as rows, without their secrets. Used by `api`: to authenticate a request, and to list and show keys.

The rows move in the transaction that stores the event of a key, by a trigger (migrations/0014_rights.sql): a key is
valid or revoked from the answered request on, however far the read model is behind.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.account import KeyKind
from projections.postgres.database import Database, beside

SQL = beside(__file__)


class ApiKeyRow(NamedTuple):
    """An API key, without the secret itself."""

    key_id: str
    name: str
    kind: KeyKind
    created_at: datetime


class KeyHolder(NamedTuple):
    """The account and key that a secret stands for."""

    account_id: UUID
    key_id: str
    kind: KeyKind


def authenticate(database: Database, secret_sha256: bytes) -> KeyHolder | None:
    """Returns the account and key of the secret with this hash; `None` where there is none, or it was revoked."""
    with database.single() as connection:
        row = connection.execute(SQL.authenticate, [secret_sha256]).fetchone()
    return KeyHolder(*row) if row else None


def page(
    connection: Connection[TupleRow], account_id: UUID, *, before: tuple[datetime, str] | None, limit: int
) -> list[ApiKeyRow]:
    """Returns a page of API keys, newest first; `before` is the `(created_at, key_id)` of the page before."""
    created_at, key_id = before or (None, None)
    asked = {"account_id": account_id, "created_at": created_at, "key_id": key_id, "limit": limit}
    return [ApiKeyRow(*row) for row in connection.execute(SQL.page, asked)]


def by_id(connection: Connection[TupleRow], account_id: UUID, key_id: str) -> ApiKeyRow | None:
    """Returns the API key with this id in this account."""
    row = connection.execute(SQL.by_id, [account_id, key_id]).fetchone()
    return ApiKeyRow(*row) if row else None


def count(connection: Connection[TupleRow], account_id: UUID) -> int:
    """Returns how many API keys the account has."""
    row = connection.execute(SQL.count, [account_id]).fetchone()
    return int(row[0]) if row else 0
