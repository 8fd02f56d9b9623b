"""The overview of an account in JSON: the models, an example, and how it is shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.campaigns import EXAMPLE as EXAMPLE_CAMPAIGN
from api.http.shapes.campaigns import EXAMPLE_FROZEN, Audience, Campaign, show_audience, show_campaign
from projections.read.overview.today import Overview as OverviewRow


class CountedSegments(TypedDict):
    """Segments that are not archived, by state; `unused` are in no campaign and no filter."""

    total: int
    recomputing: int
    failed: int
    unused: int


class MovedSegment(TypedDict):
    """A segment that grew or shrank today."""

    segment_id: UUID
    name: str
    members: int
    joins: int
    leaves: int


class FailedImport(TypedDict):
    """A CSV import that failed."""

    import_id: UUID
    segment_id: UUID
    file_name: str
    failure: str
    finished_at: datetime


class Overview(TypedDict):
    """An account today. Of lists, the first or newest few."""

    day: Annotated[date, Field(description="Today, in the account's time zone.")]
    segments: CountedSegments
    movers: Annotated[list[MovedSegment], Field(description="The segments that grew or shrank most today.")]
    opt_outs: Annotated[int, Field(description="Customers who opted out today.")]
    opt_ins: int
    running_imports: int
    failed_imports: Annotated[list[FailedImport], Field(description="Of the last seven days.")]
    campaigns_needing_audience: list[Campaign]
    campaigns: list[Campaign]
    audiences: list[Audience]


EXAMPLE: dict[str, Any] = {
    "day": "2026-05-20",
    "segments": {"total": 42, "recomputing": 1, "failed": 0, "unused": 7},
    "movers": [
        {
            "segment_id": EXAMPLE_CAMPAIGN["segment_ids"][0],
            "name": "Premium customers",
            "members": 1204,
            "joins": 14,
            "leaves": 2,
        }
    ],
    "opt_outs": 3,
    "opt_ins": 1,
    "running_imports": 0,
    "failed_imports": [],
    "campaigns_needing_audience": [],
    "campaigns": [EXAMPLE_CAMPAIGN],
    "audiences": [EXAMPLE_FROZEN],
}


def show_overview(row: OverviewRow) -> Overview:
    """Returns the overview as `/v1` shows it."""
    return {
        "day": row.day,
        "segments": {
            "total": row.segments.total,
            "recomputing": row.segments.recomputing,
            "failed": row.segments.failed,
            "unused": row.segments.unused,
        },
        "movers": [
            {
                "segment_id": each.segment_id,
                "name": each.name,
                "members": each.members,
                "joins": each.joins,
                "leaves": each.leaves,
            }
            for each in row.movers
        ],
        "opt_outs": row.opt_outs,
        "opt_ins": row.opt_ins,
        "running_imports": len(row.running_imports),
        "failed_imports": [
            {
                "import_id": each.import_id,
                "segment_id": each.segment_id,
                "file_name": each.file_name,
                "failure": each.failure,
                "finished_at": each.finished_at,
            }
            for each in row.failed_imports
        ],
        "campaigns_needing_audience": [show_campaign(each) for each in row.needing_audience],
        "campaigns": [show_campaign(each) for each in row.campaigns],
        "audiences": [show_audience(each) for each, _ in row.audiences],
    }
