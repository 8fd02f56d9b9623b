"""Log append: `events.put` and the whole way of a change, against inserting the same rows by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg

from deploy.embedded.postgres import Postgres
from domain.customer import CustomerChange
from domain.stored_events import CustomerChanged, EventMapper
from tests.performance import workload
from tests.performance.stage import START, Stage, change_of, say, seconds, stage

EVENTS = 60_000
RAW_TABLE = (
    "CREATE TABLE raw_events (LIKE rollcall.stored_events INCLUDING ALL);GRANT ALL ON raw_events TO rollcall_worker"
)
RAW_INSERT = (
    "INSERT INTO raw_events (account_id, originator_id, originator_version, topic, state)"
    " SELECT %s::uuid, * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[])"
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
