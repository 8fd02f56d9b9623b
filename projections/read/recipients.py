"""The recipients of a campaign now, and those of a frozen audience: by page, or all in one stream.

Used by `api.v1.recipients` and the console. Whether a number is reached is decided for the number, over all customers
who have it; the oldest of them in the audience is the recipient, and the oldest customer comes first. A page reads only
as many members as it needs. A stream is one query whose rows PostgreSQL formats as text, read through a cursor, so that
neither side holds more than a few thousand rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection, ServerCursor, sql
from psycopg.rows import TupleRow

from projections.model.audience_spec import AudienceSpec
from projections.postgres.database import beside

SQL = beside(__file__)
LineFormat = Literal["json", "csv"]
BLOCKED = sql.SQL(SQL.blocked_numbers)
FETCH_SIZE = 5_000
MIN_WINDOW, MAX_WINDOW = 100, 50_000


class RecipientRow(NamedTuple):
    """A recipient: each customer once, each phone number once."""

    customer_no: int
    customer_id: UUID
    external_id: str | None
    phone: str
    name: str | None


class Skipped(NamedTuple):
    """How many members are not recipients, each counted under the first reason that applies."""

    excluded: int
    opted_out: int
    no_phone: int
    duplicate_phone: int


def page(connection: Connection[TupleRow], spec: AudienceSpec, *, after: int | None, limit: int) -> list[RecipientRow]:
    """Returns a page of the recipients now, oldest customer first.

    Reads a window of members, and larger ones if most of them are not recipients. Sets `plan_cache_mode` for
    the rest of the transaction.
    """
    found: list[RecipientRow] = []
    last, window = after or 0, max(MIN_WINDOW, 2 * limit)
    connection.execute(SQL.plan_once)
    while True:
        terms = spec._asdict() | {"after": last, "window": window, "limit": limit - len(found)}
        rows = connection.execute(SQL.page, terms).fetchall()
        found += [RecipientRow(*row[2:]) for row in rows if row[2] is not None]
        end, members = rows[0][:2]
        if len(found) == limit or members < window:
            return found
        last, window = end, min(window * 4, MAX_WINDOW)


def totals(connection: Connection[TupleRow], spec: AudienceSpec) -> tuple[int, Skipped]:
    """Returns how many recipients there are now, and how many members are not, by reason."""
    row = connection.execute(sql.SQL(SQL.totals).format(blocked_numbers=BLOCKED), spec._asdict()).fetchone()
    assert row is not None
    return row[0], Skipped(*row[1:])


def totals_within(connection: Connection[TupleRow], spec: AudienceSpec, span: timedelta) -> tuple[int, Skipped] | None:
    """Returns what `totals` does, or `None` if counting takes longer than `span`."""
    try:
        with connection.transaction():
            connection.execute(SQL.limit_time, [f"{span // timedelta(milliseconds=1)}ms"])
            found = totals(connection, spec)
            connection.execute(SQL.limit_time, ["0"])
            return found
    except psycopg.errors.QueryCanceled:
        return None


def frozen_page(
    connection: Connection[TupleRow], account_id: UUID, audience_no: int, *, after: int | None, limit: int
) -> list[RecipientRow]:
    """Returns a page of the recipients of a frozen audience, oldest customer first."""
    terms = {"account_id": account_id, "audience_no": audience_no, "after": after or 0, "limit": limit}
    return [RecipientRow(*each) for each in connection.execute(SQL.frozen_page, terms)]


def lines(connection: Connection[TupleRow], spec: AudienceSpec, form: LineFormat) -> Iterator[tuple[bytes, int]]:
    """Yields every recipient now as lines of text: some lines at a time, and how many they are."""
    return _lines(connection, SQL.stream, form, spec._asdict())


def frozen_lines(
    connection: Connection[TupleRow], account_id: UUID, audience_no: int, form: LineFormat
) -> Iterator[tuple[bytes, int]]:
    """Yields the recipients of a frozen audience as `lines` does."""
    terms = {"account_id": account_id, "audience_no": audience_no}
    return _lines(connection, SQL.frozen_stream, form, terms)


def _lines(
    connection: Connection[TupleRow], query: str, form: LineFormat, terms: dict[str, Any]
) -> Iterator[tuple[bytes, int]]:
    line = sql.SQL(SQL.line_json if form == "json" else SQL.line_csv)
    # All rows will be read; by default a cursor is planned for its first tenth.
    connection.execute("SET LOCAL cursor_tuple_fraction = 1")
    with ServerCursor(connection, "recipients") as cursor:
        cursor.execute(sql.SQL(query).format(line=line, blocked_numbers=BLOCKED), terms, binary=True)
        while rows := cursor.fetchmany(FETCH_SIZE):
            yield "".join([text for (text,) in rows]).encode(), len(rows)
