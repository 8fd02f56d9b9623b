"""Segment edit over a million customers, against a hand-written `INSERT .. SELECT` of the new members."""

from __future__ import annotations

import time
from typing import Any

from deploy.embedded.postgres import Postgres
from domain.segment import SegmentDraft, SegmentEdit
from tests.performance import workload
from tests.performance.stage import Stage, say, seconds, stage

CUSTOMERS = 1_000_000
DRAWN = 100_000
BEFORE = [{"attribute": "lifetime_value", "operator": "greater_than", "value": 100}]
EVERYBODY = [{"attribute": "created_at", "operator": "is_set"}]
AFTER = [{"attribute": "lifetime_value", "operator": "greater_than", "value": 105}]

MULTIPLY = """
INSERT INTO customers (account_id, customer_no, customer_id, position, version, created_at, updated_at, phone, name,
                       opted_out, attributes, folded, search)
SELECT account_id, customer_no + %(shift)s, gen_random_uuid(), position, version, created_at, updated_at, phone, name,
       opted_out, attributes, folded, search
FROM customers WHERE customer_no < %(before)s
"""
MULTIPLY_DAYS = """
INSERT INTO customer_days (account_id, key, day, customer_no)
SELECT account_id, key, day, customer_no + %(shift)s FROM customer_days WHERE customer_no < %(before)s
"""
MULTIPLY_INSTANTS = """
INSERT INTO customer_instants (account_id, key, instant, customer_no)
SELECT account_id, key, instant, customer_no + %(shift)s FROM customer_instants WHERE customer_no < %(before)s
"""
BY_HAND = """
INSERT INTO by_hand (version_no, customer_no, joined_at, position, account_id)
SELECT 1, customer_no, now(), 1, account_id
FROM customers
WHERE (attributes->>'lifetime_value')::numeric > 105
"""


def run(server: Postgres) -> None:
    """Print the seconds of both, three times, and their ratio."""
    say(f"\nSegment edit (lifetime_value > 100 -> > 105 over {CUSTOMERS:,} customers)")
    with stage(server) as scene:
        load(scene)
        (segment_id,) = scene.create_segments([BEFORE])
        say(f"  members before: {_members(scene):,}")
        with scene.owner() as owner:
            owner.execute("CREATE TABLE by_hand (LIKE members INCLUDING ALL)")
            for number in range(3):
                owner.execute("TRUNCATE by_hand")
                owner.execute("CHECKPOINT")
                by_hand = seconds(lambda: owner.execute(BY_HAND))
                owner.execute("CHECKPOINT")
                raw = BEFORE if number % 2 else AFTER
                scene.rollcall.segments.edit(scene.account_id, segment_id, SegmentEdit(filter=raw), None)
                served, worst = _edit(scene)
                say(
                    f"  by hand {by_hand:.2f} s   edit until served {served:.2f} s   ratio {served / by_hand:.2f}"
                    f"   longest step, which others wait for: {worst * 1000:.0f} ms"
                )
        scene.rollcall.segments.create(scene.account_id, SegmentDraft("everybody", "", "dynamic", EVERYBODY))
        served, worst = _edit(scene)
        say(
            f"  a new segment of everybody: {served:.2f} s until served   longest step, also of those that append"
            f" {CUSTOMERS:,} joins to the change stream: {worst * 1000:.0f} ms"
        )


def load(scene: Stage, people: list[dict[str, Any]] | None = None) -> None:
    """A tenth through the log, then copied in place: only the read model matters here."""
    scene.load_customers(people or list(workload.customers(DRAWN)))
    with scene.owner() as owner:
        highest = owner.execute("SELECT max(customer_no) FROM customers").fetchone()
        assert highest is not None
        for copy in range(1, CUSTOMERS // DRAWN):
            for statement in (MULTIPLY, MULTIPLY_DAYS, MULTIPLY_INSTANTS):
                owner.execute(statement, {"shift": copy * 1_000_000, "before": highest[0] + 1})
        # Later events must be younger than the copies.
        owner.execute("SELECT setval('log_positions', 20000000)")
        owner.execute("VACUUM ANALYZE customers, customer_days, customer_instants")


def _members(scene: Stage) -> Any:
    with scene.owner() as owner:
        row = owner.execute("SELECT count(*) FROM members").fetchone()
        assert row is not None
        return row[0]


def _edit(scene: Stage) -> tuple[float, float]:
    """Seconds until the edit is served, and of the longest step until nothing of it is left to do."""
    account = scene.worker.model.accounts[scene.account_id]
    started, served, worst = time.perf_counter(), 0.0, 0.0
    begun, had_work = False, True
    while had_work:
        before = time.perf_counter()
        had_work = scene.worker.step()
        worst = max(worst, time.perf_counter() - before)
        if begun and not served and not account.builds:
            served = time.perf_counter() - started
        begun = True
    return served, worst
