"""CloudEvents over HTTP: an event in JSON, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from domain.customer import Result
from domain.formats.cloud_events import KINDS

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


class CloudEvent(BaseModel):
    """A CloudEvent 1.0 in JSON; attributes beside these are not read."""

    model_config = ConfigDict(extra="allow")
    specversion: Literal["1.0"]
    type: str = Field(json_schema_extra={"enum": list(KINDS)})
    source: str = Field(min_length=1, max_length=512)
    id: str = Field(min_length=1, max_length=512)
    subject: str = Field(min_length=1, max_length=512, description="The customer's `external_id`.")
    time: datetime | None = Field(default=None, description="Orders the changes; without it the change is of now.")
    data: dict[str, Any] | None = Field(default=None, description="The body of `PUT /v1/customers/{external_id}`.")


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
