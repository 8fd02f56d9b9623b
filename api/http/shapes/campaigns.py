"""Campaigns, audiences and recipients in JSON: the models, examples, and how rows are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, RequestBody, without_default
from api.http.shapes.customers import Chosen
from domain.campaign import MAX_SEGMENTS
from domain.formats.fields import Fields
from domain.segment import MAX_NAME
from projections.read.audiences.comparison import Comparison
from projections.read.audiences.overlap import Overlap
from projections.read.campaigns import AudienceRow, CampaignRow
from projections.read.customers import ChosenValues
from projections.read.recipients import RecipientRow
from projections.read.recipients import Skipped as SkippedRow

SegmentIds = Annotated[
    list[Annotated[UUID, Field(strict=False)]],
    Field(max_length=MAX_SEGMENTS, description="Segments of this account."),
]


class CampaignBody(RequestBody):
    """A campaign to create: for the members of some segments, without those of others."""

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)
    segment_ids: SegmentIds
    exclude_segment_ids: SegmentIds = Field(default=[])


class CampaignPatch(RequestBody):
    """What to change; the rest stays. A list that is named is chosen anew."""

    name: str = Field(
        default="", min_length=1, max_length=MAX_NAME, pattern=STORABLE, json_schema_extra=without_default
    )
    segment_ids: SegmentIds = Field(default=[], json_schema_extra=without_default)
    exclude_segment_ids: SegmentIds = Field(default=[], json_schema_extra=without_default)


class CampaignCopyBody(RequestBody):
    """What a copy is called."""

    name: str = Field(
        default="", min_length=1, max_length=MAX_NAME, pattern=STORABLE, json_schema_extra=without_default
    )


class OverlapBody(RequestBody):
    """Segments to compare: those to reach and those to leave out; at most 60 in all."""

    segment_ids: SegmentIds
    exclude_segment_ids: SegmentIds = Field(default=[])


class Campaign(TypedDict):
    """A campaign; its lists hold the segments that are left."""

    id: UUID
    name: str
    segment_ids: list[UUID]
    exclude_segment_ids: list[UUID]
    state: Literal["ready", "needs_audience"]
    version: Annotated[int, Field(description="Rises with every change, also when one of its segments was deleted.")]
    created_at: datetime
    updated_at: datetime


class Skipped(TypedDict):
    """Members who are not recipients, each under the first reason that applies: excluded, opted out, phone."""

    opted_out: Annotated[int, Field(description="They, or another customer with their number, opted out.")]
    no_phone: int
    duplicate_phone: Annotated[int, Field(description="An older recipient has their number.")]
    excluded: Annotated[int, Field(description="They, or another customer with their number, are left out.")]


class Recipient(TypedDict):
    """A customer to be sent to."""

    customer_id: UUID
    external_id: str | None
    phone: str
    name: str | None


class CampaignRecipientPage(TypedDict):
    """A page of recipients."""

    data: list[Recipient | Chosen]
    next_cursor: str | None
    total: NotRequired[Annotated[int, Field(description="Only with `include=total`.")]]
    skipped: NotRequired[Annotated[Skipped, Field(description="Only with `include=total`.")]]


class Audience(TypedDict):
    """A frozen audience: `count` recipients at `position`; `erased` of them were erased since."""

    id: UUID
    campaign_id: UUID
    position: int
    frozen_at: datetime
    count: int
    skipped: Skipped
    erased: int


class IncludedSegment(TypedDict):
    """What a segment adds."""

    segment_id: UUID
    members: int
    recipients: Annotated[int, Field(description="Recipients (phone numbers) who are in it.")]
    alone: Annotated[int, Field(description="Recipients through it alone: without it, so many fewer are reached.")]


class ExcludedSegment(TypedDict):
    """What a segment takes away."""

    segment_id: UUID
    members: int
    taken_away: Annotated[int, Field(description="Numbers that are not reached and are in it.")]
    alone: Annotated[int, Field(description="Taken away by it alone: without it, so many more are reached.")]


class CommonMembers(TypedDict):
    """Two segments that have members in common."""

    segment_ids: Annotated[list[UUID], Field(min_length=2, max_length=2)]
    members: int


class SegmentOverlap(TypedDict):
    """How segments overlap."""

    included: list[IncludedSegment]
    excluded: list[ExcludedSegment]
    common: Annotated[list[CommonMembers], Field(description="Each two segments that have members in common.")]


class AudienceComparison(TypedDict):
    """How a frozen audience differs from an earlier one, in customers."""

    audience: Audience
    since: Audience
    came: int
    went: int
    stayed: int


EXAMPLE: dict[str, Any] = {
    "id": "7c2a9d1e-1f5b-4c8e-9b3a-6d0e8f7a5b21",
    "name": "Spring sale",
    "segment_ids": ["0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77"],
    "exclude_segment_ids": [],
    "state": "ready",
    "version": 1000,
    "created_at": "2026-05-20T10:00:00Z",
    "updated_at": "2026-05-20T10:00:00Z",
}
EXAMPLE_FROZEN: dict[str, Any] = {
    "id": "e4b1f0a2-93c7-4f0d-8e16-5a7c2d9b6f30",
    "campaign_id": EXAMPLE["id"],
    "position": 8812,
    "frozen_at": "2026-05-20T10:00:00Z",
    "count": 1187,
    "skipped": {"opted_out": 9, "no_phone": 5, "duplicate_phone": 3, "excluded": 0},
    "erased": 0,
}
EXAMPLE_OVERLAP: dict[str, Any] = {
    "included": [{"segment_id": EXAMPLE["segment_ids"][0], "members": 1204, "recipients": 1187, "alone": 1187}],
    "excluded": [],
    "common": [],
}
EXAMPLE_COMPARISON: dict[str, Any] = {
    "audience": EXAMPLE_FROZEN,
    "since": {**EXAMPLE_FROZEN, "id": "0a8c2f54-6d1e-4b7a-9c3f-2e5d8b1a7f60", "position": 7204, "count": 1150},
    "came": 61,
    "went": 24,
    "stayed": 1126,
}
EXAMPLE_RECIPIENT: dict[str, Any] = {
    "customer_id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "external_id": "crm-1001",
    "phone": "+351912345678",
    "name": "Ana Sá",
}


def show_campaign(row: CampaignRow) -> Campaign:
    """Returns a campaign as `/v1` shows it."""
    return {
        "id": row.campaign_id,
        "name": row.name,
        "segment_ids": row.segment_ids,
        "exclude_segment_ids": row.exclude_segment_ids,
        "state": "needs_audience" if row.needs_audience else "ready",
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def show_skipped(counts: AudienceRow | SkippedRow) -> Skipped:
    """Returns the counts of members who are not recipients as `/v1` shows them."""
    return {
        "opted_out": counts.opted_out,
        "no_phone": counts.no_phone,
        "duplicate_phone": counts.duplicate_phone,
        "excluded": counts.excluded,
    }


def show_audience(row: AudienceRow) -> Audience:
    """Returns a frozen audience as `/v1` shows it."""
    return {
        "id": row.audience_id,
        "campaign_id": row.campaign_id,
        "position": row.audience_no,
        "frozen_at": row.frozen_at,
        "count": row.recipients,
        "skipped": show_skipped(row),
        "erased": row.erased,
    }


def show_overlap(found: Overlap) -> SegmentOverlap:
    """Returns how segments overlap as `/v1` shows it."""
    return {
        "included": [
            {
                "segment_id": each.segment.segment_id,
                "members": each.segment.members,
                "recipients": each.recipients,
                "alone": each.alone,
            }
            for each in found.included
        ],
        "excluded": [
            {
                "segment_id": each.segment.segment_id,
                "members": each.segment.members,
                "taken_away": each.recipients,
                "alone": each.alone,
            }
            for each in found.left_out
        ],
        "common": [
            {"segment_ids": sorted(ids), "members": members}
            for ids, members in sorted(found.common.items(), key=lambda each: -each[1])
            if len(ids) == 2
        ],
    }


def show_comparison(later: AudienceRow, earlier: AudienceRow, found: Comparison) -> AudienceComparison:
    """Returns how two audiences differ as `/v1` shows it."""
    return {
        "audience": show_audience(later),
        "since": show_audience(earlier),
        "came": found.came,
        "went": found.went,
        "stayed": found.stayed,
    }


def show_recipient(row: RecipientRow, fields: Fields, now: ChosenValues | None) -> Any:
    """Returns a recipient as `/v1` shows them; `now` is what the fields need beside the row, if anything."""
    values, created_at, updated_at = now or (None, None, None)
    return fields.of(
        values,
        customer_id=row.customer_id,
        external_id=row.external_id,
        phone=row.phone,
        name=row.name,
        created_at=created_at,
        updated_at=updated_at,
    )
