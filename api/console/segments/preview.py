"""Beside the form of a segment: which customers match the filters in it, and what saving them would do.

Requested while the user types; a newer request cancels the one before. The answer also puts beside each condition what
it still needs, how many match it by itself, and what to do where that is none: all from one scan. Where counting takes
too long, it says so; the segment can be saved without the count.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import APIRouter, Request

from api.console.filters.conversion import CHOICES
from api.console.filters.form import noted_paths
from api.console.filters.hints import Hints
from api.console.segments.draft import Draft, FormContext, check_filter, draft_from_form, form_context
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, Waits, snapshot, wait_for_scan_place
from api.http.route import AccountRoute
from api.http.shares.scans import Scan
from domain.errors import Unavailable
from domain.filters.conditions import Node
from domain.instants import Days, Moment, micros
from projections.read.attributes import known
from projections.read.preview import NO_VERSION, SAMPLE, estimate, preview
from projections.read.segments import SegmentRow

# An account with so many customers is shown estimates until the exact counts are there.
LARGE = 100_000
router = APIRouter(prefix="/segments", route_class=AccountRoute)


@router.post("/new/matches")
def of_new(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Shows which customers match the filters of a segment that is being created."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id, form=form)
    return (yield from _matches(request, services, user, form, context, None))


@router.post("/{segment_id}/matches")
def of_edited(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Shows which customers match the edited filters, and how many would join and leave."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_segment(connection, user.account_id, segment_id)
        context = form_context(connection, user.account_id, row.segment_id, form=form)
    return (yield from _matches(request, services, user, form, context, row))


def _matches(
    request: Request,
    services: Services,
    user: SignedInUser,
    form: FormFields,
    context: FormContext,
    row: SegmentRow | None,
) -> WaitingAnswer:
    draft = draft_from_form(form, context)
    checked = check_filter(services, user.account_id, draft, context)
    draft.notes = checked.notes
    values: dict[str, Any] = {
        "draft": draft,
        "notes": checked.notes,
        "segment": row,
        "count": None,
        "sample": [],
        "impact": None,
        "too_slow": False,
        "sample_size": SAMPLE,
        "counts": {},
        "about": False,
        "vocabulary": context.vocabulary,
        "hints": {},
        "action": form.text("builder_action"),
        "noted_paths": noted_paths,
        "silent": CHOICES,
    }
    if checked.tree is not None:
        moment = Days(context.zone).moment(micros(services.rollcall.now()))
        asked = _Asked(checked.tree, checked.nodes, moment, None if row is None else row.serving or NO_VERSION)
        about = None if form.text("exact") else _estimate(services, user, asked)
        if about is not None:
            values |= about | {"matches": request.url.path}
        else:
            hints = Hints(user.account_id, context.vocabulary, language_of(request))
            values |= yield from _count(services, user, asked, draft, hints)
    return show(request, "segment_matches.html", values)


class _Asked(NamedTuple):
    """The filter, its nodes by path, the instant, and the version that it would take the place of."""

    tree: Node
    nodes: dict[str, Node]
    moment: Moment
    serving: int | None


def _estimate(services: Services, user: SignedInUser, asked: _Asked) -> dict[str, Any] | None:
    """Returns about how many match, of a large account; `None` of one that is counted quickly."""
    with snapshot(services, user.account_id) as (connection, _):
        if known.customers(known.fill(connection, user.account_id)) < LARGE:
            return None
        found = estimate(connection, user.account_id, asked.tree, asked.moment, nodes=asked.nodes)
    return {"count": found.count, "counts": found.nodes, "about": True}


def _count(services: Services, user: SignedInUser, asked: _Asked, draft: Draft, hints: Hints) -> Waits[dict[str, Any]]:
    """Returns what is shown of an exact count, or that it took too long."""
    scan = Scan()
    alone = yield from wait_for_scan_place(scan)
    try:
        with snapshot(services, user.account_id) as (connection, _), scan.on(connection):
            found = preview(
                connection, user.account_id, asked.tree, asked.moment,
                alone=alone, nodes=asked.nodes, serving=asked.serving,
            )  # fmt: skip
            return {
                "count": found.count,
                "sample": [each.values for each in found.sample],
                "impact": found.impact,
                "counts": found.nodes,
                "hints": hints.by_path(connection, draft.root, found.nodes),
            }
    except Unavailable as error:
        if error.code != "preview_too_slow":
            raise
        return {"too_slow": True}
