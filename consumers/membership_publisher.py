"""Publishes membership changes to the topic `rollcall.memberships.v1`: what the role `publish` does.

At least once, in the order of the table, and so in order for each customer, whose id is the key. A crash
between publishing and storing the position publishes the same changes again under the same ids. While the
broker or the database is unavailable it waits and retries; nothing waits for it. Of several publishers one works at a
time, and another goes on when it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from prometheus_client import Counter

from consumers.backoff import Backoff, WaitLog
from consumers.kafka import BatchProducer, Cluster, Message, ensure_topics
from domain import json_text
from domain.errors import Unavailable
from projections.model.changes import Change, pass_on
from projections.postgres.database import Database

TOPIC = "rollcall.memberships.v1"
PARTITIONS = 12
BATCH_SIZE = 2_000
POLL_SECONDS = 0.2

_published = Counter("rollcall_membership_changes_published_total", "Joins and leaves published to their topic")


class MembershipPublisher:
    """Publishes stored membership changes until `stop` is set."""

    def __init__(self, database: Database, cluster: Cluster, stop: threading.Event) -> None:
        self._database = database
        self._cluster = cluster
        self._producer = BatchProducer(cluster, TOPIC)
        self._has_topic = False
        self._stop = stop
        self.waits_for: Unavailable | None = None
        """What is unavailable now, if anything. Safe to read from another thread."""

    def run(self) -> None:
        """Works until `stop` is set, finishing the current changes. Raises any error that waiting cannot cure."""
        backoff, waits = Backoff(self._stop), WaitLog()
        try:
            while not self._stop.wait(POLL_SECONDS):
                try:
                    self.publish_all()
                except Unavailable as error:
                    self.waits_for = error
                    waits.waiting(error)
                    backoff.wait()
                else:
                    self.waits_for = None
                    waits.over()
                    backoff.reset()
        finally:
            self.close()

    def publish_all(self) -> int:
        """Publishes every unpublished change and returns how many there were. Raises `Unavailable`."""
        total = 0
        while not self._stop.is_set() and (count := pass_on(self._database, BATCH_SIZE, self._publish)):
            total += count
        return total

    def close(self) -> None:
        """Disconnects from the broker."""
        self._producer.close()

    def _publish(self, changes: Sequence[Change]) -> None:
        if not self._has_topic:
            ensure_topics(self._cluster, {TOPIC: PARTITIONS})
            self._has_topic = True
        self._producer.publish([message_of(change) for change in changes])
        _published.inc(len(changes))


def message_of(change: Change) -> Message:
    """Returns a change as a CloudEvent in binary mode."""
    customer = str(change.customer_id).encode()
    at = change.at.isoformat().replace("+00:00", "Z")
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(change.id).encode()),
        ("ce_type", b"rollcall.membership.joined.v1" if change.joined else b"rollcall.membership.left.v1"),
        ("ce_source", _source(change.account_id)),
        ("ce_subject", customer),
        ("ce_time", at.encode()),
        ("content-type", b"application/json"),
    ]
    data = {
        "segment_id": change.segment_id,
        "customer_id": change.customer_id,
        "at": at,
        "cause": change.cause,
        "position": change.position,
    }
    return Message(TOPIC, customer, json_text.dumps(data), headers)


@lru_cache(maxsize=1_024)
def _source(account_id: UUID) -> bytes:
    return f"/accounts/{account_id}".encode()
