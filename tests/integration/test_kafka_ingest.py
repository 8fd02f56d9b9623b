"""The whole Kafka door, real broker to real database: nothing lost, nothing doubled, the invalid ones set aside."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from consumers.dead_letters import DeadLetterRelay, message_of
from consumers.ingest import Ingest
from consumers.kafka import Message, Source
from deploy.clock import Clock
from deploy.event_store import EventStore
from domain.application import Rollcall
from projections.database import Database
from projections.dead_letters import StoredLetter
from tests.integration.kafka_rig import Broker, Line, eventually, forget_failed_connections

TOPIC = "rollcall.customers.v1"
DLT = f"{TOPIC}.dlt"
CLASSES = ("created", "changed", "unchanged", "stale", "duplicate", "deleted", "invalid", "ignored")
# See forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def broker() -> Iterator[Broker]:
    running = Broker()
    running.create(TOPIC, 4)
    running.create(DLT, 1)
    yield running
    running.kill()
    forget_failed_connections()


@pytest.fixture
def account(database_url: str) -> UUID:
    store = EventStore(database_url, "rollcall_worker")
    account_id = Rollcall(store, store, Clock().now).create_account("default", "UTC", "PT").id
    store.close()
    return account_id


class Process:
    """What `rollcall ingest` runs, in a thread of its own with an own stop."""

    def __init__(self, broker: Broker, database_url: str, account: UUID, batch_size: int = 200) -> None:
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self.store = EventStore(database_url, "rollcall_worker", size=2)
        self.database = Database(database_url, "rollcall_worker", size=2)
        clock = Clock()
        app = Rollcall(self.store, self.store, clock.now)
        source = Source(broker.address, [TOPIC], app.tracked_position, batch_size=batch_size)
        relay = DeadLetterRelay(self.database, broker.address, clock.now)
        self._ingest = Ingest(app, source, {TOPIC: account}, relay, clock, self._stop)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._ingest.run()
        except BaseException as failure:
            self._failure = failure

    def end(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self.store.close()
        self.database.close()
        assert self._failure is None, self._failure


@contextmanager
def ingesting(broker: Broker, database_url: str, account: UUID, **options: Any) -> Iterator[Process]:
    process = Process(broker, database_url, account, **options)
    try:
        yield process
    finally:
        process.end()


class Look:
    """What the owner of the database sees."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url) as connection:
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


@pytest.fixture
def look(database_url: str) -> Look:
    return Look(database_url)


def send(broker: Broker, number: int, who: str, data: Any, **changed: Any) -> None:
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
    broker.send(TOPIC, value, who.encode(), [(name, text.encode()) for name, text in headers.items()])


def counted() -> dict[str, float]:
    return {name: REGISTRY.get_sample_value("rollcall_ingest_records_total", {"result": name}) or 0 for name in CLASSES}


def reached(look: Look, count: int) -> bool:
    return look.taken() == count


def waits() -> float:
    return REGISTRY.get_sample_value("rollcall_ingest_waits_total", {"code": "database_unavailable"}) or 0


def test_every_record_ends_in_one_class_and_the_invalid_ones_in_the_dead_letter_topic_byte_for_byte(
    broker: Broker, database_url: str, account: UUID, look: Look
) -> None:
    before = counted()
    bad: dict[tuple[int, int], Any] = {}
    hostile: list[tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]] = [
        (b"\xff\x00not json", b"\xfe\x00", [("content-type", b"application/cloudevents+json"), ("é", b"\xff")]),
        (b"", None, [("ce_type", b"rollcall.customer.changed.v1")]),
        (None, None, [("ce_type", b"x"), ("ce_type", b"y"), ("empty", b""), ("null", None)]),
        (b"[" * 10_000, b"k", []),
        (b"x" * 900_000, b"k", []),
    ]
    for number in range(200):
        send(broker, number, f"c{number}", {"name": f"N{number}", "attributes": {"score": number}})
        if number % 40 == 0:
            value, key, headers = hostile[number // 40]
            broker.send(TOPIC, value, key, headers)
    send(broker, 300, "c1", {"attributes": {"score": "a lot"}})  # known to be a number
    send(broker, 301, "c2", {"phone": "not a phone"})
    send(broker, 302, "c3\x7f", {})
    send(broker, 303, "c4", {"name": "a\x00b"})
    send(broker, 304, "c5", {"attributes": {"Bad Key": 1}})
    send(broker, 1, "c1", {"name": "N1", "attributes": {"score": 1}})  # a duplicate
    send(broker, 305, "c6", {"name": "N6"})  # unchanged
    send(broker, 306, "c7", None, ce_type="rollcall.customer.opted_out.v1")
    send(broker, 307, "c8", None, ce_type="rollcall.customer.deleted.v1")
    broker.send(TOPIC, None, b"tombstone")
    broker.flush()
    sent = 200 + 5 + 5 + 5
    with ingesting(broker, database_url, account):
        eventually(lambda: look.taken() == sent)
        eventually(lambda: [published for _, published in look.letters()] == [True] * 10)
    after = {name: count - before[name] for name, count in counted().items() if count != before[name]}
    assert after == {
        "created": 200,
        "invalid": 10,
        "duplicate": 1,
        "unchanged": 1,
        "changed": 1,
        "deleted": 1,
        "ignored": 1,
    }
    assert look.events() == 200 + 2

    originals = {(each.partition(), each.offset()): each for each in broker.read_all(TOPIC, 4)}
    letters = broker.read_all(DLT)
    assert len(letters) == 10
    for letter in letters:
        about = {name: text.decode() for name, text in letter.headers() if name.startswith("dlt-")}
        origin = int(about["dlt-original-partition"]), int(about["dlt-original-offset"])
        assert origin not in bad
        bad[origin] = about
        original = originals[origin]
        assert (letter.key(), letter.value()) == (original.key(), original.value())
        kept = [pair for pair in letter.headers() if not pair[0].startswith("dlt-")]
        assert kept == [(name, text or b"") for name, text in original.headers() or []]
        assert about["dlt-original-topic"] == TOPIC
        assert about["dlt-original-timestamp"] == str(original.timestamp()[1])
        assert about["dlt-attempts"] == "1"
        assert datetime.fromisoformat(about["dlt-first-failed-at"]).tzinfo == UTC
        assert about["dlt-error-message"]
    codes = sorted(about["dlt-error-code"] for about in bad.values())
    assert codes == sorted(
        ["malformed_json", "unsupported_specversion", "ambiguous_header", "not_a_cloud_event", "not_a_cloud_event",
         "attribute_type_mismatch", "invalid_phone", "invalid_attribute", "invalid_text", "invalid_attribute_key"]
    )  # fmt: skip
    assert [about.get("dlt-null-headers") for about in bad.values()].count("null") == 1


def test_a_new_process_carries_on_and_nothing_is_taken_in_twice(
    broker: Broker, database_url: str, account: UUID, look: Look
) -> None:
    for round_ in range(3):
        for number in range(300):
            send(broker, 300 * round_ + number, f"c{number}", {"attributes": {"round": round_}})
        broker.flush()
        with ingesting(broker, database_url, account, batch_size=50):
            eventually(partial(reached, look, 300 * (round_ + 1)))
        assert (look.customers(), look.events()) == (300, 300 * (round_ + 1))


def test_two_processes_on_the_same_partitions_take_nothing_in_twice(
    broker: Broker, database_url: str, account: UUID, look: Look
) -> None:
    with (
        ingesting(broker, database_url, account, batch_size=20),
        ingesting(broker, database_url, account, batch_size=30),
    ):
        for number in range(1_000):
            send(broker, number, f"c{number % 100}", {"attributes": {"n": number}})
            if number % 100 == 0:
                broker.flush()
        broker.flush()
        eventually(lambda: look.taken() == 1_000, 40)
    assert (look.customers(), look.events()) == (100, 1_000)
    assert look.letters() == []


def test_a_broker_that_comes_back_empty_is_read_from_its_first_record(
    broker: Broker, database_url: str, account: UUID, look: Look
) -> None:
    with ingesting(broker, database_url, account):
        for number in range(100):
            send(broker, number, f"c{number}", {"attributes": {"n": number}})
        broker.flush()
        eventually(lambda: look.taken() == 100)
        broker.kill()
        broker.start()
        broker.create(TOPIC, 4)
        for number in range(90, 130):
            send(broker, number, f"c{number}", {"attributes": {"n": number}})
        broker.flush()
        eventually(lambda: look.taken() == 140)
    assert (look.customers(), look.events()) == (130, 130)


def test_a_database_that_is_away_is_waited_for_without_dead_letters(
    broker: Broker, database_url: str, account: UUID, look: Look
) -> None:
    line = Line(int(str(conninfo_to_dict(database_url)["port"])))
    through = make_conninfo(database_url, port=line.port)
    with ingesting(broker, through, account, batch_size=10):
        for number in range(50):
            send(broker, number, f"c{number}", {"name": "first"})
        broker.flush()
        eventually(lambda: look.taken() == 50)
        for _ in range(2):
            line.cut()
            before = waits()
            start = look.taken()
            for number in range(start, start + 50):
                send(broker, number, f"c{number}", {"name": "later"})
            send(broker, 0, "bad", b"{")
            broker.flush()
            eventually(lambda: waits() > before)  # noqa: B023 - called at once
            assert look.taken() == start
            line.mend()
            eventually(partial(reached, look, start + 51), 30)
        eventually(lambda: look.letters() == [("malformed_json", True)] * 2)
    line.close()
    assert look.events() == 150


def test_a_process_can_be_stopped_while_the_database_is_away(broker: Broker, database_url: str, account: UUID) -> None:
    line = Line(int(str(conninfo_to_dict(database_url)["port"])))
    with ingesting(broker, make_conninfo(database_url, port=line.port), account):
        line.cut()
        send(broker, 1, "c1", {"name": "waits"})
        broker.flush()
    line.close()


def store_letters(broker: Broker, database_url: str, account: UUID, look: Look, count: int) -> None:
    for number in range(count):
        send(broker, number, f"c{number}", b"{")
    broker.flush()
    with ingesting(broker, database_url, account):
        eventually(lambda: look.taken() == count)
        eventually(lambda: look.letters() == [("malformed_json", True)] * count)


def test_a_crash_between_publishing_and_marking_publishes_again_recognisably(
    broker: Broker, database_url: str, account: UUID, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_letters(broker, database_url, account, look, 5)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE rollcall.dead_letters SET published_at = NULL")
    database = Database(database_url, "rollcall_worker", size=1)
    relay = DeadLetterRelay(database, broker.address, Clock().now)
    publish = relay._publisher.publish

    def then_crash(messages: Sequence[Message]) -> list[bool]:
        publish(messages)
        raise KeyboardInterrupt

    monkeypatch.setattr(relay._publisher, "publish", then_crash)
    with pytest.raises(KeyboardInterrupt):
        relay.publish_all()
    monkeypatch.undo()
    assert relay.publish_all() == 5
    assert relay.publish_all() == 0
    relay.close()
    database.close()
    origins = [
        tuple(text for name, text in letter.headers() if name.startswith("dlt-original-"))
        for letter in broker.read_all(DLT)
    ]
    assert len(origins) == 15
    assert len(set(origins)) == 5


def test_a_letter_that_the_broker_refuses_as_too_large_does_not_hold_up_the_others(
    broker: Broker, database_url: str, account: UUID, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_letters(broker, database_url, account, look, 3)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE rollcall.dead_letters SET published_at = NULL")
    database = Database(database_url, "rollcall_worker", size=1)
    relay = DeadLetterRelay(database, broker.address, Clock().now)
    # The embedded broker takes every size, so the client is made to refuse in its stead.
    producer = relay._publisher._connected()
    producer.config["max_request_size"] = 10
    assert relay.publish_all() == 3
    relay.close()
    database.close()
    assert look.letters() == [("malformed_json", True)] * 3
    assert len(broker.read_all(DLT)) == 3


def test_a_letter_with_neither_key_nor_value_nor_time_can_be_published() -> None:
    letter = StoredLetter(
        1, "t", 2, 3, None, None, None, [("a", None)], "code", "é", 1, datetime(2026, 5, 1, tzinfo=UTC)
    )
    message = message_of(letter)
    assert (message.topic, message.key, message.value) == ("t.dlt", None, None)
    assert dict(message.headers)["dlt-original-timestamp"] == b""
    assert dict(message.headers)["dlt-null-headers"] == b"a"
    assert dict(message.headers)["dlt-error-message"] == "é".encode()
