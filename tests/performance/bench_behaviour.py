"""Segments by behaviour over ten facts each of a million customers, beside the statement that a user would write.

A new question is served from facts that are there; facts come in beside a hundred questions; windows let facts go. The
hand-written statement is what would have to run again every minute to know the same.
"""

from __future__ import annotations

import resource
import time
from datetime import datetime, timedelta
from typing import Any

from deploy.embedded.postgres import Postgres
from domain.activities.activity import Activity
from domain.customer import CustomerChange
from domain.segment import SegmentDraft
from tests.performance.bench_edit import CUSTOMERS, load
from tests.performance.stage import START, Stage, say, seconds, stage

FACTS = 10  # of each customer, in the last hundred days
QUESTIONS = 100
ARRIVING = 20_000
# So many facts fall out at about one instant, so long after the start.
FALLING, FALL_OUT_AFTER = 50_000, timedelta(hours=1)
ASKED = {
    "activity": "order", "aggregate": "count", "window": {"last_days": 30}, "operator": "at_least", "value": 4,
}  # fmt: skip
# `g` from 0 on: an instant of the hundred days before the start for each, and none twice.
FACTS_OF_EVERYBODY = """
INSERT INTO activities (account_id, customer_no, time, position, activity, properties)
SELECT c.account_id, c.customer_no, %(start)s::timestamptz - (g * interval '10 days')
           - ((c.customer_no * 7919) %% 864000000) * interval '1 millisecond', 1,
       CASE WHEN g %% 3 = 2 THEN 'visit' ELSE 'order' END,
       jsonb_build_object('total', (c.customer_no * 31 + g * 17) %% 200, 'shop', 'shop ' || c.customer_no %% 20)
FROM customers c
CROSS JOIN generate_series(0, %(facts)s - 1) AS g
ORDER BY c.customer_no, 3
"""
# One more fact of many customers, who all leave the window of the question within a second.
FALLING_OUT = """
INSERT INTO activities (account_id, customer_no, time, position, activity, properties)
SELECT account_id, customer_no, %(at)s::timestamptz - interval '30 days' + n * interval '10 microseconds', 1, 'order',
       jsonb_build_object('total', n %% 200, 'shop', 'shop ' || n %% 20)
FROM (SELECT account_id, customer_no, row_number() OVER (ORDER BY customer_no) AS n FROM customers
      ORDER BY customer_no LIMIT %(count)s) AS t
"""
BY_HAND = """
INSERT INTO by_hand (version_no, customer_no, joined_at, position, account_id)
SELECT 1, customer_no, now(), 1, account_id
FROM activities
WHERE activity = 'order' AND time > %(now)s::timestamptz - interval '30 days' AND time <= %(now)s
GROUP BY account_id, customer_no
HAVING count(*) >= 4
"""
# With the history of who joined when, which answers "why" and "since when".
BY_HAND_HISTORY = """
WITH joined AS MATERIALIZED (
    SELECT account_id, customer_no
    FROM activities
    WHERE activity = 'order' AND time > %(now)s::timestamptz - interval '30 days' AND time <= %(now)s
    GROUP BY account_id, customer_no
    HAVING count(*) >= 4
), history AS (
    INSERT INTO history_by_hand (customer_no, version_no, position, at, joined, cause, account_id)
    SELECT customer_no, 1, 1, now(), true, 'edit', account_id FROM joined
)
INSERT INTO by_hand (version_no, customer_no, joined_at, position, account_id)
SELECT 3, customer_no, now(), 1, account_id FROM joined
"""
# What a user has to store to keep the members up to date fact by fact: a value of everybody who has facts.
BY_HAND_STORED = """
WITH counted AS (
    INSERT INTO values_by_hand (customer_no, value, next_at)
    SELECT customer_no, count(*), min(time) + interval '30 days'
    FROM activities
    WHERE activity = 'order' AND time > %(now)s::timestamptz - interval '30 days' AND time <= %(now)s
    GROUP BY customer_no
    RETURNING customer_no, value
)
INSERT INTO by_hand (version_no, customer_no, joined_at, position, account_id)
SELECT 2, customer_no, now(), 1, (SELECT account_id FROM accounts) FROM counted WHERE value >= 4
"""


def run(server: Postgres) -> None:
    """Print how long a new question takes, rates of arriving and of expiring facts, and what an idle instant costs."""
    say(f"\nBehaviour ({CUSTOMERS:,} customers, {FACTS} facts each)")
    with stage(server) as scene:
        load(scene)
        _record(scene, [fact_of(0, "order", START, 0), fact_of(0, "visit", START, 1)])
        scene.project()
        with scene.owner() as owner:
            taken = seconds(lambda: owner.execute(FACTS_OF_EVERYBODY, {"start": START, "facts": FACTS}))
            owner.execute(FALLING_OUT, {"at": START + FALL_OUT_AFTER, "count": FALLING})
            row = owner.execute("SELECT count(*), pg_total_relation_size('activities') FROM activities").fetchone()
            assert row is not None
            say(f"  {row[0]:,} facts, {row[1] / row[0]:,.0f} bytes each with their indexes ({taken:.0f} s to insert)")
            owner.execute("VACUUM ANALYZE activities")
            owner.execute("CREATE TABLE by_hand (LIKE members INCLUDING ALL)")
            owner.execute("CREATE TABLE history_by_hand (LIKE membership_history INCLUDING ALL)")
            owner.execute(
                "CREATE TABLE values_by_hand (customer_no bigint PRIMARY KEY, value bigint, next_at timestamptz)"
            )
            owner.execute("CREATE INDEX ON values_by_hand (next_at)")
        for number in range(3):
            _new_question(scene, number)
        _falling_out(scene)
        _arriving(scene, 3)
        _ask(scene, QUESTIONS - 3)
        _arriving(scene, QUESTIONS)
        _arriving(scene, QUESTIONS)
        _passing(scene)
        idle = seconds(lambda: [scene.worker.append_time_passed() for _ in range(100)]) / 100
        say(f"  an instant at which nothing is due: {idle * 1e6:,.0f} us")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say(f"  the most memory of this process, worker and all: {peak:,.0f} MB")


def _new_question(scene: Stage, number: int) -> None:
    now = scene.rollcall.worker_events.now()
    with scene.owner() as owner:
        owner.execute("TRUNCATE by_hand, history_by_hand, values_by_hand")
        taken: list[float] = []
        for statement in (BY_HAND, BY_HAND_HISTORY, BY_HAND_STORED):
            owner.execute("CHECKPOINT")
            started = time.perf_counter()
            owner.execute(statement, {"now": now})
            taken.append(time.perf_counter() - started)
        owner.execute("CHECKPOINT")
    began = time.perf_counter()
    asked = ASKED | {"window": {"last_days": 30 + number}}
    scene.rollcall.segments.create(scene.account_id, SegmentDraft(f"asked {number}", "", "dynamic", [asked]))
    worst = scene.longest_step()
    served = time.perf_counter() - began
    by_hand, with_history, stored = taken
    say(
        f"  a new question: by hand {by_hand:.2f} s, with history {with_history:.2f} s, keeping values {stored:.2f} s"
        f"   until served {served:.2f} s   ratios {', '.join(f'{served / each:.2f}' for each in taken)}"
        f"   longest step, which others wait for: {worst * 1000:.0f} ms"
    )


def questions(count: int) -> list[list[dict[str, Any]]]:
    """Returns filters about what customers do, in windows of days, of hours, and of the day.

    At least so often, or for so much, that a fact changes many values and takes few of them over a threshold.
    """
    found: list[list[dict[str, Any]]] = []
    for number in range(count):
        window = [{"last_days": 7 + number}, {"last_hours": 24 + number}, {"in_period": "today"}][number % 3]
        of = {"aggregate": "sum", "of": "total"} if number % 2 else {"aggregate": "count"}
        activity = "order" if number % 4 else "visit"
        value = (3 + number * 7 % 50) * (100 if number % 2 else 1)
        found.append([{"activity": activity, **of, "window": window, "operator": "at_least", "value": value}])
    return found


def _ask(scene: Stage, count: int) -> None:
    taken = seconds(lambda: scene.create_segments(questions(count)))
    say(f"  {count} more questions: {taken:.0f} s until all are served")


def _arriving(scene: Stage, questions: int) -> None:
    now = scene.rollcall.worker_events.now()
    facts = [
        fact_of(number * 7 % 100_000, "order" if number % 3 else "visit", now, number) for number in range(ARRIVING)
    ]
    taken_in = seconds(lambda: _record(scene, facts))
    began, cpu = time.perf_counter(), time.process_time()
    while scene.worker.project_events():
        continue
    projected, cpu = time.perf_counter() - began, time.process_time() - cpu
    say(
        f"  {ARRIVING:,} facts beside {questions:>3} questions: {ARRIVING / taken_in:>7,.0f}/s taken in,"
        f" {ARRIVING / projected:>7,.0f}/s projected, {ARRIVING / (taken_in + projected):>7,.0f}/s one after the other,"
        f" {cpu / ARRIVING * 1e6:,.0f} us of the worker's CPU each"
    )
    scene.project()


def _falling_out(scene: Stage) -> None:
    """Many facts leave the windows of three questions within a second of one another."""
    _let_pass(scene, START + FALL_OUT_AFTER)
    taken, worst = _let_pass(scene, START + FALL_OUT_AFTER + timedelta(seconds=FALLING / 100_000))
    say(
        f"  expiries: {FALLING:,} facts fall out within {FALLING / 100_000:.1f} s:"
        f" {FALLING / taken:,.0f} value changes/s   longest step {worst * 1000:.0f} ms"
    )


def _passing(scene: Stage) -> None:
    """Time passes with many windows, each of which lets some facts go."""
    taken, worst = _let_pass(scene, scene.rollcall.worker_events.now() + FALL_OUT_AFTER + timedelta(minutes=10))
    say(f"  ten minutes beside {QUESTIONS} questions pass in {taken:.2f} s   longest step {worst * 1000:.0f} ms")
    midnight = START + timedelta(days=1)
    _let_pass(scene, midnight - timedelta(microseconds=1))
    taken, worst = _let_pass(scene, midnight)
    say(f"  a midnight at which `today` moves passes in {taken:.2f} s   longest step {worst * 1000:.0f} ms")


def _let_pass(scene: Stage, until: datetime) -> tuple[float, float]:
    scene.rollcall.worker_events.record_time_passed(scene.account_id, until)
    began = time.perf_counter()
    worst = scene.longest_step()
    return time.perf_counter() - began, worst


def fact_of(customer: int, name: str, time: datetime, number: int) -> CustomerChange:
    """Something that customer `c<customer>` did."""
    activity = Activity(name, {"total": number % 200, "shop": f"shop {number % 20}"})
    return CustomerChange(f"c{customer}", "activity", time, None, "bench", f"{time}-{number}", activity=activity)


def _record(scene: Stage, facts: list[CustomerChange]) -> None:
    for start in range(0, len(facts), 2_000):
        scene.rollcall.customers.change(scene.account_id, facts[start : start + 2_000])
