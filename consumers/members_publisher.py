"""Publishes who is in which segment now to a compacted topic, where a setting names one: part of the role `publish`.

The key is `<segment id>:<customer id>`. A join writes the record of the change, a leave a null value, so that of each
key the last record says whether the customer is a member; compaction removes all others. A topic that is new is filled
with the members that there are (`projections.read.streams.member_topics`).
"""

from __future__ import annotations

import threading

from prometheus_client import Counter

from consumers.change_publisher import BATCH_SIZE, ChangePublisher
from consumers.kafka import Cluster, Message
from domain import json_text
from domain.formats.fields import CHANGE_FIELDS, Fields
from projections.postgres.database import Database
from projections.read.streams.changes import Change
from projections.read.streams.member_topics import pass_on

COMPACTED = {"cleanup.policy": "compact"}
HEADERS = [("content-type", b"application/json")]
_published = Counter("rollcall_members_published_total", "Records and null values published to the topic of members")


class MembersPublisher(ChangePublisher):
    """Publishes to the topic of members until `stop` is set."""

    def __init__(
        self, database: Database, cluster: Cluster, stop: threading.Event, topic: str, fields: Fields = CHANGE_FIELDS
    ) -> None:
        """`fields` are those of the customer in each record, as they are when it is published."""
        super().__init__(cluster, stop, topic, _published, COMPACTED)
        self._database, self._name, self._fields = database, topic, fields

    def pass_on(self) -> int:
        """Hand the next members or changes on. Raises `Invalid` where the topic lacks changes that are not kept."""
        return pass_on(self._database, self._name, self.topic_id(), BATCH_SIZE, self._fields, self.publish)

    def message_of(self, change: Change) -> Message:
        """Returns the record of a member, or the null value that removes it."""
        return message_of(self._name, change, self._fields)


def message_of(topic: str, change: Change, fields: Fields) -> Message:
    """Returns the record of a member after a join, and a null value after a leave."""
    key = f"{change.segment_id}:{change.customer_id}".encode()
    if not change.joined:
        return Message(topic, key, None, [])
    record = change.record(fields)
    del record["id"], record["type"]
    return Message(topic, key, json_text.dumps(record), HEADERS)
