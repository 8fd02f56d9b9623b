"""Runs the projection worker for as long as its process lives: fenced, woken by NOTIFY, patient.

One worker at a time per log: a session lock on the connection that writes. A database that is away is
waited for with growing delays; whatever else goes wrong stops the process, loudly.
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

from domain.errors import Unavailable
from projections.model import changes
from projections.model.announcer import Announcer
from projections.postgres.database import worker_session
from projections.worker.worker import ModelReplaced, Worker

POLL_SECONDS = 0.5
_LOCK = 7305467

FORGET_CHUNK, FORGET_PAUSE, FORGET_IDLE = 20_000, 1.0, 60.0

log = structlog.get_logger()


class Retention(NamedTuple):
    """How long membership changes are kept; `published_only`: and always until they are on their topic."""

    days: int
    published_only: bool


def run_worker(database_url: str, announcer: Announcer, stop: threading.Event, retention: Retention) -> None:
    """Project until `stop` is set. Raises what is not a database that is away."""
    failures = 0
    while not stop.is_set():
        try:
            with worker_session(database_url) as connection:
                if _fenced(connection, stop):
                    _project(connection, announcer, stop, retention)
            failures = 0
        except (psycopg.OperationalError, Unavailable) as away:
            delay = min(5.0, 0.1 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
            failures += 1
            log.warning("database_away", error=type(away).__name__, again_in_seconds=round(delay, 2))
            stop.wait(delay)
        except ModelReplaced:
            log.info("read_model_replaced")


def _fenced(connection: Connection[TupleRow], stop: threading.Event) -> bool:
    """Wait to be the only worker; `False` where we were asked to stop first."""
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
    connection: Connection[TupleRow], announcer: Announcer, stop: threading.Event, retention: Retention
) -> None:
    connection.execute("LISTEN rollcall_log")
    worker = Worker(connection, announcer)
    worker.load()
    log.info("worker_started", position=worker.position, accounts=len(worker.accounts))
    look_again = time.monotonic()
    while not stop.is_set():
        if time.monotonic() >= look_again:
            before = announcer.now() - timedelta(days=retention.days)
            found = changes.forget(connection, before, FORGET_CHUNK, published_only=retention.published_only)
            look_again = time.monotonic() + (FORGET_PAUSE if found else FORGET_IDLE)
        if not worker.step():
            for _ in connection.notifies(timeout=min(POLL_SECONDS, worker.due_in()), stop_after=1):
                break
