"""Batches from a real broker: in order, from the stored position, through whatever happens to the broker."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import KafkaProducer
from prometheus_client import REGISTRY

from consumers.kafka import Source, ensure_topics
from consumers.records import Batch, Record
from domain.errors import Unavailable
from tests.integration.kafka_rig import Broker, forget_failed_connections

TOPIC = "people"
# See forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def broker() -> Iterator[Broker]:
    running = Broker()
    yield running
    running.kill()
    forget_failed_connections()


class Positions(dict[str, int]):
    """What the database would hold."""

    def taken(self, batch: Batch) -> None:
        assert self.get(batch.name) == batch.previous
        self[batch.name] = batch.last_offset


@contextmanager
def reading(broker: Broker, positions: Positions, **options: Any) -> Iterator[Source]:
    source = Source(broker.address, [TOPIC], positions.get, **options)
    yield source
    source.close()


def take(source: Source, positions: Positions, count: int, seconds: float = 20) -> list[Record]:
    """Take in until `count` records came, waiting as the ingest does while the broker is away."""
    found: list[Record] = []
    deadline = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count}"
        try:
            batch = source.next_batch(0.1)
        except Unavailable:
            continue
        if batch is not None:
            positions.taken(batch)
            found += batch.records
    return found


def values(records: list[Record]) -> list[bytes]:
    return sorted(record.value or b"" for record in records)


def lost(reason: str) -> float:
    return REGISTRY.get_sample_value("rollcall_ingest_positions_lost_total", {"reason": reason}) or 0


def test_topics_are_made_once(broker: Broker) -> None:
    ensure_topics(broker.address, {TOPIC: 5, "other": 1})
    broker.send(TOPIC, b"kept")
    broker.flush()
    ensure_topics(broker.address, {TOPIC: 5})
    with reading(broker, Positions()) as source:
        assert values(take(source, Positions(), 1)) == [b"kept"]


def test_batches_are_of_one_partition_in_order_and_without_a_gap(broker: Broker) -> None:
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
            assert [record.offset for record in batch.records] == list(
                range(last.get(batch.partition, -1) + 1, batch.last_offset + 1)
            )
            positions.taken(batch)
            last[batch.partition] = batch.last_offset
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
    assert second[2:] == (None, None, [], None)


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


def test_a_record_alone_is_handed_on_at_once(broker: Broker) -> None:
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
    assert statistics.median(seconds) < 0.05


def test_it_continues_where_the_stored_position_ends(broker: Broker) -> None:
    broker.create(TOPIC)
    positions = Positions()
    for round_ in range(3):
        for number in range(100):
            broker.send(TOPIC, b"%d %d" % (round_, number), b"%d" % number)
        broker.flush()
        with reading(broker, positions, batch_size=30) as source:
            assert values(take(source, positions, 100)) == sorted(b"%d %d" % (round_, number) for number in range(100))


def test_a_batch_that_was_not_taken_in_comes_again_after_rewind(broker: Broker) -> None:
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


def test_a_topic_that_does_not_exist_is_waited_for_and_not_made(broker: Broker) -> None:
    with reading(broker, Positions()) as source:
        for _ in range(3):
            assert source.next_batch(0.1) is None
        assert TOPIC not in broker._admin.list_topics().topics
        broker.create(TOPIC)
        broker.send(TOPIC, b"first")
        broker.flush()
        assert values(take(source, Positions(), 1)) == [b"first"]


def test_a_broker_that_stands_still_is_waited_for(broker: Broker) -> None:
    broker.create(TOPIC)
    positions = Positions()
    with reading(broker, positions) as source:
        broker.send(TOPIC, b"before")
        broker.flush()
        take(source, positions, 1)
        broker.freeze()
        assert source.next_batch(0.5) is None
        broker.thaw()
        broker.send(TOPIC, b"after")
        broker.flush()
        assert values(take(source, positions, 1)) == [b"after"]


def test_no_broker_is_unavailable_and_leaves_no_threads_behind(broker: Broker) -> None:
    broker.kill()
    before = threading.active_count()
    with reading(broker, Positions()) as source, pytest.raises(Unavailable):
        source.next_batch(0.1)
    with pytest.raises(Unavailable):
        ensure_topics(broker.address, {TOPIC: 1})
    assert threading.active_count() <= before


@pytest.mark.parametrize("count", [3, 500], ids=["fewer than before", "more than before"])
@pytest.mark.parametrize("noticed", [True, False], ids=["seen away", "back at once"])
def test_a_recreated_topic_starts_over(broker: Broker, count: int, noticed: bool) -> None:
    broker.create(TOPIC)
    positions = Positions()
    with reading(broker, positions) as source:
        for number in range(100):
            broker.send(TOPIC, b"old %d" % number)
        broker.flush()
        take(source, positions, 100)
        broker.kill()
        if noticed:
            assert source.next_batch(0.3) is None
        broker.start()
        broker.create(TOPIC)
        for number in range(count):
            broker.send(TOPIC, b"new %d" % number)
        broker.flush()
        assert values(take(source, positions, count)) == sorted(b"new %d" % number for number in range(count))
    assert len({name.split(":")[2] for name in positions}) == 2


def test_a_topic_recreated_while_nobody_looked_starts_over(broker: Broker) -> None:
    broker.create(TOPIC, 1)
    positions = Positions()
    broker.send(TOPIC, b"old")
    broker.flush()
    with reading(broker, positions) as source:
        take(source, positions, 1)
    broker.kill()
    broker.start()
    broker.create(TOPIC, 1)
    broker.send(TOPIC, b"new 1")
    broker.send(TOPIC, b"new 2")
    broker.flush()
    with reading(broker, positions) as source:
        assert values(take(source, positions, 2)) == [b"new 1", b"new 2"]


def test_a_position_beyond_the_log_is_reported_and_the_log_read_again(broker: Broker) -> None:
    broker.create(TOPIC, 1)
    broker.send(TOPIC, b"only")
    broker.flush()
    positions = Positions()
    with reading(broker, positions) as source:
        take(source, positions, 1)
    (name,) = positions
    positions[name] = 70
    before = lost("beyond_the_log")
    with reading(broker, positions) as source:
        assert values(take(source, positions, 1)) == [b"only"]
    assert lost("beyond_the_log") == before + 1
    assert positions == {name: 0}


def test_positions_that_cannot_be_read_are_waited_for(broker: Broker) -> None:
    broker.create(TOPIC, 1)
    broker.send(TOPIC, b"one")
    broker.flush()
    asked: list[str] = []

    def position_of(name: str) -> int | None:
        asked.append(name)
        if len(asked) < 3:
            raise Unavailable("database_unavailable", "away")
        return None

    source = Source(broker.address, [TOPIC], position_of)
    assert values(take(source, Positions(), 1)) == [b"one"]
    assert len(asked) == 3
    source.close()


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


@pytest.mark.slow
def test_members_of_a_group_share_the_partitions_and_take_over_from_each_other(broker: Broker) -> None:
    broker.create(TOPIC, 4)
    positions = Positions()
    lock = threading.Lock()
    found: list[bytes] = []
    stops = [threading.Event(), threading.Event()]
    shares: list[set[int]] = [set(), set()]

    def member(number: int) -> None:
        with reading(broker, positions, group="rollcall") as source:
            while not stops[number].is_set():
                batch = source.next_batch(0.1)
                if batch is None:
                    continue
                with lock:
                    if positions.get(batch.name) != batch.previous:
                        source.rewind(batch)
                        continue
                    positions.taken(batch)
                    found.extend(record.value or b"" for record in batch.records)
                    shares[number].add(batch.partition)
                source.hint()

    threads = [threading.Thread(target=member, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    sent = 0
    deadline = time.monotonic() + 60
    while not (shares[0] and shares[1]):
        assert time.monotonic() < deadline
        for _ in range(20):
            broker.send(TOPIC, b"%d" % sent, partition=sent % 4)
            sent += 1
        broker.flush()
        time.sleep(0.05)
    stops[0].set()
    threads[0].join()
    for _ in range(40):
        broker.send(TOPIC, b"%d" % sent, partition=sent % 4)
        sent += 1
    broker.flush()
    while len(found) < sent:
        assert time.monotonic() < deadline, f"{len(found)} of {sent}"
        time.sleep(0.05)
    stops[1].set()
    threads[1].join()
    assert sorted(map(int, found)) == list(range(sent))
