"""Publishes stored dead letters to the dead-letter topics: a thread of the ingest process.

The ingest loop wakes it after a batch that stored some; every few seconds it also looks for letters that a
crashed process left. It never delays the ingest: while the broker or the database is unavailable it waits
and retries. A crash between publishing and marking publishes a letter twice, with the same origin headers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from prometheus_client import Counter

from consumers.backoff import Backoff
from consumers.kafka import Cluster, Message, Producer
from domain.customer import TRUNCATED
from domain.errors import Unavailable
from projections.postgres.database import Database
from projections.records.dead_letters import StoredLetter, pass_on

BATCH_SIZE = 200
POLL_SECONDS = 5.0

log = structlog.get_logger(__name__)
_published = Counter("rollcall_dead_letters_published_total", "Dead letters published to their topic")
_refused = Counter("rollcall_dead_letters_too_large_total", "Dead letters that the broker refused as too large")


class DeadLetterPublisher:
    """Publishes stored dead letters to `<topic>.dlt`."""

    def __init__(self, database: Database, cluster: Cluster, now: Callable[[], datetime]) -> None:
        self._database = database
        self._producer = Producer(cluster)
        self._now = now
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dead-letters", daemon=True)

    def start(self) -> None:
        """Starts the thread, which begins with the letters that earlier processes left."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Called after new letters were stored."""
        self._wake.set()

    def close(self) -> None:
        """Finishes the current letters and stops; the next process publishes the rest."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._producer.close()

    def publish_all(self) -> int:
        """Publishes every unpublished letter and returns how many there were. Raises `Unavailable`."""
        total = 0
        while count := pass_on(self._database, BATCH_SIZE, self._publish, self._now):
            total += count
        return total

    def _run(self) -> None:
        backoff = Backoff(self._stop)
        while True:
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            try:
                self.publish_all()
                backoff.reset()
            except Exception as error:
                # The letters are safe in the database, and the ingest must not stop because of them.
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
                    "dead_letter_too_large",
                    topic=letter.topic,
                    partition=letter.partition,
                    offset=letter.offset,
                    dead_letter_id=letter.dead_letter_id,
                    remedy="the letter stays in the database; raise max.message.bytes",
                )


def message_of(letter: StoredLetter) -> Message:
    """Returns a dead letter as a message: the record as it is kept, plus headers with its origin and the reason."""
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
    if letter.code in TRUNCATED:
        about["dlt-value-truncated"] = "true"
    # The client library cannot send a null header: it is sent empty, and its name is listed here.
    if nulls := [name for name, content in letter.headers if content is None]:
        about["dlt-null-headers"] = ",".join(nulls)
    headers += [(name, text.encode()) for name, text in about.items()]
    return Message(f"{letter.topic}.dlt", letter.key, letter.value, headers)
