"""An account's country, API keys and attributes. Used by most pages of the API and the console."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.account import KeyKind
from domain.customer import BUILT_IN
from domain.filters.wording import Words
from domain.instants import Days
from domain.values import AttributeType
from projections.postgres.database import beside

SQL = beside(__file__)


class KeyRow(NamedTuple):
    """An API key, without the secret itself."""

    key_id: str
    name: str
    kind: KeyKind
    created_at: datetime


class AttributeRow(NamedTuple):
    """A declared or inferred attribute."""

    key: str
    type: AttributeType
    label: str | None


def country(connection: Connection[TupleRow], account_id: UUID) -> str:
    """Returns the country of national phone numbers."""
    row = connection.execute(SQL.country, [account_id]).fetchone()
    return str(row[0]) if row else "US"


def keys(
    connection: Connection[TupleRow], account_id: UUID, *, before: tuple[datetime, str] | None, limit: int
) -> list[KeyRow]:
    """Returns a page of API keys, newest first; `before` is the `(created_at, key_id)` of the page before."""
    created_at, key_id = before or (None, None)
    found = connection.execute(
        SQL.keys, {"account_id": account_id, "created_at": created_at, "key_id": key_id, "limit": limit}
    )
    return [KeyRow(*row) for row in found]


def key(connection: Connection[TupleRow], account_id: UUID, key_id: str) -> KeyRow | None:
    """Returns the API key with this id in this account."""
    found = connection.execute(SQL.key, [account_id, key_id]).fetchone()
    return KeyRow(*found) if found else None


def count_keys(connection: Connection[TupleRow], account_id: UUID) -> int:
    """Returns how many API keys the account has."""
    row = connection.execute(SQL.count_keys, [account_id]).fetchone()
    return int(row[0]) if row else 0


def attributes(connection: Connection[TupleRow], account_id: UUID) -> list[AttributeRow]:
    """Returns the account's own attributes, ordered by key; built-in attributes are not among them."""
    return [AttributeRow(*row) for row in connection.execute(SQL.attributes, [account_id])]


def words(connection: Connection[TupleRow], account_id: UUID, segments: Mapping[str, str]) -> Words:
    """Returns what filters are put into words with: labels, types, time zone, and names of `segments` by id."""
    rows = connection.execute(SQL.wording, [account_id]).fetchall()
    labels = {key: label for _, key, _, label in rows if key is not None}
    types = dict(BUILT_IN) | {key: kind for _, key, kind, _ in rows if key is not None}
    return Words(labels, types, ZoneInfo(rows[0][0]), segments)


def types(connection: Connection[TupleRow], account_id: UUID) -> dict[str, AttributeType]:
    """Returns the type of every attribute that a filter may read, by key."""
    return dict(BUILT_IN) | {row.key: row.type for row in attributes(connection, account_id)}


def calendar(connection: Connection[TupleRow], account_id: UUID) -> tuple[Days, datetime]:
    """Returns the account's days, and the instant up to which its members reflect time."""
    row = connection.execute(SQL.calendar, [account_id]).fetchone()
    assert row is not None, "every API key belongs to an account"
    return Days(ZoneInfo(row[0])), row[1]
