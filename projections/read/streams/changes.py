"""The change stream as it is read: who joined and left what readers see, each change as one record.

Used by `api.v1.changes` and by every publisher under `consumers`. A record has the same shape at every door
(`Change.record`). What it says of the membership, and the name of the segment, are as of the change; the chosen fields
of the customer are as of the snapshot that it is read from, and null once the customer is erased: no copy of a person's
values is kept beside the customer. `projections.model.changes` appends what is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain import json_text
from domain.formats.fields import Fields
from projections.postgres.database import Database, beside
from projections.read import MOST_BYTES

SQL = beside(__file__)
OF_SEGMENT, OF_ACCOUNT, NEXT = (
    sql.SQL(SQL.shown).format(changes=sql.SQL(changes))
    for changes in (SQL.of_segment, SQL.of_account, SQL.next_changes)
)


# What a record holds beside the fields of the customer.
RECORD = ("id", "type", "number", "segment_id", "segment_name", "customer_id", "at", "cause", "position")


class Change(NamedTuple):
    """One customer joined or left one segment. `values` are what is chosen of the customer, `None` once erased."""

    change_no: int
    account_id: UUID
    segment_id: UUID
    segment_name: str | None
    customer_id: UUID
    version_no: int
    customer_no: int
    position: int
    at: datetime
    joined: bool
    cause: str
    values: dict[str, Any] | None
    created_at: datetime | None
    updated_at: datetime | None

    @property
    def id(self) -> UUID:
        """The same for the same change however often it is published: made of log positions alone."""
        name = f"{self.version_no}-{self.customer_no}-{self.position}-{self.at.isoformat()}-{self.joined}"
        return uuid5(self.segment_id, name)

    def record(self, fields: Fields) -> dict[str, Any]:
        """Returns the change as every door shows it, with the fields of the customer that it was read with.

        `number` is the cursor after it: the changes after that number are those that follow.
        """
        return {
            "id": self.id,
            "type": "joined" if self.joined else "left",
            "number": self.change_no,
            "segment_id": self.segment_id,
            "segment_name": self.segment_name,
            "customer_id": self.customer_id,
            "at": self.at,
            "cause": self.cause,
            "position": self.position,
            **fields.of(self.values, created_at=self.created_at, updated_at=self.updated_at),
        }


class ChangesPage(NamedTuple):
    """Changes in order, fewer than asked for where customers are large; and whether there are more after them."""

    changes: list[Change]
    more: bool


class Kept(NamedTuple):
    """The changes after `forgotten_to` are there; those before went up to log position `forgotten_position`."""

    forgotten_to: int
    forgotten_position: int
    last: int


def of_segment(
    connection: Connection[TupleRow], account_id: UUID, segment_no: int, fields: Fields, *, after: int, limit: int
) -> ChangesPage:
    """Returns up to `limit` changes of a segment after one of them, oldest first."""
    asked = {"account_id": account_id, "segment_no": segment_no, "after": after, "limit": limit}
    return read(connection, OF_SEGMENT, fields, asked)


def of_account(
    connection: Connection[TupleRow], account_id: UUID, fields: Fields, *, after: int, limit: int
) -> ChangesPage:
    """Returns up to `limit` changes of all segments of an account after one of them, oldest first."""
    return read(connection, OF_ACCOUNT, fields, {"account_id": account_id, "after": after, "limit": limit})


def first_position(connection: Connection[TupleRow], account_id: UUID) -> int:
    """Returns the log position of the account's first event."""
    row = connection.execute(SQL.first_position, [account_id]).fetchone()
    assert row is not None, "every account was created by an event"
    return int(row[0])


def kept(connection: Connection[TupleRow]) -> Kept:
    """Returns which changes are still there, in this snapshot."""
    row = connection.execute(SQL.kept).fetchone()
    assert row is not None
    return Kept(*row)


def after(connection: Connection[TupleRow], fields: Fields, *, after: int, limit: int) -> ChangesPage:
    """Returns up to `limit` changes of all accounts after one of them, oldest first."""
    return read(connection, NEXT, fields, {"after": after, "limit": limit})


def pass_on(database: Database, limit: int, fields: Fields, publish: Callable[[Sequence[Change]], None]) -> int:
    """Hand up to `limit` next changes of all accounts, oldest first, to `publish`. Returns how many there were.

    The cursor advances when `publish` returns; after a crash in between they are published again. One call at a
    time over all processes. Raises `Unavailable` and whatever `publish` raises.
    """
    with database.spanning() as connection:
        row = connection.execute(SQL.published_to).fetchone()
        if row is None:
            return 0
        changes = after(connection, fields, after=row[0], limit=limit).changes
        if changes:
            publish(changes)
            connection.execute(SQL.move_on, [changes[-1].change_no])
        return len(changes)


def read(
    connection: Connection[TupleRow], statement: sql.Composed, fields: Fields, asked: dict[str, Any]
) -> ChangesPage:
    """Returns what a statement made of `shown` finds, up to its `limit`."""
    # One more than was asked for shows whether there are more.
    terms = asked | {"limit": asked["limit"] + 1, "most": MOST_BYTES}
    rows = connection.execute(statement, terms | {"keys": fields.keys, "needs_all": fields.needs_all}).fetchall()
    shown = rows[: asked["limit"]]
    return ChangesPage([change_of(row) for row in shown], bool(rows) and rows[0][-1] > len(shown))


def change_of(row: TupleRow) -> Change:
    """Returns the change in a row of the query `shown`."""
    return Change._make(row[:-1])._replace(values=None if row[11] is None else json_text.loads(row[11]))
