"""Several projection workers: the rate and the CPU of a change with 1, 2, 4 and 8 of them, and a flood beside others.

Of eight accounts, which they divide, and of one account, whose backlog they share.

Workers are processes `rollcall project` on a copy of one loaded database. They are held up by the lock of a rebuild
until all have divided the shards and all changes are in the log; then the clock starts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict

from deploy.embedded.postgres import Postgres
from deploy.embedded.up import Role
from deploy.settings import Settings
from domain.account import account_id_of
from domain.commands.application import Rollcall
from domain.segment import SegmentDraft
from projections.records.event_store import EventStore
from projections.worker.log_writer import MODEL_LOCK
from projections.worker.shards.shard import shard_of
from tests.performance import cpu, workload
from tests.performance.stage import Stage, change_of, database, drop, say, stage
from tests.support.postgres import address_of

ACCOUNTS, CUSTOMERS, SEGMENTS, CHANGES, BATCH = 8, 1_000, 1_000, 5_000, 500
# Of the one account.
LARGE, BACKLOG = 20_000, 40_000
MANY, FLOOD = 10_000, 200_000
DONE: LiteralString = "SELECT (SELECT position FROM rollcall_model.projection) = rollcall.log_head()"
DIVIDED: LiteralString = "SELECT count(DISTINCT token) = %s AND bool_and(token IS NOT NULL) FROM rollcall.shard_leases"

EVEN: LiteralString = """
SELECT max(shards) - min(shards) <= 1 FROM (SELECT count(*) AS shards FROM rollcall.shard_leases GROUP BY token) AS t
"""


def run(home: Path) -> None:
    """Print the rate with each number of workers, then what a flood does to 10,000 small accounts."""
    place = home / "workers"
    place.mkdir(mode=0o755)
    server = Postgres(place)
    server.start()
    try:
        _compare(server, place)
        for segments in (100, 1_000):
            _share(server, place, segments)
        _flood(server, place)
    finally:
        server.stop()


def _compare(server: Postgres, home: Path) -> None:
    say(f"\nWorkers ({ACCOUNTS} accounts of {CUSTOMERS:,} customers and {SEGMENTS:,} segments)")
    with stage(server) as scene:
        accounts = _accounts(scene)
    alone = 0.0
    for count in (1, 2, 4, 8):
        url = database(server, str(conninfo_to_dict(scene.url)["dbname"]))
        rate, used = _project(url, home, accounts, count, CUSTOMERS, CHANGES)
        drop(server, url)
        alone = alone or used
        change = f"{used * 1e6:>6.1f} us of CPU a change, {used / alone:.2f} of one worker's"
        say(f"  {count} workers: {rate:>7,.0f} changes/s   {change}")


def _share(server: Postgres, home: Path, segments: int) -> None:
    say(f"\nWorkers that share the backlog of one account ({LARGE:,} customers and {segments:,} segments)")
    with stage(server) as scene:
        scene.load_customers(list(workload.customers(LARGE)))
        scene.create_segments(workload.segments(segments))
    alone = 0.0
    for count in (1, 2, 4):
        url = database(server, str(conninfo_to_dict(scene.url)["dbname"]))
        rate, used = _project(url, home, [scene.account_id], count, LARGE, BACKLOG)
        drop(server, url)
        alone = alone or rate
        than_one = f"{rate / alone:.2f} of one's"
        say(f"  {count} workers: {rate:>7,.0f} changes/s, {than_one}   {used * 1e6:>6.1f} us of CPU a change")


def _accounts(scene: Stage) -> list[UUID]:
    """Accounts whose shards are spread evenly, with their customers and segments."""
    names: dict[int, str] = {}
    for number in range(10_000):
        names.setdefault(shard_of(account_id_of(f"bench {number}")) * ACCOUNTS // 64, f"bench {number}")
    filters = workload.segments(SEGMENTS)
    accounts = [scene.rollcall.accounts.create(name, "UTC", "PT").id for name in names.values()]
    people = list(workload.customers(CUSTOMERS))
    for account_id in accounts:
        for key, kind in workload.TYPES.items():
            scene.rollcall.attributes.declare(account_id, key, kind, None)
        scene.rollcall.customers.change(account_id, [change_of(place, each) for place, each in enumerate(people)])
        for place, raw in enumerate(filters):
            scene.rollcall.segments.create(account_id, SegmentDraft(f"segment {place}", "", "dynamic", raw))
        scene.project()
    return accounts


def _project(
    url: str, home: Path, accounts: list[UUID], count: int, customers: int, changes: int
) -> tuple[float, float]:
    """Changes per second, and seconds of CPU a change: so many changes of each account."""
    with _rollcall(url) as rollcall, _workers(url, home, count), psycopg.connect(url) as holding:
        for account_id in accounts:
            rollcall.customers.change(account_id, [change_of(customers, {})])
        _wait(url, DONE)  # so all have loaded what they took
        holding.execute("SELECT pg_advisory_xact_lock(%s)", [MODEL_LOCK])
        streams = [list(workload.changes(list(workload.customers(customers)), changes)) for _ in accounts]
        for start in range(0, changes, BATCH):
            for account_id, stream in zip(accounts, streams, strict=True):
                part = stream[start : start + BATCH]
                rollcall.customers.change(account_id, [change_of(each.customer, {each.key: each.new}) for each in part])
        before, started = cpu.seconds_by_process(), time.perf_counter()
        holding.rollback()
        _wait(url, DONE)
        took = time.perf_counter() - started
        used = cpu.difference(cpu.seconds_by_process(), before)
    return len(accounts) * changes / took, sum(used.values()) / (len(accounts) * changes)


def _flood(server: Postgres, home: Path) -> None:
    """One account has a backlog; meanwhile changes of the others become visible after how long?"""
    say(f"\nA flood of {FLOOD:,} changes in one account beside {MANY:,} others")
    with stage(server) as scene:
        others = [scene.rollcall.accounts.create(f"small {number}", "UTC", "PT").id for number in range(MANY)]
        people = list(workload.customers(20_000))
        scene.load_customers(people)
        scene.create_segments(workload.segments(100))
        flood = [change_of(each.customer, {each.key: each.new}) for each in workload.changes(people, FLOOD)]
        for count in (1, 2):
            with _workers(scene.url, home, count), psycopg.connect(scene.url) as holding:
                holding.execute("SELECT pg_advisory_xact_lock(%s)", [MODEL_LOCK])
                for start in range(0, FLOOD, 2_000):
                    scene.rollcall.customers.change(scene.account_id, flood[start : start + 2_000])
                flood.reverse()
                holding.rollback()
                waits = _visible_after(scene, others)
                say(f"  {count} workers: p50 {waits[len(waits) // 2]:.2f} s, p99 {waits[int(len(waits) * 0.99)]:.2f} s"
                    f" of {len(waits)} changes until the flood was projected")  # fmt: skip
                _wait(scene.url, DONE)
    drop(server, scene.url)


def _visible_after(scene: Stage, others: list[UUID]) -> list[float]:
    """How long changes of other accounts take, one after the other, while the flood is projected."""
    waits = []
    with psycopg.connect(scene.url, autocommit=True) as reading:
        for number, account_id in enumerate(others):
            saved = scene.rollcall.customers.change(account_id, [change_of(number, {})]).position
            began = time.perf_counter()
            asked = "SELECT position >= %s FROM rollcall.positions_of(%s)"
            while reading.execute(asked, [saved, [account_id]]).fetchone() != (True,):
                time.sleep(0.002)
            waits.append(time.perf_counter() - began)
            behind = "SELECT position < rollcall.log_head() FROM rollcall.positions_of(%s)"
            if reading.execute(behind, [[scene.account_id]]).fetchone() != (True,):
                break
    return sorted(waits)


@contextmanager
def _workers(url: str, home: Path, count: int) -> Iterator[None]:
    """Workers that have divided the shards among them."""
    settings = Settings(home=home, database_url=address_of(url), kafka_bootstrap_servers="none")
    workers = [Role("project", settings) for _ in range(count)]
    try:
        for worker in workers:
            worker.start()
        _wait(url, DIVIDED, count)
        _wait(
            url,
            "SELECT max(n) - min(n) <= 1 FROM (SELECT count(*) AS n FROM rollcall.shard_leases GROUP BY token) AS t",
        )
        yield
    finally:
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.stop()


@contextmanager
def _rollcall(url: str) -> Iterator[Rollcall]:
    store = EventStore(url, "rollcall_worker", size=2)
    yield Rollcall(store, lambda: datetime.now(UTC))
    store.close()


def _wait(url: str, query: LiteralString, *terms: Any) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(query, terms).fetchone() != (True,):
            time.sleep(0.02)
