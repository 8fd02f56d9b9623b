"""The event store: the library's recorder over PostgreSQL, as our two hot paths need it.

One append is one transaction without pipeline mode: position of the source, customer states, dead
letters, the log's lock, one NOTIFY, and the events from four arrays; where a customer is deleted, their
values are removed from their earlier events. The advisory lock makes order of
positions = order of commits, without fighting VACUUM as the library's table lock does (measured:
deploy/docs/decisions/0002). Every writer of the log goes through here. Because the log is in parts, it cannot refuse a
version that exists already: `customer_states` does for customers, `stream_heads` for every other stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from domain.account import schema_id_of
from domain.commands.customer_state import CustomerState
from domain.commands.log import Tracking, Writes
from domain.errors import Refused, SourceMoved
from domain.stored_events import ActivityRecorded, CustomerChanged, CustomerDeleted
from domain.texts.language import said
from projections.postgres.arrays import Bigints, Byteas, Texts, Uuids
from projections.postgres.database import FROZEN, PROBING, Role, beside, database_errors, session_conninfo
from projections.records import (
    customer_states,
    dead_letters,
    imports,
    received_counts,
    static_lists,
    suppressed_numbers,
)
from projections.records.jobs import rows as job_rows

SQL = beside(__file__)
DELETED = CustomerDeleted.type_name
# Events on the streams of customers, whose versions are refused by their states.
OF_CUSTOMERS = frozenset({CustomerChanged.type_name, DELETED, ActivityRecorded.type_name})
# After so many positions, parts of the log are made ahead: often enough, though an append that did it may be undone.
PARTS_AHEAD = 1_000_000


class Datastore(PostgresDatastore):
    """The library's datastore over a pool whose sessions act as one role."""

    def __init__(self, database_url: str, role: Role, size: int) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", schema="rollcall")
        self.pool = ConnectionPool(  # type: ignore[assignment]
            session_conninfo(database_url, role, settings=[*PROBING, *FROZEN]),
            connection_class=Connection[DictRow],
            kwargs={"row_factory": dict_row, "autocommit": True, "prepare_threshold": None},
            min_size=1,
            max_size=size,
            open=False,
            timeout=5.0,
            check=ConnectionPool.check_connection,
        )
        self.pool.open()


class EventStore(PostgresProcessRecorder):
    """The `LogStore` of `domain.commands.log`: the library's recorder, and what the commands read to decide."""

    def __init__(self, database_url: str, role: Role, *, size: int = 8) -> None:
        super().__init__(Datastore(database_url, role, size))

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Append events of one account, with what `writes` adds, in one transaction. Returns their positions.

        `recorded_at` has, for each, when it was recorded, in microseconds since 1970.

        Raises the library's `IntegrityError` where something was decided on stale data, `SourceMoved` where another
        process moved the source, `Unavailable`.
        """
        account_id: UUID = kwargs["account_id"]
        writes: Writes = kwargs["writes"] or Writes()
        recorded_at: Sequence[int] = kwargs["recorded_at"]
        try:
            return self._insert(account_id, stored_events, writes, recorded_at)
        except IntegrityError as error:
            if not isinstance(error.__cause__, psycopg.errors.CheckViolation):
                raise
        # No part of the log has the next position: something else drew very many.
        with self._account(account_id) as cursor:
            cursor.execute(SQL.extend_log)
        return self._insert(account_id, stored_events, writes, recorded_at)

    def _insert(
        self, account_id: UUID, stored_events: Sequence[StoredEvent], writes: Writes, recorded_at: Sequence[int]
    ) -> list[int]:
        with self._account(account_id) as cursor:
            self._move(cursor, writes.tracking)
            customer_states.store(cursor, account_id, writes.states)
            dead_letters.store(cursor, account_id, writes.dead_letters)
            created = {state.customer_id for state, before in writes.states if before == 0}
            static_lists.store_members(cursor, account_id, writes.members, created)
            if writes.received is not None:
                received_counts.add(cursor, account_id, writes.received)
            positions = self._append(cursor, account_id, stored_events, recorded_at, writes.filters_as_of)
            last = positions[-1] if positions else None
            if writes.import_step is not None:
                imports.record_step(cursor, account_id, writes.import_step, last)
            if writes.job_step is not None:
                job_rows.record_step(cursor, account_id, writes.job_step, last)
            if writes.new_job is not None:
                job_rows.store(cursor, account_id, writes.new_job, last)
            suppressed_numbers.store(cursor, account_id, writes.numbers, last or 0)
            customer_states.store_marks(cursor, account_id, writes.activity_marks)
            return positions

    def _append(
        self,
        cursor: Cursor[DictRow],
        account_id: UUID,
        stored_events: Sequence[StoredEvent],
        recorded_at: Sequence[int],
        as_of: int | None,
    ) -> list[int]:
        if not stored_events:
            return []
        cursor.execute(SQL.lock_and_notify, [account_id])
        if as_of is not None and _filters_position(cursor, account_id) > as_of:
            raise IntegrityError("another writer changed a segment or its filter")
        _move_heads(cursor, account_id, stored_events)
        columns = [
            Uuids([cast("UUID", event.originator_id) for event in stored_events]),
            Bigints(event.originator_version for event in stored_events),
            Texts([event.topic for event in stored_events]),
            Byteas([event.state for event in stored_events]),
            Bigints(accumulate(recorded_at, max)),
        ]
        cursor.execute(SQL.append_events, [account_id, *columns], binary=True)
        positions = [row["notification_id"] for row in cursor.fetchall()]
        if positions[0] // PARTS_AHEAD != (positions[-1] + 1) // PARTS_AHEAD:
            cursor.execute(SQL.extend_log)
        erased = {each.originator_id: each.originator_version for each in stored_events if each.topic == DELETED}
        if erased:
            cursor.execute(SQL.erase_rows_by_name, [list(erased), list(erased.values())], binary=True)
            cursor.execute(SQL.erase_customers, [list(erased), list(erased.values())], binary=True)
        return positions

    def account_events(self, account_id: UUID, originator_id: UUID) -> Sequence[StoredEvent]:
        """The stream of one aggregate, oldest first."""
        with self._account(account_id) as cursor:
            cursor.execute(SQL.account_events, [account_id, originator_id], binary=True)
            return [
                StoredEvent(row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]))
                for row in cursor.fetchall()
            ]

    def stream_at(self, account_id: UUID, position: int) -> UUID | None:
        """The aggregate whose event is at a position of the log; `None` where it is none of the account's."""
        with self._account(account_id) as cursor:
            cursor.execute(SQL.stream_at, [account_id, position])
            row = cursor.fetchone()
            return None if row is None else row["originator_id"]

    def existing_segments(self, account_id: UUID, segment_ids: Iterable[UUID]) -> set[UUID]:
        """Those of the segments that were created and not deleted."""
        with self._account(account_id) as cursor:
            cursor.execute(SQL.existing_segments, [account_id, list(segment_ids)], binary=True)
            return {row["originator_id"] for row in cursor.fetchall()}

    def filters_position(self, account_id: UUID) -> int:
        """The position of the last event that created or deleted a segment, changed a filter, or removed an attribute.

        0 where there is none.
        """
        with self._account(account_id) as cursor:
            return _filters_position(cursor, account_id)

    def filters_with(self, account_id: UUID, text: str) -> list[UUID]:
        """The segments, oldest first, whose filter holds a text anywhere."""
        with self._account(account_id) as cursor:
            cursor.execute(SQL.filters_with, [account_id, text], binary=True)
            return [row["originator_id"] for row in cursor.fetchall()]

    def customer_states(self, account_id: UUID, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerState]:
        """The states of those customers that were ever seen."""
        with self._account(account_id) as cursor:
            return customer_states.load(cursor, account_id, customer_ids)

    def known_activities(self, account_id: UUID, marks: Sequence[UUID]) -> set[UUID]:
        """Those of the marks whose facts were taken in before."""
        with self._account(account_id) as cursor:
            return customer_states.known_marks(cursor, marks)

    def existing_customers(self, account_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that are customers now."""
        with self._account(account_id) as cursor:
            return static_lists.existing_customers(cursor, account_id, customer_ids)

    def static_members(self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that are in a static segment now."""
        with self._account(account_id) as cursor:
            return static_lists.static_members(cursor, account_id, segment_id, customer_ids)

    def customers_by_phone(self, account_id: UUID, phones: Sequence[str]) -> dict[str, UUID]:
        """The oldest customer of each phone number that has one."""
        with self._account(account_id) as cursor:
            return static_lists.customers_by_phone(cursor, account_id, phones)

    def import_erasures(self, account_id: UUID, import_id: UUID, phones: Sequence[str]) -> tuple[int, set[str]]:
        """How many erasures a running import has met, and those of the phone numbers that were erased by them."""
        with self._account(account_id) as cursor:
            return imports.erasures(cursor, account_id, import_id, phones)

    def head(self) -> int:
        """The position of the last event."""
        with self._errors(), self.datastore.pool.connection() as connection:
            row = connection.execute("SELECT rollcall.log_head() AS head").fetchone()
            assert row is not None
            return int(row["head"])

    def tracked_offset(self, name: str) -> int | None:
        """The offset up to which a source was ingested; `None` where it never was."""
        with self._errors(), self.datastore.pool.connection() as connection:
            row = connection.execute(SQL.tracked, [name]).fetchone()
            return None if row is None else int(row["notification_id"])

    def close(self) -> None:
        """Close every session."""
        self.datastore.pool.close()

    @contextmanager
    def _account(self, account_id: UUID) -> Iterator[Cursor[DictRow]]:
        with self._errors(), self.datastore.pool.connection() as connection, connection.transaction():
            cursor = connection.cursor()
            cursor.execute("SELECT set_config('rollcall.account', %s, true)", [str(account_id)])
            yield cursor

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with database_errors():
            try:
                yield
            except psycopg.errors.UniqueViolation as taken:
                if taken.diag.table_name == "api_keys":
                    raise Refused("key_exists", said("this key was created before")) from None
                raise IntegrityError(str(taken)) from taken
            except (psycopg.IntegrityError, psycopg.errors.DeadlockDetected) as stale:
                raise IntegrityError(str(stale)) from stale

    def _move(self, cursor: Cursor[DictRow], tracking: Sequence[Tracking]) -> None:
        if tracking:
            names, offsets, previous = zip(*tracking, strict=True)
            moved = cursor.execute(SQL.move_tracking, [list(names), list(offsets), list(previous)]).fetchone()
            if moved is not None:
                raise SourceMoved(moved["name"])


def _move_heads(cursor: Cursor[DictRow], account_id: UUID, stored_events: Sequence[StoredEvent]) -> None:
    """Move the streams of the events on; those of customers move with their states.

    Raises the library's `IntegrityError` where a stream has such a version, or a later one, already.
    """
    heads: dict[Any, tuple[int, int]] = {}
    for event in stored_events:
        if event.topic in OF_CUSTOMERS:
            continue
        version = event.originator_version
        first, last = heads.get(event.originator_id, (version, version - 1))
        if version <= last:
            raise IntegrityError("two events of one version")
        heads[event.originator_id] = first, version
    if heads:
        firsts, lasts = zip(*heads.values(), strict=True)
        columns = [Uuids(list(heads)), Bigints(firsts), Bigints(lasts)]
        row = cursor.execute(SQL.move_heads, [account_id, *columns], binary=True).fetchone()
        if row is None or row["moved"] != len(heads):
            raise IntegrityError("another writer was first")


def _filters_position(cursor: Cursor[DictRow], account_id: UUID) -> int:
    asked = {"account_id": account_id, "schema_id": schema_id_of(account_id)}
    row = cursor.execute(SQL.filters_position, asked).fetchone()
    return int(row["position"]) if row else 0
