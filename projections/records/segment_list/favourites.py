"""The favourite segments of each person of the console, as rows. Used by `api.console.segments`.

A favourite is a mark of one person for their own lists, and says nothing about the segment.
"""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import Database, beside

SQL = beside(__file__)
# What a list takes into account: more are nothing to keep at hand.
MOST = 500


def of_person(connection: Connection[TupleRow], account_id: UUID, person_id: UUID) -> list[UUID]:
    """Returns the ids of a person's favourite segments, some of which may not exist any more."""
    asked = {"account_id": account_id, "person_id": person_id, "most": MOST}
    return [segment_id for (segment_id,) in connection.execute(SQL.of_person, asked)]


def mark(database: Database, account_id: UUID, person_id: UUID, segment_id: UUID, *, favourite: bool) -> None:
    """Make a segment a favourite of a person, or end that; nothing changes where it is so already."""
    asked = {"account_id": account_id, "person_id": person_id, "segment_id": segment_id}
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.add if favourite else SQL.remove, asked)
