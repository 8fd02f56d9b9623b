"""The members of one served version, newest first. Used by `api.members` and the console.

Every query names a version, never a segment: one answer is one filter, whole.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.database import beside
from projections.read.customers import EVERYONE, CustomerRow, Search, row_of

SQL = beside(__file__)
# Beyond these, what matches a search is not counted, and looked for among the newest.
FEW = 1_000
LEAST_WINDOW = 200
EVERYBODY = 2**62


def page(
    connection: Connection[TupleRow],
    account_id: UUID,
    version_no: int,
    wanted: Search,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> list[tuple[CustomerRow, datetime]]:
    """Members that match the search, by joining instant, newest first.

    Looks at the latest joins first; only where those do not fill the page, every member is sorted.
    """
    joined_at, customer_no = before or (None, None)
    parameters = {
        "account_id": account_id,
        "version_no": version_no,
        "joined_at": joined_at,
        "customer_no": customer_no,
        "limit": limit,
        "words": wanted.words,
        "phones": wanted.phones,
    }
    found: list[TupleRow] = []
    if wanted == EVERYONE:
        start = {
            "window": max(LEAST_WINDOW, 2 * limit), "joined_at": joined_at or "infinity",
            "customer_no": EVERYBODY if customer_no is None else customer_no,
        }  # fmt: skip
        found = connection.execute(SQL.newest, parameters | start).fetchall()
    if len(found) < limit:
        found = connection.execute(_statement(connection, wanted), parameters).fetchall()
    return [(row_of(row), row[6]) for row in found]


def _statement(connection: Connection[TupleRow], wanted: Search) -> str:
    if wanted == EVERYONE:
        return SQL.page
    row = connection.execute(SQL.many, {"words": wanted.words, "phones": wanted.phones, "few": FEW}).fetchone()
    return SQL.search_many if row and row[0] else SQL.search


def count(connection: Connection[TupleRow], account_id: UUID, version_no: int, wanted: Search) -> int:
    """How many members match the search."""
    parameters = {
        "account_id": account_id,
        "version_no": version_no,
        "words": wanted.words,
        "phones": wanted.phones,
    }
    row = connection.execute(SQL.count if wanted == EVERYONE else SQL.count_search, parameters).fetchone()
    return int(row[0]) if row else 0


def candidates(
    connection: Connection[TupleRow],
    account_id: UUID,
    version_no: int,
    wanted: Search,
    *,
    before: int | None,
    limit: int,
) -> list[CustomerRow]:
    """Customers who are not members and match the search, newest first."""
    parameters = {
        "account_id": account_id,
        "version_no": version_no,
        "before": before,
        "limit": limit,
        "words": wanted.words,
        "phones": wanted.phones,
    }
    found = connection.execute(SQL.candidates if wanted == EVERYONE else SQL.search_candidates, parameters)
    return [row_of(row) for row in found]


def count_candidates(connection: Connection[TupleRow], account_id: UUID, version_no: int, wanted: Search) -> int:
    """How many customers are not members and match the search."""
    parameters = {
        "account_id": account_id,
        "version_no": version_no,
        "words": wanted.words,
        "phones": wanted.phones,
    }
    statement = SQL.count_candidates if wanted == EVERYONE else SQL.count_search_candidates
    row = connection.execute(statement, parameters).fetchone()
    return int(row[0]) if row else 0


def count_few(connection: Connection[TupleRow], version_no: int, wanted: Search) -> int | None:
    """How many members match the search; `None` where more than `FEW` customers do, who are not counted."""
    asked = {"version_no": version_no, "words": wanted.words, "phones": wanted.phones, "most": FEW + 1}
    row = connection.execute(SQL.count_few, asked).fetchone()
    return int(row[0]) if row and row[1] <= FEW else None


def count_few_candidates(
    connection: Connection[TupleRow], account_id: UUID, version_no: int, wanted: Search
) -> int | None:
    """How many customers are not members and match the search; `None` where there are more than `FEW`."""
    asked = {
        "account_id": account_id, "version_no": version_no, "words": wanted.words, "phones": wanted.phones,
        "most": FEW + 1,
    }  # fmt: skip
    statement = SQL.count_few_others if wanted == EVERYONE else SQL.count_few_candidates
    row = connection.execute(statement, asked).fetchone()
    return int(row[0]) if row and row[0] <= FEW else None
