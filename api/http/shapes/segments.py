"""Segments: the bodies, the answer, and how a row is shown. Used by `/v1` and by the console's pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, Filter, RequestBody, without_default
from domain.filters.parsing import EMPTY_GROUP, empty_groups
from domain.segment import MAX_DESCRIPTION, MAX_LABEL_NAME, MAX_NAME, LabelColour, SegmentType
from projections.read.segment_list.listing import Used
from projections.read.segments import SegmentRow

EXAMPLE_FILTER = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
EXAMPLE: dict[str, Any] = {
    "id": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77",
    "name": "Premium customers",
    "description": "Everyone on the gold plan",
    "type": "dynamic",
    "filter": EXAMPLE_FILTER,
    "filter_summary": "Plan equals gold",
    "version": 1,
    "created_at": "2026-05-20T10:00:00Z",
    "updated_at": "2026-05-20T10:00:00Z",
    "members": {"count": 1204, "state": "current", "position": 8812},
    "label_ids": ["5f0c1c52-0c55-4a0f-9d5b-8a1c4f7a9e10"],
    "archived": False,
}


LabelIds = list[Annotated[UUID, Field(strict=False)]]


class SegmentBody(RequestBody):
    """A segment to create. Only a dynamic one has a filter; without conditions it matches no customer."""

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=STORABLE)
    type: SegmentType
    filter: Filter | None = None
    label_ids: LabelIds = Field(
        default=[], json_schema_extra=without_default, description="Labels of the account (`/v1/labels`)."
    )


class SegmentPatch(RequestBody):
    """What to change; the rest stays."""

    name: str = Field(
        default="", min_length=1, max_length=MAX_NAME, pattern=STORABLE, json_schema_extra=without_default
    )
    description: str = Field(
        default="", max_length=MAX_DESCRIPTION, pattern=STORABLE, json_schema_extra=without_default
    )
    filter: Filter = Field(default=[], json_schema_extra=without_default)
    label_ids: LabelIds = Field(default=[], json_schema_extra=without_default, description="Replaces the set.")
    archived: bool = Field(
        default=False,
        json_schema_extra=without_default,
        description="Whether it is out of lists. Its members stay, and stay up to date.",
    )


class SegmentCopyBody(RequestBody):
    """The copy: `static` is a list of the customers who are in the segment now, `dynamic` has its filter."""

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)
    type: SegmentType


class LabelBody(RequestBody):
    """A label: no two of an account have the same name."""

    name: str = Field(min_length=1, max_length=MAX_LABEL_NAME, pattern=STORABLE)
    colour: LabelColour


class Members(TypedDict):
    """How many are in the segment, as of a log position."""

    count: int
    state: Literal["current", "recomputing", "failed"]
    position: int


class FilterError(TypedDict):
    """What is wrong with a filter of an older release."""

    pointer: str
    code: str
    detail: str


class Segment(TypedDict):
    """A segment with the count of its members."""

    id: UUID
    name: str
    description: str
    type: SegmentType
    filter: Filter | None
    filter_summary: str
    version: int
    created_at: datetime
    updated_at: datetime
    members: Members
    label_ids: list[UUID]
    archived: bool
    filter_errors: NotRequired[
        Annotated[list[FilterError], Field(description="What is broken in a filter of an older release, if anything.")]
    ]


class JoinedSegment(Segment):
    """A segment that a customer is in, and since when."""

    joined_at: datetime


def show_segment(row: SegmentRow, summary: str, position: int) -> Segment:
    """Returns a segment as `/v1` shows it, with its filter as a sentence, as of a log position."""
    shown: Segment = {
        "id": row.segment_id,
        "name": row.name,
        "description": row.description,
        "type": row.type,
        "filter": row.filter,
        "filter_summary": summary,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "members": {"count": row.members, "state": row.state, "position": position},
        "label_ids": row.label_ids,
        "archived": row.archived,
    }
    if broken := list(empty_groups(row.filter)):
        shown["filter_errors"] = [{"pointer": each, "code": "empty_group", "detail": EMPTY_GROUP} for each in broken]
    return shown


def show_joined_segment(row: SegmentRow, summary: str, joined_at: datetime, position: int) -> JoinedSegment:
    """Returns a segment that a customer is in as `/v1` shows it."""
    return {**show_segment(row, summary, position), "joined_at": joined_at}


class Use(TypedDict):
    """What uses a segment: a campaign, or a segment whose filter names it."""

    kind: Literal["campaign", "segment"]
    id: UUID
    name: str


class Uses(TypedDict):
    """All that uses a segment, campaigns first, by name."""

    data: list[Use]


EXAMPLE_USE = {"kind": "campaign", "id": "8b1d5a54-2b31-4a59-8f6e-3f3f6e8c7d21", "name": "Spring"}


def show_use(used: Used) -> Use:
    """Returns what uses a segment as `/v1` shows it."""
    return {"kind": used.kind, "id": used.id, "name": used.name}
