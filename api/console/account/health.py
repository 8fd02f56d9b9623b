"""The Health page: whether what people see is current, what time changes next, which records failed, what is running.

Positions and freshness are the installation's; all else is the account's. `health_verdicts` says in words what each
fact means.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from api.console.account.health_verdicts import (
    DOOR_NAMES,
    Verdict,
    freshness_in_words,
    overall,
    verdict_on_dead_letters,
    verdict_on_imports,
    verdict_on_kafka,
    verdict_on_log,
    verdict_on_segments,
    verdict_on_time,
)
from api.console.web.language import language_of
from api.console.web.paging import Paged, Pager
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.http.dependencies import Services, ServicesDep
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from api.http.shapes.dead_letters import show_dead_letter
from domain.errors import NotFound
from domain.instants import Days
from domain.texts.language import Language
from projections.read import accounts, dead_letters, health, segments
from projections.read.dead_letters import DeadLetterRow
from projections.read.health import NextTimeFlip, PendingSegment, RunningImport
from projections.read.position import InstallationStatus, installation_status
from projections.records import freshness, kafka_state, received_counts
from projections.records.freshness import Figures
from projections.records.kafka_state import TopicState, Waiting
from projections.records.received_counts import ReceivedCount

router = APIRouter(prefix="/health", route_class=AccountRoute)
DeadLetterId = Annotated[int, Path(ge=1, le=2**63 - 1)]
HEALTH_PATH = "/console/health"
MAX_SEGMENTS = 50
MAX_VALUES = 50


class HealthFacts(NamedTuple):
    """What the page shows, read at one moment."""

    standing: InstallationStatus
    freshness: list[Figures]
    days: Days
    timer: NextTimeFlip
    imports: list[RunningImport]
    segments_in_work: list[PendingSegment]
    total_segments: int
    dead_letters: list[DeadLetterRow]
    total_dead_letters: int
    received: list[ReceivedCount]
    kafka: list[Waiting]
    topics: list[TopicState]

    def verdicts(self, language: Language, now: datetime) -> dict[str, Verdict]:
        """Returns what the facts mean, by card of the page."""
        verdicts = {
            "log": verdict_on_log(language, self.standing, now),
            "time": verdict_on_time(language, self.timer, now),
            "letters": verdict_on_dead_letters(language, self.total_dead_letters),
            "imports": verdict_on_imports(language, len(self.imports)),
            "segments": verdict_on_segments(language, self.segments_in_work, self.total_segments),
        }
        if self.topics or any(each.code for each in self.kafka):
            verdicts["kafka"] = verdict_on_kafka(language, self.kafka, self.topics)
        return verdicts

    def fingerprint(self, language: Language, verdicts: dict[str, Verdict]) -> str:
        """Returns a text that changes when what people read on the page changes.

        The positions are left out: they change with every event of any account, but only the verdict on them matters.
        """
        fresh = [freshness_in_words(language, each) for each in self.freshness]
        shown = (
            language.code,
            verdicts,
            fresh,
            self.timer,
            self.imports,
            self.segments_in_work,
            self.dead_letters,
            self.total_dead_letters,
            self.received,
            self.topics,
        )
        return hashlib.sha256(repr(shown).encode()).hexdigest()


@router.get("")
def show_health(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Shows the whole page, or nothing new where the browser already shows the same."""
    now = services.rollcall.now()
    facts = _read_facts(services, user.account_id, pager, now)
    language = language_of(request)
    verdicts = facts.verdicts(language, now)
    seen = facts.fingerprint(language, verdicts)
    if is_unchanged(request, seen):
        return nothing_new()
    values = {
        "zone": facts.days.zone,
        "seen": seen,
        "version": services.version,
        "standing": facts.standing,
        "freshness": [(DOOR_NAMES[each.door], freshness_in_words(language, each)) for each in facts.freshness],
        "timer": facts.timer,
        "imports": facts.imports,
        "segments": facts.segments_in_work,
        "verdicts": verdicts,
        "overall": overall(language, list(verdicts.values())),
        "topics": facts.topics,
        "messages": [each for each in facts.received if each.subject == "message"],
        "left_out": [each for each in facts.received if each.subject == "value"][:MAX_VALUES],
        "page": pager.page(facts.dead_letters, lambda row: str(row.dead_letter_id), facts.total_dead_letters),
    }
    return show(request, "health.html", values)


@router.get("/dead-letters/{dead_letter_id}")
def show_letter(request: Request, services: ServicesDep, user: SignedIn, dead_letter_id: DeadLetterId) -> Response:
    """Shows a dead letter with the record as it was received."""
    with snapshot(services, user.account_id) as (connection, _):
        row = dead_letters.by_id(connection, user.account_id, dead_letter_id)
        days, _ = accounts.calendar(connection, user.account_id)
    if row is None:
        raise NotFound("dead_letter_not_found", "no such dead letter; it may have been accepted since")
    return show(request, "health_letter.html", {"letter": show_dead_letter(row), "zone": days.zone})


@router.post("/dead-letters/{dead_letter_id}/retry")
def retry(request: Request, services: ServicesDep, user: SignedIn, dead_letter_id: DeadLetterId) -> WaitingAnswer:
    """Retries a dead letter, for example after an attribute's type was changed."""
    retried = services.retry(user.account_id, dead_letter_id)
    yield from wait_until_visible(services, user.account_id, retried.position)
    language = language_of(request)
    if retried.result == "invalid":
        said = language.gettext("It failed again: %(why)s", why=language.of(retried.message or ""))
    elif retried.result == "unchanged":
        said = language.gettext("The record was accepted; it changed nothing")
    else:
        said = language.gettext("The record was accepted")
    return done(request, said, HEALTH_PATH)


def _read_facts(services: Services, account_id: UUID, pager: Pager, now: datetime) -> HealthFacts:
    standing_now = installation_status(services.database)
    with snapshot(services, account_id) as (connection, _):
        days, _ = accounts.calendar(connection, account_id)
        return HealthFacts(
            standing=standing_now,
            freshness=freshness.recent(connection, now),
            days=days,
            timer=health.next_time_flip(connection, account_id, now),
            imports=health.running_imports(connection, account_id),
            segments_in_work=health.pending_segments(connection, account_id, limit=MAX_SEGMENTS),
            total_segments=segments.count(connection, account_id, name=None, kind=None),
            dead_letters=dead_letters.outlines(connection, account_id, before=pager.after_number, limit=pager.limit),
            total_dead_letters=dead_letters.count(connection, account_id),
            received=received_counts.of_account(connection, account_id),
            kafka=kafka_state.processes(connection, now),
            topics=kafka_state.topics_of_account(connection, account_id, now),
        )
