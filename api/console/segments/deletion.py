"""Deleting a segment, after a dialog that says what this means."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.console.segments.form import SEGMENTS_PATH
from api.console.web.language import language_of
from api.console.web.rendering import done, gone, show, with_query
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from projections.read import campaigns, segments

router = APIRouter(prefix="/segments", route_class=AccountRoute)
Leaves = Annotated[bool, Query(description="It is deleted from its own page, which is left for the list.")]


@router.get("/{segment_id}/delete")
def ask(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, leaves: Leaves = False
) -> Response:
    """Asks whether to delete it: the campaigns it is removed from, and the segments whose filters use it."""
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, segment_id)
        attached = campaigns.of_segment(connection, user.account_id, segment.segment_id)
        used_by = segments.names_referring_to(connection, user.account_id, segment.segment_id)
    values = {
        "segment": segment,
        "action": with_query(request.url.path, leaves="true" if leaves else ""),
        "used_by": used_by,
        "campaigns": [(row, row.needs_audience_without(segment.segment_id)) for row in attached],
    }
    return show(request, "segment_delete.html", values)


@router.post("/{segment_id}/delete")
def delete(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, leaves: Leaves = False
) -> WaitingAnswer:
    """Deletes it; its customers stay."""
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, segment_id)
    position = services.rollcall.segments.delete(user.account_id, segment.segment_id, None, by=user.by)
    yield from wait_until_visible(services, user.account_id, position)
    message = language_of(request).gettext("%(name)s was deleted", name=segment.name)
    return gone(request, {"message": message}, SEGMENTS_PATH) if leaves else done(request, message, SEGMENTS_PATH)
