"""What all customers of an account did, in the order of customers and of each by time. Used by `api.v1.behaviour`.

A stream's lines are written by PostgreSQL, some thousand at a time; a line has the fields and values of the same fact
on a page, and no piece is much larger than `MOST_BYTES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain import json_text
from projections.postgres.database import beside
from projections.read import MOST_BYTES
from projections.read.streams.lines import FIRST, FORMS, MOST, LineFormat, joined

SQL = beside(__file__)
COLUMNS = ("customer_id", "external_id", "name", "time", "properties")
_KINDS = dict(zip(COLUMNS, ("plain", "text", "text", "instant", "value"), strict=True))


class Wanted(NamedTuple):
    """Which facts: of an activity or of all, done from `first` to `last`, both included."""

    account_id: UUID
    activity: str | None
    first: datetime | None
    last: datetime | None


class Place(NamedTuple):
    """Where a fact stands in the list; a position is that of its event."""

    customer_no: int
    time: datetime
    position: int


class Done(NamedTuple):
    """A fact, and who did it."""

    place: Place
    customer_id: UUID
    external_id: str | None
    name: str
    properties: dict[str, Any]


def page(connection: Connection[TupleRow], wanted: Wanted, *, after: Place | None, limit: int) -> list[Done]:
    """Returns up to `limit` facts after a place."""
    rows = connection.execute(sql.SQL(SQL.page).format(facts=sql.SQL(SQL.facts)), _asked(wanted, after, limit))
    return [
        Done(Place(*row[:3]), customer_id, external_id, name, json_text.loads(properties))
        for *row, customer_id, external_id, name, properties in rows
    ]


def kept_days(connection: Connection[TupleRow], account_id: UUID) -> int | None:
    """Returns how many days old an activity of an account becomes before it counts no more; `None`: without end."""
    row = connection.execute(SQL.kept_days, [account_id]).fetchone()
    return None if row is None else row[0]


def count(connection: Connection[TupleRow], wanted: Wanted) -> int:
    """Returns how many facts there are."""
    row = connection.execute(SQL.count, wanted._asdict()).fetchone()
    assert row is not None
    return int(row[0])


def lines(connection: Connection[TupleRow], wanted: Wanted, form: LineFormat) -> Iterator[tuple[bytes, int]]:
    """Yields all facts as lines of NDJSON or CSV: some at a time, and how many they are."""
    query = sql.SQL(SQL.lines).format(facts=sql.SQL(SQL.facts), line=_line(form))
    after, size = None, FIRST
    while True:
        row = connection.execute(query, _asked(wanted, after, size) | {"most": MOST_BYTES}, binary=True).fetchone()
        assert row is not None
        found, text, *place = row
        if not found:
            return
        yield text, found
        after, size = Place(*place), MOST


def _asked(wanted: Wanted, after: Place | None, limit: int) -> dict[str, Any]:
    customer_no, time, position = after or (0, None, 0)
    return wanted._asdict() | {"after_no": customer_no, "time": time, "position": position, "limit": limit}


def _line(form: LineFormat) -> sql.Composed:
    parts = [
        (f'"{name}":', FORMS[form][kind].format(value=sql.SQL("r.") + sql.Identifier(name)))
        for name, kind in _KINDS.items()
    ]
    if form == "csv":
        return joined("", [("", value) for _, value in parts], "\r\n")
    return joined("{", parts, "}\n")
