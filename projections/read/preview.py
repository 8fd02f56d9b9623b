"""What an unsaved filter would match now: the exact count and a sample. Used by `api.v1.preview` and the console.

Stores nothing. The SQL predicate is the one that fills segments.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.errors import Unavailable
from domain.filters.conditions import Node
from domain.instants import Moment
from projections.model.filter_sql import predicate
from projections.postgres.database import beside
from projections.read.customers import CustomerRow, row_of

SQL = beside(__file__)
SAMPLE = 10
MAX_SECONDS = 15


def preview(
    connection: Connection[TupleRow], account_id: UUID, node: Node, moment: Moment, *, alone: bool
) -> tuple[int, list[CustomerRow]]:
    """Returns how many customers match at `moment`, and the newest of them. Raises `Unavailable` if that is slow.

    Uses several processors where the account is `alone`.
    """
    parts: dict[str, Any] = {
        "account": sql.Literal(account_id),
        "predicate": predicate(node, moment),
        "most": sql.Literal(SAMPLE),
    }
    with within_time_limit(connection, alone=alone):
        row = connection.execute(sql.SQL(SQL.count).format(**parts)).fetchone()
        assert row is not None
        count, blocks = row
        if not count:
            return 0, []
        found = connection.execute(sql.SQL(SQL.sample).format(**parts, blocks=sql.Literal(blocks)))
        return count, [row_of(each) for each in found]


@contextmanager
def within_time_limit(connection: Connection[TupleRow], *, alone: bool) -> Iterator[None]:
    """Runs a scan of all customers, in parallel where no other account is active.

    Raises `Unavailable` if it takes longer than `MAX_SECONDS`.
    """
    connection.execute(SQL.prepare, [f"{MAX_SECONDS}s", alone])
    try:
        yield
    except psycopg.errors.QueryCanceled:
        raise Unavailable("preview_too_slow", f"not counted within {MAX_SECONDS} s; try again later") from None
