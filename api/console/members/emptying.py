"""Empty a list: every customer leaves a static segment, once the person has written that it is meant."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.console.members.job_progress import finished_or_progress
from api.console.members.removal import refuse_dynamic
from api.console.members.selection import new_task
from api.console.web.form_body import PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot
from api.http.route import AccountRoute
from api.jobs.asking import start_job
from domain.filters.customer_search import CustomerSearch

router = APIRouter(prefix="/segments/{segment_id}/empty", route_class=AccountRoute)


@router.get("")
def ask(request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId) -> Response:
    """Asks whether to empty the list."""
    return _show(request, services, user, segment_id)


@router.post("")
def empty(
    request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId, form: PostedForm
) -> WaitingAnswer:
    """Removes every customer who is in the list now."""
    if form.text("word").strip().casefold() != word_of(request).casefold():
        return _show(request, services, user, segment_id, wrong=True)
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, segment_id)
    task = new_task("remove", user.by, segment_id=segment.segment_id)
    row = start_job(services, user.account_id, task, CustomerSearch(in_segment=segment.segment_id))
    return (yield from finished_or_progress(request, services, user.account_id, row))


def word_of(request: Request) -> str:
    """Returns the word that a person writes to confirm it."""
    return language_of(request).gettext("empty")


def _show(
    request: Request, services: Services, user: SignedInUser, segment_id: str, *, wrong: bool = False
) -> Response:
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, segment_id)
    refuse_dynamic(segment)
    word = word_of(request)
    error = language_of(request).gettext("Write %(word)s to confirm.", word=word)
    values = {"segment": segment, "word": word, "errors": {"word": error} if wrong else {}}
    return show(request, "segment_empty.html", values, 422 if wrong else 200)
