"""The members of a segment: `/v1/segments/{id}/members`, newest first, always of one whole filter version."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response

from api.access import Reader
from api.answering import answer
from api.context import Here
from api.customer_shape import EXAMPLE, show_row
from api.documents import answers
from api.paging import Page
from api.segments import find
from api.shapes import Member, PageOf
from api.texts import PathId, SearchText, uuid_in
from api.waiting import MinPosition, snapshot
from projections.read import customers, members

router = APIRouter(prefix="/v1/segments", tags=["members"])
EXAMPLE_MEMBER = EXAMPLE | {"joined_at": "2026-05-20T10:00:00Z"}


@router.get(
    "/{segment_id}/members",
    operation_id="list_members",
    response_model=PageOf[Member],
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
    min_position: MinPosition = None,
) -> Response:
    """List who is in a segment now, newest first; `query` as for customers."""
    account_id = caller.account_id
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
