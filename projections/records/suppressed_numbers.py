"""Phone numbers whose opt-out outlives an erasure, as keyed hashes: see migrations/0015_suppressed_numbers.sql.

Called by `projections.records.event_store` within the transaction that stores the events. Read by the queries about
recipients (`projections/read/recipients.sql`, `projections/model/audiences.sql`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.commands.log import NumberChanges
from projections.postgres.arrays import Bigints, Texts
from projections.postgres.database import beside

SQL = beside(__file__)


def store(cursor: Cursor[Any], account_id: UUID, changes: NumberChanges, position: int) -> None:
    """Suppress the numbers of opt-outs erased at `position`; lift what is older than an opt-in of the same number."""
    if changes.suppressed:
        cursor.execute(SQL.suppress, [account_id, position, *_columns(changes.suppressed)], binary=True)
    if changes.opted_in:
        cursor.execute(SQL.lift, [account_id, *_columns(changes.opted_in)], binary=True)


def _columns(numbers: Mapping[str, int]) -> tuple[Texts, Bigints]:
    return Texts(list(numbers)), Bigints(numbers.values())
