"""How many customers joined and left each segment each day, by the calendar of its account.

Used by the worker within its transaction, wherever it writes the history. What always holds: each row of `segment_days`
counts the rows of `membership_history` of its version and day (`projections.worker.verify`). So a size of the past is
the present one less what came after it, however many customers there are. A row is of one filter version while another
was the newest of the segment (`beside`): which of the two counts is known only when the newer one is served.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql

from projections.postgres.arrays import columns
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# Days begin on whole minutes, in every time zone since 1972.
MINUTE = 60_000_000


class Moved(NamedTuple):
    """Joins and leaves of one version within one minute, which begins at `at`; `position` is that of one of them.

    `by_edit`: an edit of the filter caused them.
    """

    version_no: int
    position: int
    at: int
    by_edit: bool
    joins: int
    leaves: int


def add_of(moved: sql.Composable) -> sql.Composed:
    """Returns the statement that counts what a query of rows of `Moved` finds; its instants are of PostgreSQL."""
    return sql.SQL(SQL.add).format(moved=moved)


ADD = add_of(sql.SQL(SQL.moved_in_arrays))


def add(connection: Connection[Any], moved: Sequence[Moved]) -> None:
    """Count joins and leaves that are written to the history."""
    connection.execute(ADD, columns(moved), binary=True)


def add_flips(writes: RowWrites, flips: Iterable[tuple[int, int, int, int, bool, str, UUID]]) -> None:
    """Add what counts flips that are written to the history (`projections.model.membership.Flip`)."""
    counts: dict[tuple[int, int, bool], list[int]] = {}
    for _, version_no, position, at, joined, cause, _ in flips:
        key = (version_no, at // MINUTE, cause == "edit")
        count = counts.get(key)
        if count is None:
            count = counts[key] = [position, 0, 0]
        count[1 if joined else 2] += 1
    rows = [
        Moved(version_no, position, minute * MINUTE, by_edit, joins, leaves)
        for (version_no, minute, by_edit), (position, joins, leaves) in counts.items()
    ]
    writes.add(ADD, columns(rows), shared=True)
