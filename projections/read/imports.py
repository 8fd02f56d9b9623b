"""Running CSV imports, for the console's members page; a single import and its rows: `projections.records.imports`."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import beside

SQL = beside(__file__)


class ImportProgress(NamedTuple):
    """How far a running import is; `lines` are those processed so far."""

    import_id: UUID
    file_name: str
    percent: int
    lines: int


def running_imports(connection: Connection[TupleRow], account_id: UUID, segment_id: UUID) -> list[ImportProgress]:
    """Returns the unfinished imports into a segment, oldest first."""
    found = connection.execute(SQL.running_imports, {"account_id": account_id, "segment_id": segment_id})
    return [ImportProgress(*row) for row in found]
