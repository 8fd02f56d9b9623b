"""The Kafka ingest loop: a batch of one topic -> changes -> one transaction that also stores its positions.

Run by `deploy.roles.ingest` in one process, or in several that form a consumer group. While a thread stores a batch,
the loop reads and parses the next one; no third is touched before the first is stored. What always holds: every
record is counted under exactly one result; a position moves only in the transaction that stores what the
records did; batches are stored in the order in which they were read; only what can never succeed becomes a dead
letter. While the database or the broker is unavailable the loop waits and retries.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import Protocol, TypeVar
from uuid import UUID

from consumers.backoff import Backoff
from consumers.cloud_events import Ignored, Unusable, unusable_because
from consumers.ingest_report import BatchOutcome, IngestReport, PartitionMoved, Stopped, Stored
from consumers.records import Batch, Record, Slice
from consumers.topic_formats import RecordReader
from domain.commands.customers import Changed, CustomerCommands
from domain.commands.log import Receipt, Tracking
from domain.customer import CustomerChange, DeadLetter, Outcome
from domain.errors import FieldError, SourceMoved, Unavailable
from domain.formats.names import LeftOut, left_out_of
from domain.formats.rows import RowChange

IDLE_SECONDS = 0.5
# A transaction costs about as much as fifty records: after one of few, the next begins so long after it, with what came
# meanwhile. The first record after a pause is not held up.
FEW, GATHER_SECONDS = 200, 0.04

Answer = TypeVar("Answer")


class Source(Protocol):
    """Where batches come from: `consumers.kafka.Source`. Used by one thread."""

    def next_batch(self, timeout: float) -> Batch | None:
        """Returns the next records of one topic, or `None` if none arrive within `timeout` seconds.

        After a batch was returned, the caller must either store the `last_offset` of each slice under its `name`, in
        one transaction with what the records did, and call `stored`, or call `rewind` with it. It may ask for the next
        one before, but must store batches in the order in which they were returned, and rewind all after one that was
        not.
        Raises `Unavailable` while the broker does not answer; the caller then simply asks again.
        """

    def rewind(self, batch: Batch) -> None:
        """Drops what was fetched of the partitions of `batch`, which was not stored.

        Must be called when a stored position turns out not to be the slice's `previous`. What is next returned of each
        partition starts after the position that is stored by then. Never raises for a lost connection.
        """

    def stored(self, batch: Batch) -> None:
        """Called when a batch is stored; also shows the consumer group's progress to Kafka's own tools."""

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
    """What the records of a batch ask for; `origins[i]` is where `changes[i]` is from."""

    changes: list[CustomerChange]
    origins: list[tuple[Slice, Record]]
    letters: list[DeadLetter]
    left_out: list[LeftOut]
    ignored: int = 0

    def results(self, outcomes: Sequence[Outcome]) -> Tally[str]:
        """Returns how many records ended in which result; each is in exactly one."""
        tally = Tally[str](outcome.result for outcome in outcomes)
        tally["invalid"] += len(self.letters)
        tally["ignored"] += self.ignored
        return +tally


@dataclass(frozen=True, slots=True)
class _Pending:
    """A batch that is being stored, and since when it is here."""

    batch: Batch
    parsed: _Parsed
    received: float
    first_attempt: Future[Changed]


class Ingest:
    """Ingests everything that `source` returns, until `stop` is set; the topic decides the account."""

    def __init__(
        self,
        customers: CustomerCommands,
        source: Source,
        accounts: Mapping[str, UUID],
        dead_letters: LetterPublisher,
        reader: RecordReader,
        stop: threading.Event,
    ) -> None:
        self._customers = customers
        self._source = source
        self._accounts = accounts
        self._dead_letters = dead_letters
        self._reader = reader
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
        pending: _Pending | None = None
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="storing") as storing:
                while not self._stop.is_set():
                    batch = self._next_batch(pending)
                    received = time.monotonic()
                    # A schema registry may be away: then nothing is read on, so that the order stays.
                    parsed = None if batch is None else self._until_available(partial(self._parse, batch))
                    is_stored = pending is None or self._finish(pending)
                    pending = None
                    if batch is None or parsed is None:
                        continue
                    if is_stored:
                        first_attempt = storing.submit(self._change_customers, batch, parsed)
                        pending = _Pending(batch, parsed, received, first_attempt)
                    else:
                        self._source.rewind(batch)
                if pending is not None:
                    self._finish(pending)
        finally:
            self._dead_letters.close()
            self._source.close()

    def _next_batch(self, pending: _Pending | None) -> Batch | None:
        """Returns the next batch; while one is being stored, only if it is here already."""
        if pending is None:
            return self._until_available(lambda: self._source.next_batch(IDLE_SECONDS))
        if len(pending.batch.records) < FEW:
            self._stop.wait(max(0, pending.received + GATHER_SECONDS - time.monotonic()))
        try:
            return self._source.next_batch(0)
        except Unavailable:
            return None  # asked again, and reported, once the pending batch is stored: it does not need the broker

    def _finish(self, pending: _Pending) -> bool:
        """Waits until a batch is stored, or never will be. Returns whether it is."""
        outcome = self._outcome(pending)
        match outcome:
            case Stored():
                self._source.stored(pending.batch)
                if outcome.invalid:
                    self._dead_letters.wake()
            case PartitionMoved():
                self._source.rewind(pending.batch)
            case Stopped():
                pass
        self._report.batch_ended(pending.batch, outcome, time.monotonic() - pending.received)
        return isinstance(outcome, Stored)

    def _parse(self, batch: Batch) -> _Parsed:
        parsed = _Parsed([], [], [], [])
        for origin in ((each, record) for each in batch.slices for record in each.records):
            match self._reader.read(batch.topic, origin[1]):
                case CustomerChange() as change:
                    parsed.changes.append(change)
                    parsed.origins.append(origin)
                case RowChange(change, left_out):
                    parsed.changes.append(change)
                    parsed.origins.append(origin)
                    parsed.left_out += left_out
                case Unusable() as reason:
                    parsed.letters.append(self._letter(batch.topic, *origin, reason))
                case Ignored():
                    parsed.ignored += 1
        return parsed

    def _outcome(self, pending: _Pending) -> BatchOutcome:
        batch, parsed = pending.batch, pending.parsed
        attempts = chain([pending.first_attempt.result], repeat(lambda: self._change_customers(batch, parsed)))

        def attempt() -> Changed:
            return next(attempts)()

        try:
            changed = self._until_available(attempt)
        except SourceMoved as moved:
            return PartitionMoved(moved.source)
        if changed is None:
            return Stopped()
        return Stored(parsed.results(changed.outcomes), changed.position)

    def _change_customers(self, batch: Batch, parsed: _Parsed) -> Changed:
        def letter_of(index: int, errors: tuple[FieldError, ...]) -> DeadLetter:
            return self._letter(batch.topic, *parsed.origins[index], unusable_because(errors[0].code, errors))

        return self._customers.change(
            self._accounts[batch.topic],
            parsed.changes,
            tracking=[Tracking(each.name, each.last_offset, each.previous) for each in batch.slices],
            dead_letters=parsed.letters,
            dead_letter_of=letter_of,
            receipts_of=partial(_receipts, batch.topic, parsed),
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

    def _letter(self, topic: str, origin: Slice, record: Record, reason: Unusable) -> DeadLetter:
        return DeadLetter(
            topic=topic,
            partition=origin.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=record.headers,
            code=reason.code,
            message=reason.message,
            first_failed_at=self._reader.clock.now(),
        )


def _receipts(topic: str, parsed: _Parsed, outcomes: Sequence[Outcome]) -> Mapping[Receipt, int]:
    """Returns what is counted of a batch: its records by topic and result, and the values that were left out."""
    counts = Tally({Receipt("kafka", "record", topic, result): n for result, n in parsed.results(outcomes).items()})
    refused = (each for outcome in outcomes if outcome.result != "invalid" for each in left_out_of(outcome.errors))
    for each in chain(parsed.left_out, refused):
        counts[Receipt("kafka", "value", each.name, each.code)] += 1
    return counts
