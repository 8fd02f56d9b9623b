"""The change stream: who joined and left what readers see of a segment, in the order in which they saw it.

Filled by the live worker in the transactions that change members (`MembershipBatch` tells flips of served
versions; here a switch tells the difference between two versions, a deletion everybody). Read by
`api.v1.changes`, and published by `consumers.membership_publisher`. So whoever follows it has the members that the
API shows; a version under construction, or cancelled, never appears. The worker forgets what is old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.stored_events import Event, SegmentDeleted, SegmentRecomputed
from projections.postgres.database import Database, beside

SQL = beside(__file__)


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
        """The same for the same change however often it is told: made of log positions alone."""
        told = f"{self.version_no}-{self.customer_no}-{self.position}-{self.at.isoformat()}-{self.joined}"
        return uuid5(self.segment_id, told)


class Kept(NamedTuple):
    """The changes after `forgotten_to` are there; those before went up to log position `forgotten_position`."""

    forgotten_to: int
    forgotten_position: int
    last: int


def tell(connection: Connection[Any], event: Event, position: int, at: int) -> None:
    """After an event of a segment was applied: what it changed for readers all at once. For the worker."""
    fields: dict[str, Any]
    match event:
        case SegmentRecomputed():
            statement, fields = SQL.tell_switch, {"version_no": event.version_no}
        case SegmentDeleted():
            statement, fields = SQL.tell_deletion, {"segment_id": event.originator_id, "at": at}
        case _:
            return
    connection.execute(SQL.plan_for, {"whole_tables": "on"})
    connection.execute(statement, fields | {"position": position})
    connection.execute(SQL.plan_for, {"whole_tables": "off"})


def of_segment(
    connection: Connection[TupleRow], account_id: UUID, segment_no: int, *, after: int, limit: int
) -> list[Change]:
    """The changes of a segment after one of them, oldest first."""
    fields = {"account_id": account_id, "segment_no": segment_no, "after": after, "limit": limit}
    return [Change(*row) for row in connection.execute(SQL.of_segment, fields)]


def kept(connection: Connection[TupleRow]) -> Kept:
    """What is left of the stream, in this snapshot."""
    row = connection.execute(SQL.kept).fetchone()
    assert row is not None
    return Kept(*row)


def forget(connection: Connection[Any], before: datetime, limit: int, *, published_only: bool) -> bool:
    """Remove up to `limit` of the oldest changes, all older than `before`; whether there were any. For the worker."""
    fields = {"before": before, "limit": limit, "published_only": published_only}
    return connection.execute(SQL.forget, fields).rowcount > 0


def pass_on(database: Database, limit: int, publish: Callable[[Sequence[Change]], None]) -> int:
    """Hand the next changes, oldest first, to `publish` and move on when it returns; how many there were.

    One at a time over all processes. A crash in between publishes them again. Raises `Unavailable` and
    whatever `publish` raises.
    """
    with database.spanning() as connection:
        row = connection.execute(SQL.published_to).fetchone()
        if row is None:
            return 0
        found = [Change(*each) for each in connection.execute(SQL.next_changes, {"after": row[0], "limit": limit})]
        if found:
            publish(found)
            connection.execute(SQL.move_on, [found[-1].change_no])
        return len(found)
