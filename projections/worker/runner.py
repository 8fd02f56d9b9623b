"""Runs a projection worker as long as its process lives: with its share of the leases, woken by NOTIFY, patient.

Any number of workers divide the shards among themselves (see `shards.leases`). While the database is unavailable the
worker tries again with growing delays; every other error ends the process.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import structlog

from domain.commands.worker_events import WorkerEvents
from domain.errors import Unavailable
from domain.instants import micros
from projections.model import time_flips
from projections.postgres.database import WorkerSessions, database_errors, worker_sessions
from projections.worker import metrics
from projections.worker.freshness import Freshness
from projections.worker.log_writer import LiveWriter, ModelReplaced
from projections.worker.shards import leases
from projections.worker.shards.event_reader import listen
from projections.worker.shards.leases import LeaseLost, Leases
from projections.worker.worker import Worker

POLL_SECONDS = 0.5
# Where something falls due all the time, time passes for an account this often, in microseconds.
TIME_GAP = 200_000
# How often a worker looks whether the shards are divided evenly.
DEAL_SECONDS = 1.0
# Seconds until old changes are removed again: where some were removed, and where none were.
FORGET_PAUSE, FORGET_IDLE = 1.0, 60.0
LONGEST_DELAY = 5.0
# After so long without an error the next delay is short again.
PROVEN = 30.0

log = structlog.get_logger()


class Retention(NamedTuple):
    """How long membership changes are kept; at least until they are published, and in the topic of members."""

    days: int
    published_only: bool
    members_topic: str | None = None


@dataclass(slots=True)
class WorkerState:
    """What the worker waits for now, if anything; also read by another thread."""

    waits_for: Unavailable | None = None


def run_worker(
    database_url: str,
    events: WorkerEvents,
    stop: threading.Event,
    retention: Retention,
    state: WorkerState | None = None,
) -> None:
    """Project until `stop` is set. Raises every error but that of an unavailable database."""
    state = state or WorkerState()
    failures = 0
    while not stop.is_set():
        began = time.monotonic()
        metrics.SHARDS_HELD.set(0)
        try:
            with database_errors(), worker_sessions(database_url) as sessions:
                held = leases.join(sessions.writing)
                state.waits_for = None
                _project(sessions, held, events, stop, retention)
        except Unavailable as unavailable:
            failures = 0 if time.monotonic() - began > PROVEN else failures
            delay = min(LONGEST_DELAY, 0.1 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            failures += 1
            state.waits_for = unavailable
            cause = unavailable.__cause__ or unavailable
            log.warning(
                "database_away",
                reason=unavailable.detail,
                error=f"{type(cause).__name__}: {cause}".strip().splitlines()[0],
                again_in_seconds=round(delay, 2),
            )
            stop.wait(delay)
        except ModelReplaced:
            log.info("read_model_replaced")
        except LeaseLost:
            metrics.LEASES_LOST.inc()
            log.warning("leases_lost", meaning="other workers took over while this one was stopped")


def _project(
    sessions: WorkerSessions, held: Leases, events: WorkerEvents, stop: threading.Event, retention: Retention
) -> None:
    freshness = Freshness(sessions.writing, events.now)
    worker = Worker(sessions, LiveWriter(events, held, TIME_GAP), freshness=freshness)
    forget_at = deal_at = time.monotonic()
    while not stop.is_set():
        if time.monotonic() >= deal_at:
            _divide(worker, held)
            deal_at = time.monotonic() + DEAL_SECONDS
        # One worker is enough for what belongs to no shard.
        if time.monotonic() >= forget_at and 0 in worker.reader.shards:
            before = events.now() - timedelta(days=retention.days)
            removed = worker.forget_changes(
                before, published_only=retention.published_only, topic=retention.members_topic
            )
            forget_at = time.monotonic() + (FORGET_PAUSE if removed else FORGET_IDLE)
        freshness.save_if_due()
        if not worker.step():
            for _ in sessions.reading.notifies(timeout=_idle_seconds(worker, events), stop_after=1):
                break


def _divide(worker: Worker, held: Leases) -> None:
    """Give up the shards that are above this worker's share, or take free ones up to it."""
    take, give = (frozenset(each) for each in held.deal(worker.connection))
    worker.sharing.others = held.others
    if give:
        worker.settle()
        with worker.transaction():
            held.give(worker.connection, give)
        worker.unload(give)
    if take:
        with worker.transaction():
            take = held.take(worker.connection, take)
    if take:  # another worker may have taken them first
        worker.load(take)
    if take or give:
        listen(worker.sessions.reading, worker.reader.shards)
        metrics.SHARDS_HELD.set(len(worker.reader.shards))
        accounts = len(worker.model.accounts)
        log.info("shards_divided", shards=len(worker.reader.shards), accounts=accounts, position=worker.position)


def _idle_seconds(worker: Worker, events: WorkerEvents) -> float:
    """How long the worker may wait for a notification: until something may fall due, at most `POLL_SECONDS`."""
    due_at = time_flips.next_known_due(worker.model.accounts.values())
    if due_at is None:
        return POLL_SECONDS
    return min(POLL_SECONDS, max(0.0, (due_at - micros(events.now())) / 1_000_000))
