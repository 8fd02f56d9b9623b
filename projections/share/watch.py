"""The watch over the sessions of shares, which ends those that could hold up the product. Run beside `project`.

A login may set its own time limits aside, and may take advisory locks, which PostgreSQL lets every login do; both are
seen here within seconds, by a session of its own that waits for no lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog

from domain.errors import Unavailable
from projections.postgres.database import database_errors, session_conninfo

LOOK_SECONDS = 2.0
# A database that does not answer must not hold up the end of the process.
END_SECONDS = 2.0

log = structlog.get_logger()


@contextmanager
def watching(database_url: str, stop: threading.Event, pause: float = LOOK_SECONDS) -> Iterator[None]:
    """Watch in a thread until `stop` is set. An error other than an unavailable database sets it, and is raised."""
    failures: list[BaseException] = []

    def watch() -> None:
        try:
            while not stop.is_set():
                _look_until(database_url, stop, pause)
        except BaseException as failure:
            failures.append(failure)
            stop.set()

    thread = threading.Thread(target=watch, name="share-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(END_SECONDS)
    if failures:
        raise failures[0]


def _look_until(database_url: str, stop: threading.Event, pause: float) -> None:
    """Look again and again, until `stop` is set or the database is away, which the worker itself says."""
    try:
        with (
            database_errors(),
            psycopg.connect(session_conninfo(database_url, "rollcall_worker"), autocommit=True) as connection,
        ):
            while not stop.is_set():
                for login, reason in connection.execute("SELECT login, reason FROM rollcall.end_share_sessions()"):
                    log.warning("share_session_ended", login=login, reason=reason)
                stop.wait(pause)
    except Unavailable:
        stop.wait(pause)
