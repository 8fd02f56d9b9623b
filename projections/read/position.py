"""How far the read models have come: asked by every read, by a request that waits for its own write, by `/metrics`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from projections.postgres.database import Database, beside

SQL = beside(__file__)


class InstallationStatus(NamedTuple):
    """How the whole installation stands; `waiting_since` is when the first event not yet projected was recorded."""

    head: int
    position: int
    waiting_since: datetime | None
    recomputing: int
    failed: int
    dead_letters: int
    dead_letters_unpublished: int


def has_reached(database: Database, account_id: UUID, wanted: int, segment_id: UUID | None = None) -> bool:
    """Whether the read models include `wanted` and, where a segment is named, the filter it had then serves."""
    with database.snapshot(account_id) as (connection, position):
        if segment_id is None:
            return position >= wanted
        row = connection.execute(SQL.has_reached, {"wanted": wanted, "segment_id": segment_id}).fetchone()
        return bool(row and row[0])


def account_of_key(database: Database, secret_sha256: bytes) -> tuple[UUID, str, str] | None:
    """Account, id and kind of the API key with this hash."""
    with database.single() as connection:
        row = connection.execute(SQL.authenticate, [secret_sha256]).fetchone()
    return (row[0], row[1], row[2]) if row else None


def progress(database: Database) -> tuple[int, int]:
    """The read models' position and the log's head, from one snapshot."""
    with database.single() as connection:
        row = connection.execute(SQL.progress).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def installation_status(database: Database) -> InstallationStatus:
    """Head, position and what needs attention, from one snapshot, over all accounts."""
    with database.single() as connection:
        row = connection.execute(SQL.installation_status).fetchone()
    assert row is not None
    return InstallationStatus(*row)
