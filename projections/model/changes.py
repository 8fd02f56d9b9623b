"""The change stream: who joined and left what readers see of a segment, in the order in which readers saw it.

The live worker appends to it in the transactions that change members: the flips of served versions, the difference
between two versions when it switches, and every member of a deleted segment. `api.v1.changes` reads it, and
`consumers.membership_publisher` publishes it. Following the stream gives the members that the API shows; a version
that is being built, or was cancelled, never appears. The worker removes changes that are too old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from projections.postgres.database import Database, beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
APPEND_FLIPS, APPEND_SWITCH, APPEND_DELETION = (
    sql.SQL(SQL.append).format(changes=sql.SQL(changes))
    for changes in (SQL.changes_of_flips, SQL.changes_of_switch, SQL.changes_of_deletion)
)


class Change(NamedTuple):
    """One customer joined or left one segment."""

    change_no: int
    account_id: UUID
    segment_id: UUID
    customer_id: UUID
    version_no: int
    customer_no: int
    position: int
    at: datetime
    joined: bool
    cause: str

    @property
    def id(self) -> UUID:
        """The same for the same change however often it is published: made of log positions alone."""
        name = f"{self.version_no}-{self.customer_no}-{self.position}-{self.at.isoformat()}-{self.joined}"
        return uuid5(self.segment_id, name)


class Kept(NamedTuple):
    """The changes after `forgotten_to` are there; those before went up to log position `forgotten_position`."""

    forgotten_to: int
    forgotten_position: int
    last: int


class ChangeStream(Protocol):
    """Where the worker appends changes of the members that readers see, within its transaction."""

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Add what appends the flips of served versions; `flips` are the columns of `membership.Flip`."""

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append the difference between a version that is served from `position` on and the one before it."""

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append a leave for every member of a segment that was deleted at `position`."""


class LiveChanges:
    """The stream of a live worker. Instants are microseconds since 1970."""

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Add what appends the flips of served versions; those of another version are part of its switch."""
        writes.add(APPEND_FLIPS, flips)

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append the difference between two versions; nothing where the version is not served after all."""
        _append_whole(connection, APPEND_SWITCH, {"version_no": version_no, "position": position})

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append a leave for every member of a deleted segment."""
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


def of_segment(
    connection: Connection[TupleRow], account_id: UUID, segment_no: int, *, after: int, limit: int
) -> list[Change]:
    """The changes of a segment after one of them, oldest first."""
    fields = {"account_id": account_id, "segment_no": segment_no, "after": after, "limit": limit}
    return [Change(*row) for row in connection.execute(SQL.of_segment, fields)]


def kept(connection: Connection[TupleRow]) -> Kept:
    """Which changes are still there, in this snapshot."""
    row = connection.execute(SQL.kept).fetchone()
    assert row is not None
    return Kept(*row)


def forget(connection: Connection[Any], before: datetime, limit: int, *, published_only: bool) -> bool:
    """Remove up to `limit` of the oldest changes, all older than `before`. Returns whether any was removed."""
    fields = {"before": before, "limit": limit, "published_only": published_only}
    return connection.execute(SQL.forget, fields).rowcount > 0


def pass_on(database: Database, limit: int, publish: Callable[[Sequence[Change]], None]) -> int:
    """Hand up to `limit` next changes, oldest first, to `publish`. Returns how many there were.

    The cursor advances when `publish` returns; after a crash in between they are published again. One call at a
    time over all processes. Raises `Unavailable` and whatever `publish` raises.
    """
    with database.spanning() as connection:
        row = connection.execute(SQL.published_to).fetchone()
        if row is None:
            return 0
        changes = [Change(*each) for each in connection.execute(SQL.next_changes, {"after": row[0], "limit": limit})]
        if changes:
            publish(changes)
            connection.execute(SQL.move_on, [changes[-1].change_no])
        return len(changes)
