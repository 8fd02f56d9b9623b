"""Campaigns and frozen audiences. Used by `api.v1.campaigns`, `api.v1.recipients` and the console."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.campaign import VERSION_STEP, CampaignDraft
from projections.postgres.database import beside

SQL = beside(__file__)


class CampaignRow(NamedTuple):
    """A campaign; its lists hold only segments that still exist, the `lost_` counts how many were deleted."""

    campaign_no: int
    campaign_id: UUID
    name: str
    segment_ids: list[UUID]
    exclude_segment_ids: list[UUID]
    lost_included: int
    lost_excluded: int
    events: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def not_yet_projected(cls, campaign_id: UUID, draft: CampaignDraft, at: datetime) -> Self:
        """The campaign as it will be once its creation is projected."""
        return cls(
            campaign_no=0,
            campaign_id=campaign_id,
            name=draft.name.strip(),
            segment_ids=list(dict.fromkeys(draft.segment_ids)),
            exclude_segment_ids=list(dict.fromkeys(draft.exclude_segment_ids)),
            lost_included=0,
            lost_excluded=0,
            events=1,
            created_at=at,
            updated_at=at,
        )

    @property
    def version(self) -> int:
        """The campaign's ETag, as `domain.campaign` counts it."""
        return self.events * VERSION_STEP + self.lost_included + self.lost_excluded

    def needs_audience_without(self, *segment_ids: UUID) -> bool:
        """Returns whether the campaign would need a new choice of segments if these were deleted."""
        return not {*segment_ids}.isdisjoint(self.exclude_segment_ids) or not {*self.segment_ids} - {*segment_ids}

    @property
    def needs_audience(self) -> bool:
        """Whether somebody must choose its segments again before it has recipients."""
        return not self.segment_ids or self.lost_excluded > 0


class AudienceRow(NamedTuple):
    """A frozen audience with its counts; it may be read once it is `counted`."""

    audience_no: int
    audience_id: UUID
    campaign_id: UUID
    frozen_at: datetime
    counted: bool
    recipients: int
    opted_out: int
    no_phone: int
    excluded: int
    duplicate_phone: int
    erased: int


def by_id(connection: Connection[TupleRow], account_id: UUID, campaign_id: UUID) -> CampaignRow | None:
    """Returns the campaign with this id in this account."""
    found = connection.execute(SQL.by_id, {"account_id": account_id, "campaign_id": campaign_id}).fetchone()
    return CampaignRow(*found) if found else None


def with_served(
    connection: Connection[TupleRow], account_id: UUID, campaign_id: UUID
) -> tuple[CampaignRow, list[int | None], list[int | None]] | None:
    """Returns the campaign, and the served versions of its included and excluded segments (`None`: none yet)."""
    found = connection.execute(SQL.with_served, {"account_id": account_id, "campaign_id": campaign_id}).fetchone()
    return (CampaignRow(*found[:-2]), found[-2], found[-1]) if found else None


def page(connection: Connection[TupleRow], account_id: UUID, *, before: int | None, limit: int) -> list[CampaignRow]:
    """Returns a page of campaigns, newest first."""
    found = connection.execute(SQL.page, {"account_id": account_id, "before": before, "limit": limit})
    return [CampaignRow(*row) for row in found]


def of_segment(connection: Connection[TupleRow], account_id: UUID, *segment_ids: UUID) -> list[CampaignRow]:
    """Returns the campaigns that include or exclude a segment, or any of several, newest first."""
    found = connection.execute(SQL.of_segment, {"account_id": account_id, "segment_ids": list(segment_ids)})
    return [CampaignRow(*row) for row in found]


def count(connection: Connection[TupleRow], account_id: UUID) -> int:
    """Returns how many campaigns the account has."""
    row = connection.execute(SQL.count, [account_id]).fetchone()
    return int(row[0]) if row else 0


def audience(connection: Connection[TupleRow], account_id: UUID, audience_id: UUID) -> AudienceRow | None:
    """Returns the frozen audience with this id in this account."""
    found = connection.execute(SQL.audience, {"account_id": account_id, "audience_id": audience_id}).fetchone()
    return AudienceRow(*found) if found else None


def audiences(
    connection: Connection[TupleRow],
    account_id: UUID,
    *,
    campaign_id: UUID | None = None,
    counted: bool = False,
    before: int | None = None,
    limit: int,
) -> list[tuple[AudienceRow, str | None]]:
    """Returns frozen audiences, newest first, of one campaign or of all; each with its campaign's name, if any.

    Those that are still being frozen are among them unless only `counted` ones are asked for.
    """
    of = {"account_id": account_id, "campaign_id": campaign_id, "counted": counted}
    terms = of | {"before": before, "limit": limit}
    return [(AudienceRow(*row[:-1]), row[-1]) for row in connection.execute(SQL.audiences, terms)]


def audience_before(connection: Connection[TupleRow], account_id: UUID, later: AudienceRow) -> AudienceRow | None:
    """Returns the audience of the same campaign that was frozen before this one."""
    earlier = audiences(
        connection, account_id, campaign_id=later.campaign_id, counted=True, before=later.audience_no, limit=1
    )
    return earlier[0][0] if earlier else None


def count_audiences(
    connection: Connection[TupleRow], account_id: UUID, *, campaign_id: UUID | None = None, counted: bool = False
) -> int:
    """Returns how many audiences `audiences` finds in all."""
    of = {"account_id": account_id, "campaign_id": campaign_id, "counted": counted}
    row = connection.execute(SQL.count_audiences, of).fetchone()
    return int(row[0]) if row else 0
