"""Erased customers in the read model: what is left of them beside their own rows is removed too. Used by the worker.

Their values were erased from the log in the transaction that stored the deletion (`projections.records.event_store`).
A replay cannot know which segments they were in, so the live read model does not keep it either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from projections.model import audiences
from projections.model.customers import ProjectedCustomer
from projections.postgres.database import beside

SQL = beside(__file__)


def forget(connection: Connection[Any], erased: Sequence[ProjectedCustomer]) -> None:
    """Remove the history and the audience places of customers whose own rows and memberships are gone."""
    if erased:
        numbers = [customer.customer_no for customer in erased]
        connection.execute(SQL.forget_history, [sorted(set(numbers))], binary=True)
        audiences.erase(connection, [customer.account_id for customer in erased], numbers)
