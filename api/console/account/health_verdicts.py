"""What the facts of the Health page mean, in words, and whether someone should act. Used by `health`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.texts.language import Language, said
from projections.read.health import NextTimeFlip, PendingSegment
from projections.read.position import InstallationStatus
from projections.records.freshness import BOUNDS, Figures
from projections.records.kafka_state import TopicState, Waiting

Kind = Literal["good", "working", "failed"]
# A shorter backlog is none that a person could see, and a timer overdue for less is none that was missed.
NOTICEABLE = timedelta(seconds=2)
TOO_LONG = timedelta(seconds=60)
DOOR_NAMES = {"kafka": "Kafka", "http": "API", "csv": said("CSV import"), "console": said("Console")}


class Verdict(NamedTuple):
    """What a fact means; something "failed" needs attention."""

    kind: Kind
    text: str


def verdict_on_log(language: Language, found: InstallationStatus, now: datetime) -> Verdict:
    """Whether the read model includes the log's last event."""
    backlog = found.head - found.position
    waited = now - (found.waiting_since or now)
    if backlog <= 0 or waited < NOTICEABLE:
        return Verdict("good", language.gettext("Everything is current"))
    text = language.ngettext(
        "Behind by %(num)s event, %(time)s", "Behind by %(num)s events, %(time)s", backlog, time=_span(language, waited)
    )
    if waited < TOO_LONG:
        return Verdict("working", text)
    text = language.gettext("%(behind)s: what is shown is out of date. Is the projection worker running?", behind=text)
    return Verdict("failed", text)


def verdict_on_time(language: Language, timer: NextTimeFlip, now: datetime) -> Verdict:
    """Whether the changes that only depend on time have been made."""
    if timer.due_at is None:
        return Verdict("good", language.gettext("No filter depends on time"))
    if timer.overdue and now - timer.due_at >= NOTICEABLE:
        text = language.gettext(
            "Overdue by %(time)s: customers who should have joined or left have not yet",
            time=_span(language, now - timer.due_at),
        )
        return Verdict("failed", text)
    return Verdict("good", language.gettext("On time"))


def verdict_on_dead_letters(language: Language, waiting: int) -> Verdict:
    """Whether records failed and were set aside."""
    if not waiting:
        return Verdict("good", language.gettext("Every record was accepted"))
    text = language.ngettext("%(num)s record could not be accepted", "%(num)s records could not be accepted", waiting)
    return Verdict("failed", text)


def verdict_on_imports(language: Language, running: int) -> Verdict:
    """Whether files are being imported."""
    if not running:
        return Verdict("good", language.gettext("None is running"))
    return Verdict("working", language.ngettext("%(num)s import running", "%(num)s imports running", running))


def verdict_on_segments(language: Language, in_work: list[PendingSegment], total: int) -> Verdict:
    """Whether every segment shows the members of its newest filter."""
    failed = sum(each.failure is not None for each in in_work)
    working = len(in_work) - failed
    recomputed = language.ngettext("%(num)s segment being recomputed", "%(num)s segments being recomputed", working)
    if failed:
        text = language.ngettext(
            "%(num)s segment cannot be evaluated and keeps its last valid members",
            "%(num)s segments cannot be evaluated and keep their last valid members",
            failed,
        )
        return Verdict("failed", f"{text}; {recomputed}" if working else text)
    if working:
        return Verdict("working", recomputed)
    if not total:
        return Verdict("good", language.gettext("No segments yet"))
    return Verdict("good", language.ngettext("The only segment is current", "All %(num)s are current", total))


def verdict_on_kafka(language: Language, processes: list[Waiting], topics: list[TopicState]) -> Verdict:
    """Whether records of the account's topics are ingested, and joins and leaves published."""
    waiting = [each for each in processes if each.code is not None]
    if waiting:
        said = language.gettext("%(role)s waits: %(detail)s", role=waiting[0].role, detail=waiting[0].detail)
        return Verdict("failed", said)
    if topics and not any(each.role == "ingest" for each in processes):
        return Verdict("failed", language.gettext("No ingest is running: records wait in Kafka"))
    behind = sum(each.lag or 0 for each in topics)
    if behind:
        said = language.ngettext("%(num)s record not ingested yet", "%(num)s records not ingested yet", behind)
        return Verdict("working", said)
    return Verdict("good", language.gettext("Every record is ingested"))


def overall(language: Language, verdicts: list[Verdict]) -> Verdict:
    """All verdicts in one."""
    failed = sum(each.kind == "failed" for each in verdicts)
    if failed:
        text = language.ngettext("One thing needs attention", "%(num)s things need attention", failed)
        return Verdict("failed", text)
    if any(each.kind == "working" for each in verdicts):
        return Verdict("working", language.gettext("All is well; some work is in progress"))
    return Verdict("good", language.gettext("All is well"))


def freshness_in_words(language: Language, figures: Figures) -> str:
    """How soon the changes by one door were visible, in so few digits that the page does not change all the time."""
    half, nearly_all = _duration(language, figures.half), _duration(language, figures.nearly_all)
    return language.gettext("half within %(half)s, 99 %% within %(nearly_all)s", half=half, nearly_all=nearly_all)


def _duration(language: Language, seconds: float | None) -> str:
    if seconds is None:
        return language.gettext("more than %(seconds)s s", seconds=round(BOUNDS[-1]))
    if seconds >= 1:
        return f"{seconds:,.1f} s"
    return f"{round(seconds * 1000, -1 if seconds >= 0.1 else None):.0f} ms"


def _span(language: Language, span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return language.ngettext("%(num)s minute", "%(num)s minutes", seconds // 60)
    return language.ngettext("%(num)s hour", "%(num)s hours", seconds // 3_600)
