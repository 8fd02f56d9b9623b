"""How many records each partition holds that were not ingested: `rollcall_ingest_lag_records`.

A thread of the ingest process with a client of its own, because the lag must also be right while a batch is at work,
or waits for a database that is unavailable. The lag is the partition's end (its high watermark, as Kafka's own tools
have it, so that records of an open transaction count) less the place up to which records are stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import structlog
from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition
from prometheus_client import Gauge

from consumers.kafka.connecting import connect
from consumers.kafka.security import Cluster

INTERVAL_SECONDS = 1.0
_TIMEOUT_MS = 3_000

log = structlog.get_logger(__name__)
_lag = Gauge(
    "rollcall_ingest_lag_records",
    "Records of a partition that are not ingested: its end less the position",
    ["topic", "partition"],
    multiprocess_mode="livemostrecent",
)


class Progress(NamedTuple):
    """How far a partition is ingested: the offset of the next record, and the partition's end as last fetched."""

    next_offset: int
    end: int


class LagReporter:
    """Sets the gauge every second until it is closed. `progress` returns the partitions that this process reads."""

    def __init__(self, cluster: Cluster, progress: Callable[[], Mapping[tuple[str, int], Progress]]) -> None:
        self._cluster = cluster
        self._progress = progress
        self._client: Any = None
        self.lags: Mapping[tuple[str, int], int] = {}
        """The lag of each partition that this process reads. Safe to read from another thread."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stops the thread and disconnects."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._disconnect()

    def report(self) -> None:
        """Sets the gauge once; while the broker does not answer, by the ends that were fetched last."""
        progress = self._progress()
        ends = self._ends(sorted(progress))
        # An end may be known earlier from a fetch. (The embedded broker, asked for it, passes over the last batch.)
        lags = {where: max(0, max(each.end, ends.get(where, 0)) - each.next_offset) for where, each in progress.items()}
        for where, lag in lags.items():
            _lag.labels(where[0], str(where[1])).set(lag)
        for topic, partition in self.lags.keys() - progress.keys():
            _lag.labels(topic, str(partition)).set(0)  # another process reads it now
        self.lags = lags

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            try:
                self.report()
            except Exception:
                # The ingest must not stop because of it; the next attempt has a new client.
                log.warning("lag_unknown", exc_info=True)
                self._disconnect()

    def _ends(self, partitions: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        if not partitions:
            return {}
        try:
            if self._client is None:
                self._client = connect(
                    KafkaConsumer,
                    self._cluster,
                    group_id=None,
                    enable_auto_commit=False,
                    metrics_enabled=False,
                )
            asked = [TopicPartition(*where) for where in partitions]
            found = self._client.end_offsets(asked, timeout_ms=_TIMEOUT_MS)
        except KafkaError as error:
            log.debug("lag_by_last_fetch", reason=str(error))
            self._disconnect()
            return {}
        return {(where.topic, where.partition): end for where, end in found.items()}

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close(autocommit=False, timeout_ms=1_000)
