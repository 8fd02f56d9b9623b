"""Publishes membership changes to the topic `rollcall.memberships.v1`: a thread of the ingest process.

At least once, in the order of the table, and so in order for each customer, whose id is the key. A crash
between publishing and storing the position publishes the same changes again under the same ids. While the
broker or the database is unavailable it waits and retries; nothing waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import structlog
from prometheus_client import Counter

from consumers.backoff import Backoff
from consumers.kafka import Message, Producer, ensure_topics
from domain import json_text
from domain.errors import Unavailable
from projections.model.changes import Change, pass_on
from projections.postgres.database import Database

TOPIC = "rollcall.memberships.v1"
PARTITIONS = 12
BATCH_SIZE = 1_000
POLL_SECONDS = 0.2

log = structlog.get_logger(__name__)
_published = Counter("rollcall_membership_changes_published_total", "Joins and leaves published to their topic")


class MembershipPublisher:
    """Publishes stored membership changes until it is closed."""

    def __init__(self, database: Database, bootstrap_servers: str) -> None:
        self._database = database
        self._servers = bootstrap_servers
        self._producer = Producer(bootstrap_servers)
        self._has_topic = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memberships", daemon=True)

    def start(self) -> None:
        """Starts the thread, which begins with the changes that earlier processes left."""
        self._thread.start()

    def close(self) -> None:
        """Finishes the current changes and stops; the next process publishes the rest."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._producer.close()

    def publish_all(self) -> int:
        """Publishes every unpublished change and returns how many there were. Raises `Unavailable`."""
        total = 0
        while not self._stop.is_set() and (count := pass_on(self._database, BATCH_SIZE, self._publish)):
            total += count
        return total

    def _run(self) -> None:
        backoff = Backoff(self._stop)
        while not self._stop.wait(POLL_SECONDS):
            try:
                self.publish_all()
                backoff.reset()
            except Exception as error:
                log.warning("membership_changes_wait", reason=str(error), exc_info=not isinstance(error, Unavailable))
                backoff.wait()

    def _publish(self, changes: Sequence[Change]) -> None:
        if not self._has_topic:
            ensure_topics(self._servers, {TOPIC: PARTITIONS})
            self._has_topic = True
        self._producer.publish([message_of(change) for change in changes])
        _published.inc(len(changes))


def message_of(change: Change) -> Message:
    """Returns a change as a CloudEvent in binary mode."""
    kind = "joined" if change.joined else "left"
    at = change.at.isoformat().replace("+00:00", "Z")
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(change.id),
        "ce_type": f"rollcall.membership.{kind}.v1",
        "ce_source": f"/accounts/{change.account_id}",
        "ce_subject": str(change.customer_id),
        "ce_time": at,
        "content-type": "application/json",
    }
    data = {
        "segment_id": change.segment_id,
        "customer_id": change.customer_id,
        "at": at,
        "cause": change.cause,
        "position": change.position,
    }
    return Message(
        TOPIC, str(change.customer_id).encode(), json_text.dumps(data), [(k, v.encode()) for k, v in headers.items()]
    )
