"""The change stream: who joined and left what readers see of a segment, in the order in which readers saw it.

The live worker appends to it in the transactions that change members: the flips of served versions, the difference
between two versions when it switches, and every member of a deleted segment. `projections.read.streams.changes` reads
it. Following the stream gives the members that the API shows; a version that is being built, or was cancelled, never
appears. The worker removes changes that are too old.

A switch is appended in steps, one range of customers after the other, beginning in its own transaction: however many it
moves, other changes wait for one step at most. Until the step of a customer the stream has them as before the switch.
Where they join or leave the new version before it, what the switch changed for them is appended just before that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection, sql

from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)
# As many members of either version are compared in one step of a switch.
STEP = 20_000
LAST = 2**62


def parts_of(changes: sql.Composable) -> sql.Composed:
    """Returns the parts of a statement that append what a query of changes, numbered from 1 in `nth`, finds."""
    return sql.SQL(SQL.append).format(changes=changes)


def append_of(changes: sql.Composable) -> sql.Composed:
    """Returns the statement of these parts alone."""
    return sql.SQL("WITH {} SELECT").format(parts_of(changes))


def _changes_of(flips: sql.Composable, *, in_switch: bool) -> sql.Composed:
    changes = sql.SQL(SQL.changes_of_flips).format(flips=flips)
    return sql.SQL(SQL.changes_of_flips_in_switch).format(changes_of_flips=changes) if in_switch else changes


IN_ARRAYS = sql.SQL(SQL.flips_in_arrays)
APPEND_FLIPS, APPEND_FLIPS_IN_SWITCH = (append_of(_changes_of(IN_ARRAYS, in_switch=each)) for each in (False, True))
KEEP_SWITCHED = sql.SQL(SQL.keep_switched).format(flips=IN_ARRAYS)
APPEND_SWITCH, APPEND_DELETION = (append_of(sql.SQL(each)) for each in (SQL.changes_of_switch, SQL.changes_of_deletion))


class ChangeStream(Protocol):
    """Where the worker appends changes of the members that readers see, within its transaction."""

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Add what appends the flips of served versions; `flips` are the columns of `membership.Flip`."""

    def parts_of_flips(self, flips: sql.Composable) -> list[sql.Composed]:
        """Returns the parts of a statement that append flips which it finds; `flips` has rows of `membership.Flip`."""

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append the first step of the difference between a version that is served from `position` on and the last."""

    def append_step(self, connection: Connection[Any], size: int) -> None:
        """Append the next step, of about `size` members, of the oldest switch of which steps are left."""

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append a leave for every member of a segment that is about to be deleted, at `position`."""

    def is_switching(self, account_id: UUID | None = None) -> bool:
        """Whether steps of a switch are left, of one account or of any."""

    def load(self, connection: Connection[Any], shards: Set[int]) -> None:
        """Take over the switches of shards of which steps are left."""

    def forget(self, accounts: Collection[UUID]) -> None:
        """Forget the switches of accounts, which another worker takes over."""


class LiveChanges:
    """The stream of a live worker. Instants are microseconds since 1970."""

    def __init__(self) -> None:
        # The versions of which steps are left, oldest switch first.
        self._switching: dict[int, UUID] = {}

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Add what appends the flips of served versions; those of another version are part of its switch."""
        writes.add(APPEND_FLIPS_IN_SWITCH if self._switching else APPEND_FLIPS, flips, shared=True)
        if self._switching:
            writes.add(KEEP_SWITCHED, flips, shared=True)

    def parts_of_flips(self, flips: sql.Composable) -> list[sql.Composed]:
        """Returns the parts of a statement that append flips which it finds, as `append_flips` does."""
        parts = [parts_of(_changes_of(flips, in_switch=bool(self._switching)))]
        if self._switching:
            parts.append(sql.SQL("switched AS ({})").format(sql.SQL(SQL.keep_switched).format(flips=flips)))
        return parts

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append the first step of a switch; nothing where the version is not served after all."""
        begun = connection.execute(SQL.begin_switch, {"version_no": version_no, "position": position}).fetchone()
        if begun is not None:
            account_id, previous = begun
            self._finish(connection, previous)
            self._switching[version_no] = account_id
            self._step(connection, version_no, STEP)

    def append_step(self, connection: Connection[Any], size: int) -> None:
        """Append the next step of the oldest switch that is left."""
        self._step(connection, next(iter(self._switching)), size)

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append a leave for every member of a segment that is about to be deleted."""
        row = connection.execute(SQL.serving, [segment_id]).fetchone()
        self._finish(connection, row and row[0])
        _append_whole(connection, APPEND_DELETION, {"segment_id": segment_id, "position": position, "at": at})

    def is_switching(self, account_id: UUID | None = None) -> bool:
        """Whether steps of a switch are left, of one account or of any."""
        return bool(self._switching) and (account_id is None or account_id in self._switching.values())

    def load(self, connection: Connection[Any], shards: Set[int]) -> None:
        """Take over the switches of shards of which steps are left."""
        self._switching |= dict(connection.execute(SQL.switches_of, [list(shards)]).fetchall())

    def forget(self, accounts: Collection[UUID]) -> None:
        """Forget the switches of accounts."""
        self._switching = {no: each for no, each in self._switching.items() if each not in accounts}

    def _finish(self, connection: Connection[Any], version_no: int | None) -> None:
        """Append what is left of a switch whose members are about to be left behind."""
        while version_no in self._switching:
            self._step(connection, version_no, STEP)

    def _step(self, connection: Connection[Any], version_no: int, size: int) -> None:
        row = connection.execute(SQL.next_step, {"version_no": version_no, "size": size}).fetchone()
        assert row is not None, "a worker whose transaction was undone is discarded with this"
        after, last = row
        bounds = {"version_no": version_no, "after": after, "last": LAST if last is None else last}
        _append_whole(connection, APPEND_SWITCH, bounds)
        if last is None:
            del self._switching[version_no]
        connection.execute(SQL.end_switch if last is None else SQL.move_switch, bounds)


class ReplayedChanges:
    """The stream of a replaying worker, which appends nothing: the live worker appended these changes before."""

    def append_flips(self, writes: RowWrites, flips: Sequence[Any]) -> None:
        """Append nothing."""

    def parts_of_flips(self, flips: sql.Composable) -> list[sql.Composed]:
        """Returns no parts."""
        return []

    def append_switch(self, connection: Connection[Any], version_no: int, position: int) -> None:
        """Append nothing."""

    def append_step(self, connection: Connection[Any], size: int) -> None:
        """Append nothing."""

    def append_deletion(self, connection: Connection[Any], segment_id: UUID, position: int, at: int) -> None:
        """Append nothing."""

    def is_switching(self, account_id: UUID | None = None) -> bool:
        """Nothing is appended, so that nothing is left."""
        return False

    def load(self, connection: Connection[Any], shards: Set[int]) -> None:
        """Leave the switches to the live worker."""

    def forget(self, accounts: Collection[UUID]) -> None:
        """There is nothing to forget."""


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
