"""Appends messages to one topic as whole record batches, one for each partition and request.

Used by the role `publish`. `consumers.kafka.producer` keeps a future for each message and hands them between two
threads, which costs ten times the bytes; here one thread encodes, sends and waits. What always holds: messages of one
key keep their order; `publish` returns when every in-sync replica has all of them; a request that is repeated because
its answer was lost appends nothing twice, by the producer's id and its count of messages for each partition.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from kafka.errors import (
    DuplicateSequenceNumberError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NoError,
    RecordListTooLargeError,
    for_code,
)
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest
from kafka.structs import TopicPartition

from consumers.kafka.cluster import NO_ID
from consumers.kafka.connecting import broker_error, connect
from consumers.kafka.producer import TIMEOUT, Message
from consumers.kafka.record_batches import Sender, by_partition, encode, parts
from consumers.kafka.security import Cluster

# Far below what brokers accept, unless a topic has a limit of its own; then it is halved until they do.
BATCH_BYTES = 256 * 1024
_RETRY_SECONDS = 0.1
_DELIVERY_SECONDS = TIMEOUT * 3
# The versions that the client library's own producer speaks.
_PRODUCE_VERSION = 9
_INIT_VERSION = 4
# A producer's count of messages begins again at 0 after so many.
_SEQUENCES = 1 << 31


class _Connection:
    """A client of the library without any thread: what is sent and received is, while `run` waits for it."""

    def __init__(self, kafka_client: Callable[..., Any], bootstrap_timeout_ms: int, **options: Any) -> None:
        self._client = kafka_client(**options)
        self.manager: Any = self._client._manager
        self.cluster: Any = self._client.cluster
        self.manager.bootstrap(bootstrap_timeout_ms)

    def run(self, future: Any) -> Any:
        """Returns the result of a future of the library. Raises `KafkaError`."""
        return self.manager.run(self.manager.wait_for, future, TIMEOUT * 1000)

    def close(self) -> None:
        """Closes every socket."""
        self._client.close()


class BatchProducer:
    """Publishes to `topic`, which must exist. Used by one thread."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._batch_bytes = BATCH_BYTES
        self._connection: _Connection | None = None
        self._sender = Sender(-1, -1)
        self._sent: defaultdict[int, int] = defaultdict(int)

    def publish(self, messages: Sequence[Message]) -> None:
        """Publishes all messages in order. Raises `Unavailable` where some may not have been written."""
        try:
            connection = self._connected()
            partitions = connection.cluster.partitions_for_topic(self._topic)
            waiting = {
                partition: deque(parts(each, self._batch_bytes))
                for partition, each in by_partition(messages, len(partitions)).items()
            }
            while waiting:
                batches = {partition: each.popleft() for partition, each in waiting.items()}
                self._append(connection, batches)
                waiting = {partition: each for partition, each in waiting.items() if each}
        except KafkaError as error:
            if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
                self._batch_bytes = max(1, self._batch_bytes // 2)
            self.close()
            raise broker_error(error, self._cluster) from error

    def topic_id(self) -> UUID:
        """Returns the identity of the topic; `NO_ID` where the broker gives none. Raises `Unavailable`."""
        try:
            found: UUID | None = self._connected().cluster.topic_id(self._topic)
        except KafkaError as error:
            self.close()
            raise broker_error(error, self._cluster) from error
        return found or NO_ID

    def close(self) -> None:
        """Disconnects; `publish` would connect again, with another producer's id."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> _Connection:
        if self._connection is None:
            logging.getLogger("kafka").setLevel(logging.CRITICAL)
            self._connection = connection = connect(
                _Connection,
                self._cluster,
                request_timeout_ms=int(TIMEOUT * 1000),
                reconnect_backoff_max_ms=1_000,
            )
            connection.run(connection.cluster.add_topic(self._topic))
            if not connection.cluster.partitions_for_topic(self._topic):
                raise KafkaTimeoutError(f"the topic {self._topic} is not there")
            asked = InitProducerIdRequest(
                transactional_id=None,
                transaction_timeout_ms=0,
                producer_id=-1,
                producer_epoch=-1,
                min_version=0,
                max_version=_INIT_VERSION,
            )
            given = connection.run(connection.manager.send(asked))
            _require(given.error_code)
            self._sender = Sender(given.producer_id, given.producer_epoch)
            self._sent.clear()
        return self._connection

    def _append(self, connection: _Connection, messages: Mapping[int, Sequence[Message]]) -> None:
        """Append one batch to each partition, the same bytes again where no answer came. Raises `KafkaError`."""
        waiting = {partition: encode(each, self._sender, self._sent[partition]) for partition, each in messages.items()}
        deadline = time.monotonic() + _DELIVERY_SECONDS
        while waiting:
            for partition, error in self._answers(connection, waiting).items():
                if isinstance(error, NoError | DuplicateSequenceNumberError):
                    del waiting[partition]
                    self._sent[partition] = (self._sent[partition] + len(messages[partition])) % _SEQUENCES
                elif not error.retriable or time.monotonic() > deadline:
                    raise error
            if waiting:
                connection.run(connection.cluster.request_update())
                time.sleep(_RETRY_SECONDS)

    def _answers(self, connection: _Connection, batches: Mapping[int, bytes]) -> dict[int, KafkaError]:
        """Send each leader its batches at once; returns what became of each partition's, `NoError` included."""
        of_leader: defaultdict[Any, list[int]] = defaultdict(list)
        for partition in batches:
            of_leader[connection.cluster.leader_for_partition(TopicPartition(self._topic, partition))].append(partition)
        sent = [
            (partitions, connection.manager.send(self._request(partitions, batches), node_id=leader))
            for leader, partitions in of_leader.items()
        ]
        answers: dict[int, KafkaError] = {}
        for partitions, future in sent:
            try:
                (topic,) = connection.run(future).responses
                answers |= {each.index: for_code(each.error_code)() for each in topic.partition_responses}
            except KafkaError as error:
                answers |= dict.fromkeys(partitions, error)
        return answers

    def _request(self, partitions: Sequence[int], batches: Mapping[int, bytes]) -> Any:
        kind = ProduceRequest.TopicProduceData
        data = [kind.PartitionProduceData(index=each, records=batches[each]) for each in partitions]
        return ProduceRequest(
            transactional_id=None,
            acks=-1,
            timeout_ms=int(TIMEOUT * 1000),
            topic_data=[kind(name=self._topic, partition_data=data)],
            min_version=3,
            max_version=_PRODUCE_VERSION,
        )


def _require(code: int) -> None:
    error = for_code(code)
    if error is not NoError:
        raise error
