"""CSV imports as the console's lists show them; a single import and its rows: `projections.records.imports`."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import beside

SQL = beside(__file__)


class ImportProgress(NamedTuple):
    """An import on its way into a segment."""

    import_id: UUID
    file_name: str
    percent: int
    lines: int


def running_imports(connection: Connection[TupleRow], account_id: UUID, segment_id: UUID) -> list[ImportProgress]:
    """The imports that are not finished yet, oldest first."""
    found = connection.execute(SQL.running_imports, {"account_id": account_id, "segment_id": segment_id})
    return [ImportProgress(*row) for row in found]
