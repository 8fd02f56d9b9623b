"""The members of a segment: `/v1/segments/{id}/members`, newest first, always of one whole filter version.

With `at`, those of an earlier instant, from the history: the members as they came to match, whatever was served then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from api.access import Reader
from api.answering import answer
from api.context import Context, Here
from api.customer_shape import EXAMPLE, show_row
from api.documents import answers
from api.membership_shapes import MemberThen
from api.paging import Page, Paging
from api.segments import find
from api.shapes import Member, PageOf
from api.texts import InstantText, PathId, SearchText, instant_in, uuid_in
from api.waiting import MinPosition, snapshot
from domain.errors import Invalid
from projections.read import customers, history, members

router = APIRouter(prefix="/v1/segments", tags=["members"])
_GONE: dict[str, Any] = dict.fromkeys(EXAMPLE)
EXAMPLE_MEMBER = EXAMPLE | {"joined_at": "2026-05-20T10:00:00Z"}


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
        segment = find(connection, account_id, segment_id)
        wanted = customers.search_of(connection, account_id, query)
        version = segment.serving or 0
        rows = members.page(connection, account_id, version, wanted, before=before, limit=page.fetch)
        body = page.page(
            rows,
            lambda each: show_row(each[0]) | {"joined_at": each[1]},
            lambda each: (each[1], each[0].customer_no),
            lambda: members.count(connection, account_id, version, wanted),
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
        segment = find(connection, account_id, segment_id)
        source = history.counted(connection, account_id, segment.segment_no)
        rows = history.members_at(connection, source, at, before=before, limit=page.fetch)
        body = page.page(
            rows,
            lambda each: (_GONE if each[2] is None else show_row(each[2])) | {"joined_at": each[1]},
            lambda each: (each[1], each[0]),
            lambda: history.sizes(connection, source, [at])[0],
        )
    return answer(body, position)
