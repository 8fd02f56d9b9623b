"""Batches from a real broker: of one partition, in order, from the stored position, as they were sent."""

from __future__ import annotations

import statistics
import threading
import time

import pytest
from kafka import KafkaProducer

from consumers.kafka import ensure_topics
from consumers.records import Record
from tests.support.kafka.broker import Broker
from tests.support.kafka.source_reading import TOPIC, Positions, reading, take, values

# See tests.support.kafka.broker.forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_topics_are_created_once(broker: Broker) -> None:
    ensure_topics(broker.cluster, {TOPIC: 5, "other": 1})
    broker.send(TOPIC, b"kept")
    broker.flush()
    ensure_topics(broker.cluster, {TOPIC: 5})
    with reading(broker, Positions()) as source:
        assert values(take(source, Positions(), 1)) == [b"kept"]


def test_a_batch_takes_what_is_here_of_every_partition_in_order_and_without_a_gap(broker: Broker) -> None:
    broker.create(TOPIC)
    for number in range(5_000):
        broker.send(TOPIC, b"%d" % number, b"%d" % number)
    broker.flush()
    positions = Positions()
    last: dict[int, int] = {}
    total = 0
    with reading(broker, positions, batch_size=400) as source:
        while total < 5_000:
            batch = source.next_batch(1)
            assert batch is not None
            assert len(batch.records) <= 400
            for each in batch.slices:
                offsets = [record.offset for record in each.records]
                assert offsets == list(range(last.get(each.partition, -1) + 1, each.last_offset + 1))
                last[each.partition] = each.last_offset
            positions.taken(batch)
            total += len(batch.records)
        assert source.next_batch(0.2) is None
    assert sorted(positions.values()) == sorted(last.values())


def test_keys_values_headers_and_times_arrive_as_they_were_sent(broker: Broker) -> None:
    broker.create(TOPIC, 1)
    sent: list[tuple[str, bytes | None]] = [("a", b"\x00\xff"), ("é", None), ("a", b"")]
    broker.send(TOPIC, b"\x00", b"\xff", sent, timestamp=1_700_000_000_123)
    broker.send(TOPIC, None, None)
    broker.flush()
    with reading(broker, Positions()) as source:
        first, second = take(source, Positions(), 2)
    assert first == Record(0, 1_700_000_000_123, b"\xff", b"\x00", sent)
    assert second[2:6] == (None, None, [], None)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_compression_is_read(broker: Broker, codec: str) -> None:
    broker.create(TOPIC, 1)
    from confluent_kafka import Producer

    producer = Producer(
        {"bootstrap.servers": broker.address, "compression.type": codec, "linger.ms": 50, "log_level": 0}
    )
    for number in range(500):
        producer.produce(TOPIC, b"value %d" % number * 10)
    assert producer.flush(10) == 0
    with reading(broker, Positions()) as source:
        assert len(take(source, Positions(), 500)) == 500


def test_a_single_record_is_returned_at_once(broker: Broker) -> None:
    broker.create(TOPIC, 12)
    positions = Positions()
    seconds = []

    def send_the_time() -> None:
        broker.send(TOPIC, b"%f" % time.monotonic())
        broker.flush()

    with reading(broker, positions) as source:
        assert source.next_batch(0.5) is None
        for _ in range(15):
            timer = threading.Timer(0.05, send_the_time)
            timer.start()
            (record,) = take(source, positions, 1)
            seconds.append(time.monotonic() - float(record.value or b"0"))
            timer.join()
    # The broker holds a fetch for 100 ms, and each began 50 ms before its record: sitting it out takes 50 more.
    assert statistics.quantiles(seconds)[0] < 0.05


def test_it_continues_where_the_stored_position_ends(broker: Broker) -> None:
    broker.create(TOPIC)
    positions = Positions()
    for round_ in range(3):
        for number in range(100):
            broker.send(TOPIC, b"%d %d" % (round_, number), b"%d" % number)
        broker.flush()
        with reading(broker, positions, batch_size=30) as source:
            assert values(take(source, positions, 100)) == sorted(b"%d %d" % (round_, number) for number in range(100))


def test_a_batch_that_was_not_stored_is_returned_again_after_rewind(broker: Broker) -> None:
    broker.create(TOPIC, 1)
    for number in range(10):
        broker.send(TOPIC, b"%d" % number)
    broker.flush()
    positions = Positions()
    with reading(broker, positions, batch_size=4) as source:
        first = source.next_batch(5)
        assert first is not None
        source.rewind(first)
        assert [record.value for record in take(source, positions, 10)] == [b"%d" % number for number in range(10)]


class Latin(str):
    """A header name as a careless C client writes it."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"n\xe9"


def test_a_header_name_that_no_client_can_read_does_not_stop_the_partition(broker: Broker) -> None:
    broker.create(TOPIC, 1)
    producer = KafkaProducer(bootstrap_servers=broker.address)
    producer.send(TOPIC, b"bad", headers=[(Latin("x"), b"1")])
    producer.send(TOPIC, b"good")
    producer.flush()
    producer.close()
    with reading(broker, Positions()) as source:
        bad, good = take(source, Positions(), 2)
    assert bad.headers == [("n\\xe9", b"1")]
    assert good.value == b"good"
