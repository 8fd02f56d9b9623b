"""Campaigns: their rows, and how a deleted segment leaves every one of them. Used by the worker.

A list in an event is taken as far as its segments are there at that position: one that was deleted a
moment before is lost at once, so that no edit brings a deleted segment back.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.stored_events import (
    CampaignAudienceChosen,
    CampaignCreated,
    CampaignDeleted,
    CampaignRenamed,
    Event,
    SegmentDeleted,
)
from projections.model.account_state import AccountState
from projections.postgres.database import beside

SQL = beside(__file__)
# Those that need not wait for time to pass.
EVENTS = (CampaignCreated, CampaignRenamed, CampaignAudienceChosen, CampaignDeleted)


def apply(connection: Connection[Any], account: AccountState, event: Event, position: int, at: int) -> None:
    """Bring an event into the campaigns' rows."""
    match event:
        case CampaignCreated():
            included, excluded = _present(account, event.segment_ids), _present(account, event.exclude_segment_ids)
            connection.execute(
                SQL.create,
                {
                    "account_id": account.account_id, "campaign_no": position, "campaign_id": event.originator_id,
                    "name": event.name, "segment_ids": included, "exclude_segment_ids": excluded,
                    "lost_included": len(event.segment_ids) - len(included),
                    "lost_excluded": len(event.exclude_segment_ids) - len(excluded),
                    "events": event.originator_version, "at": at,
                },
            )  # fmt: skip
        case CampaignRenamed():
            connection.execute(SQL.rename, {**_edit_of(event, at), "name": event.name})
        case CampaignAudienceChosen():
            lists = (("segment_ids", "lost_included"), ("exclude_segment_ids", "lost_excluded"))
            fields: dict[str, Any] = _edit_of(event, at)
            for field, lost in lists:
                ids: list[UUID] | None = getattr(event, field)
                left = None if ids is None else _present(account, ids)
                fields |= {field: left, lost: 0 if ids is None or left is None else len(ids) - len(left)}
            connection.execute(SQL.choose, fields)
        case CampaignDeleted():
            connection.execute(SQL.delete, {"campaign_id": event.originator_id})
        case SegmentDeleted():
            fields = {"account_id": account.account_id, "segment_id": event.originator_id, "at": at}
            connection.execute(SQL.detach, fields)


def _present(account: AccountState, ids: list[UUID]) -> list[UUID]:
    return [each for each in ids if each in account.segments]


def _edit_of(event: Event, at: int) -> dict[str, Any]:
    return {"campaign_id": event.originator_id, "events": event.originator_version, "at": at}
