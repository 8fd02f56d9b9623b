"""What a live worker adds to the log, and a replaying one finds there: two implementations of one protocol.

Everything that the worker decides (a version is complete, time has passed, an audience is counted) becomes an event,
and takes effect when that event is projected. So a replay needs no clock. While time passes for an account in steps,
none of these events of its own would be appended: it would have to wait for all that are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection

from domain.commands.worker_events import WorkerEvents
from domain.instants import micros
from projections.model import audiences, time_flips
from projections.model.account_state import Build, SegmentState
from projections.model.attributes.asked import MeasureState
from projections.model.changes import ChangeStream, LiveChanges, ReplayedChanges
from projections.model.read_model import ReadModel
from projections.postgres.database import beside
from projections.worker.shards.leases import TRANSACTION_LOCK, LeaseLost, Leases

SQL = beside(__file__)
# Shared by the live workers for each transaction, and taken by a rebuild alone while it switches.
MODEL_LOCK = 7305470


class ModelReplaced(Exception):
    """A rebuild replaced the read model that this worker has loaded: start again with the new one."""


class LogWriter(Protocol):
    """Appends the worker's own events. The `append_...` return whether there was anything to append."""

    @property
    def changes(self) -> ChangeStream:
        """Where changes of the members that readers see are appended."""

    def now(self) -> int | None:
        """The present instant, in microseconds since 1970; `None` where the log alone says what time it is."""

    @contextmanager
    def hold_model(self, connection: Connection[Any]) -> Iterator[None]:
        """Around the statements of every transaction: no rebuild, nor another worker in these shards, writes meanwhile.

        Raises `ModelReplaced`, `LeaseLost`.
        """
        yield

    def append_time_passed(self, model: ReadModel) -> bool:
        """Append `TimePassed` for each account in which something fell due."""

    def append_refreshed(self, model: ReadModel) -> bool:
        """Append `SegmentRefreshed` for each segment that names one with a newer filter."""

    def append_filled(self, account_id: UUID, measure: MeasureState) -> bool:
        """Append `MeasureFilled` for what is known of every customer."""

    def append_audience_counts(self, model: ReadModel) -> bool:
        """Append `AudienceCounted` for each copied audience that has none."""

    def append_recomputed(self, segment: SegmentState, build: Build) -> bool:
        """Append `SegmentRecomputed` for a complete version."""


class LiveWriter:
    """Appends through the application's commands, for which the same event a second time changes nothing.

    Without `leases` it must be the only worker. `least_gap`: the microseconds between two `TimePassed` of one account,
    so that windows that let facts go all the time do not fill the log: each flip has its exact instant anyway.
    """

    def __init__(self, events: WorkerEvents, leases: Leases | None = None, least_gap: int = 0) -> None:
        self.changes: ChangeStream = LiveChanges()
        self._events = events
        self._leases = leases
        self._least_gap = least_gap
        self._model_oid: int | None = None

    def now(self) -> int | None:
        """The present instant, in microseconds since 1970."""
        return micros(self._events.now())

    @contextmanager
    def hold_model(self, connection: Connection[Any]) -> Iterator[None]:
        """Share the lock that a rebuild takes alone; see that no rebuild took the model, and no worker the leases."""
        token = self._leases.token if self._leases is not None else None
        terms = {"model": MODEL_LOCK, "worker": TRANSACTION_LOCK, "token": token}
        connection.execute(SQL.hold_model, terms)
        row = connection.execute(SQL.model_and_lease, terms).fetchone()
        if row is None or self._model_oid not in (None, row[0]):
            raise ModelReplaced
        self._model_oid, is_leased = row
        if not is_leased:
            raise LeaseLost
        yield
        if self._leases is not None:
            self._leases.renew(connection)

    def append_time_passed(self, model: ReadModel) -> bool:
        """Append `TimePassed` up to now for each account in which something fell due."""
        now = self._events.now()
        due = time_flips.all_due(model.connection, model.accounts.values(), micros(now))
        for account in due:
            self._events.record_time_passed(account.account_id, now)
            account.asked_until = micros(now)
            account.rests_until = account.asked_until + self._least_gap
        return bool(due)

    def append_refreshed(self, model: ReadModel) -> bool:
        """Append `SegmentRefreshed` for each segment that names one with a newer filter, the named ones first."""
        accounts = [account for account in model.accounts.values() if account.passing is None]
        outdated = [pair for account in accounts for pair in account.outdated()]
        for segment, because_of in outdated:
            self._events.record_refreshed(segment.account_id, segment.segment_id, because_of)
        return bool(outdated)

    def append_filled(self, account_id: UUID, measure: MeasureState) -> bool:
        """Append `MeasureFilled` for what is known of every customer."""
        self._events.record_measure_filled(account_id, measure.measure.key, measure.since)
        return True

    def append_audience_counts(self, model: ReadModel) -> bool:
        """Append `AudienceCounted` for each copied audience that has none."""
        accounts = [each for each in model.accounts.values() if each.has_uncounted_audience and each.passing is None]
        if not accounts:
            return False
        uncounted = audiences.uncounted(model.connection, [each.account_id for each in accounts])
        for each in uncounted:
            self._events.record_audience_counted(each.account_id, each.audience_id, each.counts, each.passed_over)
        for account in accounts:
            account.has_uncounted_audience = False
        return bool(uncounted)

    def append_recomputed(self, segment: SegmentState, build: Build) -> bool:
        """Append `SegmentRecomputed` for a complete version."""
        self._events.record_recomputed(segment.account_id, segment.segment_id, build.version_no)
        return True


class ReplayingWriter:
    """Appends nothing: the log holds these events, and the change stream these changes, already."""

    def __init__(self) -> None:
        self.changes: ChangeStream = ReplayedChanges()

    def now(self) -> int | None:
        """Nothing: time passes as the log says."""
        return None

    @contextmanager
    def hold_model(self, connection: Connection[Any]) -> Iterator[None]:
        """Hold nothing: readers don't see this model yet, and the rebuild that replays it holds the lock itself."""
        yield

    def append_time_passed(self, model: ReadModel) -> bool:
        """Append nothing."""
        return False

    def append_refreshed(self, model: ReadModel) -> bool:
        """Append nothing."""
        return False

    def append_filled(self, account_id: UUID, measure: MeasureState) -> bool:
        """Append nothing."""
        return False

    def append_audience_counts(self, model: ReadModel) -> bool:
        """Append nothing."""
        return False

    def append_recomputed(self, segment: SegmentState, build: Build) -> bool:
        """Append nothing."""
        return False
