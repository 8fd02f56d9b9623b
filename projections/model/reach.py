"""Reach: a narrow row of each customer for campaigns, and whether others of the account have the same number.

Called by `customers` for the worker, with the customers whose phone, name or opt-out a batch set. What they had before
is read from the rows themselves, as they are when these writes are executed, and kept the first time after an audience
was frozen, for that audience and older ones (`projections.model.audiences`). Read by the queries about recipients
(`audiences.sql`, `projections/read/recipients.sql`), which look up other customers only where a number is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from projections.postgres.arrays import Bigints, Uuids, columns
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)


class ReachRow(NamedTuple):
    """What is stored of one customer."""

    account_id: UUID
    customer_no: int
    customer_id: UUID
    phone: str | None
    opted_out: bool
    external_id: str | None
    name: str | None


def write(writes: RowWrites, rows: Sequence[ReachRow], replaced: Sequence[tuple[UUID, int]]) -> None:
    """Add the writes of new and changed customers.

    `replaced` are the rows that were written before, by account and customer number: of changed and deleted customers.
    """
    if replaced:
        accounts, numbers = zip(*replaced, strict=True)
        writes.add(SQL.remove, [Uuids(accounts), Bigints(numbers)], shared=True)
    if rows:
        writes.add(SQL.insert, columns(rows), rows=len(rows), shared=True)
