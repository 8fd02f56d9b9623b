"""A campaign's page: what it is for, whom it reaches now, and its audiences that were frozen; freezing one.

Each part of the page keeps itself up to date. To count the recipients of a large account takes time: what is not
counted at once comes after the page, and then is not asked for again and again.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Form, Query, Request, Response

from api.console.campaigns import reach
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import done, show, still, unchanged
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.lookup import require_campaign, require_computed
from api.http.parameters import PathId
from api.http.read_your_writes import settle, snapshot, wait_until_counted
from domain.errors import Lagging
from domain.filters.wording import plural
from projections.read import accounts, campaigns
from projections.read.campaigns import CampaignRow

router = APIRouter(prefix="/campaigns")
# The newest of them; the rest are on the page of all frozen audiences.
FROZEN_SHOWN = 10
# Less than the browser waits for any answer.
FREEZE_WAIT = 20.0
Whole = Annotated[bool, Query(description="Wait for the count, however long it takes.")]
LIGHT = ("section#campaign", "section#frozen")
COUNT = "section#reach"


@router.get("/{campaign_id}")
def view(
    request: Request, here: Here, person: SignedIn, campaign_id: PathId, pager: Paged, whole: Whole = False
) -> Response:
    """The campaign as it is now."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        row = require_campaign(connection, account_id, campaign_id)
        lists = reach.chosen(connection, account_id, row.segment_ids, row.exclude_segment_ids)
        values: dict[str, Any] = {
            "campaign": row, "lists": lists, "reach": None, "page": None, "quick": True, "asked_alone": False,
            "frozen": campaigns.audiences(connection, account_id, campaign_id=row.campaign_id, limit=FROZEN_SHOWN),
            "frozen_total": campaigns.count_audiences(connection, account_id, campaign_id=row.campaign_id),
            "zone": accounts.calendar(connection, account_id)[0].zone,
        }  # fmt: skip
        part = request.headers.get("hx-target")
        if part not in LIGHT and not row.needs_audience:
            values |= _recipients(connection, lists, pager, account_id, alone=part == COUNT or whole)
    values |= {"person": person, "active": "campaigns", "position": position, "why": why(row)}
    return show(request, "campaign.html", values)


@router.get("/{campaign_id}/freeze")
def ask(request: Request, here: Here, person: SignedIn, campaign_id: PathId) -> Response:
    """What freezing means."""
    with snapshot(here, person.account_id) as (connection, _):
        row = require_campaign(connection, person.account_id, campaign_id)
    values = {"person": person, "active": "campaigns", "campaign": row, "token": uuid4()}
    return show(request, "audience_freeze.html", values)


@router.post("/{campaign_id}/freeze")
def freeze(
    request: Request, here: Here, person: SignedIn, campaign_id: PathId, token: Annotated[str, Form()] = ""
) -> Response:
    """Freeze whom it reaches now; the same form sent twice freezes one audience."""
    account_id = person.account_id
    settle(here, account_id, here.rollcall.head())
    with snapshot(here, account_id) as (connection, _):
        row = require_campaign(connection, account_id, campaign_id)
        require_computed(connection, account_id, row.campaign_id)
    saved = here.rollcall.campaigns.freeze(account_id, row.campaign_id, uuid5(row.campaign_id, f"audience:{token}"))
    try:
        audience = wait_until_counted(here, account_id, saved, FREEZE_WAIT)
        message = f"Frozen: {plural(audience.recipients, 'recipient')}"
    except Lagging:
        message = "The audience is being frozen. It will be listed here."
    return done(request, message, f"/console/campaigns/{row.campaign_id}")


def why(row: CampaignRow) -> str:
    """Why a campaign has no recipients until a person chooses; empty where it has."""
    if not row.needs_audience:
        return ""
    if not row.segment_ids:
        lost = "Every segment it was for was deleted." if row.lost_included else "No segment was chosen for it."
        return f"{lost} It reaches nobody until somebody chooses segments."
    one = row.lost_excluded == 1
    lost = "A segment that it left out was" if one else f"{row.lost_excluded} segments that it left out were"
    return (
        f"{lost} deleted. It reaches nobody until somebody chooses anew whom to leave out, "
        f"so that nobody who was left out is reached by accident."
    )


def _recipients(connection: Any, lists: reach.Chosen, pager: Pager, account_id: UUID, *, alone: bool) -> dict[str, Any]:
    """The count, where it is known at once or asked for alone, and the first recipients."""
    found = reach.reach(connection, account_id, lists, reach.AT_ONCE)
    quick = found is not None or lists.union(account_id) is None
    if not quick and alone:
        found = reach.reach(connection, account_id, lists)
    rows = reach.page(connection, account_id, lists, after=pager.number, limit=pager.fetch)
    total = None if not quick else found.recipients if found else 0
    page = pager.page(rows, lambda each: str(each.customer_no), total)
    return {"reach": found, "page": page, "quick": quick, "asked_alone": alone}
