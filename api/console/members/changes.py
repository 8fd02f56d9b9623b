"""Add Customers and Remove Customers: changing the members of a static segment.

Ticked customers are sent as checkboxes (`customer_id`) or, where scripts keep them while the user searches and pages,
as ids in `ticked`. A command takes at most `MOST` customers, so more of them are sent in several commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.members.customer_lines import customer_line
from api.console.members.listing import QueryText
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import done, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId, parse_uuid
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.commands.members import MOST
from domain.errors import NotFound, Refused
from domain.filters.wording import plural
from projections.read import accounts, customers, members
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)
MAX_NAMED = 10


@router.get("/{segment_id}/add")
def choose(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, pager: Paged, query: QueryText = ""
) -> Response:
    """Shows customers who are not in the segment, to be ticked."""
    return _show_candidates(request, services, user, segment_id, pager, query)


@router.post("/{segment_id}/add")
def add(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, pager: Paged, form: PostedForm
) -> WaitingAnswer:
    """Adds the ticked customers to the segment."""
    segment = require_static(services, user.account_id, segment_id)
    ids = _ticked(form)
    if not ids:
        return _show_candidates(
            request, services, user, segment_id, pager, "", {"": "Tick at least one customer."}, 422
        )
    added = already = unknown = position = 0
    for chunk in _chunks(ids):
        result = services.rollcall.members.add(user.account_id, segment.segment_id, chunk)
        position, added = result.position, added + result.added
        already, unknown = already + result.already_members, unknown + len(result.unknown)
    yield from wait_until_visible(services, user.account_id, position)
    message = [f"{plural(added, 'customer')} added to {segment.name}"]
    message += [f"{plural(already, 'was', 'were')} already in it"] if already else []
    message += [f"{plural(unknown, 'no longer exists', 'no longer exist')}"] if unknown else []
    return done(request, "; ".join(message), manage_path(segment))


@router.get("/{segment_id}/remove")
def ask_to_remove(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    segment_id: PathId,
    customer_id: str = Query("", max_length=512),
) -> Response:
    """Asks whether to remove one customer."""
    return _ask_to_confirm(request, services, user, segment_id, [each for each in (parse_uuid(customer_id),) if each])


@router.post("/{segment_id}/remove")
def remove(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Removes customers, once that was confirmed."""
    segment = require_static(services, user.account_id, segment_id)
    ids = _ticked(form)
    if "confirmed" not in form or not ids:
        return _ask_to_confirm(request, services, user, segment_id, ids)
    removed = position = 0
    for chunk in _chunks(ids):
        result = services.rollcall.members.remove(user.account_id, segment.segment_id, chunk)
        position, removed = result.position, removed + result.removed
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, f"{plural(removed, 'customer')} removed from {segment.name}", manage_path(segment))


def _show_candidates(
    request: Request,
    services: Services,
    user: SignedInUser,
    segment_id: str,
    pager: Pager,
    query: str,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        _refuse_dynamic(segment)
        wanted = customers.parse_search(connection, account_id, query)
        version, before = segment.serving or 0, pager.after_number
        rows, more = members.candidates(connection, account_id, version, wanted, before=before, limit=pager.per_page)
        total = members.count_candidates_if_few(connection, account_id, version, wanted)
        words = accounts.words(connection, account_id)
    page = pager.page(rows, lambda row: str(row.customer_no), total, more=more)
    values = {
        "segment": segment,
        "query": query,
        "page": page,
        "lines": [customer_line(row, words) for row in page.rows],
        "errors": errors or {},
    }
    return show(request, "member_add.html", values, status)


def _ask_to_confirm(
    request: Request, services: Services, user: SignedInUser, segment_id: str, ids: Sequence[UUID]
) -> Response:
    """Shows who would be removed, the first of them by name."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        _refuse_dynamic(segment)
        words = accounts.words(connection, account_id)
        found = (customers.by_id(connection, account_id, each) for each in ids[:MAX_NAMED])
        lines = [customer_line(row, words) for row in found if row is not None]
    values = {
        "segment": segment,
        "lines": lines,
        "total": len(ids),
        "ticked": " ".join(str(each) for each in ids),
    }
    return show(request, "member_remove.html", values)


def require_static(services: Services, account_id: UUID, segment_id: str) -> SegmentRow:
    """Returns the static segment whose id is in a text. Raises `NotFound`; `Refused` for a dynamic segment."""
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
    _refuse_dynamic(segment)
    return segment


def _refuse_dynamic(segment: SegmentRow) -> None:
    if segment.type != "static":
        raise Refused(
            "members_are_computed",
            "the members of a dynamic segment are computed from its filters; change the filters instead",
        )


def _ticked(form: FormFields) -> list[UUID]:
    """Returns every ticked customer once, in order. Raises `NotFound` for a text that is no id."""
    texts = dict.fromkeys([*form.text("ticked").split(), *form.all("customer_id")])
    ids = [parse_uuid(each) for each in texts]
    if None in ids:
        raise NotFound("customer_not_found", "no such customer in this account")
    return [each for each in ids if each is not None]


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (ids[start : start + MOST] for start in range(0, len(ids), MOST))


def manage_path(segment: SegmentRow) -> str:
    """Returns the path of the page on which a segment's members are changed."""
    return f"/console/segments/{segment.segment_id}/manage"
