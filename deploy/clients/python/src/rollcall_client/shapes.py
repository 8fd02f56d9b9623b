"""What the server answers, as it is in JSON: ids and instants are text, as they are sent back.

A server may answer with more fields than these. `tests/integration/clients` holds them to the OpenAPI document.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from rollcall_client.filters import Computed, Filter

AttributeType = Literal["text", "number", "boolean", "date", "datetime", "list"]
AttributeValue = str | int | float | bool | list[str]
SegmentType = Literal["static", "dynamic"]
State = Literal["current", "recomputing", "failed"]
KeyKind = Literal["admin", "read", "write", "sdk"]


class Attribute(TypedDict):
    """An attribute with the operators that its conditions may use."""

    key: str
    type: AttributeType | Literal["segment"]
    label: str | None
    built_in: bool
    operators: list[str]
    computed: NotRequired[Computed]
    definition: NotRequired[str]
    state: NotRequired[Literal["current", "recomputing"]]
    customers: NotRequired[int]
    fill_rate: NotRequired[float]
    many_values: NotRequired[bool]


class CountedValue(TypedDict):
    """A value of an attribute, and how many customers have it."""

    value: str | int | float | bool
    customers: int


class CustomerBody(TypedDict, total=False):
    """Present = set, null = remove, absent = keep; `tags` replaces the set."""

    phone: str | None
    name: str | None
    attributes: dict[str, AttributeValue | None] | None
    tags: list[str] | None
    opted_out: bool | None


class BulkLine(CustomerBody):
    """A customer among many."""

    external_id: str


class Customer(TypedDict):
    """A customer. `attributes` are the account's own; built-in ones are beside them."""

    id: str
    external_id: str | None
    phone: str | None
    name: str | None
    attributes: dict[str, AttributeValue]
    tags: list[str]
    opted_out: bool
    created_at: str
    updated_at: str


class Member(Customer):
    """A customer in a segment, and since when."""

    joined_at: str


class RejectedLine(TypedDict):
    """A customer that was rejected, counted from 1 over all that were sent."""

    line: int
    code: str
    detail: str


class BulkAnswer(TypedDict):
    """How many were accepted, and every one that was not."""

    accepted: int
    rejected: list[RejectedLine]


class Members(TypedDict):
    """How many are in the segment, as of a log position."""

    count: int
    state: State
    position: int


class Segment(TypedDict):
    """A segment with the count of its members."""

    id: str
    name: str
    description: str
    type: SegmentType
    filter: Filter | None
    filter_summary: str
    version: int
    created_at: str
    updated_at: str
    members: Members
    label_ids: list[str]
    archived: bool
    filter_errors: NotRequired[list[dict[str, Any]]]


class JoinedSegment(Segment):
    """A segment that a customer is in, and since when."""

    joined_at: str


class ConditionCount(TypedDict):
    """How many match a condition, or a group, by itself."""

    pointer: str
    count: int


class Preview(TypedDict):
    """How many match now, exactly, and the newest of them."""

    count: int
    sample: list[Customer]
    sampled: NotRequired[int]
    conditions: NotRequired[list[ConditionCount]]


class FilterTemplate(TypedDict):
    """A filter to begin with, under the name by which it is offered."""

    id: str
    name: str
    description: str
    filter: Filter


class MembersAnswer(TypedDict):
    """What became of each customer; one named twice counts once."""

    added: int
    already_members: int
    unknown: list[str]


class HistoryEntry(TypedDict):
    """A join or a leave; the customer is null once they are deleted."""

    customer_id: str | None
    external_id: str | None
    at: str
    joined: bool
    cause: str
    position: int


class MembershipChange(TypedDict):
    """A join or a leave, in the order in which readers saw it; `id` is the same however often it is read.

    What is known of the customer beside the ids is there only where `fields` asked for it.
    """

    id: str
    type: Literal["joined", "left"]
    number: int
    segment_id: str
    segment_name: str | None
    customer_id: str
    external_id: str | None
    at: str
    cause: str
    position: int
    phone: NotRequired[str | None]
    name: NotRequired[str | None]
    attributes: NotRequired[dict[str, AttributeValue | None] | None]
    tags: NotRequired[list[str] | None]
    opted_out: NotRequired[bool | None]
    created_at: NotRequired[str | None]
    updated_at: NotRequired[str | None]


class Changes(TypedDict):
    """Changes, and the cursor from which the next ones are read."""

    data: list[MembershipChange]
    next_after: int
    more: bool


class Campaign(TypedDict):
    """A campaign; one that needs an audience has no recipients."""

    id: str
    name: str
    segment_ids: list[str]
    exclude_segment_ids: list[str]
    state: Literal["ready", "needs_audience"]
    version: int
    created_at: str
    updated_at: str


class Skipped(TypedDict):
    """Members who are no recipients, each counted once."""

    opted_out: int
    no_phone: int
    duplicate_phone: int
    excluded: int


class Audience(TypedDict):
    """A campaign's recipients, frozen."""

    id: str
    campaign_id: str
    position: int
    frozen_at: str
    count: int
    skipped: Skipped
    erased: int


class Recipient(TypedDict):
    """A customer that a campaign reaches, and the number."""

    customer_id: str
    external_id: str | None
    phone: str
    name: str | None


class Import(TypedDict):
    """A CSV import; the classes of lines sum to `lines` once it is done."""

    id: str
    segment_id: str
    file_name: str
    state: Literal["uploaded", "checking", "checked", "running", "done", "failed"]
    percent: int
    lines: int
    added: int
    already_members: int
    created_customers: int
    duplicates_in_file: int
    blank: int
    invalid: int
    opted_out: int
    header: bool
    columns: list[str] | None
    ignored_columns: list[str]
    failure: dict[str, Any] | None
    by: str | None
    position: int
    started_at: str
    finished_at: str | None


class NewKey(TypedDict):
    """A key, shown this once."""

    id: str
    key: str


class Key(TypedDict):
    """A key without its secret."""

    id: str
    name: str
    kind: KeyKind
    created_at: str
