"""The members of one served version, newest first. Used by `api.v1.members` and the console.

Every query takes a version, never a segment, so that one response shows one version of the filter.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from projections.postgres.database import beside
from projections.read.customers import EVERYONE, CustomerRow, Search, with_attributes

SQL = beside(__file__)
# If more customers match a search, a lookup by index does not pay: the page is searched among the newest members.
FEW = 1_000
# Pages count this many exactly; beyond them, they say that there are many.
COUNTED = 10_000
MIN_WINDOW, MAX_WINDOW = 200, 20_000
MAX_CUSTOMER_NO = 2**62


class Sought(NamedTuple):
    """A search, and the numbers of the customers who match it where these are few."""

    search: Search
    matches: list[int] | None


def seek(connection: Connection[TupleRow], search: Search) -> Sought:
    """Returns the search with its matches, which are looked up once for a page and its count."""
    if search == EVERYONE:
        return Sought(search, None)
    row = connection.execute(SQL.matches, {"words": search.words, "phones": search.phones, "few": FEW}).fetchone()
    matches = list(row[0]) if row else []
    return Sought(search, matches if len(matches) <= FEW else None)


def page(
    connection: Connection[TupleRow],
    account_id: UUID,
    version_no: int,
    sought: Sought,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
) -> tuple[list[tuple[CustomerRow, datetime]], bool]:
    """Returns a page of the members that match the search, latest join first, and whether there are more.

    It ends early where they are large. Looks at the latest joins first; only if those do not fill the page, all
    members are sorted.
    """
    wanted = sought.search
    joined_at, customer_no = before or (None, None)
    parameters = {
        "account_id": account_id,
        "version_no": version_no,
        "joined_at": joined_at,
        "customer_no": customer_no,
        "limit": limit + 1,
        "words": wanted.words,
        "phones": wanted.phones,
        "matches": sought.matches,
    }
    many = wanted != EVERYONE and sought.matches is None
    found: list[TupleRow] = []
    if wanted == EVERYONE or many:
        start = {
            "window": min(MAX_WINDOW, 200 * limit) if many else max(MIN_WINDOW, 2 * limit),
            "joined_at": joined_at or "infinity",
            "customer_no": MAX_CUSTOMER_NO if customer_no is None else customer_no,
            "everyone": not many,
        }
        found = connection.execute(SQL.newest, parameters | start).fetchall()
    if len(found) <= limit:
        statement = SQL.page if wanted == EVERYONE else SQL.search_many if many else SQL.search
        found = connection.execute(statement, parameters).fetchall()
    rows = with_attributes(connection, account_id, found[:limit])
    joins = (row[5] for row in found)
    return [(row, at) for row, at in zip(rows, joins, strict=False) if row is not None], len(rows) < len(found)


def count(connection: Connection[TupleRow], account_id: UUID, version_no: int, wanted: Search) -> int:
    """Returns how many members match the search."""
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
) -> tuple[list[CustomerRow], bool]:
    """Returns a page of the customers who match the search and are not members, newest first.

    Also whether there are more: it ends early where they are large.
    """
    parameters = {
        "account_id": account_id,
        "version_no": version_no,
        "before": before,
        "limit": limit + 1,
        "words": wanted.words,
        "phones": wanted.phones,
    }
    statement = SQL.candidates if wanted == EVERYONE else SQL.search_candidates
    found = connection.execute(statement, parameters).fetchall()
    rows = with_attributes(connection, account_id, found[:limit])
    return [row for row in rows if row is not None], len(rows) < len(found)


def count_candidates(connection: Connection[TupleRow], account_id: UUID, version_no: int, wanted: Search) -> int:
    """Returns how many customers match the search and are not members."""
    parameters = {
        "account_id": account_id,
        "version_no": version_no,
        "words": wanted.words,
        "phones": wanted.phones,
    }
    statement = SQL.count_candidates if wanted == EVERYONE else SQL.count_search_candidates
    row = connection.execute(statement, parameters).fetchone()
    return int(row[0]) if row else 0


def count_if_few(connection: Connection[TupleRow], version_no: int, sought: Sought) -> int | None:
    """Returns how many members match the search; `None` if more than `COUNTED` customers do."""
    if sought.matches is not None:
        among = connection.execute(SQL.count_among, {"version_no": version_no, "matches": sought.matches}).fetchone()
        return int(among[0]) if among else 0
    asked = sought.search._asdict() | {"version_no": version_no, "most": COUNTED + 1}
    row = connection.execute(SQL.count_few, asked).fetchone()
    return int(row[0]) if row and row[1] <= COUNTED else None


def count_candidates_if_few(
    connection: Connection[TupleRow], account_id: UUID, version_no: int, wanted: Search
) -> int | None:
    """Returns how many customers match the search and are not members; `None` if more than `COUNTED`."""
    asked = {
        "account_id": account_id,
        "version_no": version_no,
        "words": wanted.words,
        "phones": wanted.phones,
        "most": COUNTED + 1,
    }
    statement = SQL.count_few_others if wanted == EVERYONE else SQL.count_few_candidates
    row = connection.execute(statement, asked).fetchone()
    return int(row[0]) if row and row[0] <= COUNTED else None
