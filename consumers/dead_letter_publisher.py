"""From the table of dead letters to the dead-letter topics: a thread of the ingest process.

The ingest wakes it after a batch that left some; now and then it looks for what a process that died left. It
never holds the ingest up: while the broker or the database is away it waits and tries again. A crash
between publishing and marking publishes a letter twice; its origin headers tell that it is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from prometheus_client import Counter

from consumers.backoff import Backoff
from consumers.kafka import Message, Producer
from domain.errors import Unavailable
from projections.postgres.database import Database
from projections.records.dead_letters import StoredLetter, pass_on

AT_ONCE = 200
LOOK_AGAIN = 5.0

log = structlog.get_logger(__name__)
_published = Counter("rollcall_dead_letters_published_total", "Dead letters that reached their topic")
_refused = Counter("rollcall_dead_letters_too_large_total", "Dead letters that the broker refused as too large")


class DeadLetterPublisher:
    """Publishes stored dead letters to `<topic>.dlt`."""

    def __init__(self, database: Database, bootstrap_servers: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._producer = Producer(bootstrap_servers)
        self._now = now
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dead-letters", daemon=True)

    def start(self) -> None:
        """Begin, with what is left from earlier."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """There are new dead letters."""
        self._wake.set()

    def close(self) -> None:
        """Finish the letters at hand and stop; those left are published by the next process."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._producer.close()

    def publish_all(self) -> int:
        """Publish every letter that waits; how many there were. Raises `Unavailable`."""
        total = 0
        while count := pass_on(self._database, AT_ONCE, self._publish, self._now):
            total += count
        return total

    def _run(self) -> None:
        backoff = Backoff(self._stop)
        while True:
            self._wake.wait(LOOK_AGAIN)
            self._wake.clear()
            try:
                self.publish_all()
                backoff.reset()
            except Exception as error:
                # They are safe in the database, and the ingest must not stop for them: say so and try again.
                log.warning("dead_letters_wait", reason=str(error), exc_info=not isinstance(error, Unavailable))
                self._wake.set()
                backoff.wait()
            if self._stop.is_set():
                return

    def _publish(self, letters: Sequence[StoredLetter]) -> None:
        accepted = self._producer.publish([message_of(letter) for letter in letters])
        for letter, done in zip(letters, accepted, strict=True):
            if done:
                _published.inc()
            else:
                _refused.inc()
                log.error(
                    "dead_letter_too_large", topic=letter.topic, partition=letter.partition, offset=letter.offset,
                    dead_letter_id=letter.dead_letter_id, remedy="it is kept in the database; raise max.message.bytes",
                )  # fmt: skip


def message_of(letter: StoredLetter) -> Message:
    """A dead letter as it is published: its record byte for byte, then where it came from and why."""
    headers = [(name, content or b"") for name, content in letter.headers]
    about = {
        "dlt-original-topic": letter.topic,
        "dlt-original-partition": str(letter.partition),
        "dlt-original-offset": str(letter.offset),
        "dlt-original-timestamp": "" if letter.timestamp is None else str(letter.timestamp),
        "dlt-error-code": letter.code,
        "dlt-error-message": letter.message,
        "dlt-attempts": str(letter.attempts),
        "dlt-first-failed-at": letter.first_failed_at.isoformat().replace("+00:00", "Z"),
    }
    # The client library cannot send a null header: it is sent empty, and named here.
    if nulls := [name for name, content in letter.headers if content is None]:
        about["dlt-null-headers"] = ",".join(nulls)
    headers += [(name, text.encode()) for name, text in about.items()]
    return Message(f"{letter.topic}.dlt", letter.key, letter.value, headers)
