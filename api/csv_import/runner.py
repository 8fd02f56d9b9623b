"""Runs CSV imports in background threads of an API process; any process may continue any import.

Started by `deploy.roles.api`. An import runs under a lease in the database, which ends with the process that
holds it; the next one reads the file from its start and continues behind the rows that are counted.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import IO
from uuid import UUID

import structlog
from prometheus_client import Counter

from api.csv_import.chunks import ChunkBuilder, chunks_of
from api.csv_import.reader import Unreadable, read_table
from domain.commands.application import Rollcall
from domain.errors import NotFound, Unavailable
from projections.postgres.database import Database
from projections.records import imports
from projections.records.imports import ImportRow

POLL_SECONDS = 0.5
AT_ONCE = 3
ATTEMPTS = 3
LINES = Counter("rollcall_import_lines_total", "Lines of CSV imports, by result.", ["result"])
IMPORTS = Counter("rollcall_imports_total", "CSV imports that ended.", ["state"])
log = structlog.get_logger(__name__)


class ImportRunner:
    """Threads that run waiting imports until they are stopped."""

    def __init__(self, rollcall: Rollcall, database: Database, waiting: threading.Event) -> None:
        self._rollcall = rollcall
        self._database = database
        self._waiting = waiting
        self._stop = threading.Event()
        self._failures: Tally[UUID] = Tally()
        self._by_account: Tally[UUID] = Tally()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, name=f"import-{n}", daemon=True) for n in range(AT_ONCE)]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the chunks in progress, then stop; another process continues their imports."""
        self._stop.set()
        self._waiting.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                ran = self.run_next()
            except Unavailable:
                ran = False
            except Exception as bug:
                # For example no room for the file. It may pass, and this may be the only process that runs imports.
                log.exception("import_attempt_failed", error=type(bug).__name__)
                ran = False
            if not ran and not self._stop.is_set():
                self._waiting.wait(POLL_SECONDS)
                self._waiting.clear()

    def run_next(self) -> bool:
        """Run an import that no other process runs, to its end. Returns whether there was one.

        Accounts have their turns, the oldest import first, and no account has all the threads.
        """
        for account_id, import_id in imports.running(self._database):
            with self._one_of(account_id) as may_run:
                if may_run and self._run_leased(account_id, import_id):
                    return True
        return False

    @contextmanager
    def _one_of(self, account_id: UUID) -> Iterator[bool]:
        """Yields whether another import of an account may run beside those that do, and counts it meanwhile."""
        with self._lock:
            self._by_account[account_id] += 1
            may_run = self._by_account[account_id] < AT_ONCE
        try:
            yield may_run
        finally:
            with self._lock:
                self._by_account[account_id] -= 1
                self._by_account += Tally()  # without the zeros

    def _run_leased(self, account_id: UUID, import_id: UUID) -> bool:
        """Runs an import, unless another process does or did. Returns whether it ran."""
        with self._database.transaction(account_id, read_only=False) as connection:
            if not imports.lease(connection, import_id):
                return False
            row = imports.by_id(connection, account_id, import_id)
            if row is None or row.state != "running":
                return False
            with TemporaryFile() as file:
                size = imports.copy_file(connection, account_id, import_id, file)
                self._run(account_id, row, file, size)
            return True

    def _run(self, account_id: UUID, row: ImportRow, file: IO[bytes], size: int) -> None:
        try:
            country = self._rollcall.accounts.require(account_id).country
            with read_table(file) as table:
                self._import(account_id, row, ChunkBuilder(table, country), file, size)
        except Unreadable as wrong:
            self._fail(account_id, row, wrong.code, wrong.detail)
        except NotFound:
            self._fail(account_id, row, "segment_deleted", "the segment was deleted; what was imported stays")
        except Unavailable:
            raise
        except Exception as bug:
            # A bug of ours, or a temporary failure: the import is retried, but not endlessly.
            log.exception("import_attempt_failed", import_id=str(row.import_id), error=type(bug).__name__)
            self._failures[row.import_id] += 1
            if self._failures[row.import_id] >= ATTEMPTS:
                self._fail(account_id, row, "internal_error", "an unexpected error; what was imported stays")

    def _import(self, account_id: UUID, row: ImportRow, builder: ChunkBuilder, file: IO[bytes], size: int) -> None:
        chunks = chunks_of(row, builder, file, size)
        # The next chunk is read while the database stores this one.
        with ThreadPoolExecutor(1, f"read-{row.import_id}") as reader:
            coming = reader.submit(next, chunks, None)
            while (chunk := coming.result()) is not None:
                coming = reader.submit(next, chunks, None)
                started = time.monotonic()
                step = self._rollcall.imports.ingest(account_id, chunk)
                builder.fit(time.monotonic() - started)
                for result, count in asdict(step.counts).items():
                    LINES.labels(result).inc(count)
                if chunk.finished:
                    IMPORTS.labels("done").inc()
                    log.info("import_done", import_id=str(row.import_id), lines=chunk.before + step.counts.lines)
                if self._stop.is_set():
                    return

    def _fail(self, account_id: UUID, row: ImportRow, code: str, reason: str) -> None:
        imports.fail(self._database, account_id, row.import_id, code, reason, self._rollcall.now())
        IMPORTS.labels("failed").inc()
        log.warning("import_failed", import_id=str(row.import_id), code=code)
