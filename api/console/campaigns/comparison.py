"""Two frozen audiences of a campaign compared: how many customers came, went and stayed; who came and who went.

Comparing large audiences takes time: where it does, the browser requests it after the page is shown.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.campaigns.reach import QUICK_LIMIT, TIME_LIMIT
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_counted_audience
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from projections.read import accounts, campaigns, recipients
from projections.read.audiences.comparison import compare_within
from projections.read.campaigns import AudienceRow
from projections.read.recipients import FrozenRecipients

router = APIRouter(prefix="/audiences", route_class=AccountRoute)
# How many of the newest audiences of a campaign are offered to compare with.
MOST_OFFERED = 50
PART = "section#compared"
Since = Annotated[str, Query(max_length=100, pattern=TEXT_PATTERN)]
Whole = Annotated[bool, Query(description="Wait for the comparison, however long it takes.")]


@router.get("/{audience_id}/compare")
def view(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    audience_id: PathId,
    pager: Paged,
    since: Since = "",
    change: Literal["came", "went"] = "came",
    whole: Whole = False,
) -> Response:
    """Compares an audience with an earlier one of its campaign; if none is named, with the one before it."""
    account_id = user.account_id
    can_wait = request.headers.get("hx-target") == PART or whole
    with snapshot(services, account_id) as (connection, _):
        later = require_counted_audience(connection, account_id, audience_id)
        before = campaigns.audiences(
            connection,
            account_id,
            campaign_id=later.campaign_id,
            counted=True,
            before=later.audience_no,
            limit=MOST_OFFERED,
        )
        others = [each for each, _ in before]
        earlier = require_counted_audience(connection, account_id, since) if since else next(iter(others), None)
        values: dict[str, Any] = {
            "audience": later,
            "earlier": earlier,
            "others": others,
            "campaign": campaigns.by_id(connection, account_id, later.campaign_id),
            "change": change,
            "zone": accounts.calendar(connection, account_id)[0].zone,
            "compared": None,
            "page": None,
            "is_follow_up": can_wait,
        }
        if earlier is not None:
            values |= _compare(connection, account_id, later, earlier, pager, change, can_wait=can_wait)
    return show(request, "audience_compare.html", values)


def _compare(
    connection: Any,
    account_id: UUID,
    later: AudienceRow,
    earlier: AudienceRow,
    pager: Pager,
    change: str,
    *,
    can_wait: bool,
) -> dict[str, Any]:
    """Returns the counts and a page of who came or went; nothing if they take long and the browser cannot wait."""
    limit = TIME_LIMIT if can_wait else QUICK_LIMIT
    found = compare_within(connection, account_id, later, earlier, limit)
    if found is None:
        return {}
    here, there = (later, earlier) if change == "came" else (earlier, later)
    frozen = FrozenRecipients(account_id, here.audience_no, there.audience_no)
    rows = recipients.frozen_page(connection, frozen, after=pager.after_number, limit=pager.limit)
    total = found.came if change == "came" else found.went
    return {"compared": found, "page": pager.page(rows, lambda each: str(each.customer_no), total)}
