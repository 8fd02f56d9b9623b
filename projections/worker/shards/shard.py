"""Which shard an account belongs to.

A shard is the unit that workers lease. Their number is fixed, so that a position always means the same accounts.
"""

from __future__ import annotations

from uuid import UUID

SHARDS = 64
ALL = frozenset(range(SHARDS))


def shard_of(account_id: UUID) -> int:
    """The shard of an account, as `rollcall.shard_of` says in SQL."""
    return account_id.int & (SHARDS - 1)
