"""How an edit of a filter would change a segment's members, before it is saved. Used by the console's segment form.

Stores nothing. Compares the members of the served version with the same SQL predicate that fills segments.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.filters.conditions import Node
from domain.instants import Moment
from projections.model.filter_sql import predicate
from projections.postgres.database import beside
from projections.read.preview import within_time_limit

SQL = beside(__file__)
NO_VERSION = -1


class Impact(NamedTuple):
    """How many customers would join and leave."""

    joins: int
    leaves: int


def impact(
    connection: Connection[TupleRow], account_id: UUID, serving: int | None, node: Node, moment: Moment, *, alone: bool
) -> Impact:
    """Returns how many would join and leave version `serving` at `moment`. Raises `Unavailable` if that is slow."""
    parts: dict[str, Any] = {
        "account": sql.Literal(account_id),
        "predicate": predicate(node, moment),
        "serving": sql.Literal(NO_VERSION if serving is None else serving),
    }
    with within_time_limit(connection, alone=alone):
        row = connection.execute(sql.SQL(SQL.impact).format(**parts)).fetchone()
    assert row is not None
    return Impact(*row)
