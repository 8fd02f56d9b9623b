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

import structlog
from prometheus_client import Counter

from consumers.backoff import Backoff
from consumers.kafka import BatchProducer, Cluster, Message, ensure_topics
from domain import json_text
from domain.errors import Unavailable
from domain.formats.fields import CHANGE_FIELDS, Fields
from projections.postgres.database import Database
from projections.read.streams.changes import Change, pass_on

TOPIC = "rollcall.memberships.v1"
PARTITIONS = 12
BATCH_SIZE = 2_000
POLL_SECONDS = 0.2

log = structlog.get_logger(__name__)
_published = Counter("rollcall_membership_changes_published_total", "Joins and leaves published to their topic")


class MembershipPublisher:
    """Publishes stored membership changes until `stop` is set."""

    def __init__(
        self, database: Database, cluster: Cluster, stop: threading.Event, fields: Fields = CHANGE_FIELDS
    ) -> None:
        """`fields` are those of the customer in each record, as they are when it is published."""
        self._database = database
        self._cluster = cluster
        self._producer = BatchProducer(cluster, TOPIC)
        self._has_topic = False
        self._fields = fields
        self._stop = stop
        self.waits_for: Unavailable | None = None
        """What is unavailable now, if anything. Safe to read from another thread."""

    def run(self) -> None:
        """Works until `stop` is set, finishing the current changes. Raises any error that waiting cannot cure."""
        backoff = Backoff(self._stop)
        try:
            while not self._stop.wait(POLL_SECONDS):
                try:
                    self.publish_all()
                except Unavailable as error:
                    self.waits_for = error
                    log.warning("waiting", code=error.code, reason=error.detail)
                    backoff.wait()
                else:
                    self.waits_for = None
                    backoff.reset()
        finally:
            self.close()

    def publish_all(self) -> int:
        """Publishes every unpublished change and returns how many there were. Raises `Unavailable`."""
        total = 0
        while not self._stop.is_set() and (count := pass_on(self._database, BATCH_SIZE, self._fields, self._publish)):
            total += count
        return total

    def close(self) -> None:
        """Disconnects from the broker."""
        self._producer.close()

    def _publish(self, changes: Sequence[Change]) -> None:
        if not self._has_topic:
            ensure_topics(self._cluster, {TOPIC: PARTITIONS})
            self._has_topic = True
        self._producer.publish([message_of(change, self._fields) for change in changes])
        _published.inc(len(changes))


def message_of(change: Change, fields: Fields) -> Message:
    """Returns a change as a CloudEvent in binary mode; its id and type are in the headers alone."""
    record = change.record(fields)
    customer = str(change.customer_id).encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(record.pop("id")).encode()),
        ("ce_type", b"rollcall.membership.%b.v1" % record.pop("type").encode()),
        ("ce_source", _source(change.account_id)),
        ("ce_subject", customer),
        ("ce_time", change.at.isoformat().replace("+00:00", "Z").encode()),
        ("content-type", b"application/json"),
    ]
    return Message(TOPIC, customer, json_text.dumps(record), headers)


@lru_cache(maxsize=1_024)
def _source(account_id: UUID) -> bytes:
    return f"/accounts/{account_id}".encode()
