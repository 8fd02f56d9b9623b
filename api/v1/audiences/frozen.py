"""Frozen audiences: `/v1/audiences`, the list of them, and one compared with an earlier one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.lookup import parse_campaign_id, require_counted_audience
from api.http.paging import Page
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.campaigns import (
    EXAMPLE_COMPARISON,
    EXAMPLE_FROZEN,
    Audience,
    AudienceComparison,
    show_audience,
    show_comparison,
)
from api.http.shapes.openapi import answers
from api.http.shapes.pages import PageOf
from domain.errors import NotFound
from projections.read import campaigns
from projections.read.audiences import comparison

router = APIRouter(prefix="/v1/audiences", tags=["recipients"], route_class=AccountRoute)
CampaignId = Annotated[
    str | None, Query(max_length=100, pattern=TEXT_PATTERN, description="Only those of this campaign.")
]
Since = Annotated[
    str | None,
    Query(
        max_length=100,
        pattern=TEXT_PATTERN,
        description="The audience to compare with; left out, the one of the same campaign that was frozen before it.",
    ),
]


@router.get(
    "",
    operation_id="list_audiences",
    response_model=PageOf[Audience],
    responses=answers(
        {200: ("Audiences, newest first.", {"data": [EXAMPLE_FROZEN], "next_cursor": None})}, 400, 404, 504
    ),
)
def list_audiences(services: ServicesDep, caller: Reader, page: Page, campaign_id: CampaignId = None) -> Response:
    """List frozen audiences, newest first; those of deleted campaigns too, and none that is not counted yet."""
    account_id = caller.account_id
    before = None if page.after is None else int(page.after[0])
    campaign = None if campaign_id is None else parse_campaign_id(campaign_id)
    with snapshot(services, account_id) as (connection, position):
        rows = campaigns.audiences(
            connection, account_id, campaign_id=campaign, counted=True, before=before, limit=page.fetch
        )
        body = page.page(
            rows,
            lambda row: show_audience(row[0]),
            lambda row: (row[0].audience_no,),
            lambda: campaigns.count_audiences(connection, account_id, campaign_id=campaign, counted=True),
        )
    return answer(body, position)


@router.get(
    "/{audience_id}/comparison",
    operation_id="compare_audiences",
    response_model=AudienceComparison,
    responses=answers({200: ("Who came and who went.", EXAMPLE_COMPARISON)}, 400, 404, 504),
)
def compare_audiences(services: ServicesDep, caller: Reader, audience_id: PathId, since: Since = None) -> Response:
    """Count who is in a frozen audience and was not in an earlier one, who no longer is, and who is in both.

    Customers are compared, not their numbers. Who they are: `/recipients?not_in=` of either audience.
    """
    account_id = caller.account_id
    with snapshot(services, account_id) as (connection, position):
        row = require_counted_audience(connection, account_id, audience_id)
        if since is not None:
            earlier = require_counted_audience(connection, account_id, since)
        elif (found := campaigns.audience_before(connection, account_id, row)) is not None:
            earlier = found
        else:
            raise NotFound("audience_not_found", "its campaign has no earlier audience; name another one as `since`")
        compared = comparison.compare(connection, account_id, row, earlier)
    return answer(show_comparison(row, earlier, compared), position)
