"""CSV imports as rows: the file in pieces, the place in it, counts, invalid rows.

`api.v1.imports` makes and shows them, `api.csv_import.runner` takes one at a time under a lease,
`projections.records.event_store` moves one on (`record_step`) in the transaction that stores a chunk's events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import IO, Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from domain import json_text
from domain.import_lines import ImportStep
from projections.postgres.arrays import Bigints, Byteas, Texts
from projections.postgres.database import Database, beside

SQL = beside(__file__)
# A file that is only stored, one that is being checked, or was, and one that is imported.
ImportState = Literal["uploaded", "checking", "checked", "running", "done", "failed"]
KEPT = timedelta(days=30)
# A file that is not imported is not kept for long.
KEPT_UNSTARTED = timedelta(days=1)
PIECE = 1 << 18
PAGE = 1_000


class ImportRow(NamedTuple):
    """An import; the six classes sum to `lines`."""

    import_id: UUID
    segment_id: UUID
    file_name: str
    state: ImportState
    failure_code: str | None
    failure: str | None
    started_at: datetime
    finished_at: datetime | None
    position: int
    percent: int
    lines: int
    added: int
    already_members: int
    created_customers: int
    duplicates_in_file: int
    blank: int
    invalid: int
    header: bytes | None
    started_by: str | None
    chosen: list[str] | None
    opted_out: int
    has_header: bool

    def columns(self) -> list[str]:
        """The header of the file, where it was read; of a file without one, a letter for each column."""
        cells: list[str] = json_text.loads(self.header) if self.header else []
        return cells


class ErrorRow(NamedTuple):
    """An invalid row, with its cells as they were."""

    row_number: int
    cells: list[str]
    code: str
    message: str


class NewImport(NamedTuple):
    """A file that was sent: where to, by whose key or session, and whether it is imported, checked or only stored now.

    `chosen` says what its columns hold; where it does not, the header does, which a file may lack.
    """

    import_id: UUID
    segment_id: UUID
    file_name: str
    by: str | None = None
    state: ImportState = "running"
    chosen: list[str] | None = None
    has_header: bool = True


def begin(database: Database, account_id: UUID, sent: NewImport, file: IO[bytes], now: datetime) -> None:
    """Store a file, unless there is an import with this id. Sweeps the account's oldest imports."""
    expired = {"account_id": account_id, "expired": now - KEPT, "unstarted": now - KEPT_UNSTARTED}
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.sweep, expired)
        begun = connection.execute(SQL.begin, sent._asdict() | {"account_id": account_id, "now": now})
        if begun.rowcount == 0:
            return
        part = 0
        while piece := file.read(PIECE):
            connection.execute(SQL.keep_piece, [sent.import_id, part, account_id, piece], binary=True)
            part += 1


def by_id(connection: Connection[TupleRow], account_id: UUID, import_id: UUID) -> ImportRow | None:
    """The import with this id in this account."""
    row = connection.execute(SQL.by_id, {"account_id": account_id, "import_id": import_id}).fetchone()
    return ImportRow(*row) if row else None


def page(
    connection: Connection[TupleRow],
    account_id: UUID,
    *,
    segment_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ImportRow]:
    """A page of imports, newest first: into one segment, or all."""
    started_at, import_id = before or (None, None)
    asked = {"account_id": account_id, "segment_id": segment_id, "started_at": started_at, "import_id": import_id}
    return [ImportRow(*row) for row in connection.execute(SQL.page, asked | {"limit": limit})]


def count(connection: Connection[TupleRow], account_id: UUID, segment_id: UUID | None) -> int:
    """How many imports there are into one segment, or in all."""
    row = connection.execute(SQL.count, {"account_id": account_id, "segment_id": segment_id}).fetchone()
    return int(row[0]) if row else 0


def check(database: Database, account_id: UUID, import_id: UUID, chosen: Sequence[str], *, has_header: bool) -> bool:
    """Let the runner find out what a file does, once it is said what its columns hold. Returns whether it may be."""
    said = {"chosen": list(chosen), "has_header": has_header}
    return _begin_again(database, account_id, import_id, ("uploaded", "checked"), "checking", said)


def start(database: Database, account_id: UUID, import_id: UUID) -> bool:
    """Let the runner import a file that was checked. Returns whether it may be."""
    return _begin_again(database, account_id, import_id, ("checked",), "running", {"chosen": None, "has_header": None})


def _begin_again(
    database: Database, account_id: UUID, import_id: UUID, from_: Sequence[str], to: ImportState,
    said: Mapping[str, Any],
) -> bool:  # fmt: skip
    fields = {"account_id": account_id, "import_id": import_id, "from": list(from_), "to": to, **said}
    with database.transaction(account_id, read_only=False) as connection:
        moved = connection.execute(SQL.begin_again, fields).rowcount == 1
        if moved:
            connection.execute(SQL.drop_errors, [account_id, import_id])
        return moved


def errors(database: Database, account_id: UUID, import_id: UUID) -> Iterator[ErrorRow]:
    """Every invalid row, in order, read a page at a time."""
    after = 0
    while True:
        with database.transaction(account_id) as connection:
            rows = connection.execute(
                SQL.errors, {"account_id": account_id, "import_id": import_id, "after": after, "limit": PAGE}
            ).fetchall()
        for number, cells, code, message in rows:
            yield ErrorRow(number, json_text.loads(cells), code, message)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def running(database: Database) -> list[tuple[UUID, UUID]]:
    """Account and id of every import that is not finished, oldest first."""
    with database.spanning() as connection:
        return [(row[0], row[1]) for row in connection.execute(SQL.running)]


def copy_file(connection: Connection[TupleRow], account_id: UUID, import_id: UUID, file: IO[bytes]) -> int:
    """Write the stored pieces to `file`. Returns its size."""
    part = 0
    while row := connection.execute(SQL.piece, [account_id, import_id, part], binary=True).fetchone():
        file.write(row[0])
        part += 1
    size = file.tell()
    file.seek(0)
    return size


def fail(database: Database, account_id: UUID, import_id: UUID, code: str, reason: str, now: datetime) -> None:
    """End an import that cannot go on; what was ingested stays."""
    with database.transaction(account_id, read_only=False) as connection:
        fields = {"account_id": account_id, "import_id": import_id, "code": code, "reason": reason, "now": now}
        connection.execute(SQL.fail, fields)


def record_step(cursor: Cursor[Any], account_id: UUID, step: ImportStep, position: int | None) -> None:
    """Move an import on. Raises psycopg's `IntegrityError` where another runner, or an erasure, was first."""
    fields = {
        "account_id": account_id,
        "import_id": step.import_id,
        "before": step.before,
        "erasures": step.erasures,
        "lines": step.counts.lines,
        "percent": step.percent,
        "header": json_text.dumps(list(step.header)),
        "position": position,
        "finished_at": step.at if step.finished else None,
        "opted_out": step.opted_out,
        "state": "checking" if step.is_check else "running",
        "ended": "checked" if step.is_check else "done",
        **asdict(step.counts),
    }
    cursor.execute(SQL.record_step, fields)
    if cursor.rowcount != 1:
        raise psycopg.IntegrityError("another runner moved this import on, a customer was erased, or it ended")
    if step.errors:
        columns = [
            Bigints(each.row for each in step.errors),
            Byteas([json_text.dumps(list(each.cells)) for each in step.errors]),
            Texts([each.code for each in step.errors]),
            Texts([each.message for each in step.errors]),
            Texts([" ".join(each.numbers) for each in step.errors]),
        ]
        cursor.execute(SQL.keep_errors, [account_id, step.import_id, *columns, step.import_id], binary=True)
    if step.finished and not step.is_check:
        cursor.execute(SQL.drop_file, [account_id, step.import_id])
        cursor.execute(SQL.drop_erasures, [account_id, step.import_id])
        cursor.execute(SQL.drop_erased_names, [account_id, step.import_id])


def erasures(cursor: Cursor[Any], account_id: UUID, import_id: UUID, phones: Sequence[str]) -> tuple[int, set[str]]:
    """How many erasures a running import has met, and those of the phone numbers that were erased by them."""
    cursor.execute(SQL.erasures, [account_id, import_id])
    met = cursor.fetchone()
    if met is None or met["erasures"] == 0:
        return 0, set()
    cursor.execute(SQL.erased_phones, [account_id, import_id, Texts(phones)], binary=True)
    return met["erasures"], {row["phone"] for row in cursor.fetchall()}
