"""The sizes of segments day by day, and the segments that moved most. Used by lists of segments and the overview.

Counted back from the present size: only the days that are asked for are read, never the history. A day is one of the
account's calendar; days before a segment was created are not part of its past.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.instants import Days, micros
from projections.postgres.database import beside
from projections.read.segments import SegmentRow

SQL = beside(__file__)
# How many days the small picture of a list shows.
SHOWN_DAYS = 30


class Day(NamedTuple):
    """How many joined and left a segment on a day, and its size when the day ended, or now.

    `edited_joins` and `edited_leaves` are those among them that edits of the filter caused.
    """

    day: date
    joins: int
    leaves: int
    edited_joins: int
    edited_leaves: int
    size: int

    @property
    def change(self) -> int:
        """By how many members the segment grew, or shrank, that day."""
        return self.joins - self.leaves


class Mover(NamedTuple):
    """A segment with its joins and leaves of one day."""

    segment_id: UUID
    name: str
    members: int
    joins: int
    leaves: int


def days(
    connection: Connection[TupleRow], account_id: UUID, segments: Sequence[SegmentRow], first: date, calendar: Days,
    now: datetime,
) -> dict[int, list[Day]]:  # fmt: skip
    """Returns the days of segments from `first` on, oldest first, by segment number; the last one is today."""
    asked = {"account_id": account_id, "segment_nos": [each.segment_no for each in segments], "first": first}
    counts: dict[int, dict[date, list[int]]] = {}
    for segment_no, day, *moved in connection.execute(SQL.days, asked):
        counts.setdefault(segment_no, {})[day] = moved
    today = calendar.day_of(micros(now))
    found = {}
    for segment in segments:
        moved_on = counts.get(segment.segment_no, {})
        begins = max(first, calendar.day_of(micros(segment.created_at)))
        last = max([today, *moved_on])
        size, backwards = segment.members, []
        for back in range((last - begins).days + 1):
            day = last - timedelta(days=back)
            joins, leaves, edited_joins, edited_leaves = moved_on.get(day, [0, 0, 0, 0])
            backwards.append(Day(day, joins, leaves, edited_joins, edited_leaves, size))
            size -= joins - leaves
        found[segment.segment_no] = backwards[::-1]
    return found


def recent_days(
    connection: Connection[TupleRow], account_id: UUID, segments: Sequence[SegmentRow], calendar: Days, now: datetime
) -> dict[int, list[Day]]:
    """Returns the last 30 days of segments, by segment number; at least today."""
    first = calendar.day_of(micros(now)) - timedelta(days=SHOWN_DAYS - 1)
    return days(connection, account_id, segments, first, calendar, now)


def movers(connection: Connection[TupleRow], account_id: UUID, day: date, limit: int) -> list[Mover]:
    """Returns the segments that grew or shrank most on a day, and how much; none that stayed the same size."""
    asked = {"account_id": account_id, "day": day, "limit": limit}
    return [Mover(*row) for row in connection.execute(SQL.movers, asked)]
