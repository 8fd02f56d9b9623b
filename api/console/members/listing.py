"""Who is in a segment: View Customers, a dialog over any page, and Manage Customers, a page of its own.

Both keep themselves up to date. What Manage Customers allows depends on the segment's type; the changes themselves
are in `member_changes`, `import_upload` and `customer_edit`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.members.lines import line_of
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import show, still, unchanged
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.lookup import require_segment
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from api.http.shapes.segments import show_segment
from domain.filters.wording import Words
from projections.read import customers, imports, members, segments
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments")
QueryText = Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)]
_APART = ","


@router.get("/{segment_id}/customers")
def view(
    request: Request, here: Here, person: SignedIn, segment_id: PathId, pager: Paged, query: QueryText = ""
) -> Response:
    """Everyone currently in the segment."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        segment = require_segment(connection, account_id, segment_id)
        words = segments.words(connection, account_id, [segment.filter])
        values = _listed(connection, account_id, segment, words, pager, query)
    values |= {
        "person": person, "active": "segments", "segment": show_segment(segment, words, position), "query": query,
        "seen": position,
    }  # fmt: skip
    return show(request, "members.html", values)


@router.get("/{segment_id}/manage")
def manage(
    request: Request, here: Here, person: SignedIn, segment_id: PathId, pager: Paged, query: QueryText = ""
) -> Response:
    """The segment's membership: of a static segment to change, of a dynamic one to read."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        running = imports.running_imports(connection, account_id, segment.segment_id)
        seen = "-".join(str(each) for each in (position, *(part for row in running for part in row)))
        if unchanged(request, seen):
            return still()
        words = segments.words(connection, account_id, [segment.filter])
        values = _listed(connection, account_id, segment, words, pager, query)
    values |= {
        "person": person, "active": "segments", "segment": show_segment(segment, words, position), "query": query,
        "failure": segment.failure, "running": running, "seen": seen,
    }  # fmt: skip
    return show(request, "manage.html", values)


def _listed(
    connection: Any, account_id: UUID, segment: SegmentRow, words: Words, pager: Pager, query: str
) -> dict[str, Any]:
    """The page of members that the address asks for."""
    wanted = customers.parse_search(connection, account_id, query)
    version, before = segment.serving or 0, _before(pager.after)
    rows = members.page(connection, account_id, version, wanted, before=before, limit=pager.fetch)
    everyone = wanted == customers.EVERYONE
    total = segment.members if everyone else members.count_if_few(connection, version, wanted)
    page = pager.page(rows, lambda each: f"{each[1].isoformat()}{_APART}{each[0].customer_no}", total)
    return {"page": page, "lines": [line_of(row, words, joined) for row, joined in page.rows], "zone": words.zone}


def _before(after: str) -> tuple[datetime, int] | None:
    """The row that a page begins after; an address that nobody made here begins at the first one."""
    written, _, number = after.partition(_APART)
    try:
        joined_at = datetime.fromisoformat(written)
    except ValueError:
        return None
    if joined_at.tzinfo is None or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return joined_at, int(number)
