"""Reads batches from Kafka, each slice of one starting after the stored position of its partition.

`consumers.ingest` asks for one batch at a time. What always holds: no record is skipped or returned before
its predecessor; a recreated topic is read from its beginning, under another name; a broker that does not
answer raises `Unavailable` and nothing else. Uses some internals of kafka-python, hence its exact version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from kafka import KafkaConsumer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError, UnsupportedCodecError
from kafka.structs import OffsetAndMetadata, TopicPartition
from prometheus_client import Counter

from consumers.kafka import unpacking
from consumers.kafka.cluster import METADATA_SECONDS, NO_ID, ClusterView
from consumers.kafka.connecting import broker_error, connect
from consumers.kafka.lag import Progress
from consumers.kafka.security import Cluster
from consumers.record_stream import DEFAULT_LIMITS, Limits
from consumers.records import Batch, Record, Slice

BATCH_SIZE = 1_000
TIMEOUT_SECONDS = 5.0
# Without any connection for so long, the client is replaced by a new one.
_RECONNECT_SECONDS = 20.0
_COMMIT_SECONDS = 5.0
# Milliseconds that a broker may wait for records: few while records come, as the embedded one takes none then; more
# when none came for some seconds, as each empty answer costs 2 ms of the processor.
_WAIT, _IDLE_WAIT, _IDLE_SECONDS = 20, 200, 2.0

log = structlog.get_logger(__name__)
_restarts = Counter(
    "rollcall_ingest_positions_lost_total", "Partitions read again from their beginning, by reason", ["reason"]
)


@dataclass(slots=True)
class _Place:
    """How far a partition was read: up to which offset records were returned, and stored; and those in between."""

    name: str
    topic_id: UUID
    previous: int | None
    stored: int | None
    at_work: list[Slice] = field(default_factory=list)


class Source(ConsumerRebalanceListener):  # type: ignore[misc]
    """The batches of some topics; `consumers.ingest.Source` states what a caller must do with each.

    Without a `group` it reads every partition; with one, those that the group assigns to it.
    `position_of` returns the offset stored under a partition's name, `None` if there is none.
    """

    def __init__(
        self,
        cluster: Cluster,
        topics: Sequence[str],
        position_of: Callable[[str], int | None],
        *,
        group: str | None = None,
        batch_size: int = BATCH_SIZE,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._cluster = cluster
        self._topics = tuple(topics)
        self._position_of = position_of
        self._group = group
        self._size = batch_size
        self._limits = limits
        self._client: Any = None
        self._places: dict[TopicPartition, _Place] = {}
        self._unpositioned: set[TopicPartition] = set()
        self._beyond: set[TopicPartition] = set()
        self._starts: dict[TopicPartition, int] = {}
        self._ready: dict[TopicPartition, list[Record]] = {}
        self._progress: dict[tuple[str, int], Progress] = {}
        self._connected_at = self._committed_at = self._fetched_at = time.monotonic()

    def next_batch(self, timeout: float) -> Batch | None:
        """Returns the next records of one topic, or `None`; `consumers.ingest.Source` has the contract."""
        try:
            if self._client is None:
                self._open()
            if not self._ready:
                self._check_topics()
                self._seek_positions()
                self._poll(timeout)
            batch = self._take_ready()
        except UnsupportedCodecError:
            raise
        except KafkaError as error:
            self.close()
            raise broker_error(error, self._cluster) from error
        self._progress = self._measured_progress()
        return batch

    def progress(self) -> Mapping[tuple[str, int], Progress]:
        """Returns how far each partition that this process reads is ingested. Safe to call from another thread."""
        return self._progress

    @property
    def missing_topics(self) -> frozenset[str]:
        """The topics that the cluster does not have. Safe to read from another thread."""
        return frozenset() if self._client is None else self._view.missing

    def rewind(self, batch: Batch) -> None:
        """Drops what was fetched of a batch's partitions and reads on from their stored positions."""
        dropped = [TopicPartition(batch.topic, each.partition) for each in batch.slices]
        self._drop(dropped)
        if self._client is not None:
            self._pause([where for where in dropped if where in self._client.assignment()])

    def stored(self, batch: Batch) -> None:
        """Notes that a batch is stored, and every few seconds shows the group's tools how far that is."""
        for each in batch.slices:
            where = TopicPartition(batch.topic, each.partition)
            if (place := self._places.get(where)) and place.name == each.name:
                place.stored = each.last_offset
                place.at_work = [other for other in place.at_work if other is not each]
        self._commit_group_offsets()

    def _commit_group_offsets(self) -> None:
        if self._group is None or self._client is None or time.monotonic() - self._committed_at < _COMMIT_SECONDS:
            return
        self._committed_at = time.monotonic()
        stored = {where: place.stored for where, place in self._places.items() if place.stored is not None}
        offsets = {where: OffsetAndMetadata(offset + 1, "", -1) for where, offset in stored.items()}
        self._client.commit_async(offsets, callback=lambda *_: None)

    def close(self) -> None:
        """Disconnects; `next_batch` would connect again."""
        client, self._client = self._client, None
        for held in (self._places, self._unpositioned, self._starts, self._ready):
            held.clear()
        if client is not None:
            client.close(autocommit=False, timeout_ms=2_000)

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """The group assigned partitions to us: each is paused until its stored position is known."""
        self._pause(assigned)

    def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """The group revoked partitions: drops what was fetched of them, another process reads it now."""
        self._drop(revoked)
        self._unpositioned.difference_update(revoked)

    def _open(self) -> None:
        client: Any = connect(
            KafkaConsumer,
            self._cluster,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_WAIT,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            metadata_max_age_ms=int(METADATA_SECONDS * 1000),
            reconnect_backoff_max_ms=1_000,
            request_timeout_ms=10_000,
            metrics_enabled=False,
            **({} if self._group is None else {"session_timeout_ms": 6_000}),
        )
        # The library does not pass these options on. Asking for a missing topic must not create it.
        client._cluster.config["allow_auto_create_topics"] = False
        client._cluster.config["retry_backoff_ms"] = 200
        self._budget = unpacking.install(client._fetcher, self._limits)
        if self._group is None:
            client._cluster.set_topics(self._topics)
        else:
            client.subscribe(topics=list(self._topics), listener=self)
        self._client, self._view = client, ClusterView(client, self._topics)
        self._connected_at = time.monotonic()

    def _check_topics(self) -> None:
        cluster = self._client._cluster
        for where, place in self._places.items():
            if self._view.topic_id(where.topic) not in (NO_ID, place.topic_id):
                self._start_over(where.topic)
                return
        if self._group is not None:
            return
        assigned = self._client.assignment()
        existing = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in cluster.partitions_for_topic(topic) or ()
        }
        if fresh := existing - assigned:
            self._client.assign(sorted(assigned | existing))
            self._pause(sorted(fresh))

    def _start_over(self, topic: str) -> None:
        # A new client: the old one may still hold records of the old topic at offsets of the new one.
        log.warning("topic_recreated", topic=topic, meaning="it is read from its first record")
        self.close()
        self._open()

    def _pause(self, partitions: Sequence[TopicPartition]) -> None:
        for where in partitions:
            self._client.pause(where)
            self._client.seek(where, 0)
            self._unpositioned.add(where)

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        for where in partitions:
            self._places.pop(where, None)
            self._ready.pop(where, None)

    def _seek_positions(self) -> None:
        partitions_of = self._client._cluster.partitions_for_topic
        waiting = [where for where in sorted(self._unpositioned) if partitions_of(where.topic)]
        if not waiting:
            return
        ids = {where: self._view.topic_id(where.topic) for where in waiting}
        names = {where: f"kafka:{where.topic}:{topic_id}:{where.partition}" for where, topic_id in ids.items()}
        # Positions before beginnings: another process may still move a position, and what we know of the log must not
        # be older than it.
        positions = {where: self._position_of(name) for where, name in names.items()}
        first = self._client.beginning_offsets(waiting, timeout_ms=TIMEOUT_SECONDS * 1000)
        for where, previous in positions.items():
            start = first[where] if previous is None else previous + 1
            beyond = where in self._beyond
            if previous is not None and (beyond or start < first[where]):
                reason = "beyond_the_log" if beyond and start > first[where] else "deleted_by_retention"
                _restarts.labels(reason).inc()
                log.error(
                    "position_lost",
                    reason=reason,
                    topic=where.topic,
                    partition=where.partition,
                    position=previous,
                    first=first[where],
                    remedy="reading on from the first record that exists",
                )
                start = first[where]
            self._beyond.discard(where)
            self._client.seek(where, start)
            self._client._subscription.assignment[where].highwater = None
            self._client.resume(where)
            self._places[where] = _Place(names[where], ids[where], previous, previous)
            self._starts[where] = start
            self._unpositioned.discard(where)

    def _poll(self, timeout: float) -> None:
        self._budget.unpacked = 0
        is_idle = time.monotonic() - self._fetched_at > _IDLE_SECONDS
        self._client._fetcher.config["fetch_max_wait_ms"] = _IDLE_WAIT if is_idle else _WAIT
        try:
            fetched = self._client.poll(timeout * 1000, max_records=self._size)
        except (OffsetOutOfRangeError, LogTruncationError) as gone:
            self._restart_beyond(gone.divergent_offsets if isinstance(gone, LogTruncationError) else gone.args[0])
            return
        self._ready |= {where: records for where, records in fetched.items() if where in self._places}
        self._find_positions_beyond()
        self._check_connection(bool(fetched))
        self._view.look_for_missing_topics()

    def _find_positions_beyond(self) -> None:
        # A broker may answer every fetch beyond its log with nothing, but with the log's end. (Asking for the end
        # does not help: the embedded broker returns the end of the last batch but one.)
        ends = {where: self._client.highwater(where) for where in self._starts if where in self._places}
        self._restart_beyond([where for where, end in ends.items() if end is not None and end < self._starts[where]])
        self._starts = {where: start for where, start in self._starts.items() if ends.get(where, 0) is None}

    def _restart_beyond(self, partitions: Iterable[TopicPartition]) -> None:
        lost = list(partitions)
        self._beyond.update(lost)
        self._drop(lost)
        self._pause(lost)

    def _check_connection(self, busy: bool) -> None:
        now = time.monotonic()
        if busy or self._client._manager.least_used_connections():
            if now - self._connected_at > METADATA_SECONDS:
                log.info("broker_back")
            self._connected_at = now
            self._fetched_at = now if busy else self._fetched_at
        elif now - self._connected_at > _RECONNECT_SECONDS:
            raise KafkaError("no connection")

    def _take_ready(self) -> Batch | None:
        if not self._ready:
            return None
        topic = next(iter(self._ready)).topic
        self._view.refresh_topic_ids(TIMEOUT_SECONDS)
        taken = [where for where in self._ready if where.topic == topic]
        if any(self._view.topic_id(topic) != self._places[where].topic_id for where in taken):
            self._start_over(topic)
            return None
        return Batch(topic, [self._slice(where, self._ready.pop(where)) for where in taken])

    def _slice(self, where: TopicPartition, records: list[Record]) -> Slice:
        place = self._places[where]
        previous, place.previous = place.previous, records[-1].offset
        lag = (self._client.highwater(where) or 0) - 1 - records[-1].offset
        taken = Slice(where.partition, place.name, previous, records, max(0, lag))
        place.at_work.append(taken)
        return taken

    def _measured_progress(self) -> dict[tuple[str, int], Progress]:
        """Of each partition, the first record that is at work or waits here, or else the one to be fetched next."""
        measured = {}
        for where, place in self._places.items():
            state = self._client._subscription.assignment.get(where)
            if state is not None and state.position is not None:
                fetched_to = state.position.offset
                records = place.at_work[0].records if place.at_work else self._ready.get(where)
                next_offset = records[0].offset if records else fetched_to
                measured[where.topic, where.partition] = Progress(next_offset, max(state.highwater or 0, fetched_to))
        return measured
