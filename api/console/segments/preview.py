"""Beside the form of a segment: which customers match the filters in it, and what saving them would do.

Requested while the user types. The answer also puts beside each condition what it still needs. Where counting takes
too long, it says so; the segment can be saved without the count.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.console.segments.draft import FormContext, check_filter, draft_from_form, form_context
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.rendering import show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_scan_place
from api.http.route import AccountRoute
from domain.errors import Unavailable
from domain.filters.conditions import Node
from domain.instants import Days, micros
from projections.read.impact import impact
from projections.read.preview import SAMPLE, preview
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)


@router.post("/new/matches")
def of_new(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Shows which customers match the filters of a segment that is being created."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id)
    return (yield from _matches(request, services, user, form, context, None))


@router.post("/{segment_id}/matches")
def of_edited(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Shows which customers match the edited filters, and how many would join and leave."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_segment(connection, user.account_id, segment_id)
        context = form_context(connection, user.account_id, row.segment_id)
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
    values: dict[str, Any] = {
        "draft": draft,
        "notes": checked.notes,
        "segment": row,
        "count": None,
        "sample": [],
        "impact": None,
        "too_slow": False,
        "sample_size": SAMPLE,
    }
    if checked.tree is not None:
        alone = yield from wait_for_scan_place()
        try:
            with snapshot(services, user.account_id) as (connection, _):
                values |= _count(connection, services, user, checked.tree, context, row, alone=alone)
        except Unavailable as error:
            if error.code != "preview_too_slow":
                raise
            values["too_slow"] = True
    return show(request, "segment_matches.html", values)


def _count(
    connection: Any,
    services: Services,
    user: SignedInUser,
    tree: Node,
    context: FormContext,
    row: SegmentRow | None,
    *,
    alone: bool,
) -> dict[str, Any]:
    moment = Days(context.zone).moment(micros(services.rollcall.now()))
    count, sample = preview(connection, user.account_id, tree, moment, alone=alone)
    change = None if row is None else impact(connection, user.account_id, row.serving, tree, moment, alone=alone)
    return {"count": count, "sample": [each.values for each in sample], "impact": change}
