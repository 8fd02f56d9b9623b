"""Time: what a midnight costs over a million customers, against evaluating everybody; what an idle instant costs.

And: a customer change with one time condition against the same with fifty.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql

from deploy.embedded.postgres import Postgres
from domain.filters.conditions import parse
from domain.instants import Days, micros
from projections.model.filter_sql import predicate
from tests.performance import workload
from tests.performance.bench_edit import CUSTOMERS, load
from tests.performance.stage import Stage, change_of, say, seconds, stage

FILTERS: list[list[dict[str, Any]]] = [
    [{"attribute": "birthdate", "operator": "anniversary_in_period", "value": "today"}],
    [{"attribute": "birthdate", "operator": "anniversary_in_next_days", "value": 7}],
    [{"attribute": "last_order_date", "operator": "in_last_days", "value": 30}],
    [
        {"attribute": "last_order_date", "operator": "more_than_days_ago", "value": 90},
        {"attribute": "premium", "operator": "equals", "value": True},
    ],
]
DAYS = 3
CHANGES = 20_000


def run(server: Postgres) -> None:
    """Print the cost of midnights, of idle instants, and of changes beside time conditions."""
    say(f"\nTime ({CUSTOMERS:,} customers, {len(FILTERS)} segments with moving conditions)")
    with stage(server) as scene:
        load(scene)
        scene.create_segments(FILTERS)
        everybody = _everybody(scene)
        for day in range(DAYS):
            instant = datetime(2026, 1, 2 + day, 0, 0, 1, tzinfo=UTC)
            before = _flips(scene)
            scene.rollcall.worker_events.record_time_passed(scene.account_id, instant)
            taken = seconds(scene.project)
            flips = _flips(scene) - before
            say(
                f"  midnight {day + 1}: {flips:>7,} flips in {taken:.2f} s = {flips / taken:>8,.0f} flips/s"
                f"   evaluating everybody, reading alone: {everybody:.2f} s"
            )
        idle = seconds(lambda: [scene.worker.append_time_passed() for _ in range(100)]) / 100
        say(f"  an instant at which nothing is due: {idle * 1e6:,.0f} us")
        for count in (1, 50):
            rate = _changes(scene, count)
            say(f"  {CHANGES:,} changes beside {count:>2} more time segments: {rate:,.0f}/s projected")


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
