"""The read model as the worker holds it: a session on its tables, and what it keeps of each account in memory.

Every event handler gets one. What it writes belongs to the transaction that is open on `connection`; meanwhile what
is committed is read on another session.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.stored_events import Event
from projections.model.account_state import AccountState
from projections.model.changes import ChangeStream


@dataclass(slots=True)
class ReadModel:
    """Tables and memory together; `changes` is where changes of the members that readers see are appended."""

    connection: Connection[Any]
    reading: Connection[Any]
    changes: ChangeStream
    accounts: dict[UUID, AccountState] = field(default_factory=dict)

    def account_of(self, event: Event) -> AccountState:
        """The account to which an event belongs."""
        return self.accounts[event.account_id]
