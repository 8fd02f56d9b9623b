"""Duplicate: a dialog that copies a segment, as a dynamic one with its filters or as a list of who is in it now."""

from __future__ import annotations

from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request, Response

from api.console.segments.form import SEGMENTS_PATH
from api.console.web.form_body import PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import done, sentence, show
from api.console.web.session import SignedIn
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from api.jobs.copies import copy_segment
from domain.errors import Invalid
from domain.segment import MAX_NAME, SegmentType
from projections.read.segments import SegmentRow

router = APIRouter(prefix="/segments", route_class=AccountRoute)


@router.get("/{segment_id}/copy")
def ask(request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId) -> Response:
    """Asks for the name of the copy, and what it is to be."""
    segment = _segment(services, user.account_id, segment_id)
    name = language_of(request).gettext("Copy of %(name)s", name=segment.name)[:MAX_NAME]
    return _show(request, segment, name, segment.type, str(uuid4()))


@router.post("/{segment_id}/copy")
def copy(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Makes the copy; the same form sent twice makes one."""
    segment = _segment(services, user.account_id, segment_id)
    name, identity = form.text("copy-name"), form.text("identity")
    kind: SegmentType = "dynamic" if form.text("type") == "dynamic" else "static"
    copy_id = uuid5(user.account_id, f"copy {segment.segment_id} {identity} {kind} {name}")
    try:
        copied = copy_segment(services, user.account_id, segment.segment_id, name, kind, copy_id, user.by)
    except Invalid as invalid:
        errors = {"copy-name": sentence(invalid.errors[0].detail)}
        return _show(request, segment, name, kind, identity, errors, 422)
    yield from wait_until_visible(services, user.account_id, copied.saved.position, copied.saved.id)
    language = language_of(request)
    if copied.job_id is None:
        message = language.gettext("%(name)s was created", name=name.strip())
    else:
        message = language.gettext("%(name)s was created; its customers are being added", name=name.strip())
    return done(request, message, SEGMENTS_PATH)


def _segment(services: Services, account_id: UUID, segment_id: str) -> SegmentRow:
    with snapshot(services, account_id) as (connection, _):
        return require_segment(connection, account_id, segment_id)


def _show(
    request: Request, segment: SegmentRow, name: str, kind: SegmentType, identity: str,
    errors: dict[str, str] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    values = {"segment": segment, "name": name, "kind": kind, "identity": identity, "errors": errors or {}}
    return show(request, "segment_copy.html", values, status)
