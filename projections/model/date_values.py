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
from projections.matching.time_index import Crossings
from projections.postgres.arrays import columns
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


def candidates(connection: Connection[Any], account_id: UUID, crossings: Crossings) -> list[int]:
    """The customers that a threshold may have passed, by number, in order."""
    return [row[0] for row in connection.execute(SQL.candidates, _fields(account_id, crossings))]


def any_candidate(connection: Connection[Any], account_id: UUID, crossings: Crossings) -> bool:
    """Returns whether a threshold may have passed any customer."""
    return connection.execute(SQL.any_candidate, _fields(account_id, crossings)).fetchone() is not None


def next_instant(connection: Connection[Any], account_id: UUID, edges: list[tuple[str, int]], after: int) -> int | None:
    """The first instant later than `after` at which a value reaches one of the ages in `edges`."""
    if not edges:
        return None
    keys, ages = zip(*edges, strict=True)
    fields = {"account_id": account_id, "after": after, "keys": list(keys), "ages": list(ages)}
    row = connection.execute(SQL.next_instant, fields).fetchone()
    return None if row is None else row[0]


def _fields(account_id: UUID, crossings: Crossings) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "day_keys": [key for key, _, _ in crossings.days],
        "first_days": [first for _, first, _ in crossings.days],
        "last_days": [last for _, _, last in crossings.days],
        "month_keys": [key for key, _ in crossings.month_days],
        "month_days": [each for _, each in crossings.month_days],
        "instant_keys": [key for key, _, _ in crossings.instants],
        "after": [after for _, after, _ in crossings.instants],
        "until": [until for _, _, until in crossings.instants],
    }
