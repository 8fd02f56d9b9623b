"""The projection worker: the log turned into the read model, batch by batch.

One at a time per model (a session lock on the very connection that writes, so a worker that lost it
cannot commit). One transaction holds a batch's rows and its position: a kill at any instant neither
loses nor doubles an effect. Between batches it fills the segments that are being recomputed, a chunk
at a time, so that an edit over millions holds up nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.errors import Corrupt
from domain.moments import micros
from domain.stored_events import (
    AccountCreated,
    ApiKeyCreated,
    ApiKeyRevoked,
    AttributeDeclared,
    AudienceFrozen,
    CustomerChanged,
    CustomerDeleted,
    Event,
    SegmentDetailsChanged,
    SegmentRecomputed,
    StaticMembersAdded,
    StaticMembersRemoved,
    TimePassed,
    load_event,
)
from projections.model import account_rows, audiences, campaigns, changes, segments, time_flips
from projections.model.account_state import AccountState, load_accounts
from projections.model.announcer import Announcer
from projections.model.membership import MembershipBatch
from projections.postgres.database import beside
from projections.worker import customer_events, metrics
from projections.worker.customer_events import TimedCustomerEvent

SQL = beside(__file__)
BATCH = 2_000
CHUNK_SECONDS = 0.15
CHUNK_LEAST, CHUNK_MOST = 2_000, 200_000
PURGE_CHUNK = COPY_CHUNK = 20_000
# Held by the live worker for each transaction, and by a rebuild while it switches.
MODEL_LOCK = 7305470

Timed = tuple[int, int, Event]
NEEDS_NO_TIME = (SegmentRecomputed, SegmentDetailsChanged, *campaigns.EVENTS)


class ModelReplaced(Exception):
    """A rebuild put another read model in the place of the one that this worker knows: load it."""


@dataclass(slots=True)
class Worker:
    """One worker over one connection. `step` is all it does.

    `announcer` puts complete versions and passing time into the log; a worker without one only replays.
    """

    connection: Connection[Any]
    announcer: Announcer | None
    batch_size: int = BATCH
    chunk_size: int | None = None
    position: int = 0
    effective_at: int = 0
    accounts: dict[UUID, AccountState] = field(default_factory=dict)
    _chunk: int = CHUNK_LEAST * 10
    _uncounted: bool = True
    _model: int | None = None

    def load(self) -> None:
        """Take the state of the read model: at start, and after a batch that failed."""
        with self._transaction():
            row = self.connection.execute(SQL.position).fetchone()
            assert row is not None
            self.position, effective_at = row
            self.effective_at = micros(effective_at)
            self.accounts, broken = load_accounts(self.connection)
            for account, segment, reason in broken:
                segments.fail(self.connection, account, segment, reason)
        self._chunk = self.chunk_size or self._chunk

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction on one read model from its first statement to its last; a rebuild switches between two."""
        with self.connection.transaction():
            if self.announcer is not None:
                self.connection.execute(SQL.hold_model, [MODEL_LOCK])
                row = self.connection.execute(SQL.model).fetchone()
                if row is None or self._model not in (None, row[0]):
                    raise ModelReplaced
                self._model = row[0]
            yield

    def step(self) -> bool:
        """One batch of events, one chunk of each segment being recomputed, one of cleaning; whether any was due."""
        events = self._project()
        passed = self._watch_time() or self._refresh()
        built = self._copy() | self._count() | self._build()
        return events or passed or built or self._purge()

    def _project(self, stop: int | None = None) -> bool:
        started = time.monotonic()
        with self._transaction():
            rows = self.connection.execute(
                SQL.next_events, {"after": self.position, "stop": stop, "limit": self.batch_size}, binary=True
            ).fetchall()
            if not rows:
                return False
            events = [self._timed(row[0], load_event(row[1], row[2], row[3], row[4])) for row in rows]
            before = self.position
            batch = MembershipBatch(telling=self.announcer is not None)
            self._apply(events, batch)
            self.position = events[-1][0]
            moved = self.connection.execute(
                SQL.move_position, {"position": self.position, "at": self.effective_at, "before": before}
            )
            if moved.rowcount != 1:
                raise Corrupt("position_moved", "another worker moved the position")
        metrics.report(len(events), batch, self.position, started)
        return True

    def _apply(self, events: list[Timed], batch: MembershipBatch) -> None:
        """Customers in runs; every other event between two runs, so that it sees the rows of those before it."""
        run: list[TimedCustomerEvent] = []
        for position, at, event in events:
            match event:
                case CustomerChanged() | CustomerDeleted() | StaticMembersAdded() | StaticMembersRemoved():
                    run.append((position, at, event))
                case AttributeDeclared():
                    self.accounts[event.account_id].types[event.key] = event.type
                    account_rows.apply(self.connection, event, at)
                case _:
                    customer_events.apply(self.connection, self.accounts, run, batch)
                    run = []
                    self._apply_other(position, at, event)
        customer_events.apply(self.connection, self.accounts, run, batch)

    def _apply_other(self, position: int, at: int, event: Event) -> None:
        match event:
            case AccountCreated():
                account_rows.apply(self.connection, event, at)
                self.accounts[event.account_id] = account_rows.state_of(event, at)
            case ApiKeyCreated() | ApiKeyRevoked():
                account_rows.apply(self.connection, event, at)
            case TimePassed():
                self._pass_time(self.accounts[event.account_id], micros(event.until), position)
            case _:
                account = self.accounts[event.account_id]
                if not isinstance(event, NEEDS_NO_TIME):
                    # An edit, or a freezing, finds every member as of its own instant.
                    self._pass_time(account, at, position)
                self._uncounted |= isinstance(event, AudienceFrozen)
                for apply in (campaigns.apply, audiences.apply, segments.apply):
                    apply(self.connection, account, event, position, at)
                if self.announcer is not None:
                    changes.tell(self.connection, event, position, at)

    def _timed(self, position: int, event: Event) -> Timed:
        """An event with its effective time: the later of its recorded time and the effective time before it."""
        self.effective_at = max(self.effective_at, micros(event.recorded_at))
        return position, self.effective_at, event

    # Time

    def _pass_time(self, account: AccountState, until: int, position: int) -> None:
        batch = MembershipBatch(telling=self.announcer is not None)
        time_flips.pass_time(self.connection, account, until, position, batch)
        metrics.flips(batch)

    def _watch_time(self) -> bool:
        """Put into the log that time passed, for each account in which something fell due."""
        if self.announcer is None:
            return False
        now = self.announcer.now()
        due = time_flips.all_due(self.connection, self.accounts.values(), micros(now))
        for account in due:
            self.announcer.record_time_passed(account.account_id, now)
        return bool(due)

    def due_in(self) -> float:
        """Seconds until something may fall due; infinite where nothing is known to."""
        instants = [each.due_at for each in self.accounts.values() if each.time and each.due_at is not None]
        if self.announcer is None or not instants:
            return float("inf")
        return max(0.0, (min(instants) - micros(self.announcer.now())) / 1_000_000)

    def _copy(self) -> bool:
        """One chunk of each audience that is being frozen."""
        found = [account for account in self.accounts.values() if account.freezing]
        if found:
            with self._transaction():
                for account in found:
                    audiences.copy_chunk(self.connection, account, self.chunk_size or COPY_CHUNK)
            self._uncounted = True
        return bool(found)

    def _count(self) -> bool:
        """Put into the log what each new audience came to, so that it may be read."""
        wanted, self._uncounted = self._uncounted, self._uncounted and self.announcer is None
        return self.announcer is not None and wanted and audiences.announce(self.connection, self.announcer)

    # Segments being recomputed

    def _refresh(self) -> bool:
        """Put into the log that segments follow the newer filters of those they name."""
        if self.announcer is None:
            return False
        outdated = [pair for account in self.accounts.values() for pair in account.outdated()]
        for segment, because_of in outdated:
            self.announcer.record_refreshed(segment.account_id, segment.segment_id, because_of)
        return bool(outdated)

    def _build(self) -> bool:
        waiting = segments.unfinished(self.accounts.values())
        for account, segment in waiting:
            build = segment.build
            assert build is not None
            if not build.complete:
                started = time.monotonic()
                with self._transaction():
                    segments.fill_or_fail(self.connection, account, segment, self._chunk)
                self._adapt(time.monotonic() - started)
            if build.complete and segment.build is build and self.announcer is not None:
                self.announcer.record_recomputed(account.account_id, segment.segment_id, build.version_no)
        return bool(waiting) and (self.announcer is not None or not self.builds_done())

    def _adapt(self, seconds: float) -> None:
        """Steer the next chunk towards the time that other segments' changes may have to wait."""
        if self.chunk_size is None:
            wanted = int(self._chunk * min(2.0, CHUNK_SECONDS / max(seconds, 0.001)))
            self._chunk = max(CHUNK_LEAST, min(CHUNK_MOST, wanted))

    def _purge(self) -> bool:
        with self._transaction():
            return segments.purge(self.connection, PURGE_CHUNK)

    def drain(self, stop: int | None = None) -> None:
        """Apply every event up to position `stop` (or the end), filling what is being recomputed. For rebuild."""
        while self._project(stop) or self._copy() or self._build():
            if stop and self.position >= stop and self.builds_done():
                return

    def builds_done(self) -> bool:
        """Whether every version that was begun is filled, and every audience copied."""
        return not any(account.busy for account in self.accounts.values())
