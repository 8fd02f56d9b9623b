"""Beside the form of a segment: who matches the filters as they stand in it, and what saving them would do.

Asked while somebody types. The answer also puts beside each condition what it still needs. Where counting takes too
long it says so calmly: the segment can be saved without it.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api.console.segments.draft import Known, checked_filter, known_to, posted_draft
from api.console.web.form_body import Form, Posted
from api.console.web.rendering import show
from api.console.web.session import Person, SignedIn
from api.http.context import Context, Here
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from domain.errors import Unavailable
from domain.filters.conditions import Node
from domain.moments import Days, micros
from projections.read.impact import impact
from projections.read.preview import SAMPLE, preview
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments")


@router.post("/new/matches")
def of_new(request: Request, here: Here, person: SignedIn, form: Form) -> Response:
    """Who matches the filters of a segment that is about to be created."""
    with snapshot(here, person.account_id) as (connection, _):
        known = known_to(connection, person.account_id)
    return _matches(request, here, person, form, known, None)


@router.post("/{segment_id}/matches")
def of_edited(request: Request, here: Here, person: SignedIn, segment_id: PathId, form: Form) -> Response:
    """Who matches the edited filters, and who would join and leave."""
    with snapshot(here, person.account_id) as (connection, _):
        row = require_segment(connection, person.account_id, segment_id)
        known = known_to(connection, person.account_id, row.segment_id)
    return _matches(request, here, person, form, known, row)


def _matches(
    request: Request, here: Context, person: Person, form: Posted, known: Known, row: SegmentRow | None
) -> Response:
    draft = posted_draft(form, known)
    _, node, notes = checked_filter(here, person.account_id, draft, known)
    values: dict[str, Any] = {
        "draft": draft, "notes": notes, "segment": row, "count": None, "sample": [], "impact": None, "too_slow": False,
        "most": SAMPLE,
    }  # fmt: skip
    if node is not None:
        try:
            with snapshot(here, person.account_id) as (connection, _):
                values |= _counted(connection, here, person, node, known, row)
        except Unavailable as slow:
            if slow.code != "preview_too_slow":
                raise
            values["too_slow"] = True
    return show(request, "segment_matches.html", values)


def _counted(
    connection: Any, here: Context, person: Person, node: Node, known: Known, row: SegmentRow | None
) -> dict[str, Any]:
    moment = Days(known.zone).moment(micros(here.rollcall.now()))
    count, sample = preview(connection, person.account_id, node, moment)
    change = None if row is None else impact(connection, person.account_id, row.serving, node, moment)
    return {"count": count, "sample": [each.values for each in sample], "impact": change}
