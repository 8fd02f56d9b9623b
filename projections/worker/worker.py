"""The projection worker: the stages that keep the read model up to date, and the order in which they run.

A batch of events takes three steps: read the next events, let the table of `handlers` bring them into the rows, and
move the positions of their shards. One transaction holds rows and positions: a kill at any instant neither loses nor
doubles an effect. Customers' events, which are nearly all, are matched in memory while the batch before them is being
written; every other event, and every other stage, finds all rows written. Between batches the worker fills the versions
that are being built, a chunk at a time, and lets time pass, a step at a time, so that neither an edit over millions of
customers nor their midnight delays other changes. One worker at a time per shard: every transaction begins in
`transaction`, where one that lost its leases ends (see `shards.leases`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import Connection

from projections.model import audiences, changes, segments, time_steps
from projections.model.account_state import AccountState
from projections.model.behaviour import measures, retention
from projections.model.customers import CustomerBatch
from projections.model.membership import MembershipBatch
from projections.model.read_model import ReadModel
from projections.model.start.accounts import load_accounts
from projections.model.time_steps import Reached
from projections.postgres.database import WorkerSessions
from projections.worker import chunk_size, handlers, metrics
from projections.worker.backlog import parts
from projections.worker.backlog.sharing import Sharing
from projections.worker.batch_writer import BatchWriter
from projections.worker.chunk_size import ChunkSize
from projections.worker.freshness import Freshness
from projections.worker.log_writer import LogWriter
from projections.worker.shards.event_reader import EVERYTHING, EventReader, Positions, TimedEvent, stored_positions
from projections.worker.shards.shard import ALL, shard_of

BATCH = 2_000
# How many batches may follow one another before the other stages have their turn.
BATCHES = 8
# After so long, no further step of time in this round.
TIME_SECONDS = 0.06
# How often the positions of shards without events move.
SETTLE_SECONDS = 1.0
PURGE_CHUNK = FORGET_CHUNK = 20_000
COPY_CHUNK = 30_000


@dataclass(slots=True)
class Worker:
    """One worker over its two sessions: `load` shards first, then `step` again and again, or `drain` for a rebuild.

    `log_writer` decides whether it is live or replays; only a live one has `freshness`. After an exception, discard it
    and load a new one.
    """

    sessions: WorkerSessions
    log_writer: LogWriter
    batch_size: int = BATCH
    batches: int = BATCHES
    chunk_size: int | None = None
    freshness: Freshness | None = None
    model: ReadModel = field(init=False)
    reader: EventReader = field(init=False)
    sharing: Sharing = field(init=False)
    # How far a rebuild may let time pass that is still passing in the model in use.
    limits: Mapping[UUID, Reached] = field(default_factory=dict)
    _fill_size: ChunkSize = field(init=False)
    _chunks_filled: int = 0
    _writer: BatchWriter = field(default_factory=BatchWriter)
    # The customers of the run that is being written.
    _unwritten: CustomerBatch | None = None
    _settled_at: float = 0.0

    def __post_init__(self) -> None:
        """Nothing is loaded yet."""
        self.model = ReadModel(*self.sessions, self.log_writer.changes)
        self._fill_size = ChunkSize(self.chunk_size)
        self.reader = EventReader(self.sessions.reading, self.batch_size)
        self.sharing = Sharing(self.model, self.reader, self.transaction, self._observe)

    @property
    def connection(self) -> Connection[Any]:
        """The session of every transaction."""
        return self.sessions.writing

    @property
    def position(self) -> int:
        """The position up to which the log is read."""
        return self.reader.cursor

    def load(self, shards: Set[int] = ALL) -> None:
        """Load the accounts of shards, besides those that are loaded; a segment whose filter cannot be read fails."""
        with self.transaction():
            self.reader.add(stored_positions(self.connection, shards))
            self.reader.divided |= parts.divided(self.connection, shards)
            accounts, broken = load_accounts(self.connection, shards)
            self.model.accounts |= accounts
            self.model.changes.load(self.connection, shards)
            for account, segment, reason in broken:
                segments.fail(self.connection, account, segment, reason)
            measures.drop_unreadable(self.connection, accounts.values())

    def unload(self, shards: Set[int]) -> None:
        """Forget the accounts of shards, between two stages."""
        self.reader.remove(shards)
        for account_id in [each for each in self.model.accounts if shard_of(each) in shards]:
            del self.model.accounts[account_id]
            self.model.changes.forget([account_id])
        self.sharing.forget(shards)

    def step(self) -> bool:
        """Run every stage once, in this order. Returns whether any had work."""
        stages = (
            self.project_events,
            self.sharing.share,
            self.pass_time,
            self.append_time_passed,
            self.append_refreshed,
            self.copy_audiences,
            partial(self.log_writer.append_audience_counts, self.model),
            self.fill_measures,
            self.fill_versions,
            self.append_switches,
        )
        had_work = [stage() for stage in stages]
        return any(had_work) or self.sharing.help() or self.purge()

    def drain(self, until: Positions = EVERYTHING) -> None:
        """Apply every event up to some positions or the end of the log, then complete what they began."""
        filling = (self.copy_audiences, self.pass_time, self.fill_measures, self.fill_versions)
        stages = (partial(self.project_events, until), partial(self.sharing.complete, until), *filling)
        while any(stage() for stage in stages):  # the first that has work, again and again
            if self.reader.behind(until) <= 0 and not self.is_filling():
                return

    def project_events(self, until: Positions = EVERYTHING) -> bool:
        """Bring the next events, up to some positions, into the read model. Returns whether the log was read further.

        As long as batches are full and nothing waits for its turn, nor for others to help, several follow one another.
        """
        before, had_events = self.position, False
        try:
            for _ in range(self.batches):
                alone, shared = len(self.model.accounts) <= 1, bool(self.sharing.others)
                events = self.reader.read(until, alone=alone, shared=shared)
                had_events = had_events or bool(events)
                for is_run, group in handlers.in_runs(events):
                    self._match(group) if is_run else self._handle(group)
                if not self.reader.is_settled:
                    self.settle()
                if len(events) < self.batch_size or self.is_filling() or (shared and self.reader.lagging):
                    break
        finally:
            self._finish_writing()
        if time.monotonic() - self._settled_at > SETTLE_SECONDS:
            self.settle()
        return had_events or self.position > before

    def settle(self) -> None:
        """Move the position of every shard to where the log is read, once that is written."""
        self._finish_writing()
        moves = self.reader.settle()
        if any(moves):
            with self.transaction():
                moves.write(self.connection)
        self._settled_at = time.monotonic()

    def pass_time(self) -> bool:
        """Let time pass for some more customers, where it passes: those with the fewest steps so far come first.

        It waits for the audiences that are being copied. Returns whether it passed for any.
        """
        waiting = [account for account in self._passing() if not account.freezing]
        if not waiting:
            return False
        began = time.monotonic()
        flips = MembershipBatch(self.model.changes)
        with self.transaction():
            while waiting:
                account = min(waiting, key=lambda each: each.passing.steps if each.passing else 0)
                time_steps.step(self.connection, account, flips, self.chunk_size, self.limits.get(account.account_id))
                if self.chunk_size is not None or time.monotonic() - began > TIME_SECONDS:
                    break
                waiting = self._passing(waiting)
        metrics.count_flips(flips)
        return True

    def append_time_passed(self) -> bool:
        """Append that time passed for each account in which something fell due. Returns whether any event was."""
        return self.log_writer.append_time_passed(self.model)

    def append_refreshed(self) -> bool:
        """Append that segments follow the newer filters of those they name. Returns whether any event was."""
        return self.log_writer.append_refreshed(self.model)

    def copy_audiences(self) -> bool:
        """Copy one chunk of each audience that is being frozen. Returns whether there were any."""
        freezing = [account for account in self.model.accounts.values() if account.freezing]
        if freezing:
            with self.transaction():
                for account in freezing:
                    audiences.copy_chunk(self.connection, account, self.chunk_size or COPY_CHUNK)
        return bool(freezing)

    def fill_measures(self) -> bool:
        """Fill one chunk of what filters ask of behaviour, and append what is known. Returns whether it did either."""
        had_work = False
        for unfilled in measures.unfilled(self.model.accounts.values())[:1]:
            with self._fill_size.measured() as size, self.transaction():
                measures.fill(self.connection, unfilled, size)
            had_work = True
        for account in self.model.accounts.values():
            for state in account.measures.values():
                if state.is_filled and not state.complete and account.passing is None:
                    had_work = self.log_writer.append_filled(account.account_id, state) or had_work
        return had_work

    def fill_versions(self) -> bool:
        """Fill one chunk of the versions being built, and append which are complete. Returns whether it did either.

        Of as many versions as fit in the time of a chunk, in turn: however many segments were edited, other changes
        wait no longer.
        """
        had_work = False
        began = time.monotonic()
        unfinished = list(segments.unfinished(self.model.accounts.values()))
        first = self._chunks_filled % max(1, len(unfinished))
        for account, segment, build in unfinished[first:] + unfinished[:first]:
            in_time = self.chunk_size is not None or time.monotonic() - began < chunk_size.SECONDS
            if not build.complete and in_time:
                with self._fill_size.measured() as size, self.transaction():
                    segments.fill_or_fail(self.connection, account, segment, size)
                self._chunks_filled += 1
                had_work = True
            switches = build.complete and segment.build is build and account.passing is None
            if switches and self.log_writer.append_recomputed(segment, build):
                had_work = True
        return had_work

    def append_switches(self) -> bool:
        """Append the next step of a switch to the change stream. Returns whether one was left."""
        if is_left := self.model.changes.is_switching():
            with self.transaction():
                self.model.changes.append_step(self.connection, self.chunk_size or changes.STEP)
        return is_left

    def purge(self) -> bool:
        """Remove some rows of what is out of use: of a version, a measure, or activities. Returns whether it did."""
        among = (self.connection, self.reader.shards, PURGE_CHUNK)
        old = (self.connection, self.model.accounts.values(), self.log_writer.now(), PURGE_CHUNK)
        with self.transaction():
            return segments.purge(*among) or measures.purge(*among) or retention.purge(*old)

    def forget_changes(self, before: datetime, *, published_only: bool, topic: str | None = None) -> bool:
        """Remove some membership changes older than `before`. Returns whether there were any."""
        with self.transaction():
            return changes.forget(self.connection, before, FORGET_CHUNK, published_only=published_only, topic=topic)

    def is_filling(self) -> bool:
        """Returns whether a version is not filled, an audience not copied, or time not passed, to its end."""
        return any(account.is_filling for account in self.model.accounts.values()) or bool(self._passing())

    def _passing(self, accounts: Iterable[AccountState] | None = None) -> list[AccountState]:
        """The accounts, of some or all, for which time passes and has not reached its limit."""
        among = self.model.accounts.values() if accounts is None else accounts
        return [each for each in among if each.passing and not self._is_at_limit(each)]

    def _is_at_limit(self, account: AccountState) -> bool:
        limit, reached = self.limits.get(account.account_id), time_steps.reached(account)
        return limit is not None and reached is not None and reached >= limit

    def _match(self, events: list[TimedEvent]) -> None:
        """Match a run of customers' events in memory, then write it while the next batch is read and matched."""
        started = time.monotonic()
        members = MembershipBatch(self.model.changes)
        run = handlers.match_run(self.model, events, members, self._unwritten)
        writes, moves = run.writes(), self.reader.moves(events)

        def write() -> None:
            with self.transaction():
                moves.write(self.connection)
                writes.execute(self.connection)
            metrics.report_batch(len(events), members, events[-1].position, started)
            self._observe(events)

        self._writer.start(write)
        self._unwritten = run.customers

    def _handle(self, events: list[TimedEvent]) -> None:
        """Handle other events in one transaction, when everything before them is written."""
        started = time.monotonic()
        self._finish_writing()
        with self.transaction():
            self.reader.moves(events).write(self.connection)
            handlers.apply(self.model, events)
        self.sharing.note(events)
        metrics.report_batch(len(events), MembershipBatch(self.model.changes), events[-1].position, started)

    def _observe(self, events: list[TimedEvent]) -> None:
        """Count how fresh committed events are, where this worker is live."""
        if self.freshness is not None:
            self.freshness.observe(events)

    def _finish_writing(self) -> None:
        """Wait until what was matched is written. Raises the error of its transaction."""
        self._writer.finish()
        self._unwritten = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction on one read model from its first statement to its last, by the only worker that may write."""
        with self.connection.transaction(), self.log_writer.hold_model(self.connection):
            yield
