"""Commands on members of static segments: add and remove, as events of at most 1,000 customers.

Members are not in the segment's own stream. What a command decides is checked again in the transaction that stores it
(`projections.records.static_lists`), so counts and events are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

from domain.commands.log import Log, MemberChanges, Writes
from domain.commands.segments import SegmentCommands
from domain.errors import Invalid, NotFound
from domain.stored_events import StaticMembersAdded, StaticMembersRemoved
from domain.texts.language import said

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

    def add(self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID], by: str | None = None) -> Added:
        """Add customers to a static segment; `by` is who does it.

        Raises `NotFound`, `Refused` (`members_are_computed`), `Invalid`.
        """
        _refuse_too_many(customer_ids)
        asked = list(dict.fromkeys(customer_ids))

        def append_added() -> Added:
            self._segments.require_static(account_id, segment_id)
            existing = self._log.store.existing_customers(account_id, asked)
            members = self._log.store.static_members(account_id, segment_id, list(existing))
            fresh = sorted(existing - members)
            position = self._log.head()
            if fresh:
                event = members_added(self._log.envelope(account_id, uuid4(), 0), segment_id, fresh, "manual", by)
                position = self._log.append(account_id, [event], Writes(members=MemberChanges(segment_id, added=fresh)))
            return Added(position, len(fresh), len(members), [each for each in asked if each not in existing])

        return self._log.retry(append_added)

    def remove_one(self, account_id: UUID, segment_id: UUID, customer_id: UUID, by: str | None = None) -> int:
        """Remove a customer from a static segment. Returns the position after it. Raises `NotFound`, `Refused`."""
        removed = self.remove(account_id, segment_id, [customer_id], by)
        if not removed.removed:
            raise NotFound("member_not_found", said("no such member in this segment"))
        return removed.position

    def remove(
        self, account_id: UUID, segment_id: UUID, customer_ids: Sequence[UUID], by: str | None = None
    ) -> Removed:
        """Remove those of the customers who are in a static segment. Raises `NotFound`, `Refused`, `Invalid`."""
        _refuse_too_many(customer_ids)

        def append_removed() -> Removed:
            self._segments.require_static(account_id, segment_id)
            members = sorted(self._log.store.static_members(account_id, segment_id, list(customer_ids)))
            if not members:
                return Removed(self._log.head(), 0)
            event = members_removed(self._log.envelope(account_id, uuid4(), 0), segment_id, members, by)
            position = self._log.append(account_id, [event], Writes(members=MemberChanges(segment_id, removed=members)))
            return Removed(position, len(members))

        return self._log.retry(append_removed)


def members_added(
    envelope: dict[str, Any],
    segment_id: UUID,
    customer_ids: Sequence[UUID],
    cause: Literal["manual", "import"],
    by: str | None,
    copied_from: str | None = None,
) -> StaticMembersAdded:
    """The event of customers who are added to a static segment; `copied_from` says from where they were copied."""
    return StaticMembersAdded(
        **envelope, segment_id=segment_id, customer_ids=list(customer_ids), cause=cause, by=by, copied_from=copied_from
    )


def members_removed(
    envelope: dict[str, Any], segment_id: UUID, customer_ids: Sequence[UUID], by: str | None
) -> StaticMembersRemoved:
    """The event of customers who are removed from a static segment."""
    return StaticMembersRemoved(**envelope, segment_id=segment_id, customer_ids=list(customer_ids), by=by)


def _refuse_too_many(customer_ids: Sequence[UUID]) -> None:
    if len(customer_ids) > MOST:
        raise Invalid.at(
            "/customer_ids",
            "too_many_members",
            said("%(count)s ids; at most %(most)s a call", count=len(customer_ids), most=MOST),
        )
