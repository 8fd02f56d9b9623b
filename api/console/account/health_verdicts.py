"""What the facts of the Health page mean, in words, and whether someone should act. Used by `health`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from api.console.web.rendering import count
from domain.filters.wording import plural
from projections.read.health import NextTimeFlip, PendingSegment
from projections.read.position import InstallationStatus
from projections.records.freshness import BOUNDS, Figures
from projections.records.kafka_state import TopicState, Waiting

Kind = Literal["good", "working", "failed"]
# A shorter backlog is none that a person could see, and a timer overdue for less is none that was missed.
NOTICEABLE = timedelta(seconds=2)
TOO_LONG = timedelta(seconds=60)
DOOR_NAMES = {"kafka": "Kafka", "http": "API", "csv": "CSV import", "console": "Console"}


class Verdict(NamedTuple):
    """What a fact means; something "failed" needs attention."""

    kind: Kind
    text: str


def verdict_on_log(found: InstallationStatus, now: datetime) -> Verdict:
    """Whether the read model includes the log's last event."""
    backlog = found.head - found.position
    waited = now - (found.waiting_since or now)
    if backlog <= 0 or waited < NOTICEABLE:
        return Verdict("good", "Everything is current")
    text = f"Behind by {plural(backlog, 'event')}, {_span(waited)}"
    if waited < TOO_LONG:
        return Verdict("working", text)
    return Verdict("failed", f"{text}: what is shown is out of date. Is the projection worker running?")


def verdict_on_time(timer: NextTimeFlip, now: datetime) -> Verdict:
    """Whether the changes that only depend on time have been made."""
    if timer.due_at is None:
        return Verdict("good", "No filter depends on time")
    if timer.overdue and now - timer.due_at >= NOTICEABLE:
        late = _span(now - timer.due_at)
        return Verdict("failed", f"Overdue by {late}: customers who should have joined or left have not yet")
    return Verdict("good", "On time")


def verdict_on_dead_letters(waiting: int) -> Verdict:
    """Whether records failed and were set aside."""
    if not waiting:
        return Verdict("good", "Every record was accepted")
    return Verdict("failed", f"{plural(waiting, 'record')} could not be accepted")


def verdict_on_imports(running: int) -> Verdict:
    """Whether files are being imported."""
    return Verdict("working", f"{plural(running, 'import')} running") if running else Verdict("good", "None is running")


def verdict_on_segments(in_work: list[PendingSegment], total: int) -> Verdict:
    """Whether every segment shows the members of its newest filter."""
    failed = sum(each.failure is not None for each in in_work)
    working = len(in_work) - failed
    if failed:
        keeps = "keeps its last valid members" if failed == 1 else "keep their last valid members"
        more = f"; {count(working)} being recomputed" if working else ""
        return Verdict("failed", f"{plural(failed, 'segment')} cannot be evaluated and {keeps}{more}")
    if working:
        return Verdict("working", f"{plural(working, 'segment')} being recomputed")
    if not total:
        return Verdict("good", "No segments yet")
    return Verdict("good", "The only segment is current" if total == 1 else f"All {count(total)} are current")


def verdict_on_kafka(processes: list[Waiting], topics: list[TopicState]) -> Verdict:
    """Whether records of the account's topics are ingested, and joins and leaves published."""
    waiting = [each for each in processes if each.code is not None]
    if waiting:
        return Verdict("failed", f"{waiting[0].role} waits: {waiting[0].detail}")
    if topics and not any(each.role == "ingest" for each in processes):
        return Verdict("failed", "No ingest is running: records wait in Kafka")
    behind = sum(each.lag or 0 for each in topics)
    if behind:
        return Verdict("working", f"{plural(behind, 'record')} not ingested yet")
    return Verdict("good", "Every record is ingested")


def overall(verdicts: list[Verdict]) -> Verdict:
    """All verdicts in one."""
    failed = sum(each.kind == "failed" for each in verdicts)
    if failed:
        return Verdict("failed", f"{'One thing needs' if failed == 1 else f'{failed} things need'} attention")
    if any(each.kind == "working" for each in verdicts):
        return Verdict("working", "All is well; some work is in progress")
    return Verdict("good", "All is well")


def freshness_in_words(figures: Figures) -> str:
    """How soon the changes by one door were visible, in so few digits that the page does not change all the time."""
    return f"half within {_duration(figures.half)}, 99 % within {_duration(figures.nearly_all)}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return f"more than {BOUNDS[-1]:.0f} s"
    if seconds >= 1:
        return f"{seconds:,.1f} s"
    return f"{round(seconds * 1000, -1 if seconds >= 0.1 else None):.0f} ms"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return plural(seconds // 60, "minute") if seconds < 7_200 else plural(seconds // 3_600, "hour")
