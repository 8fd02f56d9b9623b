"""A customer's timeline: what they did, what changed about them, and which segments they joined or left, newest first.

Used by `api.v1.customers` and the console. An entry is an event of the log that did something to this customer: their
own change, with each value before and after it, or the event that made them join or leave (an edit of a filter, the
passage of time, a change of a list); or it is what they did, at the time at which they did it. It begins with the event
that created the customer; where the log's older parts have been set aside, with the oldest that is there, and then
earlier values are not known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import json_text
from domain.customer import NEVER_MISSING
from domain.instants import DOORS, Door
from domain.stored_events import ActivityRecorded
from projections.postgres.database import beside

SQL = beside(__file__)


class ValueChange(NamedTuple):
    """A value before and after a change; `None` is no value, and `before_known` whether the log still has it."""

    attribute: str
    before: Any
    after: Any
    before_known: bool


class Flip(NamedTuple):
    """A segment that the customer joined or left. The name is that of now."""

    segment_id: UUID
    segment_name: str
    joined: bool
    at: datetime
    cause: str


class End(NamedTuple):
    """Where a page ended: before which position of the log, and before which fact by time and position, it goes on."""

    position: int | None = None
    time: datetime | None = None
    fact: int | None = None


class Entry(NamedTuple):
    """What one event did: `type` is the event's, `source`, `change_id` and `door` say where a change came from.

    `by` is the person or the key that caused the event, where that is known; `activity` what the customer did, with its
    `properties`. `end` is where a timeline goes on after it.
    """

    position: int
    at: datetime
    type: str
    created: bool
    source: str | None
    change_id: str | None
    door: Door | None
    by: str | None
    activity: str | None
    properties: dict[str, Any]
    changes: list[ValueChange]
    flips: list[Flip]
    end: End


def page(
    connection: Connection[TupleRow], account_id: UUID, customer_id: UUID, *, after: End | None, limit: int
) -> list[Entry]:
    """Returns the entries after an end, newest first, each by its time."""
    begin = after or End()
    asked: dict[str, Any] = {"account_id": account_id, "customer_id": customer_id, "limit": limit}
    asked |= {"before": begin.position, "time": begin.time, "fact": begin.fact}
    events = connection.execute(SQL.entries, asked).fetchall()
    facts = connection.execute(SQL.facts, asked).fetchall()
    # Both are in order already: of events, the times follow the positions.
    order = sorted([(row[1], row[0], row) for row in (*events, *facts)], key=lambda each: each[:2], reverse=True)[
        :limit
    ]
    asked |= {"positions": [position for _, position, _ in order]}
    flips: dict[int, list[Flip]] = {}
    for position, *flip in connection.execute(SQL.flips, asked):
        flips.setdefault(position, []).append(Flip(*flip))
    changes = _changes(connection, asked, {row[0]: json_text.loads(row[3] or "{}") for row in events})
    found, end, fact_positions = [], begin, {row[0] for row in facts}
    for at, position, row in order:
        is_fact = position in fact_positions
        end = end._replace(time=at, fact=position) if is_fact else end._replace(position=position)
        show = _fact if is_fact else _event
        found.append(show(row, changes.get(position, []), flips.get(position, []), end))
    return found


def _event(row: TupleRow, changes: list[ValueChange], flips: list[Flip], end: End) -> Entry:
    position, at, topic, _, created, source, change_id, via, by = row
    door = DOORS.get((via or "")[:1])
    return Entry(position, at, topic, created, source, change_id, door, by, None, {}, changes, flips, end)


def _fact(row: TupleRow, changes: list[ValueChange], flips: list[Flip], end: End) -> Entry:
    position, at, activity, properties, source, activity_id, via = row
    door, kind, done = DOORS.get((via or "")[:1]), ActivityRecorded.type_name, json_text.loads(properties)
    return Entry(position, at, kind, False, source, activity_id, door, None, activity, done, changes, flips, end)


def count(connection: Connection[TupleRow], account_id: UUID, customer_id: UUID) -> int:
    """Returns how many entries there are."""
    row = connection.execute(SQL.count, {"account_id": account_id, "customer_id": customer_id}).fetchone()
    return int(row[0]) if row else 0


def _changes(
    connection: Connection[TupleRow], asked: dict[str, Any], values: dict[int, dict[str, Any]]
) -> dict[int, list[ValueChange]]:
    """Returns the changed values of each event on a page, with what they were before."""
    asked = asked | {"first": min(values, default=0), "keys": sorted({key for each in values.values() for key in each})}
    rows = connection.execute(SQL.earlier, asked).fetchall()
    is_whole = all(row[2] for row in rows)
    earlier = {key: json_text.loads(text) for key, text, _ in rows if text is not None}
    found = {}
    for position in sorted(values):
        found[position] = [
            ValueChange(key, earlier.get(key, NEVER_MISSING.get(key)), after, is_whole or key in earlier)
            for key, after in sorted(values[position].items())
        ]
        earlier |= values[position]
    return found
