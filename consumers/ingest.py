"""The Kafka door's loop: a batch of one partition -> changes -> one transaction with its position.

Run by `deploy` as one process, or several in a consumer group. What always holds: every record ends in
exactly one counted class; the position moves only in the transaction that stores what the records did;
only what can never succeed becomes a dead letter, while a database or broker that is away is waited for.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram

from consumers.backoff import Backoff
from consumers.cloud_events import Clock, Tombstone, Unusable, parse_record, unusable_because
from consumers.records import Batch, Record
from domain.commands.application import Changed, Rollcall, Tracking
from domain.customer import CustomerChange, DeadLetter
from domain.errors import FieldError, StaleVersion, Unavailable

IDLE = 0.5
_WATCHED = 1_000

log = structlog.get_logger(__name__)
_records = Counter("rollcall_ingest_records_total", "Kafka records, by what became of them", ["result"])
_seconds = Histogram("rollcall_ingest_batch_seconds", "From a batch at hand to its commit")
_waits = Counter("rollcall_ingest_waits_total", "Waits for something that is away, by what it is", ["code"])
_lag = Gauge(
    "rollcall_ingest_lag_records", "Records behind the last batch", ["topic", "partition"],
    multiprocess_mode="livemostrecent",
)  # fmt: skip


class Source(Protocol):
    """Where batches come from: `consumers.kafka.Source`."""

    def next_batch(self, timeout: float) -> Batch | None:
        """The next records of one partition, or `None`."""

    def rewind(self, batch: Batch) -> None:
        """Read the stored position of this batch's partition again."""

    def commit_group_offsets(self) -> None:
        """Everything handed on is stored."""

    def close(self) -> None:
        """Leave the broker."""


class Relay(Protocol):
    """Who passes dead letters on: `consumers.dead_letter_publisher.DeadLetterPublisher`."""

    def start(self) -> None:
        """Begin, with what is left from earlier."""

    def wake(self) -> None:
        """There are new ones."""

    def close(self) -> None:
        """Stop."""


@dataclass(slots=True)
class _Parsed:
    """A batch as the application takes it; `origins` holds the record of each change."""

    changes: list[CustomerChange]
    origins: list[Record]
    letters: list[DeadLetter]
    ignored: int = 0


class Ingest:
    """Takes in everything that `source` gives, until `stop` is set; the topic names the account."""

    def __init__(
        self,
        app: Rollcall,
        source: Source,
        accounts: Mapping[str, UUID],
        relay: Relay,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._app = app
        self._source = source
        self._accounts = accounts
        self._relay = relay
        self._clock = clock
        self._stop = stop
        self._backoff = Backoff(stop)
        self._recent: deque[tuple[int, int]] = deque()
        self._alarmed = False

    def run(self) -> None:
        """Work until `stop` is set; the batch at hand is finished first. What is not foreseen is raised."""
        self._relay.start()
        try:
            while not self._stop.is_set():
                try:
                    batch = self._source.next_batch(IDLE)
                except Unavailable as away:
                    self._wait(away)
                    continue
                self._backoff.reset()
                if batch is not None:
                    self._take(batch)
        finally:
            self._relay.close()
            self._source.close()

    def _take(self, batch: Batch) -> None:
        began = time.monotonic()
        parsed = self._parse(batch)
        while True:
            try:
                changed = self._store(batch, parsed)
                break
            except Unavailable as away:
                self._wait(away)
                if self._stop.is_set():
                    return
            except StaleVersion as stale:
                if stale.code != "stale_tracking":
                    raise
                log.warning("partition_moved", topic=batch.topic, partition=batch.partition, offset=batch.previous)
                self._source.rewind(batch)
                return
        self._backoff.reset()
        self._source.commit_group_offsets()
        self._tell(batch, parsed, changed, time.monotonic() - began)

    def _parse(self, batch: Batch) -> _Parsed:
        parsed = _Parsed([], [], [])
        for record in batch.records:
            match parse_record(record, self._clock):
                case CustomerChange() as change:
                    parsed.changes.append(change)
                    parsed.origins.append(record)
                case Unusable() as reason:
                    parsed.letters.append(self._letter(batch, record, reason))
                case Tombstone():
                    parsed.ignored += 1
        return parsed

    def _store(self, batch: Batch, parsed: _Parsed) -> Changed:
        def letter_of(index: int, errors: tuple[FieldError, ...]) -> DeadLetter:
            return self._letter(batch, parsed.origins[index], unusable_because(errors[0].code, errors))

        return self._app.change_customers(
            self._accounts[batch.topic],
            parsed.changes,
            tracking=Tracking(batch.name, batch.last_offset, batch.previous),
            dead_letters=parsed.letters,
            dead_letter_of=letter_of,
        )

    def _letter(self, batch: Batch, record: Record, reason: Unusable) -> DeadLetter:
        return DeadLetter(
            topic=batch.topic,
            partition=batch.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=record.headers,
            code=reason.code,
            message=reason.message,
            first_failed_at=self._clock.now(),
        )

    def _tell(self, batch: Batch, parsed: _Parsed, changed: Changed, seconds: float) -> None:
        tally = Tally[str](outcome.result for outcome in changed.outcomes)
        tally["invalid"] += len(parsed.letters)
        tally["ignored"] += parsed.ignored
        counts = {result: count for result, count in tally.items() if count}
        for result, count in counts.items():
            _records.labels(result).inc(count)
        _seconds.observe(seconds)
        _lag.labels(batch.topic, str(batch.partition)).set(batch.lag)
        log.info(
            "batch", topic=batch.topic, partition=batch.partition, first=batch.records[0].offset,
            last=batch.last_offset, records=len(batch.records), **counts,
            ms=round(seconds * 1000, 1), lag=batch.lag, position=changed.position,
        )  # fmt: skip
        if tally["invalid"]:
            self._relay.wake()
        self._watch(len(batch.records), tally["invalid"])

    def _watch(self, records: int, invalid: int) -> None:
        self._recent.append((records, invalid))
        total = sum(count for count, _ in self._recent)
        while total - self._recent[0][0] >= _WATCHED:
            total -= self._recent.popleft()[0]
        bad = sum(count for _, count in self._recent)
        alarm = total >= _WATCHED and bad * 2 > total
        if alarm and not self._alarmed:
            log.error(
                "mostly_invalid", records=total, invalid=bad, remedy="compare an upstream record with asyncapi.yaml"
            )
        self._alarmed = alarm

    def _wait(self, away: Unavailable) -> None:
        _waits.labels(away.code).inc()
        log.warning("waiting", code=away.code, reason=away.detail)
        self._backoff.wait()
