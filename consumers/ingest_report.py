"""How the ingest of a batch can end, and the one place that reports it: metrics, log lines and an alarm.

Used by `consumers.ingest`, which only decides what happens. Nothing here quotes a value of a record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter, Histogram

from consumers.backoff import WaitLog
from consumers.records import Batch
from domain.errors import Unavailable

# The alarm looks at the last batches that together hold at least so many records.
_ALARM_RECORDS = 1_000

log = structlog.get_logger(__name__)
_records = Counter("rollcall_ingest_records_total", "Kafka records, by result", ["result"])
_seconds = Histogram("rollcall_ingest_batch_seconds", "From receiving a batch to its commit")
_waits = Counter(
    "rollcall_ingest_waits_total", "Waits for a database or broker that is unavailable, by error code", ["code"]
)


@dataclass(frozen=True, slots=True)
class Stored:
    """The batch is in the log, with its position. `counts`: its records by result; each counts once, none is zero."""

    counts: Mapping[str, int]
    position: int

    @property
    def invalid(self) -> int:
        """How many records became dead letters."""
        return self.counts.get("invalid", 0)


@dataclass(frozen=True, slots=True)
class PartitionMoved:
    """Another process has stored a position of the partition `name`: nothing of the batch was stored."""

    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The process was asked to stop while it waited for the database: nothing of the batch was stored."""


BatchOutcome = Stored | PartitionMoved | Stopped


@dataclass(slots=True)
class IngestReport:
    """Reports what the ingest loop does. Not safe for use by several threads."""

    _recent: deque[tuple[int, int]] = field(default_factory=deque)
    _is_alarmed: bool = False
    _log: WaitLog = field(default_factory=WaitLog)
    waits_for: Unavailable | None = None
    """What the loop waits for now; also read by another thread."""

    def waiting(self, error: Unavailable) -> None:
        """The database or the broker is unavailable; the next attempt follows after a pause."""
        self.waits_for = error
        _waits.labels(error.code).inc()
        self._log.waiting(error)

    def available(self) -> None:
        """An attempt succeeded."""
        self.waits_for = None
        self._log.over()

    def batch_ended(self, batch: Batch, outcome: BatchOutcome, seconds: float) -> None:
        """The ingest of a batch ended with `outcome`, `seconds` after the batch was received."""
        match outcome:
            case Stored():
                self._stored(batch, outcome, seconds)
            case PartitionMoved(name):
                log.warning("partition_moved", partition=name)
            case Stopped():
                pass

    def _stored(self, batch: Batch, outcome: Stored, seconds: float) -> None:
        records = len(batch.records)
        for result, count in outcome.counts.items():
            _records.labels(result).inc(count)
        _seconds.observe(seconds)
        log.info(
            "batch",
            topic=batch.topic,
            offsets={each.partition: f"{each.records[0].offset}-{each.last_offset}" for each in batch.slices},
            records=records,
            **outcome.counts,
            ms=round(seconds * 1000, 1),
            lag=batch.lag,
            position=outcome.position,
        )
        self._raise_alarm_once(records, outcome.invalid)

    def _raise_alarm_once(self, records: int, invalid: int) -> None:
        """Logs an error when most of the recent records are invalid; once, until fewer are."""
        self._recent.append((records, invalid))
        total = sum(count for count, _ in self._recent)
        while total - self._recent[0][0] >= _ALARM_RECORDS:
            total -= self._recent.popleft()[0]
        bad = sum(count for _, count in self._recent)
        alarm = total >= _ALARM_RECORDS and bad * 2 > total
        if alarm and not self._is_alarmed:
            log.error(
                "mostly_invalid", records=total, invalid=bad, remedy="compare an upstream record with asyncapi.yaml"
            )
        self._is_alarmed = alarm
