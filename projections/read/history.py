"""A segment's past: its joins and leaves, its members at an instant, its size over time.

Used by `api.v1.history`, `api.v1.members`, `api.v1.explanations` and the console's history. A segment's history is
that of its served versions, each from the event that set its filter up to the event that set the next one. So it
is continuous however often the filter was edited, and versions that were never served are not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres import limits
from projections.postgres.database import beside
from projections.read.customers import CustomerRow, with_attributes

SQL = beside(__file__)
SMALLEST_STEP = timedelta(microseconds=1)


class ServedVersions(NamedTuple):
    """The versions of a segment that were ever served; that of `versions[i]` counts up to position `lasts[i]`."""

    account_id: UUID
    versions: list[int]
    lasts: list[int]


class HistoryRow(NamedTuple):
    """A customer joined or left; `customer_id` is `None` if the customer was erased."""

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
    """The latest join or leave of one customer."""

    joined: bool
    at: datetime
    cause: str
    position: int


def served_versions(connection: Connection[TupleRow], account_id: UUID, segment_no: int) -> ServedVersions:
    """Returns the versions that make up the history of a segment."""
    rows = connection.execute(SQL.served_versions, {"account_id": account_id, "segment_no": segment_no}).fetchall()
    return ServedVersions(account_id, [row[0] for row in rows], [row[1] for row in rows])


def edits(connection: Connection[TupleRow], account_id: UUID, segment_no: int) -> list[datetime]:
    """Returns when the filter of a segment was edited, oldest first; only edits that were served."""
    asked = {"account_id": account_id, "segment_no": segment_no}
    return [began_at for (began_at,) in connection.execute(SQL.edits, asked)]


def page(
    connection: Connection[TupleRow],
    source: ServedVersions,
    *,
    before: tuple[datetime, int, int, int] | None,
    limit: int,
) -> list[HistoryRow]:
    """Returns a page of joins and leaves, newest first.

    `before`: instant, customer number, position and version number of the last one of the page before.
    """
    at, customer_no, position, version_no = before or (None, None, None, None)
    key = {"at": at, "position": position, "version_no": version_no, "customer_no": customer_no, "limit": limit}
    connection.execute(SQL.walk)
    return [HistoryRow(*row) for row in connection.execute(SQL.page, source._asdict() | key)]


def count(connection: Connection[TupleRow], source: ServedVersions) -> int:
    """Returns how many joins and leaves there were."""
    row = connection.execute(SQL.count, source._asdict()).fetchone()
    return int(row[0]) if row else 0


def last_change(connection: Connection[TupleRow], source: ServedVersions, customer_no: int) -> LastChange | None:
    """Returns a customer's latest join or leave; `None` if the customer was never a member."""
    row = connection.execute(SQL.last_change, source._asdict() | {"customer_no": customer_no}).fetchone()
    return LastChange(*row) if row else None


def members_at(
    connection: Connection[TupleRow],
    source: ServedVersions,
    at: datetime,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> tuple[list[tuple[int, datetime, CustomerRow | None]], bool]:
    """Returns the members at an instant, and whether there are more; a page ends early where they are large.

    Of each: customer number, when they joined, and the customer (`None` if erased).
    """
    joined_at, customer_no = before or (None, None)
    connection.execute(SQL.walk)
    asked = {"at": at, "joined_at": joined_at, "customer_no": customer_no, "limit": limit + 1}
    found = connection.execute(SQL.members_at, source._asdict() | asked).fetchall()
    rows = with_attributes(connection, source.account_id, found[:limit])
    keys = ((row[0], row[5]) for row in found)
    return [(*key, row) for key, row in zip(keys, rows, strict=False)], len(rows) < len(found)


def sizes(connection: Connection[TupleRow], source: ServedVersions, points: Sequence[datetime]) -> list[int]:
    """Returns how many members there were at each of `points`, which are in order of time."""
    bounds = [point + SMALLEST_STEP for point in points]
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
    """Returns what `sizes` does, but counts back from the present `size`: reads only what came after the first point.

    Returns `None` if that takes longer than `within`.
    """
    bounds = [point + SMALLEST_STEP for point in points]
    asked = {"bounds": bounds, "since": points[0]}
    moved: dict[int, Any] | None = limits.within(
        connection, within, lambda: dict(connection.execute(SQL.moved_since, source._asdict() | asked).fetchall())
    )
    if moved is None:
        return None
    found = []
    for index in range(len(points), 0, -1):
        size -= moved.get(index, 0)
        found.append(size)
    return found[::-1]
