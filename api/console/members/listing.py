"""The members of a segment: View Customers, a dialog over any page, and Manage Customers, a page of its own.

Both keep themselves up to date. What Manage Customers allows depends on the segment's type; the changes themselves
are in `changes`, `csv_import` and `customer_edit`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.members.customer_lines import customer_line
from api.console.members.job_progress import running_jobs
from api.console.web.language import language_of
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from api.http.shapes.segments import show_segment
from domain.filters.nesting import attributes_named
from domain.filters.wording import Words
from projections.postgres import limits
from projections.read import customers, imports, members, segments
from projections.read.attributes import known
from projections.read.customers import CustomerRow
from projections.read.members import Sought
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)
QueryText = Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)]
KEY_SEPARATOR = ","


@router.get("/{segment_id}/customers")
def view(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, pager: Paged, query: QueryText = ""
) -> Response:
    """Shows everyone currently in the segment."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        segment = require_segment(connection, account_id, segment_id)
        words = segments.words(connection, account_id, [segment.filter]).spoken(language_of(request))
        values = _list_values(connection, account_id, segment, words, pager, query)
    values |= {
        "segment": show_segment(segment, words.summary(segment.filter), position),
        "query": query,
        "seen": position,
    }
    return show(request, "members.html", values)


@router.get("/{segment_id}/manage")
def manage(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, pager: Paged, query: QueryText = ""
) -> Response:
    """Shows the segment's members: those of a static segment can be changed."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        segment = require_segment(connection, account_id, segment_id)
        running = imports.running_imports(connection, account_id, segment.segment_id)
        jobs = running_jobs(request, connection, account_id, segment)
        seen = "-".join(str(each) for each in (position, *(part for row in [*running, *jobs] for part in row)))
        if is_unchanged(request, seen):
            return nothing_new()
        words = segments.words(connection, account_id, [segment.filter]).spoken(language_of(request))
        values = _list_values(connection, account_id, segment, words, pager, query)
    values |= {
        "segment": show_segment(segment, words.summary(segment.filter), position),
        "query": query,
        "failure": segment.failure,
        "running": running,
        "jobs": jobs,
        "seen": seen,
    }
    return show(request, "manage.html", values)


class Listed(NamedTuple):
    """The rows of a page, whether there are more, and how many there are on all pages; `None` where not known."""

    rows: list[tuple[CustomerRow, datetime]]
    more: bool
    total: int | None


def _list_values(
    connection: Any, account_id: UUID, segment: SegmentRow, words: Words, pager: Pager, query: str
) -> dict[str, Any]:
    """Returns the template's values for the page of members that the address asks for."""
    listed = _listed(connection, account_id, segment, pager, query)
    rows, more, total = listed or Listed([], more=False, total=None)
    page = pager.page(rows, lambda each: f"{each[1].isoformat()}{KEY_SEPARATOR}{each[0].customer_no}", total, more=more)
    first = [*attributes_named(segment.filter), *known.telling(known.fill(connection, account_id))]
    lines = [customer_line(row, words, joined, list(dict.fromkeys(first))) for row, joined in page.rows]
    return {
        "page": page,
        "lines": lines,
        "zone": words.zone,
        "is_found": listed is not None,
        "pager": pager,
    }


def _listed(connection: Any, account_id: UUID, segment: SegmentRow, pager: Pager, query: str) -> Listed | None:
    """Returns what is found in time; all pages are counted only where that takes no noticeable time."""
    wanted = customers.parse_search(connection, account_id, query)
    version, before = segment.serving or 0, _parse_key(pager.after)

    def find() -> tuple[Sought, Listed]:
        sought = members.seek(connection, wanted)
        found = members.page(connection, account_id, version, sought, before=before, limit=pager.per_page)
        return sought, Listed(*found, None)

    found = limits.within(connection, pager.span, find)
    if found is None:
        return None
    sought, listed = found
    if wanted == customers.EVERYONE:
        return listed._replace(total=segment.members)
    counted = limits.within(connection, pager.span, lambda: members.count_if_few(connection, version, sought))
    return listed._replace(total=counted)


def _parse_key(after: str) -> tuple[datetime, int] | None:
    """Returns the row that a page begins after; `None`, the beginning, for anything that is no key."""
    instant, _, number = after.partition(KEY_SEPARATOR)
    try:
        joined_at = datetime.fromisoformat(instant)
    except ValueError:
        return None
    if joined_at.tzinfo is None or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return joined_at, int(number)
