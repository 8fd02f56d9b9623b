"""Erased persons in the read model: what is left of them beside their own rows goes too. Used by the worker.

The values in the log were erased in the transaction that stored the deletion (`projections.records.event_store`), so
a replay cannot know what she was in; therefore nobody else keeps it either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from projections.model import audiences
from projections.model.customers import CustomerRow
from projections.postgres.database import beside

SQL = beside(__file__)


def forget(connection: Connection[Any], persons: Sequence[CustomerRow]) -> None:
    """Remove the history and the frozen places of customers whose own rows and memberships are gone."""
    if persons:
        numbers = sorted({row.customer_no for row in persons})
        connection.execute(SQL.forget_history, [numbers], binary=True)
        audiences.erase(connection, [row.account_id for row in persons], [row.customer_no for row in persons])
