"""Publishes membership changes to one topic, at least once and in order: what the publishers of both topics share.

Used by `consumers.membership_publisher` and `consumers.members_publisher`. A crash between publishing and storing the
position publishes the same changes again. While the broker or the database is unavailable it waits and retries;
nothing waits for it. Of several publishers of a topic one works at a time, and another goes on when it ends.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from uuid import UUID

from prometheus_client import Counter

from consumers.backoff import Backoff, WaitLog
from consumers.kafka import BatchProducer, Cluster, Message, ensure_topics
from domain.errors import Unavailable
from projections.read.streams.changes import Change

PARTITIONS = 12
BATCH_SIZE = 2_000
POLL_SECONDS = 0.2


class ChangePublisher(ABC):
    """Publishes to one topic until `stop` is set; the topic is made with its configuration where it is missing."""

    def __init__(
        self, cluster: Cluster, stop: threading.Event, topic: str, published: Counter, config: Mapping[str, str]
    ) -> None:
        self._cluster = cluster
        self._producer = BatchProducer(cluster, topic)
        self._topic, self._config, self._has_topic = topic, config, False
        self._published = published
        self._stop = stop
        self.waits_for: Unavailable | None = None
        """What is unavailable now, if anything. Safe to read from another thread."""

    @abstractmethod
    def pass_on(self) -> int:
        """Hand the next changes to `publish` and move on. Returns 0 where there are none. Raises `Unavailable`."""

    @abstractmethod
    def message_of(self, change: Change) -> Message:
        """Returns a change as it is published."""

    def run(self) -> None:
        """Works until `stop` is set, finishing the current changes. Raises any error that waiting cannot cure."""
        backoff, waits = Backoff(self._stop), WaitLog()
        try:
            while not self._stop.wait(POLL_SECONDS):
                try:
                    self.publish_all()
                except Unavailable as error:
                    # The broker that comes back may be a new one.
                    self.waits_for, self._has_topic = error, False
                    waits.waiting(error)
                    backoff.wait()
                else:
                    self.waits_for = None
                    waits.over()
                    backoff.reset()
        finally:
            self.close()

    def publish_all(self) -> int:
        """Publishes everything unpublished and returns how much there was. Raises `Unavailable`."""
        total = 0
        while not self._stop.is_set() and (count := self.pass_on()):
            total += count
        return total

    def publish(self, changes: Sequence[Change]) -> None:
        """Publishes some changes in order. Raises `Unavailable` where some may not have been written."""
        self._ensure_topic()
        self._producer.publish([self.message_of(change) for change in changes])
        self._published.inc(len(changes))

    def topic_id(self) -> UUID:
        """Returns the identity of the topic, which is another one once it was made anew. Raises `Unavailable`."""
        self._ensure_topic()
        return self._producer.topic_id()

    def _ensure_topic(self) -> None:
        if not self._has_topic:
            ensure_topics(self._cluster, {self._topic: PARTITIONS}, self._config)
            self._has_topic = True

    def close(self) -> None:
        """Disconnects from the broker."""
        self._producer.close()
