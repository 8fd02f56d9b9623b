"""What a compacted topic is made of that holds who is in a segment now: first the members as they are, then changes.

Used by `consumers.members_publisher`. The change from which on changes follow is noted before the first member is read.
So every change that a read of members may have missed comes after it, and once the changes were passed on up to the
last one, the topic holds exactly the members. Where the process ends in between, it goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.errors import Invalid
from domain.formats.fields import Fields
from projections.postgres.database import Database, beside
from projections.read.streams import changes
from projections.read.streams.changes import Change

SQL = beside(__file__)
MEMBERS = sql.SQL(changes.SQL.shown).format(changes=sql.SQL(SQL.members))
Publish = Callable[[Sequence[Change]], None]


def pass_on(database: Database, topic: str, topic_id: UUID, limit: int, fields: Fields, publish: Publish) -> int:
    """Hand up to `limit` next members or changes of all accounts to `publish`. Returns how far it moved; 0 at the end.

    As `changes.pass_on`, with a cursor for each topic, which begins again where the topic has another id: it was made
    anew. Raises `Invalid` where changes that the topic lacks are no longer kept, and `Unavailable`.
    """
    with database.spanning() as connection:
        asked = {"topic": topic}
        connection.execute(SQL.begin, asked | {"topic_id": topic_id})
        row = connection.execute(SQL.reached, asked).fetchone()
        if row is None:
            return 0
        change_no, segment_no, customer_no, filled, forgotten_to = row
        if change_no < forgotten_to:
            detail = f"the topic {topic} lacks changes that are no longer kept; delete it, or name another"
            raise Invalid("members_topic_stale", detail)
        if not filled:
            return _fill(connection, topic, limit, fields, publish, (change_no, segment_no, customer_no))
        found = changes.after(connection, fields, after=change_no, limit=limit).changes
        if found:
            publish(found)
            connection.execute(SQL.move_on, asked | {"change_no": found[-1].change_no})
        return len(found)


def _fill(
    connection: Connection[TupleRow], topic: str, limit: int, fields: Fields, publish: Publish,
    reached: tuple[int, int, int],
) -> int:  # fmt: skip
    """One step of the fill: some members of a segment, or on to the next one."""
    change_no, segment_no, customer_no = reached
    moved: dict[str, Any] = {"topic": topic, "segment_no": segment_no, "customer_no": 0, "filled": True}
    segment = connection.execute(SQL.segment_from, {"segment_no": segment_no}).fetchone()
    if segment is not None:
        asked = {
            "change_no": change_no, "segment_no": segment[0], "version_no": segment[1], "name": segment[4],
            "customer_no": customer_no if segment[0] == segment_no else 0, "limit": limit,
        }  # fmt: skip
        found = changes.read(connection, MEMBERS, fields, asked)
        if found.changes:
            publish(found.changes)
        last = found.changes[-1].customer_no if found.more else 0
        moved |= {"segment_no": segment[0] if found.more else segment[0] + 1, "customer_no": last, "filled": False}
    connection.execute(SQL.move_fill, moved)
    return 1
