"""The members of static segments and the owners of phone numbers, as the write side decides on them.

Called by `projections.records.event_store` within the transaction that stores the events. What was decided on stale
data raises psycopg's `IntegrityError`, which makes the command read and decide again.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Cursor

from domain.commands.log import MemberChanges
from projections.postgres.arrays import Texts, Uuids
from projections.postgres.database import beside

SQL = beside(__file__)


def existing_customers(cursor: Cursor[Any], account_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that are customers now."""
    cursor.execute(SQL.existing_customers, [account_id, list(customer_ids)], binary=True)
    return {row["customer_id"] for row in cursor.fetchall()}


def static_members(cursor: Cursor[Any], account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that are in a static segment now."""
    cursor.execute(SQL.members, [account_id, segment_id, Uuids(customer_ids)], binary=True)
    return {row["customer_id"] for row in cursor.fetchall()}


def customers_by_phone(cursor: Cursor[Any], account_id: UUID, phones: Sequence[str]) -> dict[str, UUID]:
    """The oldest customer of each phone number that has one."""
    cursor.execute(SQL.by_phone, [Texts(phones), account_id], binary=True)
    return {row["phone"]: row["customer_id"] for row in cursor.fetchall()}


def store_members(cursor: Cursor[Any], account_id: UUID, changes: MemberChanges, created: Set[UUID]) -> None:
    """Add and remove members. An added customer must exist and not be a member, and cannot be deleted before we commit.

    `created` are customers of this very transaction, which no other transaction sees yet.
    """
    if changes.deleted:
        cursor.execute(SQL.remove_everywhere, [account_id, sorted(changes.deleted)], binary=True)
    fresh = sorted((each for each in changes.added if each in created), key=_order)
    if fresh:
        cursor.execute(SQL.add_created, [account_id, changes.segment_id, Uuids(fresh)], binary=True)
    existing = sorted((each for each in changes.added if each not in created), key=_order)
    if existing:
        cursor.execute(SQL.add, [account_id, Uuids(existing), changes.segment_id], binary=True)
        if cursor.rowcount != len(existing):
            raise psycopg.IntegrityError("another writer deleted a customer of this batch")
    if changes.removed:
        cursor.execute(SQL.remove, [account_id, changes.segment_id, sorted(changes.removed)], binary=True)
        if cursor.rowcount != len(changes.removed):
            raise psycopg.IntegrityError("another writer removed a member of this batch")


def _order(customer_id: UUID) -> int:
    return customer_id.int
