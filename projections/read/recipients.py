"""The recipients of a campaign now, and those of a frozen audience: by page, or all in one stream.

Used by `api.v1.recipients` and the console. Whether a number is reached is decided for the number, over all customers
who have it; the oldest of them in the audience is the recipient, and the oldest customer comes first. Both a page and a
stream read windows of customers in that order, each only as many members as it needs, and look up others only for the
few numbers that are shared (`projections.model.reach`). Within one transaction that is one snapshot; neither side holds
more than a window. PostgreSQL writes the lines of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from projections.model.audience_spec import AudienceSpec
from projections.postgres.database import beside

SQL = beside(__file__)
LineFormat = Literal["json", "csv"]
RECIPIENTS = sql.SQL(SQL.recipients)
LINES: dict[LineFormat, sql.SQL] = {"json": sql.SQL(SQL.line_json), "csv": sql.SQL(SQL.line_csv)}
# Members in a window of a page, and of a stream: its first one is small, so that it begins at once.
MIN_WINDOW, MAX_WINDOW = 100, 50_000
FIRST_LINES, MOST_LINES = 2_000, 40_000
# Beyond every customer.
END = 2**63 - 1


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
    query = sql.SQL(SQL.page).format(recipients=RECIPIENTS)
    while True:
        end = _window_end(connection, spec, last, window)
        terms = spec._asdict() | {"after": last, "last": end, "limit": limit - len(found)}
        found += [RecipientRow(*row) for row in connection.execute(query, terms)]
        if len(found) == limit or end == END:
            return found
        last, window = end, min(window * 4, MAX_WINDOW)


def totals(connection: Connection[TupleRow], spec: AudienceSpec) -> tuple[int, Skipped]:
    """Returns how many recipients there are now, and how many members are not, by reason."""
    row = connection.execute(SQL.totals, spec._asdict()).fetchone()
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
    """Yields every recipient now as lines of text: some lines at a time, and how many they are.

    Sets how queries are planned for the rest of the transaction.
    """
    connection.execute(SQL.plan_each)
    query = sql.SQL(SQL.lines).format(recipients=RECIPIENTS, line=LINES[form])
    last, window = 0, FIRST_LINES
    while last < END:
        end = _window_end(connection, spec, last, window)
        terms = spec._asdict() | {"after": last, "last": end}
        row = connection.execute(query, terms, binary=True).fetchone()
        assert row is not None
        if row[0]:
            yield row[1], row[0]
        last, window = end, MOST_LINES


def frozen_lines(
    connection: Connection[TupleRow], account_id: UUID, audience_no: int, form: LineFormat
) -> Iterator[tuple[bytes, int]]:
    """Yields the recipients of a frozen audience as `lines` does."""
    query = sql.SQL(SQL.frozen_lines).format(line=LINES[form])
    last, limit = 0, FIRST_LINES
    while True:
        terms = {"account_id": account_id, "audience_no": audience_no, "after": last, "limit": limit}
        row = connection.execute(query, terms, binary=True).fetchone()
        assert row is not None
        if not row[1]:
            return
        yield row[2], row[1]
        last, limit = row[0], MOST_LINES


def _window_end(connection: Connection[TupleRow], spec: AudienceSpec, after: int, members: int) -> int:
    """The last customer of the next window, which holds about so many memberships; `END` where it is the last one."""
    terms = {"included": spec.included, "after": after, "most": max(1, members // max(1, len(spec.included)))}
    row = connection.execute(SQL.window_end, terms).fetchone()
    return END if row is None or row[0] is None else int(row[0])
