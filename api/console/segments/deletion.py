"""Deleting a segment: first what it would mean, in a dialog; then for good."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

from api.console.web.rendering import done, show
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import names_naming, settle, snapshot
from projections.read import campaigns, segments

router = APIRouter(prefix="/segments")


@router.get("/{segment_id}/delete")
def ask(request: Request, here: Here, person: SignedIn, segment_id: PathId) -> Response:
    """What deleting it would mean: the campaigns it leaves, and who else names it."""
    with snapshot(here, person.account_id) as (connection, _):
        segment = require_segment(connection, person.account_id, segment_id)
        attached = campaigns.of_segment(connection, person.account_id, segment.segment_id)
        used_by = segments.names_referring_to(connection, person.account_id, segment.segment_id)
    values = {
        "person": person, "active": "segments", "segment": segment, "used_by": used_by,
        "campaigns": [(row, row.needs_audience_without(segment.segment_id)) for row in attached],
    }  # fmt: skip
    return show(request, "segment_delete.html", values)


@router.post("/{segment_id}/delete")
def delete(request: Request, here: Here, person: SignedIn, segment_id: PathId) -> Response:
    """Delete it; its customers stay."""
    with snapshot(here, person.account_id) as (connection, _):
        segment = require_segment(connection, person.account_id, segment_id)
    used_by = partial(names_naming, here, person.account_id, segment.segment_id)
    position = here.rollcall.segments.delete(person.account_id, segment.segment_id, None, used_by)
    settle(here, person.account_id, position)
    return done(request, f"{segment.name} was deleted", "/console/segments")
