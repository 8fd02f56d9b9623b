"""CloudEvents over HTTP, and activities: an event or a fact in JSON, what became of an event, how a fact is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import AttributeValue, RequestBody
from domain.activities.activity import MAX_PROPERTIES
from domain.commands.accounts import MAX_KEPT_DAYS
from domain.customer import MAX_IDENTIFIER, Result
from domain.formats.cloud_events import KINDS
from domain.values import KEY_PATTERN
from projections.read.behaviour.activities import ActivityRow
from projections.read.behaviour.all_activities import Done

EXAMPLE_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "type": "rollcall.customer.changed.v1",
    "source": "/crm",
    "id": "9f1c2d",
    "subject": "crm-1001",
    "time": "2026-05-20T10:00:00Z",
    "data": {"name": "Ana Sá", "attributes": {"plan": "gold"}},
}
EXAMPLE_RESULTS: dict[str, Any] = {
    "results": [
        {"id": "9f1c2d", "result": "created", "customer_id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f"},
        {"id": "9f1c2e", "result": "invalid", "code": "invalid_phone", "detail": "/data/phone: no such phone number"},
    ]
}

EXAMPLE_ACTIVITY: dict[str, Any] = {
    "name": "order_completed",
    "time": "2026-05-20T10:00:00Z",
    "properties": {"total": 49.9, "products": ["mug"]},
}

EXAMPLE_DONE: dict[str, Any] = {
    "customer_id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "external_id": "crm-1001",
} | EXAMPLE_ACTIVITY


class CloudEvent(BaseModel):
    """A CloudEvent 1.0 in JSON; attributes beside these are not read."""

    model_config = ConfigDict(extra="allow")
    specversion: Literal["1.0"]
    type: str = Field(json_schema_extra={"enum": list(KINDS)})
    source: str = Field(min_length=1, max_length=512)
    id: str = Field(min_length=1, max_length=512)
    subject: str = Field(min_length=1, max_length=512, description="The customer's `external_id`.")
    time: datetime | None = Field(default=None, description="Orders the changes; without it the change is of now.")
    data: dict[str, Any] | None = Field(
        default=None,
        description="The body of `PUT /v1/customers/{external_id}`, or `name` and `properties` of an activity.",
    )


class EventResult(TypedDict, total=False):
    """What became of an event: `customer_id` of one that was taken, `code` and `detail` of an invalid one."""

    id: str | None
    result: Result
    customer_id: UUID
    code: str
    detail: str


class EventResults(TypedDict):
    """One result for each event, in order."""

    results: list[EventResult]


class ActivityLine(RequestBody):
    """One line of a body of activities."""

    external_id: str = Field(min_length=1, max_length=MAX_IDENTIFIER)
    name: str = Field(pattern=KEY_PATTERN)
    time: datetime | None = Field(default=None, description="When it was done; left out, now.")
    id: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_IDENTIFIER,
        description="A fact that is sent again with its `id` counts once.",
    )
    properties: dict[str, AttributeValue | None] | None = Field(default=None, max_length=MAX_PROPERTIES)


class RetentionBody(RequestBody):
    """How many days old an activity becomes before it counts no more; null: it counts without end."""

    days: int | None = Field(ge=1, le=MAX_KEPT_DAYS)


class Activity(TypedDict):
    """What a customer did."""

    name: str
    time: datetime
    properties: dict[str, AttributeValue]


def show_activity(row: ActivityRow) -> Activity:
    """Returns a fact as `/v1` shows it."""
    return {"name": row.activity, "time": row.time, "properties": row.properties}


class DoneActivity(TypedDict):
    """What a customer did, and who they are."""

    customer_id: UUID
    external_id: str | None
    name: str
    time: datetime
    properties: dict[str, AttributeValue]


def show_done(row: Done) -> DoneActivity:
    """Returns a fact among those of all customers as `/v1` shows it."""
    return {
        "customer_id": row.customer_id,
        "external_id": row.external_id,
        "name": row.name,
        "time": row.place.time,
        "properties": row.properties,
    }
