"""What is answered about memberships: preview, explanation, history, sizes, changes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import AttributeValue, Filter, RequestBody
from api.http.shapes.customers import EXAMPLE as EXAMPLE_CUSTOMER
from api.http.shapes.customers import Customer
from api.http.shapes.segments import EXAMPLE as EXAMPLE_SEGMENT
from projections.read.explanations import EventDetails
from projections.read.history import HistoryRow, LastChange
from projections.read.segment_list.sizes import Day

EXAMPLE_EXPLANATION: dict[str, Any] = {
    "segment_id": EXAMPLE_SEGMENT["id"],
    "customer_id": EXAMPLE_CUSTOMER["id"],
    "member": True,
    "since": "2026-05-20T10:00:00Z",
    "cause": {
        "event": 8812,
        "event_type": "rollcall.customer.changed",
        "type": "change",
        "at": "2026-05-20T10:00:00Z",
        "source": "/crm",
        "change_id": "a-1",
    },
    "state": "current",
    "evaluated_at": "2026-05-21T08:30:00Z",
    "filter": {
        "pointer": "/filter",
        "group": "all",
        "result": True,
        "nodes": [
            {
                "pointer": "/filter/0",
                "attribute": "plan",
                "operator": "equals",
                "value": "gold",
                "actual": "gold",
                "result": True,
            }
        ],
    },
    "missing": [],
}
EXAMPLE_TEMPLATE: dict[str, Any] = {
    "id": "birthday",
    "name": "Birthday this month",
    "description": "Whatever the year of birth",
    "filter": [{"attribute": "birthdate", "operator": "anniversary_in_period", "value": "this_month"}],
}
EXAMPLE_ENTRY: dict[str, Any] = {
    "customer_id": EXAMPLE_CUSTOMER["id"],
    "external_id": "crm-1001",
    "at": "2026-05-20T10:00:00Z",
    "joined": True,
    "cause": "change",
    "position": 8812,
}
EXAMPLE_CHANGE: dict[str, Any] = {
    "id": "d3f0a1b2-5c6d-5e7f-8a9b-0c1d2e3f4a5b",
    "type": "joined",
    "number": 1204,
    "segment_id": EXAMPLE_SEGMENT["id"],
    "segment_name": EXAMPLE_SEGMENT["name"],
    "customer_id": EXAMPLE_CUSTOMER["id"],
    "at": "2026-05-20T10:00:00Z",
    "cause": "change",
    "position": 8812,
    "external_id": "crm-1001",
}


class PreviewBody(RequestBody):
    """A filter that is not saved; `conditions` asks for the count of each condition and group too.

    With `estimate` they are counted among a sample of the customers, at once.
    """

    filter: Filter
    conditions: bool = False
    estimate: bool = False


class FilterTemplate(TypedDict):
    """A filter to begin with, under the name by which it is offered."""

    id: str
    name: str
    description: str
    filter: Filter


class FilterTemplates(TypedDict):
    """All of them: there are few."""

    data: list[FilterTemplate]


class ConditionCount(TypedDict):
    """How many match a condition, or a group, by itself; `pointer` says where it is in the request."""

    pointer: str
    count: int


class Preview(TypedDict):
    """How many match now, exactly, and the newest of them; of an estimate about how many, and no customers."""

    count: int
    sample: Annotated[list[Customer], Field(max_length=10)]
    sampled: NotRequired[Annotated[int, Field(description="Of an estimate: of how many customers the sample was.")]]
    conditions: NotRequired[Annotated[list[ConditionCount], Field(description="Only where it was asked for.")]]


class Cause(TypedDict):
    """What made a customer join or leave: `type` is `change`, `edit`, `time`, `manual`, …; `event` its log position.

    A change of membership by the passage of time happens at its own instant `at`; `event` is what recorded it.
    """

    event: int
    event_type: Annotated[str | None, Field(description="The type of the event in the log.")]
    type: str
    at: datetime
    source: Annotated[str | None, Field(description="The source of the change, as in its CloudEvent.")]
    change_id: str | None


class ExplainedNode(TypedDict):
    """A condition with the customer's value, or a group of nodes; `pointer` is its place in the saved filter."""

    pointer: str
    result: bool
    attribute: NotRequired[str]
    operator: NotRequired[str]
    value: NotRequired[Any]
    actual: NotRequired[AttributeValue | None]
    computed: NotRequired[Annotated[Any, Field(description="Of a computed attribute: its definition, as served.")]]
    changes_at: NotRequired[
        Annotated[
            datetime | None,
            Field(description="On behaviour: when the result changes if the customer does nothing; null if it stays."),
        ]
    ]
    group: NotRequired[Literal["all", "any", "not"]]
    nodes: NotRequired[list[ExplainedNode]]


class Explanation(TypedDict):
    """Why a customer is in a segment, or is not."""

    segment_id: UUID
    customer_id: UUID
    member: bool
    since: datetime | None
    cause: Annotated[
        Cause | None,
        Field(description="Of a member: why they joined. Of a non-member: why they left last, null if they never did."),
    ]
    state: Literal["current", "recomputing", "failed"]
    evaluated_at: datetime
    filter: Annotated[ExplainedNode | None, Field(description="The filter that is served; null for a static segment.")]
    missing: Annotated[
        list[str],
        Field(description="Of a non-member: the conditions that are not met; of several in one `any`, one suffices."),
    ]


class HistoryEntry(TypedDict):
    """A customer joined or left; ids are null once the customer was deleted."""

    customer_id: UUID | None
    external_id: str | None
    at: datetime
    joined: bool
    cause: str
    position: int


class SizeThen(TypedDict):
    """How many members there were at an instant."""

    at: datetime
    size: int


class Sizes(TypedDict):
    """A segment's size over time, oldest first."""

    data: list[SizeThen]


class SegmentDay(TypedDict):
    """How many customers joined and left a segment on a day, and its size when the day ended, or now."""

    day: date
    joins: int
    leaves: int
    joins_by_edits: Annotated[int, Field(description="Of `joins`: those that an edit of the filter caused.")]
    leaves_by_edits: Annotated[int, Field(description="Of `leaves`: those that an edit of the filter caused.")]
    size: int


class SegmentDays(TypedDict):
    """The days of a segment by the calendar of its account, oldest first; the last one is today."""

    data: list[SegmentDay]


EXAMPLE_DAY = {
    "day": "2026-05-20",
    "joins": 14,
    "leaves": 2,
    "joins_by_edits": 0,
    "leaves_by_edits": 0,
    "size": 1204,
}


def show_day(day: Day) -> SegmentDay:
    """Returns a day of a segment as `/v1` shows it."""
    return {
        "day": day.day,
        "joins": day.joins,
        "leaves": day.leaves,
        "joins_by_edits": day.edited_joins,
        "leaves_by_edits": day.edited_leaves,
        "size": day.size,
    }


class MembershipChange(TypedDict):
    """A customer joined or left the members that readers see.

    The segment's name is as of the change. `external_id` and the fields asked for with `fields` are the customer's as
    of the answer, and null once the customer is erased.
    """

    id: Annotated[UUID, Field(description="The same here and on Kafka, however often it is published.")]
    type: Literal["joined", "left"]
    number: Annotated[int, Field(description="Its place among all changes: what follows it is `after` this number.")]
    segment_id: UUID
    segment_name: str | None
    customer_id: UUID
    at: datetime
    cause: Annotated[str, Field(description="change, time, edit, deletion (of the customer), and others.")]
    position: int
    external_id: str | None
    phone: NotRequired[str | None]
    name: NotRequired[str | None]
    attributes: NotRequired[dict[str, AttributeValue | None] | None]
    tags: NotRequired[list[str] | None]
    opted_out: NotRequired[bool | None]
    created_at: NotRequired[datetime | None]
    updated_at: NotRequired[datetime | None]


class Changes(TypedDict):
    """Changes, oldest first; ask again from `next_after`, at once where there are `more`."""

    data: list[MembershipChange]
    next_after: int
    more: bool


def show_cause(last: LastChange, event: EventDetails | None) -> Cause:
    """Returns what changed a membership last as `/v1` shows it; `event` is the event at its position."""
    # The event that records the passage of time has no source of its own.
    origin = event if last.cause != "time" else None
    return {
        "event": last.position,
        "event_type": None if event is None else event.type,
        "type": last.cause,
        "at": last.at,
        "source": None if origin is None else origin.source,
        "change_id": None if origin is None else origin.change_id,
    }


def show_entry(entry: HistoryRow) -> HistoryEntry:
    """Returns an entry of a segment's history as `/v1` shows it."""
    return {
        "customer_id": entry.customer_id,
        "external_id": entry.external_id,
        "at": entry.at,
        "joined": entry.joined,
        "cause": entry.cause,
        "position": entry.position,
    }
