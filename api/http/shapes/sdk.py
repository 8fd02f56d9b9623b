"""What analytics SDKs send, as far as it is read, and what they are answered; what was received, by count."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

EXAMPLE_MESSAGE: dict[str, Any] = {
    "userId": "crm-1001",
    "traits": {"firstName": "Ana", "lastName": "Sá", "email": "ana@example.com", "address": {"city": "Porto"}},
    "timestamp": "2026-05-20T10:00:00.000Z",
    "messageId": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77",
}
EXAMPLE_TRACK: dict[str, Any] = {
    "userId": "crm-1001",
    "event": "Order Completed",
    "properties": {"total": 49.9},
    "timestamp": "2026-05-20T10:00:00.000Z",
    "messageId": "4b2f9b1c-9d3a-4f6e-8a51-2f1f4f0c9b78",
}
EXAMPLE_BATCH: dict[str, Any] = {
    "batch": [{"type": "identify"} | EXAMPLE_MESSAGE],
    "sentAt": "2026-05-20T10:00:01.000Z",
}
EXAMPLE_ANSWER: dict[str, Any] = {
    "success": True,
    "left_out": [{"index": 0, "name": "score", "code": "attribute_type_mismatch", "detail": "expected a number"}],
}
EXAMPLE_RECEIVED: dict[str, Any] = {
    "door": "sdk",
    "subject": "value",
    "name": "score",
    "result": "attribute_type_mismatch",
    "count": 12,
    "first_at": "2026-05-20T10:00:00Z",
    "last_at": "2026-05-21T09:30:00Z",
}


class SdkMessage(BaseModel):
    """One message; fields beside these are not read."""

    model_config = ConfigDict(extra="allow")
    userId: str | int | None = Field(default=None, description="The customer's `external_id`.")  # noqa: N815
    anonymousId: str | int | None = None  # noqa: N815
    messageId: str | int | None = Field(default=None, description="Sent again, it counts once.")  # noqa: N815
    traits: dict[str, Any] | None = Field(default=None, description="See the documentation of names.")
    timestamp: str | None = Field(default=None, json_schema_extra={"format": "date-time"})


class TrackMessage(SdkMessage):
    """Something that a customer did."""

    event: str = Field(
        pattern="^[A-Za-z][A-Za-z0-9 ]{0,30}$",
        description="Becomes the name of the activity, as the documentation of names says; other texts may do, too.",
    )
    properties: dict[str, Any] | None = None


class SdkBatch(BaseModel):
    """Messages, each with its `type`."""

    model_config = ConfigDict(extra="allow")
    batch: list[Any] = Field(max_length=2_500, description="Each an `SdkMessage` with a `type` beside its fields.")


class RejectedMessage(TypedDict):
    """A message that was rejected, by its place in the batch, counted from 0."""

    index: int
    messageId: str | None
    code: str
    detail: str


class ValueLeftOut(TypedDict):
    """A value that was not taken; the rest of its message was."""

    index: int
    name: str
    code: str
    detail: str


class SdkAnswer(TypedDict):
    """What SDKs expect, and for people what was not taken: the first hundred of each."""

    success: bool
    rejected: NotRequired[list[RejectedMessage]]
    left_out: NotRequired[list[ValueLeftOut]]


class ReceivedCount(TypedDict):
    """How often a message of a type, or a record of a topic, had a result, or a value was left out."""

    door: str
    subject: str
    name: str
    result: str
    count: int
    first_at: datetime
    last_at: datetime


class AllReceived(TypedDict):
    """All counts of an account."""

    data: list[ReceivedCount]
