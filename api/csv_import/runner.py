"""Takes CSV imports in, in the background of an API process: whichever process is free goes on with any of them.

Started by `deploy.wiring`. An import runs under a lease in the database, which ends with the process that
holds it; whoever takes over reads the file from its start and goes on behind the rows that are counted.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from tempfile import TemporaryFile
from typing import IO
from uuid import UUID

import structlog
from prometheus_client import Counter

from api.csv_import.reader import Row, Table, Unreadable, read_table
from domain.commands.application import Rollcall
from domain.errors import NotFound, Unavailable
from domain.import_lines import CHUNK, ImportChunk, Line, LineError, name_of, phone_of
from domain.values import BadValue
from projections.postgres.database import Database
from projections.records import imports
from projections.records.imports import ImportRow

POLL_SECONDS = 0.5
AT_ONCE = 3
ATTEMPTS = 3
MOST_ROWS = 50_000
# A chunk is as small as it has to be for its import to move on so often, on a machine that is busy too.
STEP_SECONDS = 0.4
LEAST = 200
SHOWN_CELL = 1_000
_NUMBERS = re.compile(r"\+?\d(?:[ ().\-/]{0,3}\d){4,18}")
LINES = Counter("rollcall_import_lines_total", "Lines of CSV imports, by what became of them.", ["result"])
IMPORTS = Counter("rollcall_imports_total", "CSV imports that ended.", ["state"])
log = structlog.get_logger(__name__)


@dataclass
class _Rows:
    """Rows on their way into a chunk; `seen` holds the numbers of every line so far."""

    table: Table
    country: str
    seen: set[int] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)
    duplicates: int = 0
    blank: int = 0
    # How many rows that have to be stored make a chunk.
    enough: int = field(default_factory=lambda: CHUNK)

    def take(self, row: Row) -> None:
        """Put a row into its class, as far as the file alone tells."""
        written = self.table.phone(row)
        if row.mistake is not None:
            self._refuse(row, *row.mistake)
        elif not written and row.blank:
            self.blank += 1
        elif isinstance(phone := phone_of(written, self.country), BadValue):
            self._refuse(row, *phone)
        elif isinstance(name := name_of(self.table.name(row)), BadValue):
            self._refuse(row, name.code, f"name: {name.detail}")
        elif (number := int(phone)) in self.seen:
            self.duplicates += 1
        else:
            self.seen.add(number)
            self.lines.append(Line(row.number, phone, name))

    def _refuse(self, row: Row, code: str, message: str) -> None:
        cells = [cell[:SHOWN_CELL] for cell in row.cells]
        self.errors.append(LineError(row.number, cells, code, message, self._numbers_within(cells)))

    def _numbers_within(self, cells: list[str]) -> list[str]:
        """The numbers in a row that is not taken in: whoever has one, it must be found by it when she is erased."""
        found = (phone_of(written, self.country) for cell in cells for written in _NUMBERS.findall(cell))
        return list(dict.fromkeys(each for each in found if not isinstance(each, BadValue)))

    @property
    def work(self) -> int:
        """How many rows there are to store something for: blank and repeated ones are only counted."""
        return len(self.lines) + len(self.errors)

    def fit(self, seconds: float) -> None:
        """Steer the next chunk's size by how long the last one took."""
        wanted = int(self.enough * min(2.0, STEP_SECONDS / max(seconds, 0.001)))
        self.enough = min(CHUNK, max(LEAST, wanted))

    def clear(self) -> None:
        """Begin a new chunk."""
        self.lines, self.errors, self.duplicates, self.blank = [], [], 0, 0


class ImportRunner:
    """Threads that run whatever imports wait, until they are stopped."""

    def __init__(self, rollcall: Rollcall, database: Database, waiting: threading.Event) -> None:
        self._rollcall = rollcall
        self._database = database
        self._waiting = waiting
        self._stop = threading.Event()
        self._failures: Tally[UUID] = Tally()
        self._threads = [threading.Thread(target=self._work, name=f"import-{n}", daemon=True) for n in range(AT_ONCE)]

    def start(self) -> None:
        """Begin to run imports."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the chunks at hand; another process goes on."""
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
                # No room for the file, say. Whatever it is passes, and there may be nobody else to go on then.
                log.exception("import_stumbled", error=type(bug).__name__)
                ran = False
            if not ran and not self._stop.is_set():
                self._waiting.wait(POLL_SECONDS)
                self._waiting.clear()

    def run_next(self) -> bool:
        """Run the oldest import that nobody else runs, to its end; whether there was one."""
        for account_id, import_id in imports.running(self._database):
            with self._database.transaction(account_id, read_only=False) as connection:
                if not imports.lease(connection, import_id):
                    continue
                row = imports.by_id(connection, account_id, import_id)
                if row is None or row.state != "running":
                    continue
                with TemporaryFile() as file:
                    size = imports.copy_file(connection, account_id, import_id, file)
                    self._run(account_id, row, file, size)
                return True
        return False

    def _run(self, account_id: UUID, row: ImportRow, file: IO[bytes], size: int) -> None:
        try:
            with read_table(file) as table:
                self._take_in(
                    account_id, row, _Rows(table, self._rollcall.accounts.require(account_id).country), file, size
                )
        except Unreadable as wrong:
            self._fail(account_id, row, wrong.code, wrong.detail)
        except NotFound:
            self._fail(account_id, row, "segment_deleted", "the segment was deleted; what was taken in stays")
        except Unavailable:
            raise
        except Exception as bug:
            # Our own bug, or something passing: the import is tried again, but not for ever.
            log.exception("import_stumbled", import_id=str(row.import_id), error=type(bug).__name__)
            self._failures[row.import_id] += 1
            if self._failures[row.import_id] >= ATTEMPTS:
                self._fail(account_id, row, "internal_error", "an unexpected error; what was taken in stays")

    def _take_in(self, account_id: UUID, row: ImportRow, rows: _Rows, file: IO[bytes], size: int) -> None:
        chunks = self._chunks(row, rows, file, size)
        # The next chunk is read while the database stores this one.
        with ThreadPoolExecutor(1, f"read-{row.import_id}") as reader:
            coming = reader.submit(next, chunks, None)
            while (chunk := coming.result()) is not None:
                coming = reader.submit(next, chunks, None)
                started = time.monotonic()
                step = self._rollcall.imports.ingest(account_id, chunk)
                rows.fit(time.monotonic() - started)
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

    def _chunks(self, row: ImportRow, rows: _Rows, file: IO[bytes], size: int) -> Iterator[ImportChunk]:
        """The rows behind those that are counted, in chunks; the last one, which may be empty, is `finished`."""
        done = 0
        for count, each in enumerate(rows.table.rows, 1):
            rows.take(each)
            if count <= row.lines:
                # What an earlier run took in: only its numbers matter, to know duplicates by.
                done = count
                if done == row.lines or rows.work >= rows.enough:
                    rows.clear()
            elif rows.work >= rows.enough or count - done == MOST_ROWS:
                yield self._chunk(row, rows, done, file.tell() * 99 // max(size, 1), finished=False)
                done = count
                rows.clear()
        yield self._chunk(row, rows, done, 100, finished=True)

    def _chunk(self, row: ImportRow, rows: _Rows, before: int, percent: int, *, finished: bool) -> ImportChunk:
        return ImportChunk(
            row.import_id, row.segment_id, before, rows.lines, rows.errors, rows.duplicates, rows.blank,
            percent, rows.table.header, finished,
        )  # fmt: skip
