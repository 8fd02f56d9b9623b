"""What an account declares: its country, its API keys, its attributes. Read by the handlers of the same names."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.customer import BUILT_IN
from domain.moments import Days
from domain.values import AttributeType
from projections.database import beside

SQL = beside(__file__)


class KeyRow(NamedTuple):
    """An API key without its secret."""

    key_id: str
    name: str
    kind: str
    created_at: datetime


class AttributeRow(NamedTuple):
    """A declared or inferred attribute."""

    key: str
    type: AttributeType
    label: str | None


def country(connection: Connection[TupleRow], account_id: UUID) -> str:
    """The country with which national phone numbers are read."""
    row = connection.execute(SQL.country, [account_id]).fetchone()
    return str(row[0]) if row else "US"


def keys(
    connection: Connection[TupleRow], account_id: UUID, *, before: tuple[datetime, str] | None, limit: int
) -> list[KeyRow]:
    """API keys, newest first."""
    created_at, key_id = before or (None, None)
    found = connection.execute(
        SQL.keys, {"account_id": account_id, "created_at": created_at, "key_id": key_id, "limit": limit}
    )
    return [KeyRow(*row) for row in found]


def key(connection: Connection[TupleRow], account_id: UUID, key_id: str) -> KeyRow | None:
    """The API key with this id in this account."""
    found = connection.execute(SQL.key, [account_id, key_id]).fetchone()
    return KeyRow(*found) if found else None


def count_keys(connection: Connection[TupleRow], account_id: UUID) -> int:
    """How many API keys the account has."""
    row = connection.execute(SQL.count_keys, [account_id]).fetchone()
    return int(row[0]) if row else 0


def attributes(connection: Connection[TupleRow], account_id: UUID) -> list[AttributeRow]:
    """The account's own attributes by key; the built-in ones are not rows."""
    return [AttributeRow(*row) for row in connection.execute(SQL.attributes, [account_id])]


def labels(connection: Connection[TupleRow], account_id: UUID) -> dict[str, str | None]:
    """The label of each of the account's own attributes, for a filter's summary."""
    return {row.key: row.label for row in attributes(connection, account_id)}


def types(connection: Connection[TupleRow], account_id: UUID) -> dict[str, AttributeType]:
    """The type of every attribute that a filter may read."""
    return dict(BUILT_IN) | {row.key: row.type for row in attributes(connection, account_id)}


def calendar(connection: Connection[TupleRow], account_id: UUID) -> tuple[Days, datetime]:
    """The account's days, and up to when time-driven flips are in its members."""
    row = connection.execute(SQL.calendar, [account_id]).fetchone()
    assert row is not None, "who has a key has an account"
    return Days(ZoneInfo(row[0])), row[1]
