"""Records that unpack to more than memory should hold, and the lag, with a real broker."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Producer
from prometheus_client import REGISTRY

from consumers.kafka import LagReporter
from consumers.kafka.lag import Progress
from consumers.record_stream import KEPT_BYTES
from tests.support.kafka.broker import Broker, eventually, forget_failed_connections
from tests.support.kafka.ingest import DLT, TOPIC, IngestRig
from tests.support.kafka.source_reading import TOPIC as PEOPLE
from tests.support.kafka.source_reading import Positions, reading, take

# See tests.support.kafka.broker.forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
BOMB_BYTES = 90_000_000
HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"rollcall.customer.changed.v1"),
    ("ce_source", b"crm"),
]


def lag(topic: str, partition: int = 0) -> float | None:
    labels = {"topic": topic, "partition": str(partition)}
    return REGISTRY.get_sample_value("rollcall_ingest_lag_records", labels)


def _reported(reporter: LagReporter) -> float | None:
    reporter.report()
    return lag(PEOPLE)


def send_bombs(broker: Broker, codec: str, count: int) -> None:
    """Records of one repeated letter, which a broker sees as kilobytes."""
    options = {
        "bootstrap.servers": broker.address, "compression.type": codec, "message.max.bytes": 1_000_000_000,
        "batch.size": 1, "queue.buffering.max.kbytes": 2_000_000, "log_level": 0,
    }  # fmt: skip
    producer = Producer(options)
    for number in range(count):
        bomb: list[tuple[str, str | bytes | None]] = [*HEADERS, ("ce_id", b"bomb%d" % number)]
        producer.produce(
            TOPIC, b"a" * BOMB_BYTES, b"k%d" % number, partition=0, headers=bomb, timestamp=1_779_271_200_125
        )
        assert producer.flush(60) == 0


def test_a_bomb_becomes_a_letter_with_its_origin_and_the_others_go_on(broker: Broker, database_url: str) -> None:
    rig = IngestRig(broker, database_url)
    send_bombs(broker, "zstd", 3)
    for number in range(200):
        broker.send(
            TOPIC, b'{"name": "N"}', b"c", [*HEADERS, ("ce_id", b"%d" % number), ("ce_subject", b"c%d" % number)]
        )
    broker.flush()
    began = time.monotonic()
    with rig.ingesting():
        eventually(lambda: rig.rows("SELECT count(*) FROM rollcall.customer_states") == [(200,)], 30)
        others = time.monotonic() - began
        letters = "SELECT record_offset, record_timestamp, key, value, code, headers FROM rollcall.dead_letters"
        eventually(lambda: len(rig.rows(letters)) == 3, 30)
        whole = time.monotonic() - began
        eventually(
            lambda: rig.rows("SELECT count(*) FROM rollcall.dead_letters WHERE published_at IS NULL") == [(0,)], 30
        )
    print(f"200 others ingested after {others:.1f} s, all after {whole:.1f} s")
    for number, (offset, timestamp, key, value, code, headers) in enumerate(sorted(rig.rows(letters))):
        assert (offset, timestamp, code) == (number, 1_779_271_200_125, "record_too_large")
        assert (bytes(key), bytes(value)) == (b"k%d" % number, b"a" * KEPT_BYTES)
        assert ["ce_id", (b"bomb%d" % number).hex()] in headers
    published = broker.read_all(DLT)
    assert len(published) == 3
    for message in published:
        about = dict(message.headers())
        assert about["dlt-value-truncated"] == b"true"
        assert (about["dlt-original-topic"], about["dlt-error-code"]) == (TOPIC.encode(), b"record_too_large")
        assert len(message.value()) == KEPT_BYTES


def test_the_lag_counts_a_batch_at_work_and_what_came_since(broker: Broker) -> None:
    broker.create(PEOPLE, 1)
    positions = Positions()
    with reading(broker, positions, batch_size=10) as source:
        reporter = LagReporter(broker.cluster, source.progress)
        try:
            eventually(lambda: source.next_batch(0.1) is None and bool(source.progress()))
            reporter.report()
            assert lag(PEOPLE) == 0
            for _ in range(25):
                broker.send(PEOPLE, b"x")
            broker.flush()
            taken = 0
            batch = None
            while batch is None:
                batch = source.next_batch(0.1)
            reporter.report()
            assert lag(PEOPLE) == 25, "the batch is at work"
            for _ in range(5):  # each is a batch of its own
                broker.send(PEOPLE, b"y")
                broker.flush()
            reporter.report()
            assert 29 <= (lag(PEOPLE) or 0) <= 30, "the embedded broker passes over its last batch"
            while taken < 30:
                if batch is not None:
                    positions.taken(batch)
                    source.stored(batch)
                    taken += len(batch.records)
                batch = source.next_batch(0.1)
            reporter.report()
            assert lag(PEOPLE) == 0
        finally:
            reporter.close()


def test_the_lag_is_of_the_partitions_that_this_process_reads(broker: Broker) -> None:
    broker.create(PEOPLE, 2)
    held = {(PEOPLE, 0): Progress(3, 10), (PEOPLE, 1): Progress(0, 5)}
    reporter = LagReporter(broker.cluster, lambda: held)
    try:
        reporter.report()
        assert (lag(PEOPLE, 0), lag(PEOPLE, 1)) == (7, 5)
        del held[PEOPLE, 1]
        reporter.report()
        assert (lag(PEOPLE, 0), lag(PEOPLE, 1)) == (7, 0)
        broker.kill()
        held[PEOPLE, 0] = Progress(10, 12)
        reporter.report()
        assert lag(PEOPLE, 0) == 2, "by what was fetched last"
    finally:
        reporter.close()
        forget_failed_connections()


def test_a_missing_topic_is_known_until_it_is_there(broker: Broker) -> None:
    with reading(broker, Positions()) as source:
        eventually(lambda: source.next_batch(0.1) is None and source.missing_topics == {PEOPLE})
        broker.create(PEOPLE, 1)
        eventually(lambda: source.next_batch(0.1) is None and source.missing_topics == set())


def test_the_lag_counts_records_of_an_open_transaction_and_not_the_mark_at_its_end(broker: Broker) -> None:
    broker.create(PEOPLE, 1)
    producer = Producer({"bootstrap.servers": broker.address, "transactional.id": "crm", "log_level": 0})
    producer.init_transactions(20)
    producer.begin_transaction()
    for _ in range(3):
        producer.produce(PEOPLE, b"x")
    assert producer.flush(20) == 0
    positions = Positions()
    with reading(broker, positions) as source:
        reporter = LagReporter(broker.cluster, source.progress)
        try:
            # They are there, and cannot be read yet.
            eventually(lambda: source.next_batch(0.1) is None and _reported(reporter) == 3)
            producer.commit_transaction(20)
            assert len(take(source, positions, 3)) == 3
            eventually(lambda: source.next_batch(0.1) is None)
            reporter.report()
            assert lag(PEOPLE) == 0
        finally:
            reporter.close()
