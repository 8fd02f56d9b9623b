"""Runs waiting work in background threads of an API process; any process may continue any of it.

Started by `deploy.roles.api`, one runner for each kind of work: CSV imports (`api.csv_import.runner`) and jobs
(`api.jobs.customers`). Work runs under a lease in the database, which ends with the process that holds it; the next
one continues behind what is done.
"""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

import structlog

from domain.errors import Unavailable
from projections.postgres.database import Database
from projections.records.jobs.leases import lease

POLL_SECONDS = 0.5
AT_ONCE = 3
ATTEMPTS = 3
log = structlog.get_logger(__name__)


class Work(Protocol):
    """A kind of work."""

    name: str

    def waiting(self) -> list[tuple[UUID, UUID]]:
        """Account and id of all that has not ended, the oldest of each account first."""

    def run(self, connection: Any, account_id: UUID, work_id: UUID, stopping: threading.Event) -> bool:
        """Run one to its end, or until the process is `stopping`, in the transaction that holds its lease.

        Returns whether there was something to do now. What it raises beside `Unavailable` is a bug, or passes.
        """

    def fail(self, account_id: UUID, work_id: UUID) -> None:
        """End one that failed by a bug each time."""


class Runner:
    """Threads that run waiting work of one kind until they are stopped."""

    def __init__(self, work: Work, database: Database, waiting: threading.Event) -> None:
        """`waiting` is set when there is something new."""
        self._work = work
        self._database = database
        self._waiting = waiting
        self._stop = threading.Event()
        self._failures: Tally[UUID] = Tally()
        self._by_account: Tally[UUID] = Tally()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._keep_running, name=f"{work.name}-{n}", daemon=True) for n in range(AT_ONCE)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the parts in progress, then stop; another process continues their work."""
        self._stop.set()
        self._waiting.set()
        for thread in self._threads:
            thread.join()

    def _keep_running(self) -> None:
        while not self._stop.is_set():
            try:
                ran = self.run_next()
            except Unavailable:
                ran = False
            except Exception as bug:
                # For example no room for a file. It may pass, and this may be the only process that runs such work.
                log.exception("attempt_failed", work=self._work.name, error=type(bug).__name__)
                ran = False
            if not ran and not self._stop.is_set():
                self._waiting.wait(POLL_SECONDS)
                self._waiting.clear()

    def run_next(self) -> bool:
        """Run something that no other process runs, to its end. Returns whether there was something.

        Accounts have their turns, the oldest work first, and no account has all the threads.
        """
        for account_id, work_id in self._work.waiting():
            with self._one_of(account_id) as may_run:
                if may_run and self._run_leased(account_id, work_id):
                    return True
        return False

    @contextmanager
    def _one_of(self, account_id: UUID) -> Iterator[bool]:
        """Yields whether more work of an account may run beside what does, and counts it meanwhile."""
        with self._lock:
            self._by_account[account_id] += 1
            may_run = self._by_account[account_id] < AT_ONCE
        try:
            yield may_run
        finally:
            with self._lock:
                self._by_account[account_id] -= 1
                self._by_account += Tally()  # without the zeros

    def _run_leased(self, account_id: UUID, work_id: UUID) -> bool:
        """Runs one, unless another process does. Returns whether it ran."""
        with self._database.transaction(account_id, read_only=False) as connection:
            if not lease(connection, work_id):
                return False
            try:
                return self._work.run(connection, account_id, work_id, self._stop)
            except (Unavailable, OSError):
                raise
            except Exception as bug:
                # A bug of ours, or a temporary failure: it is tried again, but not endlessly.
                log.exception("attempt_failed", work=self._work.name, id=str(work_id), error=type(bug).__name__)
                self._failures[work_id] += 1
                if self._failures[work_id] >= ATTEMPTS:
                    self._work.fail(account_id, work_id)
                return True
