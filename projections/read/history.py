"""What was: joins and leaves of a segment, its members at an instant, its size over time.

Used by `api.v1.history`, `api.v1.members`, `api.v1.explanations` and the console's history. Reads the history of the
versions that counted, each from the event that set its filter up to the one that set the next: the answers are
those of one segment, however often its filter was edited, and of no version that was never served.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import beside
from projections.read.customers import CustomerRow, row_of

SQL = beside(__file__)
NEXT = timedelta(microseconds=1)


class ServedVersions(NamedTuple):
    """The versions of a segment whose history counts, and up to which position each."""

    account_id: UUID
    versions: list[int]
    lasts: list[int]


class HistoryRow(NamedTuple):
    """Somebody joined or left; of a customer who is gone there is no id any more."""

    customer_id: UUID | None
    external_id: str | None
    at: datetime
    joined: bool
    cause: str
    position: int
    version_no: int
    customer_no: int
    name: str | None
    phone: str | None


class LastChange(NamedTuple):
    """The last that happened to one customer."""

    joined: bool
    at: datetime
    cause: str
    position: int


def served_versions(connection: Connection[TupleRow], account_id: UUID, segment_no: int) -> ServedVersions:
    """Where the history of a segment stands."""
    rows = connection.execute(SQL.served_versions, {"account_id": account_id, "segment_no": segment_no}).fetchall()
    return ServedVersions(account_id, [row[0] for row in rows], [row[1] for row in rows])


def page(
    connection: Connection[TupleRow],
    source: ServedVersions,
    *,
    before: tuple[datetime, int, int, int] | None,
    limit: int,
) -> list[HistoryRow]:
    """Joins and leaves, newest first."""
    at, customer_no, position, version_no = before or (None, None, None, None)
    key = {"at": at, "position": position, "version_no": version_no, "customer_no": customer_no, "limit": limit}
    connection.execute(SQL.walk)
    return [HistoryRow(*row) for row in connection.execute(SQL.page, source._asdict() | key)]


def count(connection: Connection[TupleRow], source: ServedVersions) -> int:
    """How many joins and leaves there were."""
    row = connection.execute(SQL.count, source._asdict()).fetchone()
    return int(row[0]) if row else 0


def last_change(connection: Connection[TupleRow], source: ServedVersions, customer_no: int) -> LastChange | None:
    """How a customer came to be a member, or to be none any more; `None` where she never was one."""
    row = connection.execute(SQL.last_change, source._asdict() | {"customer_no": customer_no}).fetchone()
    return LastChange(*row) if row else None


def members_at(
    connection: Connection[TupleRow],
    source: ServedVersions,
    at: datetime,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> list[tuple[int, datetime, CustomerRow | None]]:
    """Who was a member at an instant: number, when she had joined, and who she is now, if she still is."""
    joined_at, customer_no = before or (None, None)
    connection.execute(SQL.walk)
    asked = {"at": at, "joined_at": joined_at, "customer_no": customer_no, "limit": limit}
    return [
        (row[0], row[1], None if row[2] is None else row_of((row[0], *row[2:])))
        for row in connection.execute(SQL.members_at, source._asdict() | asked)
    ]


def sizes(connection: Connection[TupleRow], source: ServedVersions, points: Sequence[datetime]) -> list[int]:
    """How many members there were at each of some instants, in order of time."""
    bounds = [point + NEXT for point in points]
    moved: dict[int, Any] = dict(
        connection.execute(SQL.sizes, source._asdict() | {"bounds": bounds, "until": points[-1]}).fetchall()
    )
    size, found = 0, []
    for index in range(len(points)):
        size += moved.get(index, 0)
        found.append(size)
    return found


def sizes_back_from(
    connection: Connection[TupleRow],
    source: ServedVersions,
    size: int,
    points: Sequence[datetime],
    *,
    within: timedelta,
) -> list[int] | None:
    """As `sizes`, from how many members there are now: reads only what happened after the first instant.

    `None` where even that is more than can be counted `within` a span, which holds for the rest of the transaction.
    """
    bounds = [point + NEXT for point in points]
    asked = {"bounds": bounds, "since": points[0]}
    try:
        with connection.transaction():
            connection.execute(SQL.limit_time, [f"{within // timedelta(milliseconds=1)}ms"])
            moved: dict[int, Any] = dict(connection.execute(SQL.moved_since, source._asdict() | asked).fetchall())
    except psycopg.errors.QueryCanceled:
        return None
    found = []
    for index in range(len(points), 0, -1):
        size -= moved.get(index, 0)
        found.append(size)
    return found[::-1]
