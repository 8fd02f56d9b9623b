"""The Kafka ingest loop: a batch of one partition -> changes -> one transaction that also stores its position.

Run by `deploy.roles.ingest` in one process, or in several that form a consumer group. What always holds: every
record is counted under exactly one result; the position moves only in the transaction that stores what the
records did; only what can never succeed becomes a dead letter. While the database or the broker is
unavailable the loop waits and retries.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from consumers.backoff import Backoff
from consumers.cloud_events import Clock, Tombstone, Unusable, parse_record, unusable_because
from consumers.ingest_report import BatchOutcome, IngestReport, PartitionMoved, Stopped, Stored
from consumers.records import Batch, Record
from domain.commands.customers import Changed, CustomerCommands
from domain.commands.log import Tracking
from domain.customer import CustomerChange, DeadLetter
from domain.errors import FieldError, SourceMoved, Unavailable

IDLE_SECONDS = 0.5

Answer = TypeVar("Answer")


class Source(Protocol):
    """Where batches come from: `consumers.kafka.Source`. Used by one thread."""

    def next_batch(self, timeout: float) -> Batch | None:
        """Returns the next records of one partition, or `None` if none arrive within `timeout` seconds.

        After a batch was returned, the caller must either store its `last_offset` under its `name`, in one
        transaction with what the records did, or call `rewind` with it; only then may it ask for the next one.
        Raises `Unavailable` while the broker does not answer; the caller then simply asks again.
        """

    def rewind(self, batch: Batch) -> None:
        """Drops what was fetched of the partition of `batch`, which was not stored.

        Must be called when the stored position turns out not to be `batch.previous`. The next batch of this
        partition starts after the position that is stored by then. Never raises for a lost connection.
        """

    def commit_group_offsets(self) -> None:
        """Shows the consumer group's progress to Kafka's own tools; it is never read back.

        May be called only while every batch returned so far is stored.
        """

    def close(self) -> None:
        """Leaves the broker and forgets everything fetched. Batches not stored are returned again after a restart."""


class LetterPublisher(Protocol):
    """What publishes stored dead letters: `consumers.dead_letter_publisher.DeadLetterPublisher`.

    Works on its own thread: no method waits for the broker, and none raises because of it.
    """

    def start(self) -> None:
        """Begins with the letters that earlier processes left. Called once, before anything else."""

    def wake(self) -> None:
        """Called after the transaction that stored new letters. A call that is missed only delays them."""

    def close(self) -> None:
        """Finishes the current letters and stops."""


@dataclass(slots=True)
class _Parsed:
    """What the records of a batch ask for; `origins[i]` is the record of `changes[i]`."""

    changes: list[CustomerChange]
    origins: list[Record]
    letters: list[DeadLetter]
    ignored: int = 0


class Ingest:
    """Ingests everything that `source` returns, until `stop` is set; the topic decides the account."""

    def __init__(
        self,
        customers: CustomerCommands,
        source: Source,
        accounts: Mapping[str, UUID],
        dead_letters: LetterPublisher,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._customers = customers
        self._source = source
        self._accounts = accounts
        self._dead_letters = dead_letters
        self._clock = clock
        self._stop = stop
        self._backoff = Backoff(stop)
        self._report = IngestReport()

    @property
    def waits_for(self) -> Unavailable | None:
        """What is unavailable now, if anything. Safe to read from another thread."""
        return self._report.waits_for

    def run(self) -> None:
        """Works until `stop` is set, finishing the current batch. Raises any error that waiting cannot cure."""
        self._dead_letters.start()
        try:
            while not self._stop.is_set():
                batch = self._until_available(lambda: self._source.next_batch(IDLE_SECONDS))
                if batch is not None:
                    self._ingest(batch)
        finally:
            self._dead_letters.close()
            self._source.close()

    def _ingest(self, batch: Batch) -> None:
        started = time.monotonic()
        parsed = self._parse(batch)
        outcome = self._store(batch, parsed)
        match outcome:
            case Stored():
                self._source.commit_group_offsets()
                if outcome.invalid:
                    self._dead_letters.wake()
            case PartitionMoved():
                self._source.rewind(batch)
            case Stopped():
                pass
        self._report.batch_ended(batch, outcome, time.monotonic() - started)

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

    def _store(self, batch: Batch, parsed: _Parsed) -> BatchOutcome:
        try:
            changed = self._until_available(lambda: self._change_customers(batch, parsed))
        except SourceMoved:
            return PartitionMoved()
        if changed is None:
            return Stopped()
        tally = Tally[str](outcome.result for outcome in changed.outcomes)
        tally["invalid"] += len(parsed.letters)
        tally["ignored"] += parsed.ignored
        return Stored({result: count for result, count in tally.items() if count}, changed.position)

    def _change_customers(self, batch: Batch, parsed: _Parsed) -> Changed:
        def letter_of(index: int, errors: tuple[FieldError, ...]) -> DeadLetter:
            return self._letter(batch, parsed.origins[index], unusable_because(errors[0].code, errors))

        return self._customers.change(
            self._accounts[batch.topic],
            parsed.changes,
            tracking=Tracking(batch.name, batch.last_offset, batch.previous),
            dead_letters=parsed.letters,
            dead_letter_of=letter_of,
        )

    def _until_available(self, attempt: Callable[[], Answer]) -> Answer | None:
        """Returns what `attempt` returns, retried while it raises `Unavailable`; `None` if `stop` is set meanwhile."""
        while True:
            try:
                answer = attempt()
            except Unavailable as error:
                self._report.waiting(error)
                self._backoff.wait()
                if self._stop.is_set():
                    return None
            else:
                self._report.available()
                self._backoff.reset()
                return answer

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
