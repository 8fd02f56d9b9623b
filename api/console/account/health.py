"""How it goes: whether what people see is current, what time does next, what could not be taken in, what is running.

Positions are the installation's; all else is the account's. Every fact comes with a verdict in words.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Path, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import count, done, show, still, unchanged
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.read_your_writes import settle, snapshot
from api.http.shapes.dead_letters import show_dead_letter
from domain.errors import NotFound
from domain.filters.wording import plural
from projections.read import accounts, dead_letters, health, segments
from projections.read.health import NextTimeFlip, PendingSegment
from projections.read.position import InstallationStatus, installation_status

router = APIRouter(prefix="/health")
Kind = Literal["good", "working", "failed"]
LetterId = Annotated[int, Path(ge=1, le=2**63 - 1)]
PLACE = "/console/health"
MOST_SEGMENTS = 50
# Shorter than this is no lag that a person could see, and no timer that somebody forgot.
MOMENT = timedelta(seconds=2)
LONG = timedelta(seconds=60)


class Verdict(NamedTuple):
    """What a fact means, and whether somebody should look."""

    kind: Kind
    text: str


@router.get("")
def show_health(request: Request, here: Here, person: SignedIn, pager: Paged) -> Response:
    """The whole page; it is told again only when something of it changed."""
    account_id, now = person.account_id, here.rollcall.now()
    found = installation_status(here.database)
    with snapshot(here, account_id) as (connection, _):
        days, _ = accounts.calendar(connection, account_id)
        timer = health.next_time_flip(connection, account_id, now)
        imports = health.running_imports(connection, account_id)
        in_work = health.pending_segments(connection, account_id, limit=MOST_SEGMENTS)
        total = segments.count(connection, account_id, name=None, kind=None)
        letters = dead_letters.page(connection, account_id, before=_number(pager.after), limit=pager.fetch)
        waiting = dead_letters.count(connection, account_id)
    verdicts = {
        "log": verdict_on_log(found, now), "time": verdict_on_time(timer, now),
        "letters": verdict_on_letters(waiting), "imports": verdict_on_imports(len(imports)),
        "segments": verdict_on_segments(in_work, total),
    }  # fmt: skip
    page = pager.page(letters, lambda row: str(row.dead_letter_id), waiting)
    seen = hashlib.sha256(repr((verdicts, timer, imports, in_work, letters, waiting)).encode()).hexdigest()
    if unchanged(request, seen):
        return still()
    values = {
        "person": person, "active": "health", "zone": days.zone, "seen": seen, "version": here.version,
        "standing": found, "timer": timer, "imports": imports, "segments": in_work, "verdicts": verdicts,
        "overall": overall(list(verdicts.values())), "page": page,
    }  # fmt: skip
    return show(request, "health.html", values)


@router.get("/dead-letters/{dead_letter_id}")
def show_letter(request: Request, here: Here, person: SignedIn, dead_letter_id: LetterId) -> Response:
    """A record as it came."""
    with snapshot(here, person.account_id) as (connection, _):
        row = dead_letters.by_id(connection, person.account_id, dead_letter_id)
        days, _ = accounts.calendar(connection, person.account_id)
    if row is None:
        raise NotFound("dead_letter_not_found", "no such dead letter; perhaps it was taken in meanwhile")
    values = {"person": person, "active": "health", "letter": show_dead_letter(row), "zone": days.zone}
    return show(request, "health_letter.html", values)


@router.post("/dead-letters/{dead_letter_id}/retry")
def retry(request: Request, here: Here, person: SignedIn, dead_letter_id: LetterId) -> Response:
    """Take it in again, as it came."""
    retried = here.retry(person.account_id, dead_letter_id)
    settle(here, person.account_id, retried.position)
    if retried.result == "invalid":
        return done(request, f"It failed again: {retried.message}", PLACE)
    told = "The record was taken in" if retried.result != "unchanged" else "The record was taken in; it changed nothing"
    return done(request, told, PLACE)


def verdict_on_log(found: InstallationStatus, now: datetime) -> Verdict:
    """Whether the read models hold the log's last event."""
    behind = found.head - found.position
    waited = now - (found.waiting_since or now)
    if behind <= 0 or waited < MOMENT:
        return Verdict("good", "All is current")
    text = f"Behind by {plural(behind, 'event')}, {_seconds(waited)}"
    if waited < LONG:
        return Verdict("working", text)
    return Verdict("failed", f"{text}: what is shown is old, never wrong. Is the projection worker running?")


def verdict_on_time(timer: NextTimeFlip, now: datetime) -> Verdict:
    """Whether what time does has been done."""
    if timer.due_at is None:
        return Verdict("good", "No filter follows the clock")
    if timer.overdue and now - timer.due_at >= MOMENT:
        late = _seconds(now - timer.due_at)
        return Verdict("failed", f"Overdue by {late}: members who should have joined or left by time have not yet")
    return Verdict("good", "On time")


def verdict_on_letters(waiting: int) -> Verdict:
    """Whether records were set aside."""
    if not waiting:
        return Verdict("good", "Every record was taken in")
    return Verdict("failed", f"{plural(waiting, 'record')} could not be taken in")


def verdict_on_imports(running: int) -> Verdict:
    """Whether files are being taken in."""
    return Verdict("working", f"{plural(running, 'import')} running") if running else Verdict("good", "None is running")


def verdict_on_segments(in_work: list[PendingSegment], total: int) -> Verdict:
    """Whether every segment shows the members of its newest filter."""
    failed = sum(each.failure is not None for each in in_work)
    working = len(in_work) - failed
    if failed:
        more = f"; {count(working)} being recomputed" if working else ""
        return Verdict("failed", f"{plural(failed, 'segment')} cannot be evaluated and {_keeps(failed)}{more}")
    if working:
        return Verdict("working", f"{plural(working, 'segment')} being recomputed")
    return Verdict(
        "good",
        "The only segment is current"
        if total == 1
        else f"All {count(total)} are current"
        if total
        else "No segments yet",
    )


def overall(verdicts: list[Verdict]) -> Verdict:
    """All of them in one."""
    wrong = sum(each.kind == "failed" for each in verdicts)
    if wrong:
        return Verdict("failed", f"{'One thing needs' if wrong == 1 else f'{wrong} things need'} somebody's attention")
    if any(each.kind == "working" for each in verdicts):
        return Verdict("working", "All is well; some work is under way")
    return Verdict("good", "All is well")


def _keeps(failed: int) -> str:
    return "keeps its last good members" if failed == 1 else "keep their last good members"


def _seconds(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return plural(seconds // 60, "minute") if seconds < 7_200 else plural(seconds // 3_600, "hour")


def _number(after: str) -> int | None:
    return int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
