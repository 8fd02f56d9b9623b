"""History: `/v1/segments/{id}/history`, the joins and leaves of a segment, its size over time, and its days.

Members at an earlier instant are at `/v1/segments/{id}/members?at=`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.lookup import require_segment
from api.http.paging import Page
from api.http.parameters import InstantText, PathId, parse_instant
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.memberships import (
    EXAMPLE_DAY,
    EXAMPLE_ENTRY,
    HistoryEntry,
    SegmentDays,
    Sizes,
    show_day,
    show_entry,
)
from api.http.shapes.openapi import answers
from api.http.shapes.pages import PageOf
from domain.errors import Invalid
from domain.instants import micros
from projections.read import accounts, history
from projections.read.segment_list import sizes

router = APIRouter(prefix="/v1/segments", tags=["members"], route_class=AccountRoute)
MAX_POINTS = 500

MAX_DAYS = 3_660

LastDays = Annotated[int, Query(ge=1, le=MAX_DAYS, description="How many days, today among them.")]
Points = Annotated[int, Query(ge=2, le=MAX_POINTS, description="How many instants, evenly spaced, both ends included.")]
From = Annotated[InstantText, Query(alias="from", description="The first instant; left out, the segment's creation.")]
To = Annotated[InstantText, Query(alias="to", description="The last instant; left out, now.")]


@router.get(
    "/{segment_id}/history",
    operation_id="list_history",
    response_model=PageOf[HistoryEntry],
    responses=answers(
        {200: ("Joins and leaves, newest first.", {"data": [EXAMPLE_ENTRY], "next_cursor": None})}, 400, 404, 504
    ),
)
def list_history(
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
    page: Page,
) -> Response:
    """List who joined a segment and who left it, newest first, each at the exact instant and with its cause."""
    account_id = caller.account_id
    before = None
    if page.after is not None:
        at, customer_no, place, version_no = page.after
        before = (datetime.fromisoformat(at), int(customer_no), int(place), int(version_no))
    with snapshot(services, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        source = history.served_versions(connection, account_id, segment.segment_no)
        body = page.page(
            history.page(connection, source, before=before, limit=page.fetch),
            show_entry,
            lambda entry: (entry.at, entry.customer_no, entry.position, entry.version_no),
            lambda: history.count(connection, source),
        )
    return answer(body, position)


@router.get(
    "/{segment_id}/history/sizes",
    operation_id="list_sizes",
    response_model=Sizes,
    responses=answers(
        {200: ("Sizes, oldest first.", {"data": [{"at": "2026-05-20T10:00:00Z", "size": 1204}]})}, 404, 504
    ),
)
def list_sizes(
    services: ServicesDep,
    caller: Reader,
    segment_id: PathId,
    since: From = None,
    until: To = None,
    points: Points = 50,
) -> Response:
    """Show a segment's size over time: at `points` instants from `from` to `to`."""
    now = services.rollcall.now()
    first = None if since is None else parse_instant(since, "from")
    last = now if until is None else parse_instant(until, "to")
    if last > now:
        raise Invalid.at("/query/to", "instant_in_future", "in the future; ask for instants that have passed")
    with snapshot(services, caller.account_id) as (connection, position):
        segment = require_segment(connection, caller.account_id, segment_id)
        first = min(segment.created_at, last) if first is None else first
        if first > last:
            raise Invalid.at("/query/from", "from_after_to", "from is later than to; swap them")
        step = (last - first) / (points - 1)
        instants = [first + step * index for index in range(points - 1)] + [last]
        source = history.served_versions(connection, caller.account_id, segment.segment_no)
        found = history.sizes(connection, source, instants)
    body: Sizes = {"data": [{"at": at, "size": size} for at, size in zip(instants, found, strict=True)]}
    return answer(body, position)


@router.get(
    "/{segment_id}/history/days",
    operation_id="list_days",
    response_model=SegmentDays,
    responses=answers({200: ("Days, oldest first; the last one is today.", {"data": [EXAMPLE_DAY]})}, 404, 504),
)
def list_days(services: ServicesDep, caller: Reader, segment_id: PathId, days: LastDays = 30) -> Response:
    """Show how many joined and left a segment each day, by the account's calendar, and its size when the day ended.

    Days before the segment was created are left out. Answered from counts, however many members there are.
    """
    now = services.rollcall.now()
    with snapshot(services, caller.account_id) as (connection, position):
        segment = require_segment(connection, caller.account_id, segment_id)
        calendar, _ = accounts.calendar(connection, caller.account_id)
        first = calendar.day_of(micros(now)) - timedelta(days=days - 1)
        found = sizes.days(connection, caller.account_id, [segment], first, calendar, now)
    body: SegmentDays = {"data": [show_day(day) for day in found[segment.segment_no]]}
    return answer(body, position)
