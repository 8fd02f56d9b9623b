"""Publishes joins and leaves to the topic `rollcall.memberships.v1`: what the role `publish` does.

In order for each customer, whose id is the key; a change that is published again has the same id.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from uuid import UUID

from prometheus_client import Counter

from consumers import CHANGES_TOPIC
from consumers.change_publisher import BATCH_SIZE, ChangePublisher
from consumers.kafka import Cluster, Message
from domain import json_text
from domain.formats.fields import CHANGE_FIELDS, Fields
from projections.postgres.database import Database
from projections.read.streams.changes import Change, pass_on

_published = Counter("rollcall_membership_changes_published_total", "Joins and leaves published to their topic")


class MembershipPublisher(ChangePublisher):
    """Publishes stored membership changes until `stop` is set."""

    def __init__(
        self, database: Database, cluster: Cluster, stop: threading.Event, fields: Fields = CHANGE_FIELDS
    ) -> None:
        """`fields` are those of the customer in each record, as they are when it is published."""
        super().__init__(cluster, stop, CHANGES_TOPIC, _published, {})
        self._database, self._fields = database, fields

    def pass_on(self) -> int:
        """Hand the next changes on."""
        return pass_on(self._database, BATCH_SIZE, self._fields, self.publish)

    def message_of(self, change: Change) -> Message:
        """Returns a change as a CloudEvent."""
        return message_of(change, self._fields)


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
    return Message(CHANGES_TOPIC, customer, json_text.dumps(record), headers)


@lru_cache(maxsize=1_024)
def _source(account_id: UUID) -> bytes:
    return f"/accounts/{account_id}".encode()
