"""The Campaigns page: every campaign of the account with its segments by name; deleting one in a dialog."""

from __future__ import annotations

from uuid import uuid4

from fastapi import APIRouter, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_campaign
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.texts.language import counted, said
from projections.read import accounts, campaigns, segments

router = APIRouter(prefix="/campaigns", route_class=AccountRoute)


@router.get("")
def list_campaigns(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Lists campaigns, newest first."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        rows = campaigns.page(connection, account_id, before=pager.after_number, limit=pager.limit)
        total = campaigns.count(connection, account_id)
        ids = {each for row in rows for each in (*row.segment_ids, *row.exclude_segment_ids)}
        named = segments.by_ids(connection, account_id, ids)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda row: str(row.campaign_no), total)
    values = {
        "page": page,
        "zone": days.zone,
        "position": position,
        "segments": named,
        "token": uuid4(),
    }
    return show(request, "campaigns.html", values)


@router.get("/{campaign_id}/delete")
def ask(request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId) -> Response:
    """Asks whether to delete it."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_campaign(connection, user.account_id, campaign_id)
        frozen = campaigns.count_audiences(connection, user.account_id, campaign_id=row.campaign_id)
    values = {"campaign": row, "frozen": counted("%(num)s frozen audience", "%(num)s frozen audiences", frozen)}
    return show(request, "campaign_delete.html", values)


@router.post("/{campaign_id}/delete")
def delete(request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId) -> WaitingAnswer:
    """Deletes it; its frozen audiences stay."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_campaign(connection, user.account_id, campaign_id)
    position = services.rollcall.campaigns.delete(user.account_id, row.campaign_id, None)
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, said("%(name)s was deleted", name=row.name), "/console/campaigns")
