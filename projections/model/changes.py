"""The change stream: who joined and left what readers see of a segment, in the order in which readers saw it.

The live worker appends to it in the transactions that change members: the flips of served versions, the difference
between two versions when it switches, and every member of a deleted segment. `projections.read.streams.changes` reads
it. Following the stream gives the members that the API shows; a version that is being built, or was cancelled, never
appears. The worker removes changes that are too old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection, sql

from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
APPEND_FLIPS, APPEND_SWITCH, APPEND_DELETION = (
    sql.SQL(SQL.append).format(changes=sql.SQL(changes))
    for changes in (SQL.changes_of_flips, SQL.changes_of_switch, SQL.changes_of_deletion)
)


class ChangeStream(Protocol):
    """Where the worker appends changes of the members that readers see, within its transaction."""

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Add what appends the flips of served versions; `flips` are the columns of `membership.Flip`."""

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append the difference between a version that is served from `position` on and the one before it."""

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append a leave for every member of a segment that is about to be deleted, at `position`."""


class LiveChanges:
    """The stream of a live worker. Instants are microseconds since 1970."""

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Add what appends the flips of served versions; those of another version are part of its switch."""
        writes.add(APPEND_FLIPS, flips, shared=True)

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append the difference between two versions; nothing where the version is not served after all."""
        _append_whole(connection, APPEND_SWITCH, {"version_no": version_no, "position": position})

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append a leave for every member of a segment that is about to be deleted."""
        _append_whole(connection, APPEND_DELETION, {"segment_id": segment_id, "position": position, "at": at})


class ReplayedChanges:
    """The stream of a replaying worker, which appends nothing: the live worker appended these changes before."""

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Append nothing."""

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append nothing."""

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append nothing."""


def _append_whole(connection: Connection[Any], statement: sql.Composed, fields: dict[str, Any]) -> None:
    connection.execute(SQL.plan_for, {"whole_tables": "on"})
    connection.execute(statement, fields)
    connection.execute(SQL.plan_for, {"whole_tables": "off"})


def forget(
    connection: Connection[Any], before: datetime, limit: int, *, published_only: bool, topic: str | None = None
) -> bool:
    """Remove up to `limit` of the oldest changes, all older than `before`. Returns whether any was removed.

    None that is not published yet, with `published_only`, nor one that the topic of members lacks.
    """
    fields = {"before": before, "limit": limit, "published_only": published_only, "topic": topic}
    return connection.execute(SQL.forget, fields).rowcount > 0
