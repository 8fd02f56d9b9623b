"""The lease of a piece of work, an import or a job: it ends with the transaction, so with the process, that took it."""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import beside

SQL = beside(__file__)


def lease(connection: Connection[TupleRow], work_id: UUID) -> bool:
    """Lease a piece of work for as long as this transaction. Returns whether no other process holds the lease."""
    row = connection.execute(SQL.lease, [str(work_id)]).fetchone()
    return bool(row and row[0])
