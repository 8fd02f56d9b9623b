"""The processes that the freshness benchmark asks: PostgreSQL, a broker, and the three roles, as `up` runs them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from confluent_kafka import Producer
from httpx import Client, HTTPError
from prometheus_client.parser import text_string_to_metric_families
from psycopg import Connection

from consumers.kafka import Cluster, ensure_topics
from deploy import metrics_exposure
from deploy.commands import bootstrap
from deploy.embedded.broker import PARTITIONS, Broker
from deploy.embedded.postgres import Postgres
from deploy.embedded.supervised import free_port
from deploy.embedded.up import Role
from deploy.settings import Settings
from deploy.wiring import application
from domain import json_text
from domain.account import account_id_of
from domain.segment import SegmentDraft
from projections.migrate import migrate
from tests.performance import workload
from tests.performance.stage import change_of

# How often a stream's next changes are due, and for how long its producer gathers them, which counts as their age.
SLICE = 0.005  # seconds
LINGER = 20  # milliseconds
# An Apache Kafka instead of the embedded broker.
KAFKA = "BENCH_KAFKA"

TAKEN = "SELECT coalesce(sum(notification_id + 1), 0) FROM rollcall.notification_tracking"

# Segments that are not served yet, and events that are not projected.
IN_WORK = """
    SELECT (SELECT count(*) FROM rollcall_model.segments WHERE building IS NOT NULL)
           + rollcall.log_head() - (SELECT position FROM rollcall_model.projection)
"""


@dataclass
class System:
    """What is running, and the customers as the stream has left them."""

    settings: Settings
    topic: str
    key: str
    people: list[dict[str, Any]]
    session: Connection[Any]
    producer: Producer
    stream_producer: Producer
    sent: int = 0

    @property
    def client(self) -> Client:
        """A client of the API."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        return Client(base_url=self.address, headers=headers, timeout=30)

    @property
    def address(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.settings.http_port}"

    def position(self) -> int:
        """The position of the read model."""
        return self._number("SELECT position FROM rollcall_model.projection")

    def head(self) -> int:
        """The position of the log."""
        return self._number("SELECT rollcall.log_head()")

    def settle(self) -> None:
        """Wait until the whole topic is ingested and projected."""
        while self._number(TAKEN) < self.sent:
            time.sleep(0.05)
        while self.position() < self.head():
            time.sleep(0.05)

    def publish(self, change: workload.Change) -> None:
        """Send a change at once."""
        self._hand_to(self.producer, change)

    def _hand_to(self, producer: Producer, change: workload.Change) -> None:
        key = f"c{change.customer}"
        headers: dict[str, str | bytes | None] = {
            "ce_specversion": "1.0",
            "ce_id": str(self.sent),
            "ce_source": "/bench",
            "ce_type": "rollcall.customer.changed.v1",
            "ce_subject": key,
            "ce_time": f"2026-03-01T00:{self.sent // 1_000_000:02d}:00.{self.sent % 1_000_000:06d}Z",
            "content-type": "application/json",
        }
        body = json_text.dumps({"attributes": {change.key: change.new}})
        producer.produce(self.topic, key=key, value=body, headers=headers)
        producer.poll(0)
        self.sent += 1

    def stream(self, changes: Iterator[workload.Change], rate: int, seconds: int) -> None:
        """Publish changes at the rate, each at its time, gathered by the producer as one of so many would."""
        began, sent, total = time.perf_counter(), 0, rate * seconds
        while sent < total:
            due = min(total, int((time.perf_counter() - began) * rate))
            for change in islice(changes, due - sent):
                self._hand_to(self.stream_producer, change)
            sent = due
            time.sleep(SLICE)

    def sessions_of(self, role: str) -> list[int]:
        """The processes of PostgreSQL that serve a role."""
        found = self.session.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [role])
        return [int(pid) for (pid,) in found]

    def counts(self, door: str) -> list[int]:
        """The buckets of the worker's histogram for one door, all tiers together."""
        with self.client as client:
            text = client.get("/metrics").text
        found: dict[float, int] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "rollcall_freshness_seconds_bucket" and sample.labels["door"] == door:
                    end = float(sample.labels["le"])
                    found[end] = found.get(end, 0) + int(sample.value)
        totals = [0, *(count for _, count in sorted(found.items()))]
        return [after - before for before, after in pairwise(totals)]

    def _number(self, query: Any) -> int:
        row = self.session.execute(query).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def running(home: Path, customers: int, filters: Sequence[Any]) -> Iterator[System]:
    """Everything started, filled and at rest."""
    with ExitStack() as exits:
        server = Postgres(home)
        server.start()
        exits.callback(server.stop)
        # A topic of its own: one of a run before would be ingested first.
        topic = f"rollcall.bench.{uuid4().hex[:8]}"
        os.environ["ROLLCALL_KAFKA_TOPICS"] = f"{topic}=default"  # the roles inherit it
        kafka = os.environ.get(KAFKA)
        if kafka is None:
            broker = Broker(home, None, [topic])
            broker.start()
            exits.callback(broker.stop)
            kafka = broker.address
        else:
            ensure_topics(Cluster(kafka), {topic: PARTITIONS, f"{topic}.dlt": 1})
        settings = Settings(
            home=home,
            database_url=server.url,
            kafka_bootstrap_servers=kafka,
            http_port=free_port(),
            metrics_folder=metrics_exposure.emptied(home / "metrics"),
        )
        migrate(server.url)
        key = bootstrap(settings)
        assert key is not None
        people = list(workload.customers(customers))
        roles = [Role(name, settings) for name in ("project", "ingest", "publish", "api")]
        for role in roles:
            exits.callback(role.stop)
            exits.callback(role.ask_to_stop)
        session = exits.enter_context(psycopg.connect(server.url, autocommit=True))
        at_once, gathered = (Producer({"bootstrap.servers": kafka, "linger.ms": linger}) for linger in (0, LINGER))
        system = System(settings, topic, key, people, session, at_once, gathered)
        roles[0].start()
        _fill(system, filters)
        for role in roles[1:]:
            role.start()
        _wait_for_api(system)
        yield system


def _fill(system: System, filters: Sequence[Any]) -> None:
    """Segments first: they are filled at once while there are no customers."""
    account_id = account_id_of("default")
    with application(system.settings, "rollcall_worker") as rollcall:
        for key, kind in workload.TYPES.items():
            rollcall.attributes.declare(account_id, key, kind, None)
        for number, raw in enumerate(filters):
            rollcall.segments.create(account_id, SegmentDraft(f"segment {number}", "", "dynamic", raw))
        while system._number(IN_WORK):  # their switches are events that only then are in the log
            time.sleep(0.05)
        for start in range(0, len(system.people), 5_000):
            part = system.people[start : start + 5_000]
            rollcall.customers.change(account_id, [change_of(start + place, each) for place, each in enumerate(part)])
    system.settle()
    # The members of the beginning are not what is measured: their joins count as published.
    system.session.execute(
        "UPDATE rollcall.published_changes SET change_no = (SELECT change_no FROM rollcall.last_membership_change)"
    )


def _wait_for_api(system: System) -> None:
    with system.client as client:
        while True:
            try:
                client.get("/v1/customers/c0/segments").raise_for_status()
                return
            except HTTPError:
                time.sleep(0.1)
