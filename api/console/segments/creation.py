"""The page Create Segment."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request, Response

from api.console.segments.draft import Draft, FormContext, check_draft, draft_from_form, form_context, noting_errors
from api.console.segments.form import SAVE_ACTIONS, SEGMENTS_PATH, note_unfinished, show_form
from api.console.web.form_body import PostedForm
from api.console.web.rendering import done
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_edit_place, wait_until_visible
from api.http.route import AccountRoute
from domain import json_text
from domain.segment import SegmentDraft

router = APIRouter(prefix="/segments", route_class=AccountRoute)


@router.get("/new")
def new(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Shows the empty form."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id)
    return _show(request, Draft(), context, str(uuid4()))


@router.post("/new")
def create(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Creates the segment, or shows the form again. The same form sent twice creates one segment."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id)
    draft, identity = draft_from_form(form, context), form.text("identity")
    if form.text("action") not in SAVE_ACTIONS:
        note_unfinished(services, user, draft, context)
        return _show(request, draft, context, identity)
    node = check_draft(services, user.account_id, draft, context)
    if not draft.errors:
        segment = SegmentDraft(draft.name, draft.description, "dynamic" if draft.dynamic else "static", node)
        yield from wait_for_edit_place()
        segment_id = _segment_id_of(user.account_id, identity, segment)
        saved = noting_errors(draft, lambda: services.rollcall.segments.create(user.account_id, segment, segment_id))
        if saved is not None:
            yield from wait_until_visible(services, user.account_id, saved.position, saved.id)
            return done(request, f"{draft.name.strip()} was created", SEGMENTS_PATH)
    return _show(request, draft, context, identity, 422)


def _segment_id_of(account_id: UUID, identity: str, segment: SegmentDraft) -> UUID:
    """Returns the id that one form with this content creates, however often it is sent."""
    content = [identity, segment.name, segment.description, segment.type, segment.filter]
    return uuid5(account_id, json_text.dumps(content).decode())


def _show(request: Request, draft: Draft, context: FormContext, identity: str, status: int = 200) -> Response:
    values: dict[str, Any] = {
        "action": f"{SEGMENTS_PATH}/new",
        "matches": f"{SEGMENTS_PATH}/new/matches",
        "segment": None,
        "identity": identity,
        "campaigns": [],
        "used_by": [],
    }
    return show_form(request, draft, context, values, status)
