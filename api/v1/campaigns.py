"""Campaigns: `/v1/campaigns`. Create, copy, list, read, edit, delete, freeze; recipients are in `api.v1.recipients`."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from api.http.access import Admin, Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once
from api.http.json_body import Body, parse_body
from api.http.lookup import parse_campaign_id, require_campaign, require_computed
from api.http.paging import Page
from api.http.parameters import IdempotencyKey, IfMatch, PathId, parse_if_match
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_counted, wait_until_visible
from api.http.responses import answer, no_content, stored
from api.http.route import AccountRoute
from api.http.shapes.campaigns import (
    EXAMPLE,
    EXAMPLE_FROZEN,
    Audience,
    Campaign,
    CampaignBody,
    CampaignCopyBody,
    CampaignPatch,
    show_audience,
    show_campaign,
)
from api.http.shapes.openapi import answers, or_stored, takes
from api.http.shapes.pages import PageOf
from domain.campaign import CampaignDraft, CampaignEdit
from domain.commands.log import Saved
from domain.errors import Lagging, NotFound, Unavailable
from projections.read import campaigns
from projections.read.campaigns import CampaignRow

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], route_class=AccountRoute)


@router.post(
    "",
    operation_id="create_campaign",
    status_code=201,
    response_model=Campaign,
    responses=or_stored(
        answers(
            {201: ("The campaign.", EXAMPLE)},
            400,
            409,
            413,
            415,
            headers=("Rollcall-Position", "ETag", "Location"),
        )
    ),
    openapi_extra=takes(CampaignBody, {"name": "Spring sale", "segment_ids": EXAMPLE["segment_ids"]}),
)
def create_campaign(
    services: ServicesDep, caller: Admin, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Create a campaign for the members of some segments, without those of others."""
    asked = parse_body(body, CampaignBody)
    draft = CampaignDraft(asked.name, asked.segment_ids, asked.exclude_segment_ids)

    def work(identity: UUID | None) -> WaitingAnswer:
        now = services.rollcall.now()
        saved = services.rollcall.campaigns.create(caller.account_id, draft, identity)
        expected = CampaignRow.not_yet_projected(saved.id, draft, now)
        return (yield from _answer_write(services, caller, saved, expected, status=201))

    return (yield from answer_once(services, caller, idempotency_key, ("POST /v1/campaigns", body), work))


@router.get(
    "",
    operation_id="list_campaigns",
    response_model=PageOf[Campaign],
    responses=answers({200: ("Campaigns, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_campaigns(services: ServicesDep, caller: Reader, page: Page) -> Response:
    """List campaigns, newest first."""
    account_id = caller.account_id
    before = None if page.after is None else int(page.after[0])
    with snapshot(services, account_id) as (connection, position):
        rows = campaigns.page(connection, account_id, before=before, limit=page.fetch)
        body = page.page(
            rows, show_campaign, lambda row: (row.campaign_no,), lambda: campaigns.count(connection, account_id)
        )
    return answer(body, position)


@router.get(
    "/{campaign_id:campaign}",
    operation_id="get_campaign",
    response_model=Campaign,
    responses=answers({200: ("The campaign.", EXAMPLE)}, 404, 504, headers=("Rollcall-Position", "ETag")),
)
def get_campaign(
    services: ServicesDep,
    caller: Reader,
    campaign_id: PathId,
) -> Response:
    """Read a campaign; its lists hold the segments that are left."""
    with snapshot(services, caller.account_id) as (connection, position):
        row = require_campaign(connection, caller.account_id, campaign_id)
    return answer(show_campaign(row), position, version=row.version)


@router.patch(
    "/{campaign_id:campaign}",
    operation_id="edit_campaign",
    response_model=Campaign,
    responses=or_stored(
        answers({200: ("The campaign.", EXAMPLE)}, 400, 404, 412, 413, 415, headers=("Rollcall-Position", "ETag"))
    ),
    openapi_extra=takes(CampaignPatch, {"name": "Spring sale, second wave"}),
)
def edit_campaign(
    services: ServicesDep, caller: Admin, campaign_id: PathId, body: Body, if_match: IfMatch = None
) -> WaitingAnswer:
    """Change a campaign; what is absent stays.

    A campaign that `needs_audience` is `ready` again once the list that lost a segment is named: `segment_ids`
    where none was left, `exclude_segment_ids` where an excluded one was deleted.
    """
    version = parse_if_match(if_match)
    asked = parse_body(body, CampaignPatch)
    changes: dict[str, Any] = {field: getattr(asked, field) for field in asked.model_fields_set}
    now = services.rollcall.now()
    saved = services.rollcall.campaigns.edit(
        caller.account_id, parse_campaign_id(campaign_id), CampaignEdit(**changes), version
    )
    return (yield from _answer_write(services, caller, saved, _as_stored(services, caller, saved, now)))


@router.delete(
    "/{campaign_id:campaign}",
    operation_id="delete_campaign",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Deleted; its frozen audiences are not.", None)}, 400, 404, 412),
)
def delete_campaign(
    services: ServicesDep, caller: Admin, campaign_id: PathId, if_match: IfMatch = None
) -> WaitingAnswer:
    """Delete a campaign. Its frozen audiences stay readable."""
    position = services.rollcall.campaigns.delete(
        caller.account_id, parse_campaign_id(campaign_id), parse_if_match(if_match)
    )
    yield from wait_until_visible(services, caller.account_id, position)
    return no_content(position)


@router.post(
    "/{campaign_id}/copy",
    operation_id="copy_campaign",
    status_code=201,
    response_model=Campaign,
    responses=or_stored(
        answers(
            {201: ("The copy.", {**EXAMPLE, "name": "Copy of Spring sale"})},
            400,
            404,
            409,
            413,
            415,
            headers=("Rollcall-Position", "ETag", "Location"),
        )
    ),
    openapi_extra=takes(CampaignCopyBody, {"name": "Summer sale"}),
)
def copy_campaign(
    services: ServicesDep, caller: Admin, campaign_id: PathId, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Create a campaign with the segments of another one; without a `name` it is called a copy of that one.

    A campaign that `needs_audience` is not copied: choose its segments first.
    """
    asked = parse_body(body, CampaignCopyBody)
    campaign = parse_campaign_id(campaign_id)

    def work(identity: UUID | None) -> WaitingAnswer:
        now = services.rollcall.now()
        saved = services.rollcall.campaigns.copy(caller.account_id, campaign, asked.name, identity)
        expected = _as_stored(services, caller, saved, now)
        return (yield from _answer_write(services, caller, saved, expected, status=201))

    return (
        yield from answer_once(services, caller, idempotency_key, (f"POST /v1/campaigns/{campaign}/copy", body), work)
    )


@router.post(
    "/{campaign_id}/audience",
    operation_id="freeze_audience",
    status_code=201,
    response_model=Audience,
    responses=or_stored(
        answers({201: ("The audience.", EXAMPLE_FROZEN)}, 404, 409, headers=("Rollcall-Position", "Location"))
    ),
)
def freeze_audience(
    services: ServicesDep, caller: Admin, campaign_id: PathId, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Freeze a campaign's recipients as they are now: the audience is permanent, but for erased customers.

    Where it takes long, the answer is 202, and the audience will be at `Location`.
    """
    account_id = caller.account_id
    campaign = parse_campaign_id(campaign_id)

    def work(identity: UUID | None) -> WaitingAnswer:
        yield from wait_until_visible(services, account_id, services.rollcall.head())
        with services.database.transaction(account_id) as connection:
            require_computed(connection, account_id, campaign)
        saved = services.rollcall.campaigns.freeze(account_id, campaign, identity)
        try:
            row = yield from wait_until_counted(services, account_id, saved, services.freeze_wait)
        except (Lagging, Unavailable):
            return stored(saved, f"/v1/audiences/{saved.id}")
        return answer(show_audience(row), row.audience_no, status=201, location=f"/v1/audiences/{saved.id}")

    return (
        yield from answer_once(
            services, caller, idempotency_key, (f"POST /v1/campaigns/{campaign}/audience", b""), work
        )
    )


def _as_stored(services: Services, caller: Caller, saved: Saved, now: datetime) -> CampaignRow | None:
    """Returns a campaign as the log has it; `None` where neither the log nor the read model answers."""
    with suppress(Unavailable, NotFound), services.database.transaction(caller.account_id) as connection:
        kept, existing = services.rollcall.campaigns.read(caller.account_id, saved.id)
        row = campaigns.by_id(connection, caller.account_id, saved.id)
        if row is None:
            row = CampaignRow.not_yet_projected(saved.id, CampaignDraft(kept.name, []), now)
        included = [each for each in kept.segment_ids if each in existing]
        left_out = [each for each in kept.exclude_segment_ids if each in existing]
        return row._replace(
            name=kept.name,
            segment_ids=included,
            exclude_segment_ids=left_out,
            lost_included=len(kept.segment_ids) - len(included),
            lost_excluded=len(kept.exclude_segment_ids) - len(left_out),
            events=kept.events,
            updated_at=now,
        )
    return None


def _answer_write(
    services: Services, caller: Caller, saved: Saved, expected: CampaignRow | None, status: int = 200
) -> WaitingAnswer:
    """Returns a campaign after a write: as the read model has it by now, or, while that lags, as expected."""
    yield from wait_until_visible(services, caller.account_id, saved.position)
    try:
        with snapshot(services, caller.account_id) as (connection, position):
            seen = campaigns.by_id(connection, caller.account_id, saved.id)
    except Unavailable:
        return stored(saved, f"/v1/campaigns/{saved.id}")
    projected = seen is not None and position >= saved.position
    row = seen if projected else expected
    if row is None:
        return stored(saved, f"/v1/campaigns/{saved.id}")
    shown = show_campaign(row)
    if not projected:
        shown["version"] = saved.version
    location = f"/v1/campaigns/{saved.id}" if status == 201 else None
    return answer(shown, saved.position, status=status, version=shown["version"], location=location)
