"""Dead letters, from a real broker to a real database and back: byte for byte, none lost, repeats identifiable."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY

from consumers.dead_letter_publisher import DeadLetterPublisher, message_of
from consumers.kafka import Message
from deploy.clock import Clock
from projections.postgres.database import Database
from projections.records.dead_letters import StoredLetter, pass_on
from tests.support.kafka.broker import Broker, eventually
from tests.support.kafka.ingest import DLT, TOPIC, IngestRig

CLASSES = ("created", "changed", "unchanged", "stale", "duplicate", "deleted", "invalid", "ignored")
HOSTILE: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = [
    (b"\xff\x00not json", b"\xfe\x00", [("content-type", b"application/cloudevents+json"), ("é", b"\xff")]),
    (b"", None, [("ce_type", b"rollcall.customer.changed.v1")]),
    (None, None, [("ce_type", b"x"), ("ce_type", b"y"), ("empty", b""), ("null", None)]),
    (b"[" * 10_000, b"k", []),
    (b"x" * 900_000, b"k", []),
]
# See tests.support.kafka.broker.forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def rig(broker: Broker, database_url: str) -> IngestRig:
    return IngestRig(broker, database_url)


def counted() -> dict[str, float]:
    return {name: REGISTRY.get_sample_value("rollcall_ingest_records_total", {"result": name}) or 0 for name in CLASSES}


def check_letters(rig: IngestRig) -> None:
    bad: dict[tuple[int, int], Any] = {}
    originals = {(each.partition(), each.offset()): each for each in rig.broker.read_all(TOPIC, 4)}
    letters = rig.broker.read_all(DLT)
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


def test_every_record_has_one_result_and_invalid_ones_are_published_byte_for_byte(rig: IngestRig) -> None:
    before = counted()
    for number in range(200):
        rig.send(number, f"c{number}", {"name": f"N{number}", "attributes": {"score": number}})
        if number % 40 == 0:
            value, key, headers = HOSTILE[number // 40]
            rig.broker.send(TOPIC, value, key, headers)
    rig.send(300, "c1", {"attributes": {"score": "a lot"}})  # known to be a number
    rig.send(301, "c2", {"phone": "not a phone"})
    rig.send(302, "c3\x7f", {})
    rig.send(303, "c4", {"name": "a\x00b"})
    rig.send(304, "c5", {"attributes": {"Bad Key": 1}})
    rig.send(1, "c1", {"name": "N1", "attributes": {"score": 1}})  # a duplicate
    rig.send(305, "c6", {"name": "N6"})  # unchanged
    rig.send(306, "c7", None, ce_type="rollcall.customer.opted_out.v1")
    rig.send(307, "c8", None, ce_type="rollcall.customer.deleted.v1")
    rig.broker.send(TOPIC, None, b"tombstone")
    rig.broker.flush()
    sent = 200 + 5 + 5 + 5
    with rig.ingesting():
        eventually(lambda: rig.taken() == sent)
        eventually(lambda: [published for _, published in rig.letters()] == [True] * 10)
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
    assert rig.events() == 200 + 2
    check_letters(rig)


def store_letters(rig: IngestRig, count: int) -> None:
    for number in range(count):
        rig.send(number, f"c{number}", b"{")
    rig.broker.flush()
    with rig.ingesting():
        eventually(lambda: rig.taken() == count)
        eventually(lambda: rig.letters() == [("malformed_json", True)] * count)


def test_a_crash_between_publishing_and_marking_publishes_the_same_letter_again(
    rig: IngestRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_letters(rig, 5)
    with psycopg.connect(rig.url) as connection:
        connection.execute("UPDATE rollcall.dead_letters SET published_at = NULL")
    database = Database(rig.url, "rollcall_worker", size=1)
    publisher = DeadLetterPublisher(database, rig.broker.cluster, Clock().now)
    publish = publisher._producer.publish

    def then_crash(messages: Sequence[Message]) -> list[bool]:
        publish(messages)
        raise KeyboardInterrupt

    monkeypatch.setattr(publisher._producer, "publish", then_crash)
    with pytest.raises(KeyboardInterrupt):
        publisher.publish_all()
    monkeypatch.undo()
    assert publisher.publish_all() == 5
    assert publisher.publish_all() == 0
    publisher.close()
    database.close()
    origins = [
        tuple(text for name, text in letter.headers() if name.startswith("dlt-original-"))
        for letter in rig.broker.read_all(DLT)
    ]
    assert len(origins) == 15
    assert len(set(origins)) == 5


def test_letters_of_a_crashed_process_are_published_by_another(rig: IngestRig) -> None:
    store_letters(rig, 1)
    with closing(Database(rig.url, "rollcall_worker", size=2)) as database:
        publisher = DeadLetterPublisher(database, rig.broker.cluster, Clock().now)
        publisher.start()
        eventually(lambda: publisher._wake.is_set() is False)
        with psycopg.connect(rig.url) as connection:
            connection.execute("UPDATE rollcall.dead_letters SET published_at = NULL")
        eventually(lambda: rig.letters() == [("malformed_json", True)])
        publisher.close()


def test_two_processes_do_not_publish_the_same_letter_concurrently(rig: IngestRig) -> None:
    store_letters(rig, 1)
    with psycopg.connect(rig.url) as connection:
        connection.execute("UPDATE rollcall.dead_letters SET published_at = NULL")
    with closing(Database(rig.url, "rollcall_worker", size=2)) as database:
        second: list[int] = []

        def publish(_: Sequence[StoredLetter]) -> None:
            second.append(pass_on(database, 10, publish, Clock().now))

        assert pass_on(database, 10, publish, Clock().now) == 1
    assert second == [0]


def test_a_letter_that_the_broker_refuses_as_too_large_does_not_block_the_others(
    rig: IngestRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_letters(rig, 3)
    with psycopg.connect(rig.url) as connection:
        connection.execute("UPDATE rollcall.dead_letters SET published_at = NULL")
    database = Database(rig.url, "rollcall_worker", size=1)
    publisher = DeadLetterPublisher(database, rig.broker.cluster, Clock().now)
    # The embedded broker accepts every size, so the client is made to refuse instead.
    producer = publisher._producer._connected()
    producer.config["max_request_size"] = 10
    assert publisher.publish_all() == 3
    publisher.close()
    database.close()
    assert rig.letters() == [("malformed_json", True)] * 3
    assert len(rig.broker.read_all(DLT)) == 3


def test_a_letter_with_neither_key_nor_value_nor_time_can_be_published() -> None:
    letter = StoredLetter(
        1, "t", 2, 3, None, None, None, [("a", None)], "code", "é", 1, datetime(2026, 5, 1, tzinfo=UTC)
    )
    message = message_of(letter)
    assert (message.topic, message.key, message.value) == ("t.dlt", None, None)
    assert dict(message.headers)["dlt-original-timestamp"] == b""
    assert dict(message.headers)["dlt-null-headers"] == b"a"
    assert dict(message.headers)["dlt-error-message"] == "é".encode()
