"""A campaign's page: its segments, its recipients now, its frozen audiences; freezing an audience, and copying it.

Each part of the page keeps itself up to date. Counting the recipients of a large account takes time: a slow count is
requested after the page is shown, and then only rarely again.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Form, Query, Request, Response

from api.console.campaigns import reach
from api.console.web.language import language_of
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_campaign, require_computed
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_counted, wait_until_visible
from api.http.route import AccountRoute
from domain.errors import Lagging
from domain.segment import MAX_NAME
from domain.texts.language import counted, said
from projections.read import accounts, campaigns
from projections.read.campaigns import CampaignRow

router = APIRouter(prefix="/campaigns", route_class=AccountRoute)
# How many of the newest audiences are shown; the page of all frozen audiences has the rest.
MAX_FROZEN = 10
# Less than the browser waits for any answer.
FREEZE_WAIT = 20.0
Whole = Annotated[bool, Query(description="Wait for the count, however long it takes.")]
PARTS_WITHOUT_RECIPIENTS = ("section#campaign", "section#frozen")
COUNT_PART = "section#reach"


@router.get("/{campaign_id}")
def view(
    request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId, pager: Paged, whole: Whole = False
) -> Response:
    """Shows the campaign as it is now."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        row = require_campaign(connection, account_id, campaign_id)
        lists = reach.chosen_segments(connection, account_id, row.segment_ids, row.exclude_segment_ids)
        values: dict[str, Any] = {
            "campaign": row,
            "lists": lists,
            "reach": None,
            "page": None,
            "quick": True,
            "is_follow_up": False,
            "frozen": campaigns.audiences(connection, account_id, campaign_id=row.campaign_id, limit=MAX_FROZEN),
            "frozen_total": campaigns.count_audiences(connection, account_id, campaign_id=row.campaign_id),
            "zone": accounts.calendar(connection, account_id)[0].zone,
        }
        part = request.headers.get("hx-target")
        if part not in PARTS_WITHOUT_RECIPIENTS and not row.needs_audience:
            values |= _recipients(connection, lists, pager, account_id, can_wait=part == COUNT_PART or whole)
    values |= {"position": position, "missing_audience": missing_audience(row), "token": uuid4()}
    return show(request, "campaign.html", values)


@router.post("/{campaign_id}/copy")
def copy(
    request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId, token: Annotated[str, Form()] = ""
) -> WaitingAnswer:
    """Copies the campaign and shows the copy's form; the same form sent twice makes one copy."""
    words = language_of(request)
    with snapshot(services, user.account_id) as (connection, _):
        row = require_campaign(connection, user.account_id, campaign_id)
    name = words.gettext("Copy of %(name)s", name=row.name)[:MAX_NAME].rstrip()
    copy_id = uuid5(row.campaign_id, f"copy:{token or uuid4()}")
    saved = services.rollcall.campaigns.copy(user.account_id, row.campaign_id, name, copy_id)
    yield from wait_until_visible(services, user.account_id, saved.position)
    message = words.gettext("%(name)s was copied. Give the copy a name.", name=row.name)
    return done(request, message, f"/console/campaigns/{saved.id}/edit")


@router.get("/{campaign_id}/freeze")
def ask(request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId) -> Response:
    """Asks whether to freeze the audience: what that means."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_campaign(connection, user.account_id, campaign_id)
    values = {"campaign": row, "token": uuid4()}
    return show(request, "audience_freeze.html", values)


@router.post("/{campaign_id}/freeze")
def freeze(
    request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId, token: Annotated[str, Form()] = ""
) -> WaitingAnswer:
    """Freezes the customers that the campaign reaches now; the same form sent twice freezes one audience."""
    account_id = user.account_id
    yield from wait_until_visible(services, account_id, services.rollcall.head())
    with snapshot(services, account_id) as (connection, _):
        row = require_campaign(connection, account_id, campaign_id)
        require_computed(connection, account_id, row.campaign_id)
    saved = services.rollcall.campaigns.freeze(account_id, row.campaign_id, uuid5(row.campaign_id, f"audience:{token}"))
    try:
        audience = yield from wait_until_counted(services, account_id, saved, FREEZE_WAIT)
        message = counted("Frozen: %(num)s recipient", "Frozen: %(num)s recipients", audience.recipients)
    except Lagging:
        message = said("The audience is being frozen. It will be listed here.")
    return done(request, message, f"/console/campaigns/{row.campaign_id}")


def missing_audience(row: CampaignRow) -> str:
    """Returns why a campaign has no recipients until someone chooses segments; an empty text where it has."""
    if not row.needs_audience:
        return ""
    if not row.segment_ids:
        if row.lost_included:
            return said("Every segment it used was deleted. It has no recipients until someone chooses segments.")
        return said("No segment was chosen for it. It has no recipients until someone chooses segments.")
    return counted(
        "A segment it left out was deleted. It has no recipients until someone chooses again which segments to leave "
        "out, so that no customer is reached by accident.",
        "%(num)s segments it left out were deleted. It has no recipients until someone chooses again which segments to "
        "leave out, so that no customer is reached by accident.",
        row.lost_excluded,
    )


def _recipients(
    connection: Any, lists: reach.ChosenSegments, pager: Pager, account_id: UUID, *, can_wait: bool
) -> dict[str, Any]:
    """Returns the count, unless it takes long and the browser cannot wait, and a page of the recipients."""
    count = reach.count_reach(connection, account_id, lists, reach.QUICK_LIMIT)
    quick = count is not None or lists.audience_spec(account_id) is None
    if not quick and can_wait:
        count = reach.count_reach(connection, account_id, lists)
    rows = reach.page(connection, account_id, lists, after=pager.after_number, limit=pager.limit)
    total = None if not quick else count.recipients if count else 0
    page = pager.page(rows, lambda each: str(each.customer_no), total)
    return {"reach": count, "page": page, "quick": quick, "is_follow_up": can_wait}
