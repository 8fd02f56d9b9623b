"""A job in the console: its progress and its result, canceling it, and taking a change of a list back.

Every handler that starts a job answers with `finished_or_progress`: a small job has ended by then.
"""

from __future__ import annotations

import time
from typing import Annotated, Any, NamedTuple
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response

from api.console.paths import CONSOLE_PATH
from api.console.web.form_body import PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import Undo, done, is_unchanged, nothing_new, redirect, show
from api.console.web.session import SignedIn, local_path
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import TEXT_PATTERN, PathId, parse_uuid
from api.http.read_your_writes import WaitingAnswer, Waits, snapshot, wait_until_visible
from api.http.route import AccountRoute
from api.http.shares.positions import Awaited
from api.jobs.asking import cancel_job, require_job, take_back
from domain.texts.language import Language
from projections.read import segments
from projections.read.segments import SegmentRow
from projections.records.jobs import rows
from projections.records.jobs.rows import JobRow

router = APIRouter(route_class=AccountRoute)
# How long a person waits for a job before its progress is shown.
Position = Annotated[int, Query(ge=0, lt=2**62)]
ReturnPath = Annotated[str, Query(max_length=8_000, pattern=TEXT_PATTERN)]
PATIENCE, LOOK_AGAIN = 1.5, 0.05
MOST_SHOWN = 5


@router.get("/jobs/{job_id}")
def progress(request: Request, services: ServicesDep, user: SignedIn, job_id: PathId) -> Response:
    """Shows how far a job is, and what became of its customers."""
    row = require_job(services, user.account_id, parse_uuid(job_id))
    with snapshot(services, user.account_id) as (connection, position):
        segment = None if row.segment_id is None else segments.by_id(connection, user.account_id, row.segment_id)
    visible = position >= row.position
    seen = f"{row.state}-{row.done}-{row.total}-{visible}"
    if is_unchanged(request, seen):
        return nothing_new()
    language, name = language_of(request), "" if segment is None else segment.name
    values = {
        "row": row,
        "segment": segment,
        "seen": seen,
        "visible": visible,
        "title": title_of(language, row, name),
        "summary": summary_of(language, row, name),
        "classes": classes_of(language, row),
        "back": back_from(row),
    }
    return show(request, "job.html", values)


@router.post("/jobs/{job_id}/cancel")
def cancel(request: Request, services: ServicesDep, user: SignedIn, job_id: PathId) -> Response:
    """Ends a job after the part in progress, and shows what it did."""
    row = require_job(services, user.account_id, parse_uuid(job_id))
    cancel_job(services, user.account_id, row.job_id)
    return redirect(request, f"{CONSOLE_PATH}/jobs/{row.job_id}")


@router.get("/take-back")
def ask_to_undo(
    request: Request, services: ServicesDep, user: SignedIn, position: Position = 0, back: ReturnPath = ""
) -> Response:
    """Shows what taking a change of a list back would do: how many customers it changed, all at once."""
    reversal = services.rollcall.jobs.reversal(user.account_id, position)
    total = sum(map(len, services.rollcall.jobs.customers_of_change(user.account_id, reversal.change_id)))
    with snapshot(services, user.account_id) as (connection, _):
        segment = require_segment(connection, user.account_id, str(reversal.segment_id))
    values = {"segment": segment, "reversal": reversal, "total": total, "position": position, "back": local_path(back)}
    return show(request, "take_back.html", values)


@router.post("/take-back")
def undo(request: Request, services: ServicesDep, user: SignedIn, form: PostedForm) -> WaitingAnswer:
    """Takes a change of a list back, for exactly those that it changed."""
    row = take_back(services, user.account_id, uuid4(), form.number("position") or 0, user.by)
    return (yield from finished_or_progress(request, services, user.account_id, row, form.text("back")))


def finished_or_progress(
    request: Request, services: Services, account_id: UUID, row: JobRow, back: str = ""
) -> WaitingAnswer:
    """Returns the answer to what began a job: what it did, or its progress where that takes longer."""
    row = yield from wait_for_end(services, account_id, row)
    if row.state != "done":
        return redirect(request, f"{CONSOLE_PATH}/jobs/{row.job_id}")
    yield from wait_until_visible(services, account_id, row.position)
    with snapshot(services, account_id) as (connection, _):
        segment = None if row.segment_id is None else segments.by_id(connection, account_id, row.segment_id)
    text = summary_of(language_of(request), row, "" if segment is None else segment.name)
    return done(request, text, local_path(back or back_from(row)), undo_of(row))


def wait_for_end(services: Services, account_id: UUID, row: JobRow) -> Waits[JobRow]:
    """Returns a job once it has ended, or `PATIENCE` is over."""
    deadline = time.monotonic() + PATIENCE
    while row.state == "running" and time.monotonic() < deadline:
        yield Awaited(account_id, 2**62, LOOK_AGAIN)
        row = require_job(services, account_id, row.job_id)
    return row


class RunningJob(NamedTuple):
    """A job that runs, as the page of its list shows it."""

    id: UUID
    title: str
    percent: int


def running_jobs(request: Request, connection: Any, account_id: UUID, segment: SegmentRow) -> list[RunningJob]:
    """Returns the jobs that change the members of a segment now, newest first."""
    found = rows.page(
        connection, account_id, segment_id=segment.segment_id, running=True, before=None, limit=MOST_SHOWN
    )
    return [RunningJob(row.job_id, title_of(language_of(request), row, segment.name), row.percent) for row in found]


def back_from(row: JobRow) -> str:
    """Returns the page on which what a job did is seen."""
    return f"{CONSOLE_PATH}/segments" + ("" if row.segment_id is None else f"/{row.segment_id}/manage")


def undo_of(row: JobRow) -> Undo | None:
    """Returns what takes a job back, where it changed the members of a list."""
    return Undo(row.position, back_from(row)) if row.segment_id is not None and row.changed else None


def title_of(language: Language, row: JobRow, name: str) -> str:
    """Returns what a job does, as a title."""
    match row.action:
        case "add":
            return language.gettext("Adding to %(name)s", name=name)
        case "remove":
            return language.gettext("Removing from %(name)s", name=name)
        case "tag":
            return language.gettext("Tagging as %(value)s", value=row.value)
        case "untag":
            return language.gettext("Removing the tag %(value)s", value=row.value)


def summary_of(language: Language, row: JobRow, name: str) -> str:
    """Returns what a job did, with the customers of each class that has any."""

    _n = language.ngettext
    match row.action:
        case "add":
            text = _n(
                "%(num)s customer added to %(name)s", "%(num)s customers added to %(name)s", row.changed, name=name
            )
            before = _n("%(num)s was already in it", "%(num)s were already in it", row.unchanged)
        case "remove":
            text = _n(
                "%(num)s customer removed from %(name)s",
                "%(num)s customers removed from %(name)s",
                row.changed,
                name=name,
            )
            before = _n("%(num)s was not in it", "%(num)s were not in it", row.unchanged)
        case "tag":
            text = _n(
                "%(num)s customer tagged %(value)s",
                "%(num)s customers tagged %(value)s",
                row.changed,
                value=row.value,
            )
            before = _n("%(num)s had the tag", "%(num)s had the tag", row.unchanged)
        case "untag":
            text = _n(
                "%(value)s removed from %(num)s customer", "%(value)s removed from %(num)s customers", row.changed,
                value=row.value,
            )  # fmt: skip
            before = _n("%(num)s did not have the tag", "%(num)s did not have the tag", row.unchanged)
    parts = [text]
    parts += [before] if row.unchanged else []
    if row.not_found:
        parts.append(_n("%(num)s no longer exists", "%(num)s no longer exist", row.not_found))
    if row.refused:
        parts.append(_n("%(num)s has too many tags", "%(num)s have too many tags", row.refused))
    return "; ".join(parts)


def classes_of(language: Language, row: JobRow) -> list[tuple[str, int]]:
    """Returns the classes of a job's customers, with how many are in each."""
    _ = language.gettext
    changed, unchanged = {
        "add": (_("Added"), _("Already in the list")),
        "remove": (_("Removed"), _("Not in the list")),
        "tag": (_("Tagged"), _("Had the tag before")),
        "untag": (_("Tag removed"), _("Did not have the tag")),
    }[row.action]
    found = [(changed, row.changed), (unchanged, row.unchanged), (_("No longer exist"), row.not_found)]
    return found + ([(_("Have too many tags"), row.refused)] if row.refused else [])
