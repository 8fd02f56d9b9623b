"""The Segments page: every segment of the account, with a filter panel, a menu on each row, and paging."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.parameters import TEXT_PATTERN
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from api.http.shapes.segments import show_segment
from projections.read import segments

router = APIRouter(route_class=AccountRoute)


@router.get("/segments")
def list_segments(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    pager: Paged,
    name: Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)] = "",
    kind: Annotated[Literal["static", "dynamic", ""], Query(alias="type")] = "",
) -> Response:
    """Lists segments, newest first."""
    account_id = user.account_id
    filters = {"name": name.strip() or None, "kind": kind or None}
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        rows = segments.page(connection, account_id, **filters, before=pager.after_number, limit=pager.limit)
        total = segments.count(connection, account_id, **filters)
        words = segments.words(connection, account_id, (row.filter for row in rows))
    page = pager.page(rows, lambda row: str(row.segment_no), total)
    values = {
        "page": page,
        "name": name,
        "kind": kind,
        "zone": words.zone,
        "segments": [show_segment(row, words.summary(row.filter), position) for row in page.rows],
        "position": position,
        "filtered": bool(name.strip() or kind),
    }
    return show(request, "segments.html", values)
