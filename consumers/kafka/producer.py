"""Writes messages to Kafka, and creates topics that do not exist yet.

Used by the publisher of dead letters, which has to know of each message whether the broker refuses its size;
`ensure_topics` also by the publisher of membership changes and the embedded broker.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import (
    InvalidConfigurationError,
    InvalidRequestError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
)
from kafka.serializer import Serializer

from consumers.kafka.connecting import broker_error, connect
from consumers.kafka.security import Cluster

TIMEOUT = 5.0
log = structlog.get_logger(__name__)
# Not the real limit: that is the broker's, and it differs by topic.
_MAX_REQUEST_BYTES = 128 * 1024 * 1024


def ensure_topics(cluster: Cluster, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
    """Creates the topics that do not exist yet, each with its number of partitions. Raises `Unavailable`.

    Where the broker does not allow their configuration they are created without, and the log says so.
    """
    try:
        admin: Any = connect(KafkaAdminClient, cluster)
        try:
            for name in sorted(set(topics) - set(admin.list_topics())):
                options = {"num_partitions": topics[name], "replication_factor": -1}
                with suppress(TopicAlreadyExistsError):
                    try:
                        admin.create_topics({name: options | ({"configs": dict(config)} if config else {})})
                    except (InvalidConfigurationError, InvalidRequestError, PolicyViolationError) as refused:
                        if not config:
                            raise
                        log.warning("topic_not_configured", topic=name, reason=str(refused), remedy=f"set {config}")
                        admin.create_topics({name: options})
        finally:
            admin.close()
    except KafkaError as error:
        raise broker_error(error, cluster) from error


class _KeySerializer(Serializer):  # type: ignore[misc]
    """Allows a record with neither key nor value, which Kafka allows and the library refuses."""

    def serialize(self, topic: str, headers: list[tuple[str, bytes]], data: Any) -> bytes | None:
        """Returns the key's bytes, or `None` for a null key."""
        return None if data is _NULL else data


_NULL = object()


class Message(NamedTuple):
    """One message to publish; a null key or value stays null."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Producer:
    """Publishes messages and waits until every in-sync replica has each of them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer: Any = None

    def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Publishes all messages; returns for each whether it was accepted: `False` if the broker refuses its size.

        Raises `Unavailable` if any other message was not acknowledged; some may have been written by then.
        """
        try:
            producer = self._connected()
            sent = [self._send(producer, each) for each in messages]
            producer.flush(timeout=TIMEOUT * 4)
            return [each is not None and self._accepted(each) for each in sent]
        except KafkaError as error:
            self.close()
            raise broker_error(error, self._cluster) from error

    def close(self) -> None:
        """Disconnects; `publish` would connect again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=1)

    def _connected(self) -> Any:
        if self._producer is None:
            logging.getLogger("kafka").setLevel(logging.CRITICAL)
            self._producer = connect(
                KafkaProducer,
                self._cluster,
                acks="all",
                key_serializer=_KeySerializer(),
                max_request_size=_MAX_REQUEST_BYTES,
                max_block_ms=int(TIMEOUT * 1000),
                request_timeout_ms=int(TIMEOUT * 2 * 1000),
                delivery_timeout_ms=int(TIMEOUT * 3 * 1000),
                metrics_enabled=False,
            )
        return self._producer

    def _send(self, producer: Any, each: Message) -> Any:
        try:
            return producer.send(each.topic, each.value, _NULL if each.key is None else each.key, each.headers)
        except MessageSizeTooLargeError:
            return None

    def _accepted(self, sent: Any) -> bool:
        try:
            sent.get(timeout=0)
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            return False
        return True
