"""What a client knows of the cluster: the identities of topics, and which of them are missing.

Used by `consumers.kafka.source`, one for each client.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog

NO_ID = UUID(int=0)
# How old what we know of the cluster (topic ids, partitions) may be.
METADATA_SECONDS = 1.0

log = structlog.get_logger(__name__)


class ClusterView:
    """The metadata of one client."""

    def __init__(self, client: Any, topics: Sequence[str]) -> None:
        self._client = client
        self._topics = topics
        self._connections: tuple[Any, ...] = ()
        self.missing: frozenset[str] = frozenset()
        """The topics that the cluster does not have, or does not show to this login."""

    def topic_id(self, topic: str) -> UUID:
        """Returns the identity of a topic; `NO_ID` where the broker gives none."""
        found: UUID | None = self._client._cluster.topic_id(topic)
        return found or NO_ID

    def refresh_topic_ids(self, timeout: float) -> None:
        """Refreshes the topics' ids, so that fetched records are known to belong to the topics we read.

        A broker whose topics were lost and recreated answers a fetch at our old position as if nothing had
        happened; only the topic's id differs. So we ask after every new connection and every two seconds.
        """
        manager, cluster = self._client._manager, self._client._cluster
        connections = tuple(manager._conns.values())
        is_same = len(connections) == len(self._connections) and all(map(_is, connections, self._connections))
        if is_same and time.monotonic() * 1000 - cluster._last_successful_refresh_ms < 2_000 * METADATA_SECONDS:
            return
        self._client._net.run(manager.wait_for, cluster.request_update(), timeout * 1000)
        self._connections = tuple(manager._conns.values())

    def look_for_missing_topics(self) -> None:
        """Logs once which topics are missing, and when they are there."""
        cluster = self._client._cluster
        if not cluster._last_successful_refresh_ms:
            return
        missing = frozenset(topic for topic in self._topics if not cluster.partitions_for_topic(topic))
        for topic in sorted(missing - self.missing):
            log.error("topic_missing", topic=topic, remedy="create it, or correct ROLLCALL_KAFKA_TOPICS")
        for topic in sorted(self.missing - missing):
            log.info("topic_there", topic=topic)
        self.missing = missing


def _is(one: object, other: object) -> bool:
    return one is other
