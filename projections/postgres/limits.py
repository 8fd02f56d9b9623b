"""A time limit for some statements of a transaction: what takes longer is not there yet, which is no error.

For pages that show at once what is found at once, and ask for the rest after themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import beside

SQL = beside(__file__)
Value = TypeVar("Value")


def within(connection: Connection[TupleRow], span: timedelta, work: Callable[[], Value]) -> Value | None:
    """Returns what `work` returns; `None` where one of its statements takes longer than `span`.

    The transaction goes on either way, under the limit that it had.
    """
    try:
        with connection.transaction():
            row = connection.execute(SQL.limit, [f"{span // timedelta(milliseconds=1)}ms"]).fetchone()
            assert row is not None
            value = work()
            connection.execute(SQL.restore, [row[0]])
            return value
    except psycopg.errors.QueryCanceled:
        return None
