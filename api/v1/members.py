"""The members of a segment: `/v1/segments/{id}/members`, newest first, always of one whole filter version.

Members of a static segment are added and removed here; those of a dynamic one follow from its filter.
With `at`, the members of an earlier instant, from the history: those who matched then, whatever was served.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.http.access import Admin, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once
from api.http.json_body import Body, parse_body
from api.http.lists.fields import Chosen as ChosenFields
from api.http.lists.fields import MemberFields
from api.http.lists.streams import Listed, form_of, stream
from api.http.lookup import parse_segment_id, require_segment
from api.http.paging import Page, Paging
from api.http.parameters import IdempotencyKey, InstantText, PathId, SearchText, parse_instant, parse_uuid
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.responses import answer, no_content
from api.http.route import AccountRoute
from api.http.shapes.customers import (
    EXAMPLE,
    EXAMPLE_MEMBER,
    Chosen,
    Customer,
    Member,
    MembersAnswer,
    MembersBody,
    MemberThen,
    show_customer,
    show_member,
)
from api.http.shapes.openapi import answers, or_streams, takes
from api.http.shapes.pages import PageOf
from domain.errors import Invalid, NotFound, Refused
from projections.read import customers, history, members
from projections.read.streams import lines

router = APIRouter(prefix="/v1/segments", tags=["members"], route_class=AccountRoute)


@router.get(
    "/{segment_id}/members",
    operation_id="list_members",
    response_model=PageOf[Member] | PageOf[MemberThen] | PageOf[Chosen],
    responses=or_streams(
        answers({200: ("Members, newest first.", {"data": [EXAMPLE_MEMBER], "next_cursor": None})}, 400, 404, 504),
        "a member",
    ),
)
def list_members(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
    page: Page,
    fields: MemberFields,
    query: SearchText = None,
    at: InstantText = None,
) -> Response:
    """List who is in a segment now, newest first; `query` as for customers.

    With `at` (not together with `query`), who was in it at that instant, with `joined_at` as it was then. With
    `Accept: application/x-ndjson` or `text/csv` all of them come in one stream, the oldest customer first.
    """
    account_id = caller.account_id
    past = None if at is None else _past(services, at, query)
    if form := form_of(request):

        def listed(connection: Any) -> Listed:
            segment, chosen = require_segment(connection, account_id, segment_id), fields(connection)
            if past is not None:
                source = history.served_versions(connection, account_id, segment.segment_no)
                return Listed(chosen.names, lines.of_members_at(connection, source, past, chosen, form))
            wanted, version = customers.parse_search(connection, account_id, query), segment.serving or 0
            return Listed(chosen.names, lines.of_members(connection, account_id, version, wanted, chosen, form))

        return stream(services, account_id, form, listed)
    if past is not None:
        return _members_at(services, account_id, segment_id, page, fields, past)
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), int(page.after[1]))
    with snapshot(services, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        wanted, chosen = customers.parse_search(connection, account_id, query), fields(connection)
        version = segment.serving or 0
        sought = members.seek(connection, wanted)
        rows, more = members.page(connection, account_id, version, sought, before=before, limit=page.limit)
        body = page.page(
            rows,
            lambda each: show_member(*each, chosen),
            lambda each: (each[1], each[0].customer_no),
            lambda: members.count(connection, account_id, version, wanted),
            more=more,
        )
    return answer(body, position)


@router.post(
    "/{segment_id}/members",
    operation_id="add_members",
    response_model=MembersAnswer,
    responses=answers(
        {200: ("The result of each customer.", {"added": 2, "already_members": 1, "unknown": []})},
        400,
        404,
        409,
        413,
        415,
    ),
    openapi_extra=takes(MembersBody, {"customer_ids": [EXAMPLE["id"]]}),
)
def add_members(
    services: ServicesDep, caller: Admin, segment_id: PathId, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Add at most 1,000 customers to a static segment; members stay members, unknown ids are listed."""
    segment = parse_segment_id(segment_id)
    asked = list(dict.fromkeys(parse_body(body, MembersBody).customer_ids))
    ids = {each: parse_uuid(each) for each in asked}

    def work(_: UUID | None) -> WaitingAnswer:
        found = services.rollcall.members.add(
            caller.account_id, segment, [each for each in ids.values() if each], caller.by
        )
        yield from wait_until_visible(services, caller.account_id, found.position)
        missing = set(found.unknown)
        unknown = [each for each in asked if ids[each] is None or ids[each] in missing]
        body: MembersAnswer = {"added": found.added, "already_members": found.already_members, "unknown": unknown}
        return answer(body, found.position)

    return (
        yield from answer_once(services, caller, idempotency_key, (f"POST /v1/segments/{segment}/members", body), work)
    )


@router.delete(
    "/{segment_id}/members/{customer_id}",
    operation_id="remove_member",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("No longer a member.", None)}, 404, 409),
)
def remove_member(services: ServicesDep, caller: Admin, segment_id: PathId, customer_id: PathId) -> WaitingAnswer:
    """Remove a customer from a static segment."""
    segment, customer = parse_segment_id(segment_id), parse_uuid(customer_id)
    if customer is None:
        services.rollcall.segments.require_static(caller.account_id, segment)
        raise NotFound("member_not_found", "no such member in this segment")
    position = services.rollcall.members.remove_one(caller.account_id, segment, customer, caller.by)
    yield from wait_until_visible(services, caller.account_id, position)
    return no_content(position)


@router.get(
    "/{segment_id}/candidates",
    operation_id="list_candidates",
    response_model=PageOf[Customer],
    responses=answers(
        {200: ("Customers, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 404, 409, 504
    ),
)
def list_candidates(
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
    page: Page,
    query: SearchText = None,
) -> Response:
    """List customers who are not in a static segment, newest first; `query` as for customers."""
    account_id = caller.account_id
    before = None if page.after is None else int(page.after[0])
    with snapshot(services, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        if segment.type != "static":
            raise Refused("members_are_computed", "the members of a dynamic segment follow from its filter; edit that")
        wanted = customers.parse_search(connection, account_id, query)
        version = segment.serving or 0
        rows, more = members.candidates(connection, account_id, version, wanted, before=before, limit=page.limit)
        body = page.page(
            rows,
            show_customer,
            lambda row: (row.customer_no,),
            lambda: members.count_candidates(connection, account_id, version, wanted),
            more=more,
        )
    return answer(body, position)


def _past(services: Services, text: str, query: str | None) -> datetime:
    at = parse_instant(text, "at")
    if at > services.rollcall.now():
        raise Invalid.at("/query/at", "instant_in_future", "in the future; ask for an instant that has passed")
    if query is not None:
        raise Invalid.at(
            "/query/query", "query_with_at", "a search covers the current members only; leave out query or at"
        )
    return at


def _members_at(
    services: Services, account_id: UUID, segment_id: str, page: Paging, fields: ChosenFields, at: datetime
) -> Response:
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), int(page.after[1]))
    with snapshot(services, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        source, chosen = history.served_versions(connection, account_id, segment.segment_no), fields(connection)
        rows, more = history.members_at(connection, source, at, before=before, limit=page.limit)
        body = page.page(
            rows,
            lambda each: show_member(each[2], each[1], chosen),
            lambda each: (each[1], each[0]),
            lambda: history.sizes(connection, source, [at])[0],
            more=more,
        )
    return answer(body, position)
