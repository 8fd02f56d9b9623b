"""What is kept beside the log to decide on changes: `CustomerState` as rows, and the marks of facts.

Called by `projections.records.event_store`, in the transaction that stores the events. A row moves only from the
revision on which the change was decided, and a mark is kept once; else psycopg's `IntegrityError` makes the command
read and decide again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Cursor

from domain.commands.customer_state import CustomerState
from projections.postgres.arrays import Bigints, Byteas, Texts, Uuids, column
from projections.postgres.database import beside

SQL = beside(__file__)


def load(cursor: Cursor[Any], account_id: UUID, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerState]:
    """The states of those customers that were ever seen, by id."""
    cursor.execute(SQL.load, [account_id, Uuids(list(customer_ids))], binary=True)
    return {
        row["customer_id"]: CustomerState.load(row["customer_id"], row["revision"], bytes(row["state"]))
        for row in cursor.fetchall()
    }


def store(cursor: Cursor[Any], account_id: UUID, states: Sequence[tuple[CustomerState, int]]) -> None:
    """Store states, each with the revision it had when it was read (0: it was not there)."""
    fresh = [pair for pair in states if pair[1] == 0]
    existing = [pair for pair in states if pair[1] != 0]
    if fresh:
        ids, _, *columns = _columns(fresh)
        cursor.execute(SQL.insert, [account_id, ids, *columns], binary=True)
    if existing:
        cursor.execute(SQL.update, [*_columns(existing), account_id], binary=True)
        if cursor.rowcount != len(existing):
            raise psycopg.IntegrityError("another writer changed a customer of this batch")


def known_marks(cursor: Cursor[Any], marks: Sequence[UUID]) -> set[UUID]:
    """Those of the marks that are kept: of facts that were taken in before."""
    cursor.execute(SQL.known_marks, [Uuids(marks)], binary=True)
    return {row["mark"] for row in cursor.fetchall()}


def store_marks(cursor: Cursor[Any], account_id: UUID, marks: Mapping[UUID, int]) -> None:
    """Keep the marks of new facts, each with the time of its fact in microseconds since 1970."""
    if marks:
        in_order = sorted(marks, key=lambda mark: mark.int)
        times = Bigints(marks[mark] for mark in in_order)
        cursor.execute(SQL.store_marks, [account_id, Uuids(in_order), times], binary=True)


def _columns(states: list[tuple[CustomerState, int]]) -> list[Any]:
    """Columns in the order of customers' ids; a customer who does not exist has no phone and no time of creation."""
    states.sort(key=lambda pair: pair[0].customer_id.int)
    return [
        Uuids([state.customer_id for state, _ in states]),
        Bigints(before for _, before in states),
        Bigints(state.revision for state, _ in states),
        Byteas([state.dump() for state, _ in states]),
        Texts([state.phone for state, _ in states]),
        column([state.created if state.exists else None for state, _ in states]),
    ]
