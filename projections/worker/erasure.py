"""Erased customers in the read model: what is left of them beside their own rows is removed too. Used by the worker.

Their values were erased from the log in the transaction that stored the deletion (`projections.records.event_store`).
A replay cannot know which segments they were in, so the live read model does not keep it either.
"""

from __future__ import annotations

from collections.abc import Sequence

from projections.model import audiences
from projections.model.customers import ProjectedCustomer
from projections.postgres.database import beside
from projections.postgres.row_writes import RowWrites

SQL = beside(__file__)


def forget(writes: RowWrites, erased: Sequence[ProjectedCustomer]) -> None:
    """Add what removes the history and audience places of customers whose own rows and memberships are gone."""
    if erased:
        numbers = [customer.customer_no for customer in erased]
        writes.add(SQL.forget_history, [sorted(set(numbers))], shared=True)
        audiences.erase(writes, [customer.account_id for customer in erased], numbers)
