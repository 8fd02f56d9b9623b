"""Campaigns, audiences and recipients in JSON: the models, examples, and how rows are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from api.http.parameters import uuid_in
from api.v1.shapes.requests_and_responses import STORABLE, Asked, PageOf, absent
from domain.campaign import MAX_SEGMENTS
from domain.errors import NotFound
from domain.segment import MAX_NAME
from projections.read.campaigns import AudienceRow, CampaignRow
from projections.read.recipients import RecipientRow

Row = TypeVar("Row")

SegmentIds = Annotated[
    list[Annotated[UUID, Field(strict=False)]],
    Field(max_length=MAX_SEGMENTS, description="Segments of this account."),
]


class CampaignBody(Asked):
    """A campaign to create: for the members of some segments, without those of others."""

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)
    segment_ids: SegmentIds
    exclude_segment_ids: SegmentIds = Field(default=[])


class CampaignPatch(Asked):
    """What to change; the rest stays. A list that is named is chosen anew."""

    name: str = Field(default="", min_length=1, max_length=MAX_NAME, pattern=STORABLE, json_schema_extra=absent)
    segment_ids: SegmentIds = Field(default=[], json_schema_extra=absent)
    exclude_segment_ids: SegmentIds = Field(default=[], json_schema_extra=absent)


class Campaign(BaseModel):
    """A campaign; its lists hold the segments that are left."""

    id: UUID
    name: str
    segment_ids: list[UUID]
    exclude_segment_ids: list[UUID]
    state: Literal["ready", "needs_audience"]
    version: int = Field(description="Rises with every change, also when one of its segments was deleted.")
    created_at: datetime
    updated_at: datetime


class Skipped(BaseModel):
    """Members who are no recipients, each under the first reason that holds: excluded, opted out, phone."""

    opted_out: int
    no_phone: int
    duplicate_phone: int
    excluded: int


class Recipient(BaseModel):
    """A person to be sent to."""

    customer_id: UUID
    external_id: str | None
    phone: str
    name: str | None


class RecipientPage(PageOf[Recipient]):
    """A page of recipients."""

    skipped: Skipped | None = Field(default=None, description="Only with `include=total`.")


class Audience(BaseModel):
    """A frozen audience: `count` recipients at `position`, of whom `erased` were erased since."""

    id: UUID
    campaign_id: UUID
    position: int
    frozen_at: datetime
    count: int
    skipped: Skipped
    erased: int


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
EXAMPLE_RECIPIENT: dict[str, Any] = {
    "customer_id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "external_id": "crm-1001",
    "phone": "+351912345678",
    "name": "Ana Sá",
}


def show_campaign(row: CampaignRow) -> dict[str, Any]:
    """A campaign as CONTRACT shows it."""
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


def show_audience(row: AudienceRow) -> dict[str, Any]:
    """A frozen audience: what it came to, and how many of its recipients were erased since."""
    return {
        "id": row.audience_id,
        "campaign_id": row.campaign_id,
        "position": row.audience_no,
        "frozen_at": row.frozen_at,
        "count": row.recipients,
        "skipped": {
            "opted_out": row.opted_out,
            "no_phone": row.no_phone,
            "duplicate_phone": row.duplicate_phone,
            "excluded": row.excluded,
        },
        "erased": row.erased,
    }


def show_recipient(row: RecipientRow) -> dict[str, Any]:
    """A recipient as CONTRACT shows it."""
    return {"customer_id": row.customer_id, "external_id": row.external_id, "phone": row.phone, "name": row.name}


def known(written: str, noun: str) -> UUID:
    """The id that a text in an address is. Raises `NotFound` where it is none."""
    return found(uuid_in(written), noun)


def found(row: Row | None, noun: str) -> Row:
    """What was looked for. Raises `NotFound`."""
    if row is None:
        raise NotFound(f"{noun}_not_found", f"no such {noun} in this account")
    return row
