"""The members of a segment: `/v1/segments/{id}/members`, newest first, always of one whole filter version.

Those of a static segment are put in and taken out here; those of a dynamic one follow from its filter.
With `at`, the members of an earlier instant, from the history: those who matched then, whatever was served.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response

from api.http.access import Admin, Reader
from api.http.context import Context, Here
from api.http.idempotency import once
from api.http.json_body import Body, parsed
from api.http.lookup import parse_segment_id, require_segment
from api.http.paging import Page, Paging
from api.http.parameters import IdempotencyKey, InstantText, PathId, SearchText, instant_in, uuid_in
from api.http.read_your_writes import MinPosition, settle, snapshot
from api.http.responses import answer, done
from api.http.shapes.customers import (
    EXAMPLE,
    EXAMPLE_MEMBER,
    Customer,
    Member,
    MembersAnswer,
    MembersBody,
    MemberThen,
    show_customer,
    show_member,
    show_member_then,
)
from api.http.shapes.openapi import answers, takes
from api.http.shapes.pages import PageOf
from domain.errors import Invalid, NotFound, Refused
from projections.read import customers, history, members

router = APIRouter(prefix="/v1/segments", tags=["members"])


@router.get(
    "/{segment_id}/members",
    operation_id="list_members",
    response_model=PageOf[Member] | PageOf[MemberThen],
    responses=answers(
        {200: ("Members, newest first.", {"data": [EXAMPLE_MEMBER], "next_cursor": None})}, 400, 404, 504
    ),
)
def list_members(
    here: Here,
    caller: Reader,
    segment_id: PathId,
    page: Page,
    query: SearchText = None,
    at: InstantText = None,
    min_position: MinPosition = None,
) -> Response:
    """List who is in a segment now, newest first; `query` as for customers.

    With `at` (not together with `query`), who was in it at that instant, with `joined_at` as it was then.
    """
    account_id = caller.account_id
    if at is not None:
        return _members_at(here, account_id, segment_id, page, _past(here, at, query), min_position)
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), int(page.after[1]))
    with snapshot(here, account_id, min_position, uuid_in(segment_id)) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        wanted = customers.parse_search(connection, account_id, query)
        version = segment.serving or 0
        rows = members.page(connection, account_id, version, wanted, before=before, limit=page.fetch)
        body = page.page(
            rows,
            lambda each: show_member(*each),
            lambda each: (each[1], each[0].customer_no),
            lambda: members.count(connection, account_id, version, wanted),
        )
    return answer(body, position)


@router.post(
    "/{segment_id}/members",
    operation_id="add_members",
    response_model=MembersAnswer,
    responses=answers(
        {200: ("What became of each customer.", {"added": 2, "already_members": 1, "unknown": []})},
        400, 404, 409, 413, 415,
    ),
    openapi_extra=takes(MembersBody, {"customer_ids": [EXAMPLE["id"]]}),
)  # fmt: skip
def add_members(
    here: Here, caller: Admin, segment_id: PathId, body: Body, idempotency_key: IdempotencyKey = None
) -> Response:
    """Put at most 1,000 customers into a static segment; who is in it stays, who is nobody's id is named."""
    segment = parse_segment_id(segment_id)
    asked = list(dict.fromkeys(parsed(body, MembersBody).customer_ids))
    ids = {each: uuid_in(each) for each in asked}

    def work(_: UUID | None) -> Response:
        found = here.rollcall.members.add(caller.account_id, segment, [each for each in ids.values() if each])
        settle(here, caller.account_id, found.position)
        nobody = set(found.unknown)
        unknown = [each for each in asked if ids[each] is None or ids[each] in nobody]
        body: MembersAnswer = {"added": found.added, "already_members": found.already_members, "unknown": unknown}
        return answer(body, found.position)

    return once(here, caller, idempotency_key, (f"POST /v1/segments/{segment}/members", body), work)


@router.delete(
    "/{segment_id}/members/{customer_id}",
    operation_id="remove_member",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Not a member any more.", None)}, 404, 409),
)
def remove_member(here: Here, caller: Admin, segment_id: PathId, customer_id: PathId) -> Response:
    """Take a customer out of a static segment."""
    segment, customer = parse_segment_id(segment_id), uuid_in(customer_id)
    if customer is None:
        here.rollcall.segments.require_static(caller.account_id, segment)
        raise NotFound("member_not_found", "no such member in this segment")
    position = here.rollcall.members.remove_one(caller.account_id, segment, customer)
    settle(here, caller.account_id, position)
    return done(position)


@router.get(
    "/{segment_id}/candidates",
    operation_id="list_candidates",
    response_model=PageOf[Customer],
    responses=answers(
        {200: ("Customers, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 404, 409, 504
    ),
)
def list_candidates(
    here: Here,
    caller: Reader,
    segment_id: PathId,
    page: Page,
    query: SearchText = None,
    min_position: MinPosition = None,
) -> Response:
    """List customers who are not in a static segment, newest first; `query` as for customers."""
    account_id = caller.account_id
    before = None if page.after is None else int(page.after[0])
    with snapshot(here, account_id, min_position) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        if segment.type != "static":
            raise Refused("members_are_computed", "the members of a dynamic segment follow from its filter; edit that")
        wanted = customers.parse_search(connection, account_id, query)
        version = segment.serving or 0
        rows = members.candidates(connection, account_id, version, wanted, before=before, limit=page.fetch)
        body = page.page(
            rows,
            show_customer,
            lambda row: (row.customer_no,),
            lambda: members.count_candidates(connection, account_id, version, wanted),
        )
    return answer(body, position)


def _past(here: Context, written: str, query: str | None) -> datetime:
    at = instant_in(written, "at")
    if at > here.rollcall.now():
        raise Invalid.at("/query/at", "instant_in_future", "nobody knows yet; ask for an instant that has passed")
    if query is not None:
        raise Invalid.at("/query/query", "query_with_at", "search among the members of now; leave out query or at")
    return at


def _members_at(
    here: Context, account_id: UUID, segment_id: str, page: Paging, at: datetime, min_position: int | None
) -> Response:
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), int(page.after[1]))
    with snapshot(here, account_id, min_position, uuid_in(segment_id)) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        source = history.served_versions(connection, account_id, segment.segment_no)
        rows = history.members_at(connection, source, at, before=before, limit=page.fetch)
        body = page.page(
            rows,
            lambda each: show_member_then(each[2], each[1]),
            lambda each: (each[1], each[0]),
            lambda: history.sizes(connection, source, [at])[0],
        )
    return answer(body, position)
