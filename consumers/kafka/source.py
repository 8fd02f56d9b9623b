"""Batches from Kafka, each continuing where the stored position of its partition ends.

`consumers.ingest` asks for one batch at a time. What always holds: no record is left out or handed on
before its predecessor; a topic that was recreated starts over under another name; a broker that is away
is `Unavailable`, nothing else. Reads a little of kafka-python's inside, hence its exact version.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from kafka import KafkaConsumer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError, UnsupportedCodecError
from kafka.structs import OffsetAndMetadata, TopicPartition
from prometheus_client import Counter

from consumers.kafka.connecting import connect
from consumers.kafka.unpacking import Unpacking
from consumers.records import Batch, Record
from domain.errors import Unavailable

BATCH = 1_000
TIMEOUT = 5.0
_FRESH = 1.0
_REOPEN_AFTER = 20.0
_HINT_EVERY = 5.0
_NO_ID = UUID(int=0)

log = structlog.get_logger(__name__)
_restarts = Counter(
    "rollcall_ingest_positions_lost_total", "Partitions read again from their beginning, by reason", ["reason"]
)


@dataclass(slots=True)
class _Place:
    """Where we are in a partition: its name, and the offset up to which it was handed on."""

    name: str
    topic_id: UUID
    previous: int | None


class Source(ConsumerRebalanceListener):  # type: ignore[misc]
    """The batches of some topics, each continuing at its stored position.

    Without a `group` it reads every partition itself; with one, those that the group gives it.
    `position_of` returns the stored offset of a partition's name.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Sequence[str],
        position_of: Callable[[str], int | None],
        *,
        group: str | None = None,
        batch_size: int = BATCH,
    ) -> None:
        self._servers = bootstrap_servers
        self._topics = tuple(topics)
        self._position_of = position_of
        self._group = group
        self._size = batch_size
        self._client: Any = None
        self._places: dict[TopicPartition, _Place] = {}
        self._unplaced: set[TopicPartition] = set()
        self._beyond: set[TopicPartition] = set()
        self._starts: dict[TopicPartition, int] = {}
        self._ready: deque[tuple[TopicPartition, list[Record]]] = deque()
        self._connections: tuple[Any, ...] = ()
        self._connected_at = self._hinted_at = time.monotonic()
        # It repeats each failure several times a second; what matters of it is told here, once.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)

    def next_batch(self, timeout: float) -> Batch | None:
        """The next records of one partition, or `None` where none came within `timeout`. Raises `Unavailable`."""
        try:
            if self._client is None:
                self._open()
            if not self._ready:
                self._follow_topics()
                self._place()
                self._poll(timeout)
            return self._hand_on()
        except UnsupportedCodecError:
            raise
        except KafkaError as away:
            self.close()
            raise Unavailable("broker_unavailable", f"Kafka does not answer: {away}") from away

    def rewind(self, batch: Batch) -> None:
        """Read the stored position of a batch's partition again: another process has moved it."""
        where = TopicPartition(batch.topic, batch.partition)
        self._forget([where])
        if self._client is not None and where in self._client.assignment():
            self._hold([where])

    def commit_group_offsets(self) -> None:
        """Everything handed on is stored: tell the group now and then, for its tools to see; it is never read back."""
        if self._group is None or self._client is None or time.monotonic() - self._hinted_at < _HINT_EVERY:
            return
        self._hinted_at = time.monotonic()
        offsets = {
            where: OffsetAndMetadata(place.previous + 1, "", -1)
            for where, place in self._places.items()
            if place.previous is not None
        }
        self._client.commit_async(offsets, callback=lambda *_: None)

    def close(self) -> None:
        """Leave the broker; `next_batch` would connect again."""
        client, self._client = self._client, None
        self._places.clear()
        self._unplaced.clear()
        self._starts.clear()
        self._ready.clear()
        if client is not None:
            client.close(autocommit=False, timeout_ms=2_000)

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """The group gave us partitions: none is read before its stored position is known."""
        self._hold(assigned)

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """The group took partitions away: what was fetched of them is somebody else's now."""
        self._forget(revoked)
        self._unplaced.difference_update(revoked)

    def _open(self) -> None:
        options: dict[str, Any] = {} if self._group is None else {"session_timeout_ms": 6_000}
        client: Any = connect(
            KafkaConsumer,
            bootstrap_servers=self._servers,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            metadata_max_age_ms=int(_FRESH * 1000),
            reconnect_backoff_max_ms=1_000,
            request_timeout_ms=10_000,
            metrics_enabled=False,
            **options,
        )
        # The library passes neither on: a missing topic must not be made by asking for it.
        client._cluster.config["allow_auto_create_topics"] = False
        client._cluster.config["retry_backoff_ms"] = 200
        client._fetcher.PartitionRecords = Unpacking
        if self._group is None:
            client._cluster.set_topics(self._topics)
        else:
            client.subscribe(topics=list(self._topics), listener=self)
        self._client, self._connections = client, ()
        self._connected_at = time.monotonic()

    def _follow_topics(self) -> None:
        cluster = self._client._cluster
        for where, place in self._places.items():
            if self._topic_id(where.topic) not in (_NO_ID, place.topic_id):
                self._start_over(where.topic)
                return
        if self._group is not None:
            return
        known = self._client.assignment()
        found = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in cluster.partitions_for_topic(topic) or ()
        }
        if fresh := found - known:
            self._client.assign(sorted(known | found))
            self._hold(sorted(fresh))

    def _start_over(self, topic: str) -> None:
        # A new client: the old one may still hold records of the old topic at offsets of the new one.
        log.warning("topic_recreated", topic=topic, meaning="its records are taken in from the first one on")
        self.close()
        self._open()

    def _hold(self, partitions: Sequence[TopicPartition]) -> None:
        for where in partitions:
            self._client.pause(where)
            self._client.seek(where, 0)
            self._unplaced.add(where)

    def _forget(self, partitions: Sequence[TopicPartition]) -> None:
        for where in partitions:
            self._places.pop(where, None)
        self._ready = deque(pair for pair in self._ready if pair[0] in self._places)

    def _place(self) -> None:
        known = self._client._cluster.partitions_for_topic
        waiting = [where for where in sorted(self._unplaced) if known(where.topic)]
        if not waiting:
            return
        ids = {where: self._topic_id(where.topic) for where in waiting}
        names = {where: f"kafka:{where.topic}:{topic_id}:{where.partition}" for where, topic_id in ids.items()}
        # Positions first: another process may still be moving one, and the log must not look older than it.
        positions = {where: self._position_of(name) for where, name in names.items()}
        first = self._client.beginning_offsets(waiting, timeout_ms=TIMEOUT * 1000)
        for where, previous in positions.items():
            start = first[where] if previous is None else previous + 1
            beyond = where in self._beyond
            if previous is not None and (beyond or start < first[where]):
                reason = "beyond_the_log" if beyond and start > first[where] else "deleted_by_retention"
                _restarts.labels(reason).inc()
                log.error(
                    "position_lost", reason=reason, topic=where.topic, partition=where.partition, position=previous,
                    first=first[where], remedy="reading on from the first record there is",
                )  # fmt: skip
                start = first[where]
            self._beyond.discard(where)
            self._client.seek(where, start)
            self._client._subscription.assignment[where].highwater = None
            self._client.resume(where)
            self._places[where] = _Place(names[where], ids[where], previous)
            self._starts[where] = start
            self._unplaced.discard(where)

    def _poll(self, timeout: float) -> None:
        try:
            fetched = self._client.poll(timeout * 1000, max_records=self._size)
        except (OffsetOutOfRangeError, LogTruncationError) as gone:
            self._lose(gone.divergent_offsets if isinstance(gone, LogTruncationError) else gone.args[0])
            return
        for where, records in fetched.items():
            if where in self._places:
                self._ready.append((where, records))
        self._check_starts()
        self._watch(bool(fetched))

    def _check_starts(self) -> None:
        # A broker may answer a fetch beyond its log with nothing, for ever; its end comes with the answer. (To ask
        # for the end would not do: the embedded broker names the end of the last batch but one.)
        ends = {where: self._client.highwater(where) for where in self._starts if where in self._places}
        self._lose([where for where, end in ends.items() if end is not None and end < self._starts[where]])
        self._starts = {where: start for where, start in self._starts.items() if ends.get(where, 0) is None}

    def _lose(self, partitions: Iterable[TopicPartition]) -> None:
        lost = list(partitions)
        self._beyond.update(lost)
        self._forget(lost)
        self._hold(lost)

    def _watch(self, busy: bool) -> None:
        now = time.monotonic()
        if busy or self._client._manager.least_used_connections():
            if now - self._connected_at > _FRESH:
                log.info("broker_back")
            self._connected_at = now
        elif now - self._connected_at > _REOPEN_AFTER:
            raise KafkaError("no connection")

    def _hand_on(self) -> Batch | None:
        if not self._ready:
            return None
        where, _ = self._ready[0]
        self._verify_topics()
        place = self._places[where]
        if self._topic_id(where.topic) != place.topic_id:
            self._start_over(where.topic)
            return None
        _, records = self._ready.popleft()
        previous, place.previous = place.previous, records[-1].offset
        lag = (self._client.highwater(where) or 0) - 1 - records[-1].offset
        return Batch(where.topic, where.partition, place.name, previous, records, max(0, lag))

    def _verify_topics(self) -> None:
        """Know that records fetched just now belong to the topics that we believe them to be of.

        A broker that lost its topics and got them again answers a fetch at our old position as if nothing
        had been; only the topic's id tells. So ask after every new connection, and at least once a second.
        """
        manager, cluster = self._client._manager, self._client._cluster
        connections = tuple(manager._conns.values())
        known = len(connections) == len(self._connections) and all(map(_is, connections, self._connections))
        if known and time.monotonic() * 1000 - cluster._last_successful_refresh_ms < 2_000 * _FRESH:
            return
        self._client._net.run(manager.wait_for, cluster.request_update(), TIMEOUT * 1000)
        self._connections = tuple(manager._conns.values())

    def _topic_id(self, topic: str) -> UUID:
        found: UUID | None = self._client._cluster.topic_id(topic)
        return found or _NO_ID


def _is(one: object, other: object) -> bool:
    return one is other
