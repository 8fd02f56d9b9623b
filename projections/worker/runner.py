"""Runs the projection worker as long as its process lives: fenced, woken by NOTIFY, patient with the database.

One worker at a time per log: a session lock on the connection that writes. While the database is unavailable it
tries again with growing delays; every other error ends the process.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta
from typing import NamedTuple

import psycopg
import structlog
from psycopg import Connection
from psycopg.rows import TupleRow

from domain.commands.worker_events import WorkerEvents
from domain.errors import Unavailable
from domain.instants import micros
from projections.model import changes, time_flips
from projections.postgres.database import worker_session
from projections.worker.log_writer import LiveWriter, ModelReplaced
from projections.worker.worker import Worker

POLL_SECONDS = 0.5
# Changes removed at once, and the seconds until the next time: where some were removed, and where none were.
FORGET_CHUNK, FORGET_PAUSE, FORGET_IDLE = 20_000, 1.0, 60.0
_LOCK = 7305467

log = structlog.get_logger()


class Retention(NamedTuple):
    """How long membership changes are kept; with `published_only` at least until they are published."""

    days: int
    published_only: bool


def run_worker(database_url: str, events: WorkerEvents, stop: threading.Event, retention: Retention) -> None:
    """Project until `stop` is set. Raises every error but that of an unavailable database."""
    failures = 0
    while not stop.is_set():
        try:
            with worker_session(database_url) as connection:
                if _acquire_lock(connection, stop):
                    _project(connection, events, stop, retention)
            failures = 0
        except (psycopg.OperationalError, Unavailable) as unavailable:
            delay = min(5.0, 0.1 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
            failures += 1
            log.warning("database_away", error=type(unavailable).__name__, again_in_seconds=round(delay, 2))
            stop.wait(delay)
        except ModelReplaced:
            log.info("read_model_replaced")


def _acquire_lock(connection: Connection[TupleRow], stop: threading.Event) -> bool:
    """Wait to be the only worker. Returns whether this one is, before it was asked to stop."""
    waiting = False
    while not stop.is_set():
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if row is not None and row[0]:
            return True
        if not waiting:
            log.info("another_worker_projects")
            waiting = True
        stop.wait(POLL_SECONDS)
    return False


def _project(
    connection: Connection[TupleRow], events: WorkerEvents, stop: threading.Event, retention: Retention
) -> None:
    connection.execute("LISTEN rollcall_log")
    worker = Worker(connection, LiveWriter(events))
    worker.load()
    log.info("worker_started", position=worker.position, accounts=len(worker.model.accounts))
    forget_at = time.monotonic()
    while not stop.is_set():
        if time.monotonic() >= forget_at:
            before = events.now() - timedelta(days=retention.days)
            removed = changes.forget(connection, before, FORGET_CHUNK, published_only=retention.published_only)
            forget_at = time.monotonic() + (FORGET_PAUSE if removed else FORGET_IDLE)
        if not worker.step():
            for _ in connection.notifies(timeout=_idle_seconds(worker, events), stop_after=1):
                break


def _idle_seconds(worker: Worker, events: WorkerEvents) -> float:
    """How long the worker may wait for a notification: until something may fall due, at most `POLL_SECONDS`."""
    due_at = time_flips.next_known_due(worker.model.accounts.values())
    if due_at is None:
        return POLL_SECONDS
    return min(POLL_SECONDS, max(0.0, (due_at - micros(events.now())) / 1_000_000))
