"""The shapes of CONTRACT: what is answered and what is asked, as models for the OpenAPI document.

Bodies that are asked are validated by these models; answers are dicts made by `show_…` in the modules
of their nouns, and conform to these models (the fuzzer checks each of them).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.customer import MAX_ATTRIBUTES
from domain.segment import MAX_DESCRIPTION, MAX_NAME
from domain.values import AttributeType

Item = TypeVar("Item")
STORABLE = r"^[^\x00]*$"
AttributeValue = str | int | float | bool | list[str]


def absent(schema: dict[str, Any]) -> None:
    """A field that an edit may leave out has no default: what is left out stays as it is."""
    schema.pop("default", None)


def _node_or_stack(given: object) -> object:
    """A filter is an object or an array; what is in it is the domain's to judge."""
    if not isinstance(given, dict | list):
        raise PydanticCustomError("filter_type", "needs an array of conditions, or an object with all, any or not")
    return given


Filter = Annotated[
    Any,
    AfterValidator(_node_or_stack),
    WithJsonSchema(
        {"anyOf": [{"type": "object"}, {"type": "array"}], "description": "See the operators of attributes."}
    ),
]


class FieldProblem(BaseModel):
    """One mistake: where it is, which kind it is, and how to mend it."""

    pointer: str = Field(description="JSON pointer into the body, or /query/…, /path/…, /header/…")
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457, with `code` for programs and `message` for client libraries that read it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    errors: list[FieldProblem]
    current_version: int | None = Field(default=None, description="At 412: the version there is now.")
    next_after: int | None = Field(default=None, description="At 410: from where changes can be followed again.")


class PageOf(BaseModel, Generic[Item]):
    """A page; `next_cursor` is null on the last one."""

    data: list[Item]
    next_cursor: str | None
    total: int | None = Field(default=None, description="Only with `include=total`.")


class Asked(BaseModel):
    """A body: nothing but the fields that are named, of exactly their types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KeyBody(Asked):
    """A key to hand out; `write` may only take in customers, `read` only read."""

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)
    kind: Literal["admin", "read", "write"]


class NewKey(BaseModel):
    """A key as it is shown this once."""

    id: str
    key: str


class Key(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    kind: Literal["admin", "read", "write"]
    created_at: datetime


class AttributeBody(Asked):
    """The type of an attribute, fixed from then on, and its label."""

    type: AttributeType
    label: str | None = Field(default=None, max_length=MAX_NAME, pattern=STORABLE)


class Attribute(BaseModel):
    """An attribute with the operators that its conditions may use."""

    key: str
    type: AttributeType | Literal["segment"]
    label: str | None
    built_in: bool
    operators: list[str]


class CustomerBody(Asked):
    """Present = set, null = remove, absent = keep; `tags` replaces the set."""

    phone: str | None = Field(default=None, max_length=64, description="Any common form; stored as E.164.")
    name: str | None = Field(default=None, max_length=4_096, pattern=STORABLE)
    attributes: dict[str, AttributeValue | None] | None = Field(default=None, max_length=MAX_ATTRIBUTES)
    tags: list[str] | None = None
    opted_out: bool | None = None


class BulkLine(CustomerBody):
    """One line of a bulk body."""

    external_id: str = Field(min_length=1, max_length=512)


class Customer(BaseModel):
    """A customer. `attributes` are the account's own; built-in ones stand beside them."""

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


class MembersBody(Asked):
    """Customers to put into a static segment, by our ids."""

    customer_ids: list[Annotated[str, Field(json_schema_extra={"format": "uuid"}, max_length=64)]] = Field(
        max_length=1_000
    )


class MembersAnswer(BaseModel):
    """What became of each customer; one named twice counts once."""

    added: int
    already_members: int
    unknown: list[str]


class ImportFailure(BaseModel):
    """Why an import could not go on."""

    code: str
    detail: str


class Import(BaseModel):
    """A CSV import. `lines` are the rows after the header so far; each is in exactly one of the six classes."""

    id: UUID
    segment_id: UUID
    file_name: str
    state: Literal["running", "done", "failed"]
    percent: int = Field(description="How much of the file is taken in.", ge=0, le=100)
    lines: int = Field(description="The sum of the six classes.")
    added: int = Field(description="Known customers, now members.")
    already_members: int
    created_customers: int = Field(description="New customers, now members.")
    duplicates_in_file: int = Field(description="Numbers that stand further up in the file.")
    blank: int
    invalid: int = Field(description="Rows that errors.csv holds.")
    failure: ImportFailure | None
    position: int = Field(description="For `min_position`: includes everything that was taken in so far.")
    started_at: datetime
    finished_at: datetime | None


class RejectedLine(BaseModel):
    """A line that was not taken in, counted from 1."""

    line: int
    code: str
    detail: str


class BulkAnswer(BaseModel):
    """Every line that is not blank ends in exactly one of both."""

    accepted: int
    rejected: list[RejectedLine]


class SegmentBody(Asked):
    """A segment to create. Only a dynamic one has a filter; without conditions it matches nobody."""

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=STORABLE)
    type: Literal["static", "dynamic"]
    filter: Filter | None = None


class SegmentPatch(Asked):
    """What to change; the rest stays."""

    name: str = Field(default="", min_length=1, max_length=MAX_NAME, pattern=STORABLE, json_schema_extra=absent)
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=STORABLE, json_schema_extra=absent)
    filter: Filter = Field(default=[], json_schema_extra=absent)


class Members(BaseModel):
    """How many are in the segment, as of a log position."""

    count: int
    state: Literal["current", "recomputing", "failed"]
    position: int


class Segment(BaseModel):
    """A segment with the count of its members."""

    id: UUID
    name: str
    description: str
    type: Literal["static", "dynamic"]
    filter: dict[str, Any] | list[Any] | None
    filter_summary: str
    version: int
    created_at: datetime
    updated_at: datetime
    members: Members


class JoinedSegment(Segment):
    """A segment that a customer is in, and since when."""

    joined_at: datetime


class Health(BaseModel):
    """Whether the process lives, and how far the read models are behind the log."""

    status: str
    position: int | None = None
    head: int | None = None
