"""The index of customers' dates and instants by value, in which a moving threshold finds the customers it passes.

Used by the worker. It holds every date, every datetime and its day, whether or not a segment uses them, so that an
edit has nothing to backfill. Written with the customers' rows, only where a value changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.values import Value
from projections.matching.due import Due
from projections.postgres.arrays import Bigints, Texts, columns
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# Account, facet, customer_no, old value, new value. Days are texts, instants are microseconds since 1970.
Moved = tuple[UUID, str, int, Value | None, Value | None]
_Row = tuple[UUID, str, Value, int]


def write(writes: RowWrites, moved: Iterable[Moved]) -> None:
    """Add the writes that replace old values by new ones."""
    deleted_days: list[_Row] = []
    deleted_instants: list[_Row] = []
    inserted_days: list[_Row] = []
    inserted_instants: list[_Row] = []
    for account_id, facet, customer_no, old, new in moved:
        if old == new:
            continue
        if old is not None:
            deleted = deleted_instants if isinstance(old, int) else deleted_days
            deleted.append((account_id, facet, old, customer_no))
        if new is not None:
            inserted = inserted_instants if isinstance(new, int) else inserted_days
            inserted.append((account_id, facet, new, customer_no))
    for statement, rows in (
        (SQL.delete_days, deleted_days),
        (SQL.delete_instants, deleted_instants),
        (SQL.insert_days, inserted_days),
        (SQL.insert_instants, inserted_instants),
    ):
        if rows:
            writes.add(statement, columns(rows))


def years(connection: Connection[Any], account_id: UUID, key: str) -> list[str]:
    """The years in which an account's customers have days of a facet, four digits each; a probe for each."""
    return [row[0] for row in connection.execute(SQL.years, {"account_id": account_id, "key": key})]


def due_among(
    connection: Connection[Any], account_id: UUID, due: Due, after: int, last: int, limit: int | None
) -> list[tuple[int, int]]:
    """The customers after number `after` and up to `last` who may flip, with their places in `due`; at most `limit`."""
    fields = _fields(due) | {"account_id": account_id, "after_no": after, "last_no": last, "limit": limit}
    return connection.execute(SQL.due_among, fields, binary=True).fetchall()


def first_due(connection: Connection[Any], account_id: UUID, due: Due, after: int) -> int | None:
    """The first customer after number `after` who may flip when a day begins; one index probe for each day."""
    fields = _fields(due) | {"account_id": account_id, "after_no": after}
    row = connection.execute(SQL.first_due, fields).fetchone()
    return None if row is None else row[0]


def is_any_due(connection: Connection[Any], account_id: UUID, due: Due) -> bool:
    """Returns whether any customer may flip."""
    return connection.execute(SQL.any_due, _fields(due) | {"account_id": account_id}).fetchone() is not None


def next_instant(connection: Connection[Any], account_id: UUID, edges: list[tuple[str, int]], after: int) -> int | None:
    """The first instant later than `after` at which a value reaches one of the ages in `edges`."""
    if not edges:
        return None
    keys, ages = zip(*edges, strict=True)
    fields = {"account_id": account_id, "after": after, "keys": list(keys), "ages": list(ages)}
    row = connection.execute(SQL.next_instant, fields).fetchone()
    return None if row is None else row[0]


def _fields(due: Due) -> dict[str, Any]:
    """Each day with the place of its condition in `due.daily`, and the ranges of instants."""
    days = [(place, each.key, day) for place, each in enumerate(due.daily) for day in each.days]
    return {
        "places": Bigints(place for place, _, _ in days),
        "day_keys": Texts([key for _, key, _ in days]),
        "days": Texts([day for _, _, day in days]),
        "instant_keys": Texts([key for key, _, _ in due.instants]),
        "after": Bigints(after for _, after, _ in due.instants),
        "until": Bigints(until for _, _, until in due.instants),
    }
