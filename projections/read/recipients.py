"""Whom a campaign would reach now, and whom a frozen audience holds: by page, and all in one stream.

Used by `api.v1.recipients`. The oldest customer comes first, and keeps a phone number that several have. A
page looks only at as many members as it needs; a stream is one query whose rows PostgreSQL has already
written as text, read through a cursor, so that neither side ever holds more than a few thousand rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection, ServerCursor, sql
from psycopg.rows import TupleRow

from projections.model.union import Union
from projections.postgres.database import beside

SQL = beside(__file__)
LineFormat = Literal["json", "csv"]
FETCH_SIZE = 5_000
MIN_WINDOW, MAX_WINDOW = 100, 50_000


class RecipientRow(NamedTuple):
    """One person, one phone number."""

    customer_no: int
    customer_id: UUID
    external_id: str | None
    phone: str
    name: str | None


class Skipped(NamedTuple):
    """Members who are not recipients, each counted under the first reason that holds."""

    excluded: int
    opted_out: int
    no_phone: int
    duplicate_phone: int


def page(connection: Connection[TupleRow], union: Union, *, after: int | None, limit: int) -> list[RecipientRow]:
    """Recipients now, oldest customer first; what comes later in the transaction is planned once for all values too.

    Looks at a window of members; where most of them are no recipients, at larger and larger ones.
    """
    found: list[RecipientRow] = []
    last, window = after or 0, max(MIN_WINDOW, 2 * limit)
    connection.execute(SQL.plan_once)
    while True:
        terms = union._asdict() | {"after": last, "window": window, "limit": limit - len(found)}
        rows = connection.execute(SQL.page, terms).fetchall()
        found += [RecipientRow(*row[2:]) for row in rows if row[2] is not None]
        end, members = rows[0][:2]
        if len(found) == limit or members < window:
            return found
        last, window = end, min(window * 4, MAX_WINDOW)


def totals(connection: Connection[TupleRow], union: Union) -> tuple[int, Skipped]:
    """How many recipients there are now, and how many members are none, by reason."""
    row = connection.execute(SQL.totals, union._asdict()).fetchone()
    assert row is not None
    return row[0], Skipped(*row[1:])


def totals_within(connection: Connection[TupleRow], union: Union, span: timedelta) -> tuple[int, Skipped] | None:
    """As `totals`; `None` where there are more than can be counted within a span."""
    try:
        with connection.transaction():
            connection.execute(SQL.limit_time, [f"{span // timedelta(milliseconds=1)}ms"])
            found = totals(connection, union)
            connection.execute(SQL.limit_time, ["0"])
            return found
    except psycopg.errors.QueryCanceled:
        return None


def frozen_page(
    connection: Connection[TupleRow], account_id: UUID, audience_no: int, *, after: int | None, limit: int
) -> list[RecipientRow]:
    """Recipients of a frozen audience, oldest customer first."""
    terms = {"account_id": account_id, "audience_no": audience_no, "after": after or 0, "limit": limit}
    return [RecipientRow(*each) for each in connection.execute(SQL.frozen_page, terms)]


def lines(connection: Connection[TupleRow], union: Union, form: LineFormat) -> Iterator[tuple[bytes, int]]:
    """Every recipient now as a line of text: some lines at a time, and how many."""
    return _lines(connection, SQL.stream, form, union._asdict())


def frozen_lines(
    connection: Connection[TupleRow], account_id: UUID, audience_no: int, form: LineFormat
) -> Iterator[tuple[bytes, int]]:
    """The same of a frozen audience."""
    terms = {"account_id": account_id, "audience_no": audience_no}
    return _lines(connection, SQL.frozen_stream, form, terms)


def _lines(
    connection: Connection[TupleRow], query: str, form: LineFormat, terms: dict[str, Any]
) -> Iterator[tuple[bytes, int]]:
    line = sql.SQL(SQL.line_json if form == "json" else SQL.line_csv)
    # All rows are wanted: without this, a cursor is planned for its first tenth.
    connection.execute("SET LOCAL cursor_tuple_fraction = 1")
    with ServerCursor(connection, "recipients") as cursor:
        cursor.execute(sql.SQL(query).format(line=line), terms, binary=True)
        while rows := cursor.fetchmany(FETCH_SIZE):
            yield "".join([text for (text,) in rows]).encode(), len(rows)
