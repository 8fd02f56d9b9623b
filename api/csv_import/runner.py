"""CSV imports as work for the runner of background work (`api.jobs.runner`).

An import that another process takes over is read from the start of its file, and continues behind the rows that are
counted.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from tempfile import TemporaryFile
from threading import Event
from typing import IO, Any
from uuid import UUID

import structlog
from prometheus_client import Counter

from api.csv_import.chunks import ChunkBuilder, chunks_of
from api.csv_import.reader import Unreadable, read_table
from domain.commands.application import Rollcall
from domain.errors import NotFound
from projections.postgres.database import Database
from projections.records import imports
from projections.records.imports import ImportRow

LINES = Counter("rollcall_import_lines_total", "Lines of CSV imports, by result.", ["result"])
IMPORTS = Counter("rollcall_imports_total", "CSV imports that ended.", ["state"])
log = structlog.get_logger(__name__)


class ImportWork:
    """The imports of all accounts, as `api.jobs.runner.Work`."""

    name = "import"

    def __init__(self, rollcall: Rollcall, database: Database) -> None:
        self._rollcall = rollcall
        self._database = database

    def waiting(self) -> list[tuple[UUID, UUID]]:
        """Account and id of every import that has not ended."""
        return imports.running(self._database)

    def run(self, connection: Any, account_id: UUID, work_id: UUID, stopping: Event) -> bool:
        """Run an import to its end. Returns False where it has ended."""
        row = imports.by_id(connection, account_id, work_id)
        if row is None or row.state not in ("checking", "running"):
            return False
        with TemporaryFile() as file:
            size = imports.copy_file(connection, account_id, work_id, file)
            self._run(account_id, row, file, size, stopping)
        return True

    def fail(self, account_id: UUID, work_id: UUID) -> None:
        """End an import that failed by a bug each time."""
        self._fail(account_id, work_id, "internal_error", "an unexpected error; what was imported stays")

    def _run(self, account_id: UUID, row: ImportRow, file: IO[bytes], size: int, stopping: Event) -> None:
        try:
            country = self._rollcall.accounts.require(account_id).country
            with read_table(file, row.chosen, has_header=row.has_header) as table:
                self._import(account_id, row, ChunkBuilder(table, country), file, size, stopping)
        except Unreadable as wrong:
            self._fail(account_id, row.import_id, wrong.code, wrong.detail)
        except NotFound:
            self._fail(account_id, row.import_id, "segment_deleted", "the segment was deleted; what was imported stays")

    def _import(
        self, account_id: UUID, row: ImportRow, builder: ChunkBuilder, file: IO[bytes], size: int, stopping: Event
    ) -> None:
        chunks = chunks_of(row, builder, file, size)
        # The next chunk is read while the database stores this one.
        with ThreadPoolExecutor(1, f"read-{row.import_id}") as reader:
            coming = reader.submit(next, chunks, None)
            while (chunk := coming.result()) is not None:
                coming = reader.submit(next, chunks, None)
                started = time.monotonic()
                step = self._rollcall.imports.ingest(account_id, chunk)
                builder.fit(time.monotonic() - started)
                if not chunk.is_check:
                    for result, count in asdict(step.counts).items():
                        LINES.labels(result).inc(count)
                if chunk.finished and not chunk.is_check:
                    IMPORTS.labels("done").inc()
                    log.info("import_done", import_id=str(row.import_id), lines=chunk.before + step.counts.lines)
                if stopping.is_set():
                    return

    def _fail(self, account_id: UUID, import_id: UUID, code: str, reason: str) -> None:
        imports.fail(self._database, account_id, import_id, code, reason, self._rollcall.now())
        IMPORTS.labels("failed").inc()
        log.warning("import_failed", import_id=str(import_id), code=code)
