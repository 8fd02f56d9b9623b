"""Log append: `events.put` and the whole way of a change, against inserting the same rows by hand."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any
from uuid import UUID, uuid4

import psycopg

from deploy.embedded.postgres import Postgres
from domain.commands.application import Rollcall
from domain.commands.event_mapper import EventMapper
from domain.customer import CustomerChange
from domain.stored_events import CustomerChanged
from projections.records import event_store
from projections.records.event_store import EventStore
from tests.performance import workload
from tests.performance.stage import START, Stage, change_of, say, seconds, stage

EVENTS = 60_000
SECONDS = 4.0
BATCH = 1_000
PER_ACCOUNT = "pg_advisory_xact_lock(7305466, hashtext(current_setting('rollcall.account')))"
# As `lock_and_notify` in projections/records/event_store.sql, in the three ways that are compared.
LOCKS = {
    "one lock": "SELECT pg_advisory_xact_lock(7305466), pg_notify('rollcall_log', '')",
    "one lock per account": f"SELECT {PER_ACCOUNT}, pg_notify('rollcall_log', '')",
    "one per account, no notify": f"SELECT {PER_ACCOUNT}",
}
RAW_TABLE = (
    "CREATE TABLE raw_events (LIKE rollcall.stored_events INCLUDING ALL);GRANT ALL ON raw_events TO rollcall_worker"
)
RAW_INSERT = (
    "INSERT INTO raw_events (account_id, effective_at, originator_id, originator_version, topic, state)"
    " SELECT %s::uuid, 0, * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[])"
)


def run(server: Postgres) -> None:
    """Print events per second at several batch sizes."""
    say("\nLog append (events/s; ratio to the raw insert of the same rows)")
    with stage(server) as scene:
        events = _events(scene.account_id)
        rows = [EventMapper().to_stored_event(event) for event in events]
        with scene.owner() as owner:
            owner.execute(RAW_TABLE)
            for batch in (100, 1_000, 5_000):
                raw = EVENTS / seconds(lambda: _raw(owner, scene.account_id, rows, batch))  # noqa: B023
                fresh = _events(scene.account_id)
                put = EVENTS / seconds(lambda: _put(scene, fresh, batch))  # noqa: B023
                say(f"  batch {batch:>5}: raw {raw:>9,.0f}   events.put {put:>9,.0f}   ratio {put / raw:.2f}")
        changes = [
            change_of(number, {"lifetime_value": each["lifetime_value"], "orders": each["orders"]})
            for number, each in enumerate(workload.customers(EVENTS))
        ]
        for what in ("new customers", "known customers, nothing changed"):
            whole = EVENTS / seconds(lambda: _change(scene, changes, 1_000))
            say(f"  customers.change, batch 1000 (decide, states, events), {what}: {whole:,.0f} changes/s")
    _several_writers(server)


def _several_writers(server: Postgres) -> None:
    """Print events per second of 1, 2 and 4 writers, each a process that appends to an account of its own.

    The lock for each account is an experiment on the database of this benchmark: events become visible out of order,
    which no reader of the log could work with.
    """
    say(f"\nWriters of the log at once (events/s, batches of {BATCH:,}, each writer a process with its own account)")
    for name, statement in LOCKS.items():
        for writers in (1, 2, 4):
            with stage(server) as scene:
                accounts = [scene.rollcall.accounts.create(f"a{each}", "UTC", "PT").id for each in range(writers)]
                command = [sys.executable, "-m", "tests.performance.bench_log", scene.url, statement]
                started = [
                    subprocess.Popen([*command, str(each)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                    for each in accounts
                ]
                for each in started:
                    assert each.stdout is not None
                    assert each.stdout.readline() == b"ready\n"
                for each in started:
                    assert each.stdin is not None
                    each.stdin.close()
                    each.stdin = None
                total = sum(int(each.communicate()[0]) for each in started)
            say(f"  {name:<27} {writers} writers: {total / SECONDS:>9,.0f}")


def append(url: str, statement: str, account_id: UUID) -> int:
    """Append batches for `SECONDS`, once standard input ends; returns how many events."""
    event_store.SQL._blocks["lock_and_notify"] = statement
    store = EventStore(url, "rollcall_worker", size=1)
    rollcall = Rollcall(store, lambda: START)
    appended = 0
    print("ready", flush=True)
    sys.stdin.read()
    begun = time.monotonic()
    while time.monotonic() < begun + SECONDS:
        events = [
            CustomerChanged(
                originator_id=uuid4(), originator_version=1, account_id=account_id, recorded_at=START,
                occurred_at=START, values={"lifetime_value": 120, "orders": 3}, source="crm", change_id="1",
            )
            for _ in range(BATCH)
        ]  # fmt: skip
        rollcall.log.append(account_id, events)
        appended += BATCH
    store.close()
    return appended


def _events(account_id: UUID) -> list[CustomerChanged]:
    people = workload.customers(EVENTS)
    return [
        CustomerChanged(
            originator_id=uuid4(), originator_version=1, account_id=account_id, recorded_at=START, occurred_at=START,
            values={"lifetime_value": each["lifetime_value"], "orders": each["orders"]}, source="crm", change_id="1",
        )
        for each in people
    ]  # fmt: skip


def _raw(owner: psycopg.Connection[Any], account_id: UUID, rows: list[Any], batch: int) -> None:
    owner.execute("TRUNCATE raw_events")
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        columns: list[list[Any]] = [
            [row.originator_id for row in part],
            [row.originator_version for row in part],
            [row.topic for row in part],
            [row.state for row in part],
        ]
        owner.execute(RAW_INSERT, [account_id, *columns], binary=True)


def _put(scene: Stage, events: list[CustomerChanged], batch: int) -> None:
    for start in range(0, len(events), batch):
        scene.rollcall.log.append(scene.account_id, events[start : start + batch])


def _change(scene: Stage, changes: list[CustomerChange], batch: int) -> None:
    for start in range(0, EVENTS, batch):
        scene.rollcall.customers.change(scene.account_id, changes[start : start + batch])


if __name__ == "__main__":
    print(append(sys.argv[1], sys.argv[2], UUID(sys.argv[3])))
