"""The position of the read model and the state of the installation.

Used by requests that wait for their own write, and by `/readyz` and `/metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from projections.postgres.database import Database, beside

SQL = beside(__file__)


class InstallationStatus(NamedTuple):
    """The state of the whole installation; `waiting_since`: when the first event not yet projected was recorded."""

    head: int
    position: int
    waiting_since: datetime | None
    recomputing: int
    failed: int
    dead_letters: int
    dead_letters_unpublished: int


def filters_in_work(database: Database, account_id: UUID, segment_ids: Sequence[UUID]) -> tuple[int, dict[UUID, int]]:
    """Returns the position of the read model, and the position of each filter that it does not serve yet.

    Only of those of the segments that exist: one that was deleted, or never created, needs no waiting.
    """
    with database.snapshot(account_id) as (connection, position):
        rows = connection.execute(SQL.filters_in_work, [list(segment_ids)]).fetchall()
    return position, dict(rows)


def progress(database: Database) -> tuple[int, int]:
    """Returns the position of the read model and the head of the log, from one snapshot."""
    with database.single() as connection:
        row = connection.execute(SQL.progress).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def installation_status(database: Database) -> InstallationStatus:
    """Returns the state of the installation over all accounts, from one snapshot."""
    with database.single() as connection:
        row = connection.execute(SQL.installation_status).fetchone()
    assert row is not None
    return InstallationStatus(*row)
