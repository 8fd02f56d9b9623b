"""Counts of what came by the doors for other people's software: messages by their result, and values left out.

Stored by `projections.records.event_store` in the transaction of the changes, so that a message that is sent again is
counted as the duplicate it is; read by the Health page and `/v1/received`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from domain.commands.log import Receipt, Received
from projections.postgres.database import beside

SQL = beside(__file__)
# An account's rows; what has other names then is counted together, under the last of these names.
MOST_ROWS, OTHERS = 500, "(others)"


class ReceivedCount(NamedTuple):
    """How often something came, when first and when last."""

    door: str
    subject: str
    name: str
    result: str
    total: int
    first_at: datetime
    last_at: datetime


def add(cursor: Cursor[Any], account_id: UUID, received: Received) -> None:
    """Add counts, in the transaction of what they count."""
    if received.counts:
        cursor.execute(SQL.add, _columns(account_id, received.counts, received.at))


def of_account(connection: Connection[TupleRow], account_id: UUID) -> list[ReceivedCount]:
    """Returns all counts of an account: messages before values, the most frequent first."""
    return [ReceivedCount(*row) for row in connection.execute(SQL.of_account, [account_id])]


def _columns(account_id: UUID, counts: Mapping[Receipt, int], at: datetime) -> dict[str, Any]:
    doors, subjects, names, results = zip(*counts, strict=True)
    return {
        "account_id": account_id,
        "doors": list(doors),
        "subjects": list(subjects),
        "names": list(names),
        "results": list(results),
        "counts": list(counts.values()),
        "at": at,
        "most": MOST_ROWS,
        "others": OTHERS,
    }
