"""The Kafka source with a broker that stops, restarts, loses its data, or is shared with other processes."""

from __future__ import annotations

import threading
import time

import pytest

from consumers.kafka import Source, ensure_topics
from domain.errors import Unavailable
from tests.support.kafka.broker import Broker
from tests.support.kafka.source_reading import TOPIC, Positions, lost, reading, take, values

# See tests.support.kafka.broker.forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_a_topic_that_does_not_exist_is_awaited_and_not_created(broker: Broker) -> None:
    with reading(broker, Positions()) as source:
        for _ in range(3):
            assert source.next_batch(0.1) is None
        assert TOPIC not in broker._admin.list_topics().topics
        broker.create(TOPIC)
        broker.send(TOPIC, b"first")
        broker.flush()
        assert values(take(source, Positions(), 1)) == [b"first"]


def test_a_topic_that_is_created_later_is_read_too(broker: Broker) -> None:
    broker.create(TOPIC, 2)
    positions = Positions()
    source = Source(broker.cluster, [TOPIC, "later"], positions.get)
    broker.send(TOPIC, b"1", partition=0)
    broker.flush()
    assert values(take(source, positions, 1)) == [b"1"]
    broker.create("later", 3)
    for number in range(9):
        broker.send("later", b"later %d" % number, partition=number % 3)
    broker.send(TOPIC, b"2", partition=1)
    broker.flush()
    assert values(take(source, positions, 10)) == sorted([b"2", *(b"later %d" % number for number in range(9))])
    assert len(positions) == 5
    source.close()


def test_a_frozen_broker_is_awaited(broker: Broker) -> None:
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
        ensure_topics(broker.cluster, {TOPIC: 1})
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


def test_a_topic_recreated_while_not_connected_starts_over(broker: Broker) -> None:
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


def test_reading_waits_until_stored_positions_can_be_read(broker: Broker) -> None:
    broker.create(TOPIC, 1)
    broker.send(TOPIC, b"one")
    broker.flush()
    asked: list[str] = []

    def position_of(name: str) -> int | None:
        asked.append(name)
        if len(asked) < 3:
            raise Unavailable("database_unavailable", "away")
        return None

    source = Source(broker.cluster, [TOPIC], position_of)
    assert values(take(source, Positions(), 1)) == [b"one"]
    assert len(asked) == 3
    source.close()


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
                    if any(positions.get(each.name) != each.previous for each in batch.slices):
                        source.rewind(batch)
                        continue
                    positions.taken(batch)
                    found.extend(record.value or b"" for record in batch.records)
                    shares[number].update(each.partition for each in batch.slices)
                source.stored(batch)

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
