"""`python -m tests.performance disk`: bytes of a row of each table, with its indexes, and of WAL for each change.

The figures from which `deploy/docs/cells.md` computes disks. Few customers are enough: a row is as long among millions.
"""

from __future__ import annotations

from deploy.embedded.postgres import Postgres
from tests.performance import workload
from tests.performance.stage import Stage, change_of, drop, say, stage

CUSTOMERS, CHANGES, BATCH = 20_000, 40_000, 1_000
# Not counted: just after a checkpoint, WAL has whole pages.
FIRST = 10_000
TABLES = """
SELECT relname, reltuples::bigint, pg_total_relation_size(c.oid) / reltuples
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('rollcall', 'rollcall_model') AND relkind = 'r' AND reltuples >= 1000
ORDER BY relname
"""


def run(server: Postgres, sizes: tuple[int, ...] = (100, 1_000)) -> None:
    """Print the bytes before and after the changes for each number of segments."""
    people = list(workload.customers(CUSTOMERS))
    for size in sizes:
        with stage(server) as scene:
            scene.load_customers(people)
            scene.create_segments(workload.segments(size))
            say(f"\nDisk, {CUSTOMERS:,} customers, {size:,} segments")
            _say_rows(scene)
            _change(scene, [dict(each) for each in people])
            say(f"  after {CHANGES:,} changes")
            _say_rows(scene)
        drop(server, scene.url)


def _change(scene: Stage, people: list[workload.Value]) -> None:
    """Make all changes, and print the WAL that each took."""
    with scene.owner() as owner:
        owner.execute("CHECKPOINT")
    stream = list(workload.changes(people, CHANGES))
    into_log = into_model = 0
    for start in range(0, CHANGES, BATCH):
        part = [
            change_of(each.customer, {each.key: each.new})._replace(at=None) for each in stream[start : start + BATCH]
        ]
        before = _wal(scene)
        scene.rollcall.customers.change(scene.account_id, part)
        between = _wal(scene)
        scene.project()
        if start >= FIRST:
            into_log, into_model = into_log + between - before, into_model + _wal(scene) - between
    counted = CHANGES - FIRST
    say(f"  WAL of a change: {into_log / counted:,.0f} bytes into the log, {into_model / counted:,.0f} into the model")


def _wal(scene: Stage) -> int:
    """How many bytes of WAL the server has written so far."""
    with scene.owner() as owner:
        row = owner.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
    assert row is not None
    return int(row[0])


def _say_rows(scene: Stage) -> None:
    with scene.owner() as owner:
        owner.execute("VACUUM ANALYZE")
        rows = owner.execute(TABLES).fetchall()
    say("  " + "   ".join(f"{name} {each:,.0f} B x {count:,}" for name, count, each in rows))
