"""From the table of membership changes to the topic `rollcall.memberships.v1`: a thread of the ingest process.

At least once, in the order of the table, and so in order for each customer, who is the key: a crash
between publishing and moving on publishes again under the same ids. While the broker or the database is
away it waits and tries again; nothing else waits for it.
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
AT_ONCE = 1_000
PAUSE = 0.2

log = structlog.get_logger(__name__)
_published = Counter("rollcall_membership_changes_published_total", "Joins and leaves that reached their topic")


class MembershipPublisher:
    """Publishes stored changes until it is closed."""

    def __init__(self, database: Database, bootstrap_servers: str) -> None:
        self._database = database
        self._servers = bootstrap_servers
        self._producer = Producer(bootstrap_servers)
        self._topic_is_there = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memberships", daemon=True)

    def start(self) -> None:
        """Begin, with what is left from earlier."""
        self._thread.start()

    def close(self) -> None:
        """Finish the changes at hand and stop; those left are published by the next process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._producer.close()

    def publish_all(self) -> int:
        """Publish every change that waits; how many there were. Raises `Unavailable`."""
        total = 0
        while not self._stop.is_set() and (count := pass_on(self._database, AT_ONCE, self._publish)):
            total += count
        return total

    def _run(self) -> None:
        backoff = Backoff(self._stop)
        while not self._stop.wait(PAUSE):
            try:
                self.publish_all()
                backoff.reset()
            except Exception as error:
                log.warning("membership_changes_wait", reason=str(error), exc_info=not isinstance(error, Unavailable))
                backoff.wait()

    def _publish(self, changes: Sequence[Change]) -> None:
        if not self._topic_is_there:
            ensure_topics(self._servers, {TOPIC: PARTITIONS})
            self._topic_is_there = True
        self._producer.publish([message_of(change) for change in changes])
        _published.inc(len(changes))


def message_of(change: Change) -> Message:
    """A change as a CloudEvent in binary mode."""
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
