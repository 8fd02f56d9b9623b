"""Customers as rows: one by either of its ids, pages of them, and the segments one is in.

Used by `api.v1.customers`. Numbers stay exact: JSON columns are read as text and parsed by `domain.json_text`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from projections.postgres.database import beside
from projections.read import search
from projections.read.accounts import country

SQL = beside(__file__)


class CustomerRow(NamedTuple):
    """A customer; `values` holds every attribute, built-in ones too."""

    customer_no: int
    customer_id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    values: dict[str, Any]


class Search(NamedTuple):
    """A search as parameters of a query: prefix words, and the same as a phone number."""

    words: str | None
    phones: str | None


EVERYONE = Search(None, None)


def row_of(columns: tuple[Any, ...]) -> CustomerRow:
    """The customer at the head of a row, in the order that every query selects."""
    customer_no, customer_id, version, created_at, updated_at, values = columns[:6]
    return CustomerRow(customer_no, customer_id, version, created_at, updated_at, json_text.loads(values))


def parse_search(connection: Connection[TupleRow], account_id: UUID, typed: str | None) -> Search:
    """What was typed, as a search; blank means everyone."""
    if typed is None or not typed.strip():
        return EVERYONE
    return Search(search.words_query(typed), search.phones_query(typed, country(connection, account_id)))


def by_id(connection: Connection[TupleRow], account_id: UUID, customer_id: UUID) -> CustomerRow | None:
    """The customer with this id in this account."""
    found = connection.execute(SQL.by_id, {"account_id": account_id, "customer_id": customer_id}).fetchone()
    return row_of(found) if found else None


def page(
    connection: Connection[TupleRow], account_id: UUID, wanted: Search, *, before: int | None, limit: int
) -> list[CustomerRow]:
    """Customers that match the search, newest first."""
    parameters = {"account_id": account_id, "before": before, "limit": limit}
    if wanted == EVERYONE:
        return [row_of(row) for row in connection.execute(SQL.page, parameters)]
    found = connection.execute(SQL.search, parameters | {"words": wanted.words, "phones": wanted.phones})
    return [row_of(row) for row in found]


def count(connection: Connection[TupleRow], account_id: UUID, wanted: Search) -> int:
    """How many customers match the search."""
    parameters = {"account_id": account_id, "words": wanted.words, "phones": wanted.phones}
    row = connection.execute(SQL.count if wanted == EVERYONE else SQL.count_search, parameters).fetchone()
    return int(row[0]) if row else 0
