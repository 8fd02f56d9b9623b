"""Parts of an account's backlog: rows that any worker may take, one transaction for each.

A division is the next events of an account, all of single customers, up to a position; a part of it has the events of
the customers whose id leaves its number when it is divided by how many parts there are. What always holds: the events
of a part are projected in the transaction that marks it as done; until that commits, the lock of its row keeps every
other worker from it, and the lock of one that dies is free again. The account's position stays before the division
until all its parts are done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain import json_text
from domain.commands.event_mapper import load_event
from domain.stored_events import ActivityRecorded, CustomerChanged, CustomerDeleted
from projections.postgres.database import beside
from projections.worker.shards.event_reader import TimedEvent

SQL = beside(__file__)
# Their stream is that of the customer.
OF_ONE_CUSTOMER = [each.type_name for each in (CustomerChanged, CustomerDeleted, ActivityRecorded)]

# A change of what is counted of attributes: position, key, value before, value after.
CountChange = tuple[int, str, Any, Any]


class Ahead(NamedTuple):
    """The next events of an account that are all of single customers: up to `last`; the first `other` comes later.

    `largest` is how many of them the largest part would have.
    """

    last: int | None
    events: int
    largest: int
    other: int | None


class Part(NamedTuple):
    """Part number `part` of `parts` of an account's events later than `after` and up to `last`.

    `defined_at` changes with what the account's worker has in memory of it, but for `time_passed_to`: the instant up
    to which time has passed for the account, in microseconds since 1970.
    """

    account_id: UUID
    part: int
    parts: int
    after: int
    last: int
    defined_at: int
    time_passed_to: int


class LivePart(NamedTuple):
    """A row of the read model in use, for a rebuild that takes its place."""

    account_id: UUID
    part: int
    parts: int
    after: int
    last: int
    defined_at: int
    done: bool


def ahead(connection: Connection[Any], account_id: UUID, after: int, last: int, count: int, size: int) -> Ahead:
    """The next events of an account, none later than `last`, for `count` parts of about `size` events.

    They end before a part would have a quarter more than that, as where one customer has most of the events.
    """
    terms = {
        "account_id": account_id,
        "after": after,
        "last": last,
        "parts": count,
        "limit": count * size,
        "most": size + size // 4,
        "topics": OF_ONE_CUSTOMER,
    }
    row = connection.execute(SQL.ahead, terms).fetchone()
    assert row is not None
    return Ahead(*row)


def open_parts(connection: Connection[Any], account_id: UUID, after: int, last: int, parts: int, stamp: int) -> None:
    """Divide the events of an account later than `after` and up to `last`; `stamp` becomes their `defined_at`."""
    terms = {"account_id": account_id, "after": after, "last": last, "parts": parts, "defined_at": stamp}
    connection.execute(SQL.open, terms)
    connection.execute(SQL.wake_workers)


def copy(connection: Connection[Any], part: LivePart) -> None:
    """Open one part as the live workers did, unless that was done before."""
    connection.execute(SQL.copy, part._asdict())


def is_any_open(connection: Connection[Any]) -> bool:
    """Returns whether any part of any account is not done."""
    return connection.execute(SQL.is_any_open).fetchone() == (True,)


def take(
    connection: Connection[Any], first: Iterable[UUID], account_id: UUID | None = None, part: int | None = None
) -> Part | None:
    """Take a part for the transaction that is open, of the accounts `first` before others; `None` where there is none.

    Only of an account, or a certain part of it, if that is given.
    """
    terms = {"accounts": list(first), "account_id": account_id, "part": part}
    row = connection.execute(SQL.take, terms).fetchone()
    return None if row is None else Part(*row)


def events_of(connection: Connection[Any], part: Part) -> list[TimedEvent]:
    """The events of a part in order."""
    rows = connection.execute(SQL.events, part._asdict(), binary=True)
    return [TimedEvent(position, at, load_event(*stored)) for position, at, *stored in rows]


def finish(connection: Connection[Any], part: Part, counts: Collection[CountChange]) -> None:
    """Mark a part as done, with what it changes in the counts of attributes."""
    connection.execute(SQL.finish, part._asdict() | {"counts": json_text.dumps(counts).decode()})


def finished(connection: Connection[Any], account_ids: Iterable[UUID]) -> dict[UUID, list[CountChange]]:
    """The accounts of which every part is done, with what changes in their counts, in the order of the events."""
    rows = connection.execute(SQL.finished, {"accounts": list(account_ids)})
    return {
        account_id: sorted((each for text in texts for each in json_text.loads(text)), key=lambda change: change[0])
        for account_id, texts in rows
    }


def close(connection: Connection[Any], account_id: UUID) -> None:
    """Remove the parts of an account, whose position moves beyond them."""
    connection.execute(SQL.close, {"account_id": account_id})


def divided(connection: Connection[Any], shards: Set[int]) -> dict[UUID, int]:
    """The accounts of shards whose backlog is divided, each with the position up to which it is."""
    return dict(connection.execute(SQL.divided, {"shards": list(shards)}).fetchall())
