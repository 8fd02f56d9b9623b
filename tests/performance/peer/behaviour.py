"""Segments by behaviour in Rollcall and in Pathway: the same facts, questions and clock into one PostgreSQL.

`python -m tests.performance peer_behaviour`, with BENCH_PEER as for `peer`. First facts arrive; then three days pass,
hour by hour; then three more at once. At the end both must have the same members.

In the peer's favour: it keeps facts in memory only and forgets them with the window, so that a restart or a new
question needs them all again; it has no log, does not recognise a fact that was sent twice, and gets each fact from
memory; questions share one operator for each window, which a user has to arrange; its hours come without waiting,
while Rollcall has written each before the next; all that leave at a tick leave at the same time, while Rollcall's
history has each at its exact instant. In ours: the peer's clock has to be sent as facts, and a tick takes effect with
the commit after it, so that the last one is sent twice (one commit more for each phase of time). What `forget` cannot
do: a fact dated after the clock moves the clock of everybody (no such facts here), a clock for each account, and
windows of the calendar (`today`), which we do not compare.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from deploy.embedded.postgres import Postgres
from domain.activities.activity import Activity
from domain.customer import CustomerChange
from domain.instants import micros
from tests.performance.peer.job import (
    PATIENCE,
    address,
    our_members,
    peer_database,
    peer_interpreter,
    peer_members,
    run_job,
)
from tests.performance.stage import START, Stage, say, stage

CUSTOMERS, BEFORE, ARRIVING, BATCH = 10_000, 40_000, 20_000, 2_000
QUESTIONS = (3, 20)
# Twenty numbers give every kind with every window.
WINDOWS = (3, 7, 14, 21, 30)
KINDS = (("order", "count"), ("order", "sum"), ("visit", "count"), ("visit", "sum"))
HOURS = [START + timedelta(hours=1 + number) for number in range(72)]
AT_ONCE = [HOURS[-1] + timedelta(days=3)]


class Fact(NamedTuple):
    """One fact of a customer."""

    customer: int
    activity: str
    time: datetime
    total: int

    def row(self) -> tuple[int, str, int, int]:
        """As the peer's job reads it."""
        return self.customer, self.activity, micros(self.time), self.total


class Question(NamedTuple):
    """A count or sum over the last days that is at least a value."""

    activity: str
    aggregate: str
    window: timedelta
    value: int

    def condition(self) -> dict[str, Any]:
        """As Rollcall reads it."""
        of = {"of": "total"} if self.aggregate == "sum" else {}
        asked = {"activity": self.activity, "aggregate": self.aggregate, "window": {"last_days": self.window.days}}
        return {**asked, **of, "operator": "at_least", "value": self.value}


def run(server: Postgres) -> None:
    """Print rates of arriving and of expiring facts of both, for each number of questions."""
    interpreter = peer_interpreter()
    if interpreter is None:
        return
    say(
        f"\nPeer by behaviour ({CUSTOMERS:,} customers, {BEFORE:,} facts before, {ARRIVING:,} in batches of {BATCH:,},"
        " members and history in the same PostgreSQL)"
    )
    drawn = random.Random(60)
    before = list(_facts(drawn, BEFORE, timedelta(days=40), START - timedelta(hours=1)))
    arriving = list(_facts(drawn, ARRIVING, timedelta(hours=1), START))
    for size in QUESTIONS:
        _compare(server, interpreter, [_question(number) for number in range(size)], before, arriving)


def _compare(
    server: Postgres, interpreter: str, questions: Sequence[Question], before: Sequence[Fact], arriving: Sequence[Fact]
) -> None:
    with stage(server) as scene:
        _record(scene, before)
        scene.project()
        with scene.owner() as owner:
            owner.execute("VACUUM ANALYZE")  # as autovacuum does, which does not come so soon
        filled, _ = _taken(lambda: scene.create_segments([[each.condition()] for each in questions]))
        taken_in, _ = _taken(lambda: _record(scene, arriving))
        ours = [_taken(lambda: _project_events(scene)), *(_taken(_passing(scene, each)) for each in (HOURS, AT_ONCE))]
        with scene.owner() as owner:
            after = our_members(owner)
    with peer_database(server) as url, tempfile.TemporaryDirectory() as folder:
        job = {"questions": [_asked(each) for each in questions], "phases": _phases(before, arriving), **address(url)}
        (Path(folder) / "job.json").write_text(json.dumps(job))
        printed = run_job(interpreter, "pathway_behaviour_job.py", Path(folder))
        found = peer_members(url)
    if printed is None:
        say(f"  {len(questions)} questions: Pathway was not done in {PATIENCE:.0f} s")
        return
    facts = [*before, *arriving]
    hours, at_once = _expiries(questions, facts, START, HOURS[-1]), _expiries(questions, facts, HOURS[-1], AT_ONCE[-1])
    named = ((f"{ARRIVING:,} facts", ARRIVING), (f"{hours:,} expiries hour by hour", hours), ("at once", at_once))
    same = f"the same {len(after):,} members" if found == after else f"{len(found ^ after):,} members differ"
    loaded, *phases = printed["phases"]
    say(
        f"  {len(questions)} questions: {same}   Rollcall takes {ARRIVING / taken_in:,.0f} facts/s into its log before"
        f"   the most memory of Pathway {printed['megabytes']:,.0f} MB\n"
        f"    from the facts before: Rollcall {filled:.1f} s, Pathway, which reads all, {loaded['seconds']:.1f} s"
    )
    for (name, count), (elapsed, cpu), peer in zip(named, ours, phases, strict=True):
        theirs, their_cpu = peer["seconds"], peer["cpu"]
        say(
            f"    {name:>30}: Rollcall {count / elapsed:>7,.0f}/s   Pathway {count / theirs:>7,.0f}/s"
            f"   {theirs / elapsed:.2f} x   CPU of the process alone {cpu / count * 1e6:,.0f}"
            f" and {their_cpu / count * 1e6:,.0f} us each"
        )


def _facts(drawn: random.Random, count: int, span: timedelta, until: datetime) -> Iterator[Fact]:
    for _ in range(count):
        at = until - timedelta(microseconds=drawn.randrange(span // timedelta(microseconds=1)))
        yield Fact(drawn.randrange(CUSTOMERS), drawn.choice(("order", "order", "visit")), at, drawn.randrange(200))


def _question(number: int) -> Question:
    activity, aggregate = KINDS[number % len(KINDS)]
    value = 2 + number % 3 if aggregate == "count" else 200 + number % 3 * 50
    return Question(activity, aggregate, timedelta(days=WINDOWS[number % len(WINDOWS)]), value)


def _asked(question: Question) -> dict[str, Any]:
    return {**question._asdict(), "window": question.window // timedelta(microseconds=1)}


def _phases(before: Sequence[Fact], arriving: Sequence[Fact]) -> list[list[list[tuple[int, str, int, int]]]]:
    """The batches of each phase: what is there at the start, the facts, the hours, the time at once."""
    loaded, arrived = [[each.row() for each in facts] for facts in (before, arriving)]
    batches = [arrived[start : start + BATCH] for start in range(0, len(arrived), BATCH)]
    return [[*_ticks([START]), loaded], batches, *(_ticks(each) for each in (HOURS, AT_ONCE))]


def _ticks(times: Sequence[datetime]) -> list[list[tuple[int, str, int, int]]]:
    return [[Fact(-1, "clock", each, 0).row()] for each in [*times, times[-1]]]


def _expiries(questions: Sequence[Question], facts: Sequence[Fact], since: datetime, until: datetime) -> int:
    """How often a fact leaves the window of a question that it is about."""
    return sum(
        since < fact.time + question.window <= until
        for question in questions
        for fact in facts
        if fact.activity == question.activity
    )


def _record(scene: Stage, facts: Sequence[Fact]) -> None:
    changes = [
        CustomerChange(
            f"c{each.customer}", "activity", each.time, None, "bench", f"{each.time}-{number}",
            activity=Activity(each.activity, {"total": each.total}),
        )
        for number, each in enumerate(facts)
    ]  # fmt: skip
    for start in range(0, len(changes), BATCH):
        scene.rollcall.customers.change(scene.account_id, changes[start : start + BATCH])


def _project_events(scene: Stage) -> None:
    while scene.worker.project_events():
        continue


def _passing(scene: Stage, times: Sequence[datetime]) -> Callable[[], None]:
    def run() -> None:
        for each in times:
            scene.rollcall.worker_events.record_time_passed(scene.account_id, each)
            scene.project()

    return run


def _taken(work: Callable[[], object]) -> tuple[float, float]:
    """The seconds that `work` takes, and those of this process's CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu
