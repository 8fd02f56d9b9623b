"""The Segments page: every segment of the account, with a filter panel, a menu on each row, and pages."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import show, still, unchanged
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.parameters import TEXT_PATTERN
from api.http.read_your_writes import snapshot
from api.http.shapes.segments import show_segment
from projections.read import segments

router = APIRouter()


@router.get("/segments")
def list_segments(
    request: Request,
    here: Here,
    person: SignedIn,
    pager: Paged,
    name: Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)] = "",
    kind: Annotated[Literal["static", "dynamic", ""], Query(alias="type")] = "",
) -> Response:
    """The list of segments, newest first."""
    account_id = person.account_id
    asked = {"name": name.strip() or None, "kind": kind or None}
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        rows = segments.page(connection, account_id, **asked, before=_number(pager.after), limit=pager.fetch)
        total = segments.count(connection, account_id, **asked)
        words = segments.words(connection, account_id, (row.filter for row in rows))
    page = pager.page(rows, lambda row: str(row.segment_no), total)
    values = {
        "person": person, "active": "segments", "page": page, "name": name, "kind": kind, "zone": words.zone,
        "segments": [show_segment(row, words, position) for row in page.rows], "position": position,
        "filtered": bool(name.strip() or kind),
    }  # fmt: skip
    return show(request, "segments.html", values)


def _number(after: str) -> int | None:
    return int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
