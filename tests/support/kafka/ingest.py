"""What `rollcall ingest` runs, in a thread, and what it left in the database."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from consumers.dead_letter_publisher import DeadLetterPublisher
from consumers.ingest import Ingest
from consumers.kafka import Source
from consumers.topic_formats import RecordReader
from deploy.clock import Clock
from domain.commands.application import Rollcall
from projections.postgres.database import Database
from projections.records.event_store import EventStore
from tests.support.kafka.broker import BrokerClient, eventually

TOPIC = "rollcall.customers.v1"
DLT = f"{TOPIC}.dlt"


class Process:
    """What `rollcall ingest` runs, in a thread of its own that can be stopped."""

    def __init__(
        self,
        broker: BrokerClient,
        database_url: str,
        account: UUID,
        batch_size: int = 200,
        topic: str = TOPIC,
        group: str | None = None,
        reader: RecordReader | None = None,
    ) -> None:
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self.store = EventStore(database_url, "rollcall_worker", size=2)
        self.database = Database(database_url, "rollcall_worker", size=2)
        clock = Clock()
        app = Rollcall(self.store, clock.now)
        source = Source(broker.cluster, [topic], app.customers.tracked_offset, group=group, batch_size=batch_size)
        relay = DeadLetterPublisher(self.database, broker.cluster, clock.now)
        self._ingest = Ingest(app.customers, source, {topic: account}, relay, reader or RecordReader(clock), self._stop)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._ingest.run()
        except BaseException as failure:
            self._failure = failure

    def awaits(self, code: str) -> None:
        """Wait until it says that it waits for something."""
        eventually(lambda: (waits := self._ingest.waits_for) is not None and waits.code == code)

    def end(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self.store.close()
        self.database.close()
        assert self._failure is None, self._failure


class IngestRig:
    """A broker with the topics and a database with the account, and what both hold."""

    def __init__(self, broker: BrokerClient, url: str, topic: str = TOPIC) -> None:
        self.broker = broker
        self.url = url
        self.topic = topic
        broker.create(topic, 4)
        broker.create(f"{topic}.dlt", 1)
        store = EventStore(url, "rollcall_worker", size=1)
        self.account = Rollcall(store, Clock().now).accounts.create("default", "UTC", "PT").id
        store.close()

    @contextmanager
    def ingesting(
        self,
        url: str | None = None,
        batch_size: int = 200,
        group: str | None = None,
        reader: RecordReader | None = None,
    ) -> Iterator[Process]:
        process = Process(self.broker, url or self.url, self.account, batch_size, self.topic, group, reader)
        try:
            yield process
        finally:
            process.end()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def taken(self) -> int:
        return int(self.rows("SELECT coalesce(sum(notification_id + 1), 0) FROM rollcall.notification_tracking")[0][0])

    def customers(self) -> int:
        return int(self.rows("SELECT count(*) FROM rollcall.customer_states")[0][0])

    def events(self) -> int:
        """Events about customers: all but those of the account and of its attributes."""
        query = (
            "SELECT count(*) FROM rollcall.stored_events JOIN rollcall.customer_states ON originator_id = customer_id"
        )
        return int(self.rows(query)[0][0])

    def letters(self) -> list[tuple[str, bool]]:
        query = "SELECT code, published_at IS NOT NULL FROM rollcall.dead_letters ORDER BY dead_letter_id"
        return [(code, published) for code, published in self.rows(query)]

    def send(self, number: int, who: str, data: Any, **changed: Any) -> None:
        headers = {
            "ce_specversion": "1.0",
            "ce_id": f"e-{number}",
            "ce_source": "/crm",
            "ce_type": "rollcall.customer.changed.v1",
            "ce_subject": who,
            "ce_time": f"2026-05-20T10:{number // 60 % 60:02}:{number % 60:02}Z",
            "content-type": "application/json",
        } | changed
        value = data if isinstance(data, bytes | None) else json.dumps(data).encode()
        self.broker.send(self.topic, value, who.encode(), [(name, text.encode()) for name, text in headers.items()])
