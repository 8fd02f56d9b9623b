"""Add Customers and Remove Customers: changing the members of a static segment.

Up to a thousand ticked customers are added or removed at once; more, and all who match a search, by a job.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.members.customer_lines import customer_line
from api.console.members.job_progress import finished_or_progress
from api.console.members.listing import QueryText
from api.console.members.removal import ask_to_remove, refuse_dynamic
from api.console.members.selection import Selection, new_task, selection_of, start
from api.console.web.form_body import PostedForm
from api.console.web.language import language_of
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import Undo, done, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId, parse_uuid
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.commands.members import MOST
from projections.postgres import limits
from projections.read import accounts, customers, members
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)


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
    """Adds the ticked customers, or all who match, to the segment."""
    segment = require_static(services, user.account_id, segment_id)
    selection = selection_of(form)
    if selection.is_empty:
        return _show_candidates(
            request,
            services,
            user,
            segment_id,
            pager,
            "",
            {"": language_of(request).gettext("Tick at least one customer.")},
            422,
        )
    if len(selection.ids) > MOST or selection.search is not None:
        task = new_task("add", user.by, segment_id=segment.segment_id)
        row = start(services, user.account_id, task, selection)
        return (yield from finished_or_progress(request, services, user.account_id, row))
    result = services.rollcall.members.add(user.account_id, segment.segment_id, selection.ids, user.by)
    yield from wait_until_visible(services, user.account_id, result.position)
    already, unknown = result.already_members, len(result.unknown)
    words = language_of(request)
    message = [
        words.ngettext(
            "%(num)s customer added to %(name)s", "%(num)s customers added to %(name)s", result.added, name=segment.name
        )
    ]
    if already:
        message.append(words.ngettext("%(num)s was already in it", "%(num)s were already in it", already))
    if unknown:
        message.append(words.ngettext("%(num)s no longer exists", "%(num)s no longer exist", unknown))
    undo = Undo(result.position, manage_path(segment)) if result.added else None
    return done(request, "; ".join(message), manage_path(segment), undo)


@router.get("/{segment_id}/remove")
def ask(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    segment_id: PathId,
    customer_id: str = Query("", max_length=512),
) -> Response:
    """Asks whether to remove one customer."""
    customer = parse_uuid(customer_id)
    ids = [] if customer is None else [customer]
    return ask_to_remove(request, services, user, segment_id, Selection(ids, None, {"ticked": customer_id}))


@router.post("/{segment_id}/remove")
def remove(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Removes customers, once that was confirmed."""
    segment = require_static(services, user.account_id, segment_id)
    selection = selection_of(form)
    if "confirmed" not in form or selection.is_empty:
        return ask_to_remove(request, services, user, segment_id, selection)
    if len(selection.ids) > MOST or selection.search is not None:
        task = new_task("remove", user.by, segment_id=segment.segment_id)
        row = start(services, user.account_id, task, selection)
        return (yield from finished_or_progress(request, services, user.account_id, row))
    result = services.rollcall.members.remove(user.account_id, segment.segment_id, selection.ids, user.by)
    yield from wait_until_visible(services, user.account_id, result.position)
    undo = Undo(result.position, manage_path(segment)) if result.removed else None
    text = language_of(request).ngettext(
        "%(num)s customer removed from %(name)s",
        "%(num)s customers removed from %(name)s",
        result.removed,
        name=segment.name,
    )
    return done(request, text, manage_path(segment), undo)


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
        refuse_dynamic(segment)
        wanted = customers.parse_search(connection, account_id, query)
        version, before = segment.serving or 0, pager.after_number
        found = limits.within(
            connection,
            pager.span,
            lambda: members.candidates(connection, account_id, version, wanted, before=before, limit=pager.per_page),
        )
        total = None if found is None else limits.within(
            connection, pager.span, lambda: members.count_candidates_if_few(connection, account_id, version, wanted)
        )  # fmt: skip
        words = accounts.words(connection, account_id).spoken(language_of(request))
    rows, more = found or ([], False)
    page = pager.page(rows, lambda row: str(row.customer_no), total, more=more)
    values = {
        "segment": segment,
        "query": query,
        "page": page,
        "lines": [customer_line(row, words) for row in page.rows],
        "errors": errors or {},
        "is_found": found is not None,
        "pager": pager,
    }
    return show(request, "member_add.html", values, status)


def require_static(services: Services, account_id: UUID, segment_id: str) -> SegmentRow:
    """Returns the static segment whose id is in a text. Raises `NotFound`; `Refused` for a dynamic segment."""
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
    refuse_dynamic(segment)
    return segment


def manage_path(segment: SegmentRow) -> str:
    """Returns the path of the page on which a segment's members are changed."""
    return f"/console/segments/{segment.segment_id}/manage"
