"""Which customers a choice of segments reaches now: how many, and how many are skipped for which reason.

Used by the campaign's form while segments are being chosen, and by the campaign's page. A segment that was never
computed is not the same as an empty one: while there is one, no number is shown. Nor is one that takes too long.
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

# A page waits at most this long for the count; otherwise the browser requests it after the page.
QUICK_LIMIT = timedelta(milliseconds=100)
# Less than the browser waits for any answer.
TIME_LIMIT = timedelta(seconds=25)


class ChosenSegments(NamedTuple):
    """The segments to reach and those to leave out, in the order in which they were chosen."""

    included: list[SegmentRow]
    left_out: list[SegmentRow]

    @property
    def not_computed(self) -> list[str]:
        """The names of those whose members were never computed."""
        return [row.name for row in (*self.included, *self.left_out) if row.serving is None]

    @property
    def in_both(self) -> list[SegmentRow]:
        """Those that are to be reached and left out: no member of them is reached."""
        left_out = {row.segment_id for row in self.left_out}
        return [row for row in self.included if row.segment_id in left_out]

    def audience_spec(self, account_id: UUID) -> AudienceSpec | None:
        """Returns their audience; `None` where no segment is included or one was never computed."""
        if not self.included or self.not_computed:
            return None
        lists = ([row.serving for row in rows if row.serving is not None] for rows in self)
        return AudienceSpec(account_id, *lists)


class Reach(NamedTuple):
    """The size of an audience; `members` is the sum over its segments, `repeated` how many of them occur again."""

    recipients: int
    skipped: Skipped
    members: int
    repeated: int


def chosen_segments(
    connection: Any, account_id: UUID, segment_ids: Collection[UUID], exclude_segment_ids: Collection[UUID]
) -> ChosenSegments:
    """Returns the segments with these ids; deleted ones are ignored."""
    rows = segments.by_ids(connection, account_id, {*segment_ids, *exclude_segment_ids})
    included, left_out = ([rows[each] for each in ids if each in rows] for ids in (segment_ids, exclude_segment_ids))
    return ChosenSegments(included, left_out)


def count_reach(
    connection: Any, account_id: UUID, lists: ChosenSegments, within: timedelta = TIME_LIMIT
) -> Reach | None:
    """Returns how many customers two lists reach now; `None` where that is unknown, or not known `within` a span."""
    spec = lists.audience_spec(account_id)
    totals = None if spec is None else recipients.totals_within(connection, spec, within)
    if totals is None:
        return None
    count, skipped = totals
    members = sum(row.members for row in lists.included)
    return Reach(count, skipped, members, members - count - sum(skipped))


def page(
    connection: Any, account_id: UUID, lists: ChosenSegments, *, after: int | None, limit: int
) -> Sequence[RecipientRow]:
    """Returns a page of the recipients now, oldest customer first."""
    spec = lists.audience_spec(account_id)
    return recipients.page(connection, spec, after=after, limit=limit) if spec else []
