"""The overview of an account: what changed today, what needs attention, and what was sent last.

Used by `api.v1.overview` and the console's Overview page. Reads counts that are kept by day and short lists; never the
customers, the members or the history, however many there are.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.instants import Days, micros
from projections.postgres.database import beside
from projections.read import campaigns, health
from projections.read.campaigns import AudienceRow, CampaignRow
from projections.read.health import PendingSegment, RunningImport
from projections.read.segment_list import listing, sizes
from projections.read.segment_list.sizes import Mover

SQL = beside(__file__)
# How many of each kind the overview shows.
MOST = 5
MOST_MOVERS = 10
# A failed import is shown so long.
SHOWN = timedelta(days=7)


class FailedImport(NamedTuple):
    """A CSV import that failed; `segment` is `None` if it was deleted since."""

    import_id: UUID
    segment_id: UUID
    segment: str | None
    file_name: str
    failure: str
    finished_at: datetime


class SegmentCounts(NamedTuple):
    """How many segments there are, and of them how many are recomputed, failed, and used in nothing."""

    total: int
    recomputing: int
    failed: int
    unused: int


class Overview(NamedTuple):
    """An account on a day of its calendar. Of lists, the first or newest few."""

    day: date
    segments: SegmentCounts
    in_work: list[PendingSegment]
    movers: list[Mover]
    opt_outs: int
    opt_ins: int
    running_imports: list[RunningImport]
    failed_imports: list[FailedImport]
    needing_audience: list[CampaignRow]
    campaigns: list[CampaignRow]
    audiences: list[tuple[AudienceRow, str | None]]


def overview(connection: Connection[TupleRow], account_id: UUID, calendar: Days, now: datetime) -> Overview:
    """Returns the overview of an account at an instant."""
    day = calendar.day_of(micros(now))
    asked = {"account_id": account_id, "day": day, "since": now - SHOWN, "limit": MOST}
    total, recomputing, failed = connection.execute(SQL.segments, asked).fetchone() or (0, 0, 0)
    unused = listing.count(connection, account_id, listing.Wanted(unused=True))
    opt_outs, opt_ins = connection.execute(SQL.opt_outs, asked).fetchone() or (0, 0)
    return Overview(
        day,
        SegmentCounts(total, recomputing, failed, unused),
        health.pending_segments(connection, account_id, limit=MOST),
        sizes.movers(connection, account_id, day, MOST_MOVERS),
        opt_outs,
        opt_ins,
        health.running_imports(connection, account_id),
        [FailedImport(*row) for row in connection.execute(SQL.failed_imports, asked)],
        [CampaignRow(*row) for row in connection.execute(SQL.needing_audience, asked)],
        campaigns.page(connection, account_id, before=None, limit=MOST),
        campaigns.audiences(connection, account_id, counted=True, limit=MOST),
    )
