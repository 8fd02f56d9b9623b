"""Campaigns: their rows, and how a deleted segment leaves every one of them.

Event handlers, called by the worker within its transaction. Of a list of segments in an event only those that
exist at that position are stored: one that was deleted just before counts as lost at once, so that no edit brings
a deleted segment back.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.stored_events import (
    CampaignAudienceChosen,
    CampaignCreated,
    CampaignDeleted,
    CampaignRenamed,
    Event,
    SegmentDeleted,
)
from projections.model.account_state import AccountState
from projections.model.read_model import ReadModel
from projections.postgres.database import beside

SQL = beside(__file__)


def create(model: ReadModel, event: CampaignCreated, position: int, at: int) -> None:
    """Insert a campaign."""
    account = model.account_of(event)
    fields = {
        "account_id": account.account_id,
        "campaign_no": position,
        "name": event.name,
        **_list_fields(account, "segment_ids", "lost_included", event.segment_ids),
        **_list_fields(account, "exclude_segment_ids", "lost_excluded", event.exclude_segment_ids),
    }
    model.connection.execute(SQL.create, fields | _edit_fields(event, at))


def rename(model: ReadModel, event: CampaignRenamed, _position: int, at: int) -> None:
    """Change a campaign's name."""
    model.connection.execute(SQL.rename, {"name": event.name} | _edit_fields(event, at))


def choose_audience(model: ReadModel, event: CampaignAudienceChosen, _position: int, at: int) -> None:
    """Replace the lists of segments that were chosen; a list that is `None` stays as it is, with what it lost."""
    account = model.account_of(event)
    fields = {
        **_list_fields(account, "segment_ids", "lost_included", event.segment_ids),
        **_list_fields(account, "exclude_segment_ids", "lost_excluded", event.exclude_segment_ids),
    }
    model.connection.execute(SQL.choose_audience, fields | _edit_fields(event, at))


def delete(model: ReadModel, event: CampaignDeleted, _position: int, _at: int) -> None:
    """Delete a campaign; its frozen audiences stay."""
    model.connection.execute(SQL.delete, {"campaign_id": event.originator_id})


def detach_segment(model: ReadModel, event: SegmentDeleted, _position: int, at: int) -> None:
    """Take a deleted segment out of every campaign, each of which counts what it lost."""
    fields = {"account_id": event.account_id, "segment_id": event.originator_id, "at": at}
    model.connection.execute(SQL.detach_segment, fields)


def _list_fields(account: AccountState, field: str, lost_field: str, ids: list[UUID] | None) -> dict[str, Any]:
    if ids is None:
        return {field: None, lost_field: 0}
    present = [each for each in ids if each in account.segments]
    return {field: present, lost_field: len(ids) - len(present)}


def _edit_fields(event: Event, at: int) -> dict[str, Any]:
    return {"campaign_id": event.originator_id, "events": event.originator_version, "at": at}
