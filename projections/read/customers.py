"""Customers: one by its id, and pages of all or of those that match a search.

Used by `api.v1.customers` and the console. Numbers stay exact: JSON columns are selected as text and parsed by
`domain.json_text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.formats.fields import Fields
from projections.postgres.database import Question, beside
from projections.read import MOST_BYTES, search
from projections.read.accounts import country

SQL = beside(__file__)


class CustomerRow(NamedTuple):
    """A customer as pages show it; `values` holds every attribute, built-in ones too."""

    customer_no: int
    customer_id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    values: dict[str, Any]


class ChosenValues(NamedTuple):
    """Stored values of a customer, those that were asked for, and when the customer was created and changed."""

    values: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class Search(NamedTuple):
    """A search as two text-search queries: by words, and by phone number. `None` in both: everyone."""

    words: str | None
    phones: str | None


EVERYONE = Search(None, None)


def row_of(columns: tuple[Any, ...]) -> CustomerRow:
    """Returns the customer in the first six columns of a row, in the order that every query selects."""
    customer_no, customer_id, version, created_at, updated_at, values = columns[:6]
    return CustomerRow(customer_no, customer_id, version, created_at, updated_at, json_text.loads(values))


def parse_search(connection: Connection[TupleRow], account_id: UUID, typed: str | None) -> Search:
    """Parses the text of a search box; blank means everyone."""
    if typed is None or not typed.strip():
        return EVERYONE
    return Search(search.words_query(typed), search.phones_query(typed, country(connection, account_id)))


def question(account_id: UUID, customer_ids: Sequence[UUID]) -> Question:
    """Asks for the customers with these ids in this account, in their order; `row_of` reads the answer."""
    return Question(SQL.by_ids, {"account_id": account_id, "customer_ids": list(customer_ids)})


def by_id(connection: Connection[TupleRow], account_id: UUID, customer_id: UUID) -> CustomerRow | None:
    """Returns the customer with this id in this account."""
    found = connection.execute(*question(account_id, [customer_id])).fetchone()
    return row_of(found) if found else None


def page(
    connection: Connection[TupleRow], account_id: UUID, wanted: Search, *, before: int | None, limit: int
) -> tuple[list[CustomerRow], bool]:
    """Returns a page of the customers that match the search, newest first, and whether there are more.

    It ends early where they are large.
    """
    parameters = wanted._asdict() | {"account_id": account_id, "before": before, "limit": limit + 1}
    found = connection.execute(SQL.page if wanted == EVERYONE else SQL.search, parameters).fetchall()
    rows = with_attributes(connection, account_id, found[:limit])
    return [row for row in rows if row is not None], len(rows) < len(found)


def with_attributes(
    connection: Connection[TupleRow], account_id: UUID, found: Sequence[TupleRow]
) -> list[CustomerRow | None]:
    """Returns the customers in the first five columns of rows, up to the one that fills a page; `None` if erased."""
    asked = {"account_id": account_id, "numbers": [row[0] for row in found], "most": MOST_BYTES}
    attributes = connection.execute(SQL.attributes, asked).fetchall()
    return [None if text is None else row_of((*row[:5], text)) for row, (text,) in zip(found, attributes, strict=False)]


def chosen(
    connection: Connection[TupleRow], account_id: UUID, numbers: Sequence[int], fields: Fields
) -> dict[int, ChosenValues]:
    """Returns the values that fields are made of, by customer number; an erased customer is not among them."""
    asked = {"account_id": account_id, "numbers": list(numbers), "keys": fields.keys, "needs_all": fields.needs_all}
    found = connection.execute(SQL.chosen, asked)
    return {row[0]: ChosenValues(json_text.loads(row[1]), row[2], row[3]) for row in found}


def count(connection: Connection[TupleRow], account_id: UUID, wanted: Search) -> int:
    """Returns how many customers match the search."""
    parameters = {"account_id": account_id, "words": wanted.words, "phones": wanted.phones}
    row = connection.execute(SQL.count if wanted == EVERYONE else SQL.count_search, parameters).fetchone()
    return int(row[0]) if row else 0
