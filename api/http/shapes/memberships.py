"""The shapes of answers about membership: preview, explanation, history."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.http.shapes.requests_and_responses import Asked, AttributeValue, Customer, Filter


class MemberThen(BaseModel):
    """Who was in a segment, and since when; all but `joined_at` as it is now, and null of who is gone."""

    id: UUID | None
    external_id: str | None
    phone: str | None
    name: str | None
    attributes: dict[str, AttributeValue] | None
    tags: list[str] | None
    opted_out: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    joined_at: datetime


class PreviewBody(Asked):
    """A filter that is not saved."""

    filter: Filter


class Preview(BaseModel):
    """How many match now, exactly, and the newest of them."""

    count: int
    sample: list[Customer] = Field(max_length=10)


class Cause(BaseModel):
    """What made somebody join or leave: `type` is `change`, `edit`, `time`, `manual`, …; `event` its log position.

    A flip in time happens at its own instant `at`; `event` is what brought it into the log.
    """

    event: int
    event_type: str | None = Field(description="The type of the event in the log.")
    type: str
    at: datetime
    source: str | None = Field(description="Who told the change, as in its CloudEvent.")
    change_id: str | None


class ExplainedNode(BaseModel):
    """A condition with the customer's value, or a group of nodes; `pointer` is its place in the saved filter."""

    pointer: str
    result: bool
    attribute: str | None = None
    operator: str | None = None
    value: Any = None
    actual: AttributeValue | None = None
    group: Literal["all", "any", "not"] | None = None
    nodes: list[ExplainedNode] | None = None


class Explanation(BaseModel):
    """Why somebody is in a segment, or is not."""

    segment_id: UUID
    customer_id: UUID
    member: bool
    since: datetime | None
    cause: Cause | None = Field(description="Of a member: what brought her in. Else why she left last, if ever.")
    state: Literal["current", "recomputing", "failed"]
    evaluated_at: datetime
    filter: ExplainedNode | None = Field(description="The filter that is served; null for a static segment.")
    missing: list[str] = Field(
        description="Of a non-member: the conditions that keep her out; of several in one `any`, one suffices."
    )


class HistoryEntry(BaseModel):
    """Somebody joined or left; ids are null of who is gone."""

    customer_id: UUID | None
    external_id: str | None
    at: datetime
    joined: bool
    cause: str
    position: int


class SizeThen(BaseModel):
    """How many members there were at an instant."""

    at: datetime
    size: int


class Sizes(BaseModel):
    """A segment's size over time, oldest first."""

    data: list[SizeThen]
