"""The position of the read model and the state of the installation.

Used by requests that wait for their own write, and by `/readyz` and `/metrics`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.errors import Unavailable
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


class Readiness(NamedTuple):
    """How far the read model is behind the log, and whether the database can be written."""

    head: int
    position: int
    waiting_since: datetime | None
    writable: bool


class Snapshots(Protocol):
    """What gives a state of what an account sees, with its position."""

    def snapshot(self, account_id: UUID) -> AbstractContextManager[tuple[Connection[TupleRow], int]]:
        """One state and the last event that it includes."""


def filters_in_work(reads: Snapshots, account_id: UUID, segment_ids: Sequence[UUID]) -> tuple[int, dict[UUID, int]]:
    """Returns the position of the account's answers, and since which event each filter that is not served is in work.

    Only of those of the segments that exist: one that was deleted, or never created, needs no waiting.
    """
    with reads.snapshot(account_id) as (connection, position):
        rows = connection.execute(SQL.filters_in_work, [list(segment_ids)]).fetchall()
    return position, dict(rows)


def positions(database: Database, account_ids: Collection[UUID]) -> dict[UUID, int]:
    """Returns up to which position of the log answers to each account include it, from one snapshot."""
    with database.single() as connection:
        return dict(connection.execute(SQL.positions, [list(account_ids)]).fetchall())


def progress(database: Database) -> tuple[int, int]:
    """Returns the position of the whole read model and the head of the log, from one snapshot."""
    with database.single() as connection:
        row = connection.execute(SQL.progress).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def readiness(database: Database) -> Readiness:
    """Returns what a load balancer must know, from one snapshot. Raises `Unavailable`, also before `migrate` ran."""
    try:
        with database.single() as connection:
            row = connection.execute(SQL.readiness).fetchone()
    except (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        row = None
    if row is None:
        raise Unavailable("database_not_migrated", "the database is not of this version; run: rollcall migrate")
    return Readiness(*row)


def installation_status(database: Database) -> InstallationStatus:
    """Returns the state of the installation over all accounts, from one snapshot."""
    with database.single() as connection:
        row = connection.execute(SQL.installation_status).fetchone()
    assert row is not None
    return InstallationStatus(*row)


def shard_lags(database: Database) -> dict[int, int]:
    """Returns how many positions of the log each shard is behind, but for its accounts that lag by themselves."""
    with database.single() as connection:
        return dict(connection.execute(SQL.shard_lags).fetchall())
