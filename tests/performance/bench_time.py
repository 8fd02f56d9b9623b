"""Time: what a midnight at which many flip costs over a million customers, beside the same row writes alone.

And: an ordinary midnight against evaluating everybody, an idle instant, and a customer change with one time condition
against the same with fifty.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from psycopg import Connection, sql

from deploy.embedded.postgres import Postgres
from domain.filters.parsing import parse
from domain.instants import Days, micros
from projections.model.filter_sql import predicate
from tests.performance import workload
from tests.performance.bench_edit import CUSTOMERS, DRAWN, load
from tests.performance.stage import Stage, change_of, say, seconds, stage

FILTERS: list[list[dict[str, Any]]] = [
    [{"attribute": "birthdate", "operator": "anniversary_in_period", "value": "today"}],
    [{"attribute": "birthdate", "operator": "anniversary_in_next_days", "value": 7}],
    [{"attribute": "last_order_date", "operator": "in_last_days", "value": 30}],
    [{"attribute": "last_order_date", "operator": "more_than_days_ago", "value": 90}],
    [
        {"attribute": "last_order_date", "operator": "more_than_days_ago", "value": 90},
        {"attribute": "premium", "operator": "equals", "value": True},
    ],
]
# Midnights at which as many more leave the third segment, and join the fourth.
CROWDED, ORDINARY = 3, 1
LEAVE, JOIN = 0.042, 0.037
CHANGES = 20_000

PREPARE_FLOOR = """
CREATE TABLE floor_members (LIKE members INCLUDING ALL);
CREATE TABLE floor_history (LIKE membership_history INCLUDING ALL);
CREATE TABLE floor_changes (LIKE rollcall.membership_change_blocks INCLUDING ALL);
INSERT INTO floor_members SELECT * FROM members ORDER BY version_no, customer_no;
INSERT INTO floor_history SELECT * FROM membership_history ORDER BY customer_no, version_no, position, at;
VACUUM ANALYZE floor_members, floor_history;
CREATE TABLE floor_flips (LIKE membership_history)
"""
NEXT_FLIPS = """
TRUNCATE floor_flips, floor_changes;
INSERT INTO floor_flips
SELECT * FROM membership_history WHERE position = (SELECT max(position) FROM membership_history)
ORDER BY customer_no, version_no
"""
FLOOR = """
INSERT INTO floor_history SELECT * FROM floor_flips;
DELETE FROM floor_members m USING floor_flips f
WHERE NOT f.joined AND m.version_no = f.version_no AND m.customer_no = f.customer_no;
INSERT INTO floor_members SELECT version_no, customer_no, at, position, account_id FROM floor_flips WHERE joined;
INSERT INTO floor_changes
SELECT min(f.nth), f.version_no, v.segment_no, f.account_id, max(f.nth), max(f.position), max(f.at), array_agg(f.nth),
       array_agg(f.customer_no), array_agg(f.position), array_agg(f.at), array_agg(f.joined), array_agg(f.cause)
FROM (SELECT *, row_number() OVER () AS nth FROM floor_flips) AS f
JOIN segment_versions v USING (version_no)
GROUP BY f.nth / 10000, f.version_no, v.segment_no, f.account_id
"""


class Midnight(NamedTuple):
    """What a midnight took: its flips, all seconds, and those of the longest step, which others wait for."""

    flips: int
    taken: float
    longest: float


def run(server: Postgres) -> None:
    """Print the cost of midnights, of idle instants, and of changes beside time conditions."""
    say(f"\nTime ({CUSTOMERS:,} customers, {len(FILTERS)} segments with moving conditions)")
    with stage(server) as scene:
        load(scene, _people())
        scene.create_segments(FILTERS)
        with scene.owner() as owner:
            for statement in PREPARE_FLOOR.split(";"):
                owner.execute(statement)
        for nth in range(CROWDED + ORDINARY):
            _report(scene, nth + 1, _midnight(scene, nth))
        say(f"  evaluating everybody, reading alone: {_everybody(scene):.2f} s")
        idle = seconds(lambda: [scene.worker.append_time_passed() for _ in range(100)]) / 100
        say(f"  an instant at which nothing is due: {idle * 1e6:,.0f} us")
        for count in (1, 50):
            rate = _changes(scene, count)
            say(f"  {CHANGES:,} changes beside {count:>2} more time segments: {rate:,.0f}/s projected")


def _people() -> list[dict[str, Any]]:
    """The customers of the workload; many ordered on days that pass a threshold at a crowded midnight."""
    people = list(workload.customers(DRAWN))
    rest = iter(people)
    for nth in range(CROWDED):
        today = _day(nth)
        for share, age in ((LEAVE, 31), (JOIN, 91)):
            for person in islice(rest, int(DRAWN * share)):
                person["last_order_date"] = (today - timedelta(days=age)).isoformat()
    # Somewhere among all others, not in rows that follow one another.
    return [people[place * 7_919 % DRAWN] for place in range(DRAWN)]


def _day(nth: int) -> date:
    return workload.TODAY + timedelta(days=nth + 1)


def _midnight(scene: Stage, nth: int) -> Midnight:
    instant = datetime.combine(_day(nth), datetime.min.time(), UTC) + timedelta(seconds=1)
    before = _flips(scene)
    with scene.owner() as owner:
        owner.execute("CHECKPOINT")
    scene.rollcall.worker_events.record_time_passed(scene.account_id, instant)
    began = time.perf_counter()
    longest = scene.longest_step()
    taken = time.perf_counter() - began
    return Midnight(_flips(scene) - before, taken, longest)


def _report(scene: Stage, number: int, midnight: Midnight) -> None:
    with scene.owner() as owner:
        for statement in NEXT_FLIPS.split(";"):
            owner.execute(statement)
        owner.execute("CHECKPOINT")
        floor = seconds(lambda: _write_alone(owner))
    say(
        f"  midnight {number}: {midnight.flips:>7,} flips in {midnight.taken:.2f} s"
        f" = {midnight.flips / midnight.taken:>8,.0f} flips/s   the same rows alone {floor:.2f} s:"
        f" ratio {floor / midnight.taken:.2f}   longest step {midnight.longest * 1000:.0f} ms"
    )


def _write_alone(owner: Connection[Any]) -> None:
    with owner.transaction():
        for statement in FLOOR.split(";"):
            owner.execute(statement)


def _everybody(scene: Stage) -> float:
    moment = Days(scene.worker.model.accounts[scene.account_id].days.zone).moment(
        micros(datetime(2026, 1, 2, tzinfo=UTC))
    )
    select = sql.SQL("SELECT count(*) FILTER (WHERE {}) FROM customers c")
    with scene.owner() as owner:
        return seconds(
            lambda: [
                owner.execute(select.format(predicate(parse(raw, workload.TYPES), moment))).fetchone()
                for raw in FILTERS
            ]
        )


def _flips(scene: Stage) -> int:
    with scene.owner() as owner:
        row = owner.execute("SELECT count(*) FROM membership_history").fetchone()
        assert row is not None
        return int(row[0])


def _changes(scene: Stage, more: int) -> float:
    """Changes of last_order_date, which every one of these segments reads."""
    scene.create_segments(
        [
            [{"attribute": "last_order_date", "operator": "more_than_days_ahead", "value": 1_000 + more + each}]
            for each in range(more)
        ]
    )
    day = (workload.TODAY - timedelta(days=more % 7)).isoformat()
    for start in range(0, CHANGES, 2_000):
        scene.rollcall.customers.change(
            scene.account_id,
            [change_of(start + each, {"last_order_date": day, "orders": start + more + each}) for each in range(2_000)],
        )
    started = time.perf_counter()
    scene.project()
    return CHANGES / (time.perf_counter() - started)
