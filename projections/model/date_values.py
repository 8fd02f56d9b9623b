"""The index of customers' dates and instants, by value: where a moving threshold finds those whom it passes.

Used by the worker. It holds every date, every datetime and its day, whether or not a segment asks for
them, so that an edit has nothing to backfill. Written with the customers' rows, only where a value moved.
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

SQL = beside(__file__)
Moved = tuple[UUID, str, int, Value | None, Value | None]


def write(connection: Connection[Any], moved: Iterable[Moved]) -> None:
    """Replace old values by new ones: account, face, customer_no, old, new. Days are texts, instants microseconds."""
    rows: dict[str, list[tuple[UUID, str, Value, int]]] = {
        "delete_days": [], "delete_instants": [], "insert_days": [], "insert_instants": [],
    }  # fmt: skip
    for account_id, face, customer_no, old, new in moved:
        if old == new:
            continue
        if old is not None:
            rows["delete_instants" if isinstance(old, int) else "delete_days"].append(
                (account_id, face, old, customer_no)
            )
        if new is not None:
            rows["insert_instants" if isinstance(new, int) else "insert_days"].append(
                (account_id, face, new, customer_no)
            )
    for name, found in rows.items():
        if found:
            connection.execute(getattr(SQL, name), columns(found))


def candidates(connection: Connection[Any], account_id: UUID, crossings: Crossings) -> list[int]:
    """The customers whom something may have passed, by number, in order."""
    return [row[0] for row in connection.execute(SQL.candidates, _fields(account_id, crossings))]


def any_candidate(connection: Connection[Any], account_id: UUID, crossings: Crossings) -> bool:
    """Whether there is one."""
    return connection.execute(SQL.any_candidate, _fields(account_id, crossings)).fetchone() is not None


def next_instant(connection: Connection[Any], account_id: UUID, edges: list[tuple[str, int]], after: int) -> int | None:
    """The first instant later than `after` at which a value reaches one of the ages in `edges`."""
    if not edges:
        return None
    fields = {
        "account_id": account_id, "after": after, "keys": [key for key, _ in edges], "ages": [age for _, age in edges],
    }  # fmt: skip
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
