"""Add Customers and taking customers out: how people change who is in a static segment.

Lists of ticked customers come as checkboxes (`customer_id`), or, where scripts keep them over searching and paging,
as ids in `ticked`. Commands take at most 1,000 at a time, so more of them go in several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.members.lines import line_of
from api.console.members.listing import QueryText
from api.console.web.form_body import Form, Posted
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import done, show
from api.console.web.session import Person, SignedIn
from api.http.context import Context, Here
from api.http.lookup import require_segment
from api.http.parameters import PathId, uuid_in
from api.http.read_your_writes import settle, snapshot
from domain.commands.members import MOST
from domain.errors import NotFound, Refused
from domain.filters.wording import plural
from projections.read import accounts, customers, members
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments")
NAMED = 10


@router.get("/{segment_id}/add")
def ask_whom(
    request: Request, here: Here, person: SignedIn, segment_id: PathId, pager: Paged, query: QueryText = ""
) -> Response:
    """Customers who are not in the segment, to be ticked."""
    return _candidates(request, here, person, segment_id, pager, query)


@router.post("/{segment_id}/add")
def add(request: Request, here: Here, person: SignedIn, segment_id: PathId, pager: Paged, form: Form) -> Response:
    """Put who was ticked into the segment."""
    segment = find_static(here, person.account_id, segment_id)
    ids = _ticked(form)
    if not ids:
        return _candidates(request, here, person, segment_id, pager, "", {"": "Tick at least one customer."}, 422)
    added = there = unknown = position = 0
    for chunk in _chunks(ids):
        found = here.rollcall.members.add(person.account_id, segment.segment_id, chunk)
        position, added = found.position, added + found.added
        there, unknown = there + found.already_members, unknown + len(found.unknown)
    settle(here, person.account_id, position)
    told = [f"{plural(added, 'customer')} added to {segment.name}"]
    told += [f"{plural(there, 'was', 'were')} in it already"] if there else []
    told += [f"{plural(unknown, 'is no customer', 'are no customers')} any more"] if unknown else []
    return done(request, "; ".join(told), manage_page(segment))


@router.get("/{segment_id}/remove")
def ask_to_remove(
    request: Request, here: Here, person: SignedIn, segment_id: PathId, customer_id: str = Query("", max_length=512)
) -> Response:
    """Whether to take one customer out."""
    return _confirm(request, here, person, segment_id, [each for each in (uuid_in(customer_id),) if each])


@router.post("/{segment_id}/remove")
def remove(request: Request, here: Here, person: SignedIn, segment_id: PathId, form: Form) -> Response:
    """Take customers out, once that was confirmed."""
    segment = find_static(here, person.account_id, segment_id)
    ids = _ticked(form)
    if "confirmed" not in form or not ids:
        return _confirm(request, here, person, segment_id, ids)
    removed = position = 0
    for chunk in _chunks(ids):
        found = here.rollcall.members.remove(person.account_id, segment.segment_id, chunk)
        position, removed = found.position, removed + found.removed
    settle(here, person.account_id, position)
    return done(request, f"{plural(removed, 'customer')} removed from {segment.name}", manage_page(segment))


def _candidates(
    request: Request, here: Context, person: Person, segment_id: str, pager: Pager, query: str,
    errors: dict[str, str] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        _refuse_dynamic(segment)
        wanted = customers.parse_search(connection, account_id, query)
        version, before = segment.serving or 0, int(pager.after) if _is_number(pager.after) else None
        rows = members.candidates(connection, account_id, version, wanted, before=before, limit=pager.fetch)
        total = members.count_candidates_if_few(connection, account_id, version, wanted)
        words = accounts.words(connection, account_id, {})
    page = pager.page(rows, lambda row: str(row.customer_no), total)
    values = {
        "person": person, "active": "segments", "segment": segment, "query": query, "page": page,
        "lines": [line_of(row, words) for row in page.rows], "errors": errors or {},
    }  # fmt: skip
    return show(request, "member_add.html", values, status)


def _confirm(request: Request, here: Context, person: Person, segment_id: str, ids: Sequence[UUID]) -> Response:
    """Who would be taken out, by name as far as there is room."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        _refuse_dynamic(segment)
        words = accounts.words(connection, account_id, {})
        found = (customers.by_id(connection, account_id, each) for each in ids[:NAMED])
        lines = [line_of(row, words) for row in found if row is not None]
    values = {
        "person": person, "active": "segments", "segment": segment, "lines": lines, "total": len(ids),
        "ticked": " ".join(str(each) for each in ids),
    }  # fmt: skip
    return show(request, "member_remove.html", values)


def find_static(here: Context, account_id: UUID, segment_id: str) -> SegmentRow:
    """The static segment that a text in an address names. Raises `NotFound`; `Refused` where it is a dynamic one."""
    with snapshot(here, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
    _refuse_dynamic(segment)
    return segment


def _refuse_dynamic(segment: SegmentRow) -> None:
    if segment.type != "static":
        raise Refused(
            "members_are_computed", "the members of a dynamic segment follow from its filters; change those instead"
        )


def _ticked(form: Posted) -> list[UUID]:
    """Every ticked customer once, in the order of ticking. Raises `NotFound` where one is nobody's id."""
    written = dict.fromkeys([*form.one("ticked").split(), *form.every("customer_id")])
    ids = [uuid_in(each) for each in written]
    if None in ids:
        raise NotFound("customer_not_found", "no such customer in this account")
    return [each for each in ids if each is not None]


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[start : start + MOST] for start in range(0, len(ids), MOST))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def manage_page(segment: SegmentRow) -> str:
    """Where a segment's membership is changed."""
    return f"/console/segments/{segment.segment_id}/manage"
