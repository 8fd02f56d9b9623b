"""End to end: from a loaded Kafka topic to members, by the processes that `rollcall up` runs, with 100 segments."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from confluent_kafka import Producer

from deploy.commands import bootstrap
from deploy.embedded.broker import Broker
from deploy.embedded.postgres import Postgres
from deploy.embedded.up import Role
from deploy.settings import Settings
from deploy.wiring import application
from domain import json_text
from domain.account import account_id_of
from domain.segment import SegmentDraft
from projections.migrate import migrate
from tests.performance import workload
from tests.performance.stage import change_of, say

TOPIC = "rollcall.customers.v1"
CUSTOMERS = 20_000
CHANGES = 100_000
SEGMENTS = 100


def run(home: Path) -> None:
    """Print changes per second from the start of both processes to the last change projected."""
    server, broker = Postgres(home), Broker(home, None, [TOPIC])
    server.start()
    broker.start()
    settings = Settings(home=home, database_url=server.url, kafka_bootstrap_servers=broker.address)
    roles = [Role("project", settings), Role("ingest", settings)]
    try:
        migrate(server.url)
        bootstrap(settings)
        people = list(workload.customers(CUSTOMERS))
        _fill(settings, people)
        roles[0].start()
        _wait(server.url, lambda head, position, _: position == head)
        _load(broker.address, people)
        started = time.perf_counter()
        roles[1].start()
        head = _wait(server.url, lambda head, position, taken: taken == CHANGES and position == head)
        rate = CHANGES / (time.perf_counter() - started)
        flips = _one(server.url, "SELECT count(*) FROM rollcall_model.membership_history WHERE cause = 'change'")
        say(
            f"\nEnd to end ({SEGMENTS} segments, {CUSTOMERS:,} customers, {CHANGES:,} changes in 12 partitions)"
            f"\n  {rate:,.0f} changes/s from the start of ingest to the last member, {flips / CHANGES:.2f} flips/change"
            f"   (head {head:,})"
        )
    finally:
        for role in roles:
            role.stop()
        broker.stop()
        server.stop()


def _fill(settings: Settings, people: list[dict[str, Any]]) -> None:
    account_id = account_id_of("default")
    with application(settings, "rollcall_worker") as rollcall:
        for key, kind in workload.TYPES.items():
            rollcall.attributes.declare(account_id, key, kind, None)
        for start in range(0, CUSTOMERS, 5_000):
            part = people[start : start + 5_000]
            rollcall.customers.change(account_id, [change_of(start + place, each) for place, each in enumerate(part)])
        for number, raw in enumerate(workload.segments(SEGMENTS)):
            rollcall.segments.create(account_id, SegmentDraft(f"segment {number}", "", "dynamic", raw))


def _load(address: str, people: list[dict[str, Any]]) -> None:
    producer = Producer({"bootstrap.servers": address, "linger.ms": 50, "queue.buffering.max.messages": CHANGES})
    for number, (key, body) in enumerate(_records(people)):
        producer.produce(
            TOPIC,
            key=key,
            value=body,
            headers={
                "ce_specversion": "1.0",
                "ce_id": str(number),
                "ce_source": "/bench",
                "ce_type": "rollcall.customer.changed.v1",
                "ce_subject": key,
                "ce_time": f"2026-03-01T00:00:00.{number:06d}Z",
                "content-type": "application/json",
            },
        )
    producer.flush(60)


def _records(people: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for each in workload.changes(people, CHANGES):
        yield f"c{each.customer}", json_text.dumps({"attributes": {each.key: each.new}})


def _wait(url: str, done: Any) -> int:
    while True:
        head = _one(url, "SELECT rollcall.log_head()")
        position = _one(url, "SELECT position FROM rollcall_model.projection")
        taken = _one(url, "SELECT coalesce(sum(notification_id + 1), 0) FROM rollcall.notification_tracking")
        if done(head, position, taken):
            return head
        time.sleep(0.05)


def _one(url: str, query: LiteralString) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])
