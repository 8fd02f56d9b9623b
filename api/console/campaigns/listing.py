"""The Campaigns page: every campaign of the account with its segments by name; deleting one in a dialog."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import done, show, still, unchanged
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.lookup import require_campaign
from api.http.parameters import PathId
from api.http.read_your_writes import settle, snapshot
from domain.filters.wording import plural
from projections.read import accounts, campaigns, segments

router = APIRouter(prefix="/campaigns")


@router.get("")
def list_campaigns(request: Request, here: Here, person: SignedIn, pager: Paged) -> Response:
    """The list of campaigns, newest first."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        rows = campaigns.page(connection, account_id, before=pager.number, limit=pager.fetch)
        total = campaigns.count(connection, account_id)
        ids = {each for row in rows for each in (*row.segment_ids, *row.exclude_segment_ids)}
        named = segments.by_ids(connection, account_id, ids)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda row: str(row.campaign_no), total)
    values = {
        "person": person, "active": "campaigns", "page": page, "zone": days.zone, "position": position,
        "segments": named,
    }  # fmt: skip
    return show(request, "campaigns.html", values)


@router.get("/{campaign_id}/delete")
def ask(request: Request, here: Here, person: SignedIn, campaign_id: PathId) -> Response:
    """What deleting it would mean."""
    with snapshot(here, person.account_id) as (connection, _):
        row = require_campaign(connection, person.account_id, campaign_id)
        frozen = campaigns.count_audiences(connection, person.account_id, campaign_id=row.campaign_id)
    values = {"person": person, "active": "campaigns", "campaign": row, "frozen": plural(frozen, "frozen audience")}
    return show(request, "campaign_delete.html", values)


@router.post("/{campaign_id}/delete")
def delete(request: Request, here: Here, person: SignedIn, campaign_id: PathId) -> Response:
    """Delete it; its frozen audiences stay."""
    with snapshot(here, person.account_id) as (connection, _):
        row = require_campaign(connection, person.account_id, campaign_id)
    position = here.rollcall.campaigns.delete(person.account_id, row.campaign_id, None)
    settle(here, person.account_id, position)
    return done(request, f"{row.name} was deleted", "/console/campaigns")
