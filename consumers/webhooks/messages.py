"""The bodies of webhook messages: a type, an instant, and the changes, as the specification Standard Webhooks suggests.

Pure. A change is the record that it is at every door (`Change.record`), under the same id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from domain import json_text
from domain.formats.fields import Fields
from projections.webhooks.deliveries import Kind
from projections.webhooks.dispatch import Pending, SnapshotBlock

CHANGES, FULL_SEND, TEST = (
    "rollcall.memberships.changed.v1",
    "rollcall.memberships.full_send.v1",
    "rollcall.webhook.test.v1",
)


class Message(NamedTuple):
    """A message as it is signed and sent; positions are those of its first and last change.

    `to` is the change up to which it goes, `block_no` the block of a full send that it is of.
    """

    id: str
    kind: Kind
    body: bytes
    records: int
    first_position: int | None
    last_position: int | None
    to: int | None = None
    block_no: int | None = None


def of_changes(message_id: str, webhook_id: UUID, pending: Pending, fields: Fields) -> Message:
    """Returns the message of some changes, oldest first, with these fields of the customers."""
    changes = pending.changes
    data = {"webhook_id": webhook_id, "changes": [each.record(fields) for each in changes]}
    body = _body(CHANGES, max(each.at for each in changes), data)
    positions = [each.position for each in changes]
    return Message(message_id, "changes", body, len(changes), min(positions), max(positions), pending.to)


def of_members(
    message_id: str, webhook_id: UUID, block: SnapshotBlock, fields: Fields, *, records: int, sent: int
) -> Message:
    """Returns the message of a block of the `records` members of a full send, of which `sent` were sent before."""
    members = block.members
    data = {
        "webhook_id": webhook_id,
        "full_send": {"records": records, "remaining": max(0, records - sent - len(members))},
        "changes": [each.record(fields) | {"type": "present"} for each in members],
    }
    body = _body(FULL_SEND, max(each.at for each in members), data)
    positions = [each.position for each in members]
    return Message(message_id, "full_send", body, len(members), min(positions), max(positions), block_no=block.block_no)


def of_test(message_id: str, webhook_id: UUID, now: datetime) -> Message:
    """Returns a message that says nothing but that it arrived."""
    return Message(message_id, "test", _body(TEST, now, {"webhook_id": webhook_id}), 0, None, None)


def _body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    return json_text.dumps({"type": kind, "timestamp": at, "data": data})
