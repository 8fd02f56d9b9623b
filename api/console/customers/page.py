"""A customer's page: who they are, the segments that they are in and since when, and what happened to them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.console.customers.asked import CUSTOMERS_PATH
from api.console.customers.entries import show_entry
from api.console.members.customer_lines import customer_line
from api.console.web.language import language_of
from api.console.web.paging import Paged
from api.console.web.rendering import is_unchanged, nothing_new, show, with_query
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_customer
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.customer import BUILT_IN
from domain.instants import from_micros, micros
from projections.read import accounts, segments
from projections.read.streams import timeline

router = APIRouter(prefix="/customers", route_class=AccountRoute)
SEGMENTS_SHOWN = 10
# An end of the timeline in an address: a position, an instant in microseconds since 1970, a fact's position.
_END = re.compile(r"(\d{1,18})?\.(-?\d{1,16})?\.(\d{1,18})?\Z", re.ASCII)
SegmentKey = Annotated[int | None, Query(alias="segments", ge=0, lt=2**63)]


@router.get("/{customer_id}")
def show_customer(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    customer_id: PathId,
    pager: Paged,
    segments_before: SegmentKey = None,
) -> Response:
    """Shows the customer; the timeline is paged, and so are the segments, each by itself."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        row = require_customer(connection, account_id, customer_id)
        words = accounts.words(connection, account_id).spoken(language_of(request))
        entries = timeline.page(
            connection, account_id, row.customer_id, after=_end_of(pager.after), limit=pager.per_page + 1
        )
        activities = accounts.activities(connection, account_id)
        joined = _segments(connection, account_id, row.customer_id, segments_before)
    page = pager.page(entries, lambda entry: _text_of(entry.end), None, more=len(entries) > pager.per_page)
    base = f"{CUSTOMERS_PATH}/{row.customer_id}"
    values = {
        "line": customer_line(row, words),
        "row": row,
        "attributes": sorted(
            (words.label(key), words.types.get(key, "text"), words.value(key, value))
            for key, value in row.values.items()
            if key not in BUILT_IN
        ),
        "segments": joined[:SEGMENTS_SHOWN],
        "more_segments": (
            with_query(base, segments=joined[SEGMENTS_SHOWN - 1][0].segment_no)
            if len(joined) > SEGMENTS_SHOWN
            else None
        ),
        "first_segments": base if segments_before is not None else None,
        "page": page,
        "entries": [show_entry(entry, words, activities) for entry in page.rows],
        "zone": words.zone,
        "base": base,
        "seen": position,
    }
    return show(request, "customer.html", values)


def _text_of(end: timeline.End) -> str:
    numbers = (end.position, None if end.time is None else micros(end.time), end.fact)
    return ".".join("" if each is None else str(each) for each in numbers)


def _end_of(text: str) -> timeline.End | None:
    """Returns where a page of the timeline begins; at its newest entry for what is no such text."""
    match = _END.match(text)
    if match is None:
        return None
    position, time, fact = (int(each) if each else None for each in match.groups())
    if (time is None) != (fact is None):
        return None
    return timeline.End(position, None if time is None else from_micros(time), fact)


def _segments(connection: Any, account_id: Any, customer_id: Any, before: int | None) -> list[tuple[Any, Any]]:
    """Returns the segments that the customer is in, newest segment first, with the instants of joining: one more."""
    asked = segments.of_customer(account_id, [customer_id], before=before, limit=SEGMENTS_SHOWN + 1)
    rows = connection.execute(*asked).fetchall()
    return [(segments.row_of(row), row[-1]) for row in rows if row[-1] is not None]
