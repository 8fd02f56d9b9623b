"""Verify: every membership against a from-scratch evaluation in SQL. Used by `rollcall verify`.

Reads one snapshot, so it may run while customers change: what it compares belongs to one position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import Connection, sql

from projections.account_state import AccountState, load_accounts
from projections.database import beside, database_errors, session_conninfo
from projections.filter_sql import predicate

SQL = beside(__file__)


def verify(database_url: str) -> Iterator[str]:
    """A line for each customer who is a member and should not be, or is not and should; none where all is well."""
    conninfo = session_conninfo(database_url, "rollcall_worker")
    with database_errors(), psycopg.connect(conninfo) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        accounts, broken = load_accounts(connection)
        for each in broken:
            yield f"segment {each.segment.segment_id}: its filter cannot be read: {each.reason}"
        for account in accounts.values():
            yield from _differences(connection, account)
        yield from (
            f"segment {segment_id}: counted {counted} members, has {present}"
            for segment_id, counted, present in connection.execute(SQL.wrong_counts)
        )


def _differences(connection: Connection[Any], account: AccountState) -> Iterator[str]:
    for segment in account.segments.values():
        if segment.serving is None or segment.serving not in account.nodes:
            continue
        statement = sql.SQL(SQL.differences).format(
            account=sql.Literal(account.account_id),
            version=sql.Literal(segment.serving),
            predicate=predicate(account.nodes[segment.serving], account.days.moment(account.time_passed_to)),
        )
        for customer_id, expected in connection.execute(statement):
            relation = "is no member but matches" if expected else "is a member but does not match"
            yield f"segment {segment.segment_id}: customer {customer_id} {relation}"
