"""The producer of whole batches, against a real broker and a network that fails."""

from __future__ import annotations

import pytest

from consumers.kafka import BatchProducer, Message, ensure_topics
from domain.errors import Unavailable
from tests.support.kafka.broker import Broker

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
TOPIC, PARTITIONS = "changes", 3


def messages(first: int, count: int) -> list[Message]:
    return [
        Message(TOPIC, str(number % 10).encode(), str(number).encode(), [("n", b"1")])
        for number in range(first, first + count)
    ]


def test_every_message_is_there_once_and_in_order_for_its_key(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.kafka.batch_producer.BATCH_BYTES", 100)
    ensure_topics(broker.cluster, {TOPIC: PARTITIONS})
    producer = BatchProducer(broker.cluster, TOPIC)
    for first in range(0, 300, 100):
        producer.publish(messages(first, 100))
    producer.close()
    producer.publish(messages(300, 100))
    producer.close()
    found = broker.read_all(TOPIC, PARTITIONS)
    for key in range(10):
        values = [int(each.value()) for each in found if each.key() == str(key).encode()]
        assert values == list(range(key, 400, 10))


def test_a_request_whose_answer_was_lost_is_sent_again_and_not_written_twice(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_topics(broker.cluster, {TOPIC: 1})
    producer = BatchProducer(broker.cluster, TOPIC)
    producer.publish(messages(0, 5))
    answers = producer._answers
    lost: list[object] = []

    def lose_the_first(*asked: object) -> object:
        found = answers(*asked)  # type: ignore[arg-type]
        if lost:
            return found
        lost.append(found)
        from kafka.errors import KafkaConnectionError

        return dict.fromkeys(found, KafkaConnectionError("closed before the answer"))

    monkeypatch.setattr(producer, "_answers", lose_the_first)
    producer.publish(messages(5, 5))
    producer.publish(messages(10, 5))
    producer.close()
    assert [int(each.value()) for each in broker.read_all(TOPIC)] == list(range(15))


def test_without_a_broker_it_says_so_and_goes_on_once_there_is_one(broker: Broker) -> None:
    ensure_topics(broker.cluster, {TOPIC: 1})
    producer = BatchProducer(broker.cluster, TOPIC)
    producer.publish(messages(0, 2))
    broker.kill()
    with pytest.raises(Unavailable) as refused:
        BatchProducer(broker.cluster, TOPIC).publish(messages(0, 1))
    assert refused.value.code == "broker_unavailable"
    broker.start()
    ensure_topics(broker.cluster, {TOPIC: 1})
    with pytest.raises(Unavailable):
        producer.publish(messages(2, 2))  # the new broker knows nothing of what this producer sent before
    producer.publish(messages(2, 2))
    producer.close()
    assert [int(each.value()) for each in broker.read_all(TOPIC)] == [2, 3]
