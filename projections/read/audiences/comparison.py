"""Two frozen audiences compared: how many customers came, went and stayed.

Used by `api.v1.audiences.frozen` and the console. Who they are is in `projections.read.recipients`: the recipients of
one who are not in the other. Neither audience changes any more, but for erased customers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres import limits
from projections.postgres.database import beside
from projections.read.campaigns import AudienceRow

SQL = beside(__file__)


class Comparison(NamedTuple):
    """How many customers are only in the later audience, only in the earlier one, and in both."""

    came: int
    went: int
    stayed: int


def compare(connection: Connection[TupleRow], account_id: UUID, later: AudienceRow, earlier: AudienceRow) -> Comparison:
    """Returns how the later audience differs from the earlier one."""
    asked = {"account_id": account_id, "later": later.audience_no, "earlier": earlier.audience_no}
    row = connection.execute(SQL.came, asked).fetchone()
    came = int(row[0]) if row else 0
    stayed = later.recipients - later.erased - came
    return Comparison(came, earlier.recipients - earlier.erased - stayed, stayed)


def compare_within(
    connection: Connection[TupleRow], account_id: UUID, later: AudienceRow, earlier: AudienceRow, span: timedelta
) -> Comparison | None:
    """Returns what `compare` does, or `None` if that takes longer than `span`."""
    return limits.within(connection, span, lambda: compare(connection, account_id, later, earlier))
