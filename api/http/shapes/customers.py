"""Customers and members: the bodies, the answers, and how a row is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, AttributeValue, Filter, RequestBody
from domain.customer import MAX_ATTRIBUTES
from domain.filters.customer_search import MAX_TEXT
from domain.formats.fields import CUSTOMER_FIELDS, MEMBER_FIELDS, Fields
from projections.read.customers import CustomerRow
from projections.read.streams.timeline import Entry

EXAMPLE: dict[str, Any] = {
    "id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "external_id": "crm-1001",
    "phone": "+351912345678",
    "name": "Ana Sá",
    "attributes": {"plan": "gold", "last_order": "2026-05-20"},
    "tags": ["vip"],
    "opted_out": False,
    "created_at": "2026-05-20T10:00:00Z",
    "updated_at": "2026-05-20T10:00:00Z",
}
EXAMPLE_MEMBER: dict[str, Any] = EXAMPLE | {"joined_at": "2026-05-20T10:00:00Z"}

EXAMPLE_TIMELINE_ENTRY: dict[str, Any] = {
    "position": 8812,
    "at": "2026-05-20T10:00:00Z",
    "type": "rollcall.customer.changed",
    "created": False,
    "source": "/crm",
    "change_id": "a-1",
    "door": "kafka",
    "by": None,
    "activity": None,
    "properties": {},
    "changes": [{"attribute": "plan", "before": "silver", "after": "gold", "before_known": True}],
    "memberships": [
        {
            "segment_id": "8f14e45f-ceea-467f-a8d2-1b2c3d4e5f60",
            "segment_name": "Gold customers",
            "type": "joined",
            "at": "2026-05-20T10:00:00Z",
            "cause": "change",
        }
    ],
}


class CustomerBody(RequestBody):
    """Present = set, null = remove, absent = keep; `tags` replaces the set."""

    phone: str | None = Field(default=None, max_length=64, description="Any common form; stored as E.164.")
    name: str | None = Field(default=None, max_length=4_096, pattern=STORABLE)
    attributes: dict[str, AttributeValue | None] | None = Field(default=None, max_length=MAX_ATTRIBUTES)
    tags: list[str] | None = None
    opted_out: bool | None = None


class BulkLine(CustomerBody):
    """One line of a bulk body."""

    external_id: str = Field(min_length=1, max_length=512)


class Customer(TypedDict):
    """A customer. `attributes` are the account's own; built-in ones are beside them."""

    id: UUID
    external_id: str | None
    phone: str | None
    name: str | None
    attributes: dict[str, AttributeValue]
    tags: list[str]
    opted_out: bool
    created_at: datetime
    updated_at: datetime


class Member(Customer):
    """A customer in a segment, and since when."""

    joined_at: datetime


class MemberThen(TypedDict):
    """A customer who was in a segment then, as they are now: all but `joined_at` null once they are deleted."""

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


class Chosen(TypedDict, total=False):
    """With `fields`, those alone, each of them: null where the customer has no such value, or was erased."""

    id: UUID | None
    customer_id: UUID
    external_id: str | None
    phone: str | None
    name: str | None
    attributes: dict[str, AttributeValue | None] | None
    tags: list[str] | None
    opted_out: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    joined_at: datetime


class MembersBody(RequestBody):
    """Customers to put into a static segment, by our ids."""

    customer_ids: list[Annotated[str, Field(json_schema_extra={"format": "uuid"}, max_length=64)]] = Field(
        max_length=1_000
    )


class MembersAnswer(TypedDict):
    """What became of each customer; one named twice counts once."""

    added: int
    already_members: int
    unknown: list[str]


class SearchBody(RequestBody):
    """What is asked of a customer; all that is given must hold."""

    text: str | None = Field(
        default=None,
        max_length=MAX_TEXT,
        pattern=STORABLE,
        description="As `query` of `GET /v1/customers`; an id of ours finds that customer.",
    )
    filter: Filter | None = Field(default=None, description="One without conditions matches no customer.")
    in_segment: Annotated[str, Field(json_schema_extra={"format": "uuid"}, max_length=64)] | None = Field(
        default=None, description="The id of a segment that they are in now."
    )
    not_in_segment: Annotated[str, Field(json_schema_extra={"format": "uuid"}, max_length=64)] | None = Field(
        default=None, description="The id of a segment that they are not in now."
    )


class ChangedValue(TypedDict):
    """A value that changed; null is no value."""

    attribute: str
    before: AttributeValue | None
    after: AttributeValue | None
    before_known: Annotated[bool, Field(description="False where that part of the log has been set aside.")]


class TimelineMembership(TypedDict):
    """A segment that the customer joined or left, by its name of now; `cause` as in the segment's history."""

    segment_id: UUID
    segment_name: str
    type: Literal["joined", "left"]
    at: datetime
    cause: str


class TimelineEntry(TypedDict):
    """What a customer did, or what an event of the log did to them: a change, or what made them join or leave."""

    position: int
    at: datetime
    type: Annotated[str, Field(description="The type of the event in the log.")]
    created: Annotated[bool, Field(description="Whether the customer was new.")]
    source: str | None
    change_id: str | None
    door: Annotated[Literal["kafka", "http", "csv", "console"] | None, Field(description="How a change came in.")]
    by: Annotated[str | None, Field(description="`person:<id>` or `key:<id>`, where that is known.")]
    activity: Annotated[str | None, Field(description="What the customer did, with its `properties`.")]
    properties: dict[str, Any]
    changes: list[ChangedValue]
    memberships: list[TimelineMembership]


class RejectedLine(TypedDict):
    """A line that was rejected, counted from 1."""

    line: int
    code: str
    detail: str


class BulkAnswer(TypedDict):
    """Every line that is not blank ends in exactly one of the two."""

    accepted: int
    rejected: list[RejectedLine]


def show_timeline_entry(entry: Entry) -> TimelineEntry:
    """Returns an entry of a customer's timeline as `/v1` shows it."""
    return {
        "position": entry.position,
        "at": entry.at,
        "type": entry.type,
        "created": entry.created,
        "source": entry.source,
        "change_id": entry.change_id,
        "door": entry.door,
        "by": entry.by,
        "activity": entry.activity,
        "properties": entry.properties,
        "changes": [
            {"attribute": each.attribute, "before": each.before, "after": each.after, "before_known": each.before_known}
            for each in entry.changes
        ],
        "memberships": [
            {
                "segment_id": each.segment_id,
                "segment_name": each.segment_name,
                "type": "joined" if each.joined else "left",
                "at": each.at,
                "cause": each.cause,
            }
            for each in entry.flips
        ],
    }


def show_customer(row: CustomerRow, fields: Fields = CUSTOMER_FIELDS) -> Any:
    """Returns a row as `/v1` shows it."""
    return show_values(row.customer_id, row.values, row.created_at, row.updated_at, fields)


def show_values(
    customer_id: UUID,
    values: Mapping[str, Any],
    created_at: datetime,
    updated_at: datetime,
    fields: Fields = CUSTOMER_FIELDS,
) -> Any:
    """Returns a customer as `/v1` shows them; `values` holds every attribute, built-in ones too."""
    return fields.of(values, id=customer_id, created_at=created_at, updated_at=updated_at)


def show_member(row: CustomerRow | None, joined_at: datetime, fields: Fields = MEMBER_FIELDS) -> dict[str, Any]:
    """Returns a member of a segment as `/v1` shows them; `row` is `None` of one who was erased since."""
    if row is None:
        return fields.of(None, joined_at=joined_at)
    own = {"id": row.customer_id, "created_at": row.created_at, "updated_at": row.updated_at, "joined_at": joined_at}
    return fields.of(row.values, **own)
