"""Whom segments reach together now: the count, and who is not reached for which reason.

Used by the campaign's form while segments are being chosen, and by the campaign's page. A segment that was never
computed is no empty one: as long as there is one, nobody is told a number. Nor is a number told that takes too long.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from projections.model.audience_spec import AudienceSpec
from projections.read import recipients, segments
from projections.read.recipients import RecipientRow, Skipped
from projections.read.segments import SegmentRow

# A page waits for the first; what takes longer comes after it. Less than the browser waits for any answer.
AT_ONCE, LONGEST = timedelta(milliseconds=150), timedelta(seconds=25)


class Chosen(NamedTuple):
    """The segments of two lists, in the order in which they were chosen."""

    included: list[SegmentRow]
    left_out: list[SegmentRow]

    @property
    def not_computed(self) -> list[str]:
        """The names of those that have no members yet."""
        return [row.name for row in (*self.included, *self.left_out) if row.serving is None]

    def union(self, account_id: UUID) -> AudienceSpec | None:
        """What they reach; `None` where nothing is included or something is not computed."""
        if not self.included or self.not_computed:
            return None
        lists = ([row.serving for row in rows if row.serving is not None] for rows in self)
        return AudienceSpec(account_id, *lists)


class Reach(NamedTuple):
    """What a union comes to: `members` counts each segment's, `repeated` how often somebody is there once more."""

    recipients: int
    skipped: Skipped
    members: int
    repeated: int


def chosen(
    connection: Any, account_id: UUID, segment_ids: Collection[UUID], exclude_segment_ids: Collection[UUID]
) -> Chosen:
    """The segments with these ids; those that are gone are left out."""
    rows = segments.by_ids(connection, account_id, {*segment_ids, *exclude_segment_ids})
    included, left_out = ([rows[each] for each in ids if each in rows] for ids in (segment_ids, exclude_segment_ids))
    return Chosen(included, left_out)


def reach(connection: Any, account_id: UUID, lists: Chosen, within: timedelta = LONGEST) -> Reach | None:
    """What two lists come to now; `None` where nobody can be told, or not `within` a span."""
    union = lists.union(account_id)
    found = None if union is None else recipients.totals_within(connection, union, within)
    if found is None:
        return None
    count, skipped = found
    members = sum(row.members for row in lists.included)
    return Reach(count, skipped, members, members - count - sum(skipped))


def page(connection: Any, account_id: UUID, lists: Chosen, *, after: int | None, limit: int) -> Sequence[RecipientRow]:
    """Recipients now, oldest customer first."""
    union = lists.union(account_id)
    return recipients.page(connection, union, after=after, limit=limit) if union else []
