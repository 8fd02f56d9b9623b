"""Commands on members of static segments: add and remove, as events of at most 1,000 customers.

Members are not in the segment's own stream. What a command decides is checked again in the transaction that stores it
(`projections.records.static_lists`), so counts and events are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID, uuid4

from domain.commands.log import Log, MemberChanges, Writes
from domain.commands.segments import SegmentCommands
from domain.errors import Invalid, NotFound
from domain.stored_events import StaticMembersAdded, StaticMembersRemoved

MOST = 1_000


class Added(NamedTuple):
    """How many of the given customers were added; one named twice counts once."""

    position: int
    added: int
    already_members: int
    unknown: list[UUID]


class Removed(NamedTuple):
    """How many customers were removed."""

    position: int
    removed: int


class MemberCommands:
    """Members of static segments."""

    def __init__(self, log: Log, segments: SegmentCommands) -> None:
        self._log = log
        self._segments = segments

    def add(self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID]) -> Added:
        """Add customers to a static segment. Raises `NotFound`, `Refused` (`members_are_computed`), `Invalid`."""
        _refuse_too_many(customer_ids)
        asked = list(dict.fromkeys(customer_ids))

        def append_added() -> Added:
            self._segments.require_static(account_id, segment_id)
            existing = self._log.store.existing_customers(account_id, asked)
            members = self._log.store.static_members(account_id, segment_id, list(existing))
            fresh = sorted(existing - members)
            position = self._log.head()
            if fresh:
                event = members_added(self._log, account_id, segment_id, fresh, "manual")
                position = self._log.append(account_id, [event], Writes(members=MemberChanges(segment_id, added=fresh)))
            return Added(position, len(fresh), len(members), [each for each in asked if each not in existing])

        return self._log.retry(append_added)

    def remove_one(self, account_id: UUID, segment_id: UUID, customer_id: UUID) -> int:
        """Remove a customer from a static segment. Returns the position after it. Raises `NotFound`, `Refused`."""
        removed = self.remove(account_id, segment_id, [customer_id])
        if not removed.removed:
            raise NotFound("member_not_found", "no such member in this segment")
        return removed.position

    def remove(self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID]) -> Removed:
        """Remove those of the customers who are in a static segment. Raises `NotFound`, `Refused`, `Invalid`."""
        _refuse_too_many(customer_ids)

        def append_removed() -> Removed:
            self._segments.require_static(account_id, segment_id)
            members = sorted(self._log.store.static_members(account_id, segment_id, list(customer_ids)))
            if not members:
                return Removed(self._log.head(), 0)
            event = StaticMembersRemoved(
                **self._log.envelope(account_id, uuid4(), 0), segment_id=segment_id, customer_ids=members
            )
            position = self._log.append(account_id, [event], Writes(members=MemberChanges(segment_id, removed=members)))
            return Removed(position, len(members))

        return self._log.retry(append_removed)


def members_added(
    log: Log, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID], cause: Literal["manual", "import"]
) -> StaticMembersAdded:
    """The event of customers who are added to a static segment."""
    return StaticMembersAdded(
        **log.envelope(account_id, uuid4(), 0), segment_id=segment_id, customer_ids=list(customer_ids), cause=cause
    )


def _refuse_too_many(customer_ids: Sequence[UUID]) -> None:
    if len(customer_ids) > MOST:
        raise Invalid.at("/customer_ids", "too_many_members", f"{len(customer_ids):,} ids; at most {MOST:,} a call")
