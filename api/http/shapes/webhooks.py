"""Webhooks in JSON: the bodies, the answers, examples, and how rows are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, RequestBody, without_default
from domain.segment import MAX_NAME
from domain.webhooks.addresses import MAX_URL
from domain.webhooks.subscription import CHANGE_TYPES, MAX_NAMED, ChangeType, FullSendState, Reason, State
from projections.webhooks.deliveries import DeliveryRow, Kind
from projections.webhooks.subscriptions import MOST_COUNTED, WebhookRow

MAX_POSITION = 2**63 - 1
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL,
        pattern=STORABLE,
        description="An https address on the public internet; others only as the installation allows.",
    ),
]
Ids = Annotated[list[Annotated[UUID, Field(strict=False)]], Field(max_length=MAX_NAMED)]
Events = Annotated[list[ChangeType], Field(min_length=1, max_length=len(CHANGE_TYPES))]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)]


class WebhookBody(RequestBody):
    """A webhook to create; without segments and campaigns it is for all segments of the account, also later ones."""

    url: Url
    name: str = Field(default="", max_length=MAX_NAME, pattern=STORABLE, description="Without one, the host's.")
    segment_ids: Ids = Field(default=[], description="Segments of this account.")
    campaign_ids: Ids = Field(default=[], description="Campaigns of this account: the changes of their segments.")
    events: Events = Field(default=list(CHANGE_TYPES))
    fields: list[str] = Field(default=[], max_length=MAX_NAMED, description="As `fields` of lists of changes.")
    full_send: bool = Field(default=False, description="Send all present members first, then the changes after them.")


class WebhookPatch(RequestBody):
    """What to change; the rest stays. `state` pauses it or lets it go on; `full_send` sends all members again."""

    url: Url = Field(default="", json_schema_extra=without_default)
    name: Name = Field(default="", json_schema_extra=without_default)
    segment_ids: Ids = Field(default=[], json_schema_extra=without_default)
    campaign_ids: Ids = Field(default=[], json_schema_extra=without_default)
    events: Events = Field(default=[], json_schema_extra=without_default)
    fields: list[str] = Field(default=[], max_length=MAX_NAMED, json_schema_extra=without_default)
    state: State = Field(default="active", json_schema_extra=without_default)
    full_send: bool = Field(default=False, json_schema_extra=without_default)


class RedeliveryBody(RequestBody):
    """From where to send again: the `position` of a change, which is sent again with all that follow it."""

    position: int = Field(ge=0, le=MAX_POSITION)


class FullSend(TypedDict):
    """How far a full send is: `records` members, of which `sent` were accepted; `waiting` until they are counted."""

    state: FullSendState
    records: int
    sent: int


class Webhook(TypedDict):
    """A webhook, without its secret."""

    id: UUID
    name: str
    url: str
    segment_ids: list[UUID]
    campaign_ids: list[UUID]
    events: list[ChangeType]
    fields: list[str]
    state: State
    reason: Annotated[Reason | None, Field(description="Why it is paused.")]
    full_send: FullSend | None
    backlog: Annotated[int, Field(description=f"Changes that wait to be delivered; at most {MOST_COUNTED:,} counted.")]
    failing_since: datetime | None
    attempts: Annotated[int, Field(description="Failed attempts to deliver the present message.")]
    next_attempt_at: Annotated[datetime | None, Field(description="While it fails: when the message is sent again.")]
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class NewWebhook(Webhook):
    """A webhook with its secret, which is shown only now."""

    secret: str


class Secret(TypedDict):
    """A new secret, shown only now; the one before signs too until `former_until`."""

    secret: str
    former_until: datetime


class TestSent(TypedDict):
    """A test message that is on its way; its attempt will be among the deliveries under this `message_id`."""

    message_id: str


class Delivery(TypedDict):
    """An attempt to deliver a message: it was accepted, or `failure` says why not."""

    id: int
    message_id: str
    kind: Kind
    attempt: int
    records: int
    first_position: int | None
    last_position: int | None
    at: datetime
    duration_ms: int
    status: int | None
    accepted: bool
    failure: str | None
    detail: str | None
    answer: Annotated[str, Field(description="The beginning of what the receiver answered.")]


EXAMPLE: dict[str, Any] = {
    "id": "3f0e7a52-6f4d-4a34-9c5e-2b8d1f7a6c90",
    "name": "Warehouse",
    "url": "https://example.com/hooks/rollcall",
    "segment_ids": ["0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77"],
    "campaign_ids": [],
    "events": ["joined", "left"],
    "fields": ["external_id", "phone"],
    "state": "active",
    "reason": None,
    "full_send": None,
    "backlog": 0,
    "failing_since": None,
    "attempts": 0,
    "next_attempt_at": None,
    "last_attempt_at": "2026-05-20T10:00:00Z",
    "last_success_at": "2026-05-20T10:00:00Z",
    "version": 1,
    "created_at": "2026-05-20T09:00:00Z",
    "updated_at": "2026-05-20T09:00:00Z",
}
EXAMPLE_DELIVERY: dict[str, Any] = {
    "id": 41,
    "message_id": "msg_5a0c3b528f0e5c3e9d0a1a2b3c4d5e6f",
    "kind": "changes",
    "attempt": 1,
    "records": 12,
    "first_position": 8812,
    "last_position": 8840,
    "at": "2026-05-20T10:00:00Z",
    "duration_ms": 41,
    "status": 204,
    "accepted": True,
    "failure": None,
    "detail": None,
    "answer": "",
}


def show_webhook(row: WebhookRow, backlog: int) -> Webhook:
    """Returns a webhook as `/v1` shows it; `backlog` is how many changes wait."""
    asked = row.subscription
    full_send: FullSend | None = None
    if row.full_send is not None:
        full_send = {"state": row.full_send, "records": row.full_send_records, "sent": row.full_send_sent}
    is_failing = row.attempts > 0 and row.state == "active"
    return {
        "id": row.webhook_id,
        "name": asked.name,
        "url": asked.url,
        "segment_ids": list(asked.segment_ids),
        "campaign_ids": list(asked.campaign_ids),
        "events": list(asked.events),
        "fields": list(asked.fields),
        "state": row.state,
        "reason": row.reason,
        "full_send": full_send,
        "backlog": backlog,
        "failing_since": row.failing_since,
        "attempts": row.attempts,
        "next_attempt_at": row.due_at if is_failing else None,
        "last_attempt_at": row.last_attempt_at,
        "last_success_at": row.last_success_at,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def show_delivery(row: DeliveryRow) -> Delivery:
    """Returns an attempt as `/v1` shows it."""
    made = row.delivery
    return {
        "id": row.delivery_no,
        "message_id": made.message_id,
        "kind": made.kind,
        "attempt": made.attempt,
        "records": made.records,
        "first_position": made.first_position,
        "last_position": made.last_position,
        "at": made.at,
        "duration_ms": made.duration_ms,
        "status": made.status,
        "accepted": made.failure is None,
        "failure": made.failure,
        "detail": made.detail,
        "answer": made.answer,
    }
