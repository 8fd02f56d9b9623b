"""End to end: from a loaded Kafka topic to members, and joins and leaves on Kafka, by the processes that `up` runs.

Of changes of customers beside segments by attributes, and of facts beside segments by what customers do.

The clock runs from the start of ingest, once the segments are filled and the joins of filling them are published, to
the last change projected and the last join or leave published. Beside the rate, the CPU time of each process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

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
from tests.performance import cpu, workload
from tests.performance.bench_behaviour import fact_of, questions
from tests.performance.stage import change_of, say
from tests.support.kafka.apache import ApacheKafka, is_installed

TOPIC = "rollcall.customers.v1"
CUSTOMERS = 20_000
CHANGES = 100_000
SEGMENTS = 100


class Sent(NamedTuple):
    """One record: what happened, when, to the customer that is its key."""

    key: str
    type: str
    time: datetime
    data: dict[str, Any]


class Load(NamedTuple):
    """What is sent, and the segments that it concerns."""

    name: str
    filters: list[list[dict[str, Any]]]
    records: Callable[[list[dict[str, Any]]], Iterator[Sent]]


def run(home: Path) -> None:
    """Print records per second with the embedded broker, and with Apache Kafka where it is installed."""
    loads = (Load("changes", workload.segments(SEGMENTS), _changes), Load("facts", questions(SEGMENTS), _facts))
    for name in ("embedded", "apache")[: 1 + is_installed()]:
        for load in loads:
            place = home / name / load.name
            place.mkdir(parents=True)
            broker = Broker(place, None, [TOPIC]) if name == "embedded" else ApacheKafka(place / "kafka")
            _measure(Postgres(place), broker, place, load, "Apache Kafka" if name == "apache" else "embedded broker")


def _measure(server: Postgres, broker: Broker | ApacheKafka, home: Path, load: Load, name: str) -> None:
    server.start()
    broker.start()
    settings = Settings(home=home, database_url=server.url, kafka_bootstrap_servers=broker.address)
    roles = {each: Role(each, settings) for each in ("project", "publish", "ingest")}
    try:
        migrate(server.url)
        bootstrap(settings)
        people = list(workload.customers(CUSTOMERS))
        _fill(settings, people, load)
        roles["project"].start()
        roles["publish"].start()
        _wait(server.url, lambda: _is_projected(server.url) and _is_served(server.url) and _is_published(server.url))
        _send(broker.address, load.records(people))
        before, flips = cpu.seconds_by_process(), _one(server.url, FLIPS)
        started = time.perf_counter()
        roles["ingest"].start()
        _wait(server.url, lambda: _one(server.url, TAKEN) == CHANGES and _is_projected(server.url))
        members = CHANGES / (time.perf_counter() - started)
        _wait(server.url, lambda: _is_published(server.url))
        whole = CHANGES / (time.perf_counter() - started)
        used = cpu.difference(cpu.seconds_by_process(), before)
        flips = _one(server.url, FLIPS) - flips
        say(
            f"\nEnd to end, {name} ({SEGMENTS} segments, {CUSTOMERS:,} customers, {CHANGES:,} {load.name},"
            f" 12 partitions, {flips / CHANGES:.2f} flips each)"
            f"\n  {members:,.0f} {load.name}/s from the start of ingest to the last member,"
            f" {whole:,.0f} to the last join or leave on Kafka"
        )
        for process, seconds in sorted(used.items(), key=lambda pair: -pair[1]):
            say(f"  {seconds / CHANGES * 1e6:>6.1f} us of CPU for each: {process}")
        say(f"  {sum(used.values()) / CHANGES * 1e6:>6.1f} us together")
    finally:
        for role in roles.values():
            role.ask_to_stop()
            role.stop()
        broker.stop()
        server.stop()


FLIPS: LiteralString = "SELECT count(*) FROM rollcall_model.membership_history WHERE cause IN ('change', 'activity')"
PUBLISHED: LiteralString = (
    "SELECT l.change_no - p.change_no FROM rollcall.last_membership_change l CROSS JOIN rollcall.published_changes p"
)
TAKEN: LiteralString = "SELECT coalesce(sum(notification_id + 1), 0) FROM rollcall.notification_tracking"


def _is_projected(url: str) -> bool:
    return _one(url, "SELECT rollcall.log_head()") == _one(url, "SELECT position FROM rollcall_model.projection")


def _is_served(url: str) -> bool:
    serving = "SELECT count(*) FROM rollcall_model.segment_versions WHERE state = 'serving'"
    return _one(url, serving) == SEGMENTS


def _is_published(url: str) -> bool:
    return _one(url, PUBLISHED) == 0


def _fill(settings: Settings, people: list[dict[str, Any]], load: Load) -> None:
    account_id = account_id_of("default")
    with application(settings, "rollcall_worker") as rollcall:
        for key, kind in workload.TYPES.items():
            rollcall.attributes.declare(account_id, key, kind, None)
        for start in range(0, CUSTOMERS, 5_000):
            part = people[start : start + 5_000]
            rollcall.customers.change(account_id, [change_of(start + place, each) for place, each in enumerate(part)])
        # A property has a type before it is asked for.
        known = [fact_of(0, name, datetime.now(UTC), 0) for name in ("order", "visit")]
        rollcall.customers.change(account_id, known)
        for number, raw in enumerate(load.filters):
            rollcall.segments.create(account_id, SegmentDraft(f"segment {number}", "", "dynamic", raw))


def _send(address: str, records: Iterator[Sent]) -> None:
    producer = Producer({"bootstrap.servers": address, "linger.ms": 50, "queue.buffering.max.messages": CHANGES})
    for number, sent in enumerate(records):
        producer.produce(
            TOPIC,
            key=sent.key,
            value=json_text.dumps(sent.data),
            headers={
                "ce_specversion": "1.0",
                "ce_id": str(number),
                "ce_source": "/bench",
                "ce_type": sent.type,
                "ce_subject": sent.key,
                "ce_time": sent.time.isoformat(),
                "content-type": "application/json",
            },
        )
    producer.flush(60)


def _changes(people: list[dict[str, Any]]) -> Iterator[Sent]:
    began = datetime(2026, 3, 1, tzinfo=UTC)
    for number, each in enumerate(workload.changes(people, CHANGES)):
        data = {"attributes": {each.key: each.new}}
        yield Sent(f"c{each.customer}", "rollcall.customer.changed.v1", began + timedelta(microseconds=number), data)


def _facts(people: list[dict[str, Any]]) -> Iterator[Sent]:
    """Five of each customer, of the hour before."""
    began = datetime.now(UTC) - timedelta(hours=1)
    for number in range(CHANGES):
        activity = fact_of(number * 7 % len(people), "order" if number % 3 else "visit", began, number).activity
        assert activity is not None, "a fact"
        data = {"name": activity.name, "properties": activity.properties}
        time = began + timedelta(milliseconds=number)
        yield Sent(f"c{number * 7 % len(people)}", "rollcall.activity.recorded.v1", time, data)


def _wait(url: str, done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(0.05)


def _one(url: str, query: LiteralString) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])
