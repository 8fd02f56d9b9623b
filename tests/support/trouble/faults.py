"""Faults of the surroundings of a running product, each as a function that begins it, holds it, and ends it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.embedded_processes import processes_of
from tests.support.running_product import RunningProduct, eventually

Fault = Callable[[RunningProduct, threading.Event, float], None]
ROLES = ("api", "ingest", "project", "publish")


def killed(role: str) -> Fault:
    """SIGKILL to a role."""

    def fault(rollcall: RunningProduct, _stop: threading.Event, _seconds: float) -> None:
        rollcall.kill_role(role)

    return fault


def frozen(role: str) -> Fault:
    """SIGSTOP to a role for a while."""

    def fault(rollcall: RunningProduct, stop: threading.Event, seconds: float) -> None:
        pid = rollcall.up.role(role)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            stop.wait(seconds)
            os.kill(pid, signal.SIGCONT)

    return fault


def postgres_killed(rollcall: RunningProduct, _stop: threading.Event, _seconds: float) -> None:
    """SIGKILL to PostgreSQL's first process, whose others end then."""
    found = next(Path(rollcall.home).rglob("postmaster.pid"), None)
    if found is not None:
        with suppress(ProcessLookupError, ValueError, IndexError):
            os.kill(int(found.read_text().split()[0]), signal.SIGKILL)


def broker_killed(rollcall: RunningProduct, _stop: threading.Event, _seconds: float) -> None:
    """SIGKILL to the broker, which keeps its records in memory."""
    for pid, text in processes_of(rollcall.home).items():
        if "--storage-engine" in text:
            os.kill(pid, signal.SIGKILL)


def sessions_terminated(rollcall: RunningProduct, _stop: threading.Event, _seconds: float) -> None:
    """Every session of the database ends."""
    with _owner(rollcall) as owner:
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IS NOT NULL "
                      "AND pid <> pg_backend_pid()")  # fmt: skip


def connections_exhausted(rollcall: RunningProduct, stop: threading.Event, seconds: float) -> None:
    """PostgreSQL takes no more sessions for a while, and those that are there end."""
    with ExitStack() as held:
        with suppress(psycopg.OperationalError):
            sessions_terminated(rollcall, stop, seconds)
            while not stop.is_set():
                held.enter_context(psycopg.connect(rollcall.database_url))
        stop.wait(seconds)


def statements_timed_out(rollcall: RunningProduct, stop: threading.Event, seconds: float) -> None:
    """Every statement of every new session may take 30 ms."""
    with _setting(rollcall, "statement_timeout", "30ms"):
        stop.wait(seconds)


def read_only(rollcall: RunningProduct, stop: threading.Event, seconds: float) -> None:
    """The database takes no writes for a while, as one that was switched to its standby."""
    with _setting(rollcall, "default_transaction_read_only", "on"):
        stop.wait(seconds)


FAULTS: dict[str, Fault] = {
    **{f"{role} killed": killed(role) for role in ROLES},
    **{f"{role} frozen": frozen(role) for role in ROLES},
    "PostgreSQL killed": postgres_killed,
    "sessions terminated": sessions_terminated,
    "connections exhausted": connections_exhausted,
    "statements timed out": statements_timed_out,
    "database read-only": read_only,
}


@contextmanager
def _setting(rollcall: RunningProduct, name: str, value: str) -> Iterator[None]:
    """A setting of the database for the sessions that begin meanwhile: first all end, and so they do at its end."""

    def change(to: str | None) -> bool:
        with suppress(psycopg.OperationalError), _owner(rollcall) as owner:
            owner.execute("SET default_transaction_read_only = off")
            row = owner.execute("SELECT current_database()").fetchone()
            assert row is not None
            command = sql.SQL("ALTER DATABASE {} RESET {}" if to is None else "ALTER DATABASE {} SET {} = {}")
            owner.execute(command.format(sql.Identifier(str(row[0])), sql.Identifier(name), sql.Literal(to)))
            sessions_terminated(rollcall, threading.Event(), 0)
            return True
        return False

    eventually(lambda: change(value))
    try:
        yield
    finally:
        eventually(lambda: change(None))


def _owner(rollcall: RunningProduct) -> psycopg.Connection[tuple[object, ...]]:
    """A session of the database's owner, once PostgreSQL takes one: it may be recovering from the fault before."""

    def connect() -> psycopg.Connection[tuple[object, ...]] | None:
        with suppress(psycopg.OperationalError):
            return psycopg.connect(rollcall.database_url, autocommit=True, options="-c statement_timeout=0")
        return None

    session: psycopg.Connection[tuple[object, ...]] = eventually(connect, 120)
    return session
