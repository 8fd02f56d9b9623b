"""The page Create Segment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request, Response

from api.console.filters.address import FilterText, parse_filter_text
from api.console.segments.draft import (
    Draft,
    FormContext,
    check_draft,
    draft_from_form,
    draft_with_filter,
    form_context,
    noting_errors,
)
from api.console.segments.form import SAVE_ACTIONS, SEGMENTS_PATH, note_unfinished, show_form
from api.console.web.form_body import FormFields, PostedForm
from api.console.web.rendering import done
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_edit_place, wait_until_visible
from api.http.route import AccountRoute
from domain import json_text
from domain.segment import SegmentDraft
from domain.texts.language import said

router = APIRouter(prefix="/segments", route_class=AccountRoute)
DELETED = said(
    "This segment was deleted while you were editing it. What you typed is below: saving it makes a new one."
)


@router.get("/new")
def new(request: Request, services: ServicesDep, user: SignedIn, filter_text: FilterText = "") -> Response:
    """Shows the form: empty, or with the filter in the address, as a search of customers gives it."""
    raw = parse_filter_text(filter_text)
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id, stored=raw)
    draft = Draft() if raw is None else draft_with_filter(raw, context)
    return _show(request, draft, context, str(uuid4()))


@router.post("/new")
def create(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Creates the segment, or shows the form again. The same form sent twice creates one segment."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id, form=form)
    draft, identity = draft_from_form(form, context), form.text("identity")
    if form.text("action") not in SAVE_ACTIONS:
        note_unfinished(services, user, draft, context)
        return _show(request, draft, context, identity)
    node = check_draft(services, user.account_id, draft, context)
    if not draft.errors:
        segment = SegmentDraft(draft.name, draft.description, "dynamic" if draft.dynamic else "static", node)
        yield from wait_for_edit_place()
        segment_id = _segment_id_of(user.account_id, identity, segment)
        saved = noting_errors(
            draft, lambda: services.rollcall.segments.create(user.account_id, segment, segment_id, by=user.by)
        )
        if saved is not None:
            yield from wait_until_visible(services, user.account_id, saved.position, saved.id)
            return done(request, said("%(name)s was created", name=draft.name.strip()), SEGMENTS_PATH)
    return _show(request, draft, context, identity, 422)


def offer_as_new(request: Request, services: Services, user: SignedInUser, form: FormFields) -> Response:
    """Shows what was typed into the form of a segment that was deleted meanwhile, as the form of a new one."""
    with snapshot(services, user.account_id) as (connection, _):
        context = form_context(connection, user.account_id, form=form)
    # The form of a segment does not send its type, which cannot change; only a dynamic one has a builder.
    draft = replace(draft_from_form(form, context), dynamic=bool(form.text("builder_action")))
    draft.errors[""] = DELETED
    return _show(request, draft, context, str(uuid4()), 404)


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
