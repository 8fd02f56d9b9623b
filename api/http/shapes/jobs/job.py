"""Jobs: the bodies, the answer, and how a row is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, Filter, RequestBody
from domain.filters.customer_search import MAX_TEXT as MAX_SEARCH
from domain.jobs.job import JobAction
from domain.values import MAX_TEXT
from projections.records.jobs.rows import JobRow, JobState

UuidText = Annotated[str, Field(json_schema_extra={"format": "uuid"}, max_length=64)]

EXAMPLE: dict[str, Any] = {
    "id": "7a2c3d4e-5b6a-4d7e-9f80-112233445566",
    "action": "add",
    "segment_id": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b77",
    "attribute": None,
    "value": None,
    "takes_back": None,
    "state": "running",
    "percent": 50,
    "total": 1_975,
    "done": 1_000,
    "changed": 990,
    "unchanged": 9,
    "not_found": 1,
    "refused": 0,
    "failure": None,
    "by": "key:3f9a1c",
    "position": 8_812,
    "started_at": "2026-05-20T10:00:00Z",
    "finished_at": None,
}
EXAMPLE_BODY: dict[str, Any] = {
    "action": "add",
    "segment_id": EXAMPLE["segment_id"],
    "customers": {"text": "ana", "not_in_segment": EXAMPLE["segment_id"]},
}


class CustomersBody(RequestBody):
    """Either `ids`, or all who match the rest as of one position, which has to restrict something."""

    ids: list[UuidText] | None = Field(default=None, min_length=1)
    text: str | None = Field(default=None, max_length=MAX_SEARCH, pattern=STORABLE)
    filter: Filter | None = None
    in_segment: UuidText | None = None
    not_in_segment: UuidText | None = None


class JobBody(RequestBody):
    """What to do to many customers.

    `add` and `remove` need `segment_id`, a static segment; `tag` and `untag` a `value` of an `attribute` that holds a
    list. `take_back` needs the `position` of a change of a static segment's members, and nothing else.
    """

    action: Literal["add", "remove", "tag", "untag", "take_back"]
    segment_id: UuidText | None = None
    attribute: str | None = Field(default=None, max_length=512, pattern=STORABLE, description="`tags` if left out.")
    value: str | None = Field(default=None, max_length=MAX_TEXT, pattern=STORABLE)
    customers: CustomersBody | None = None
    position: int | None = Field(default=None, ge=1, le=2**62)


class JobFailure(TypedDict):
    """Why a job could not go on."""

    code: str
    detail: str


class Job(TypedDict):
    """A job. Each customer that is done is in exactly one of the four classes; `total` is null until they are found."""

    id: UUID
    action: JobAction
    segment_id: UUID | None
    attribute: str | None
    value: str | None
    takes_back: Annotated[UUID | None, Field(description="The change that is taken back: a job, an import, a request.")]
    state: JobState
    percent: Annotated[int, Field(ge=0, le=100)]
    total: int | None
    done: Annotated[int, Field(description="The sum of the four classes.")]
    changed: Annotated[int, Field(description="Added, removed, given the value, freed of it.")]
    unchanged: Annotated[int, Field(description="They were so before.")]
    not_found: Annotated[int, Field(description="They do not exist any more.")]
    refused: Annotated[int, Field(description="Their list of values is full.")]
    failure: JobFailure | None
    by: Annotated[str | None, Field(description="Who asked for it: `person:<id>` or `key:<id>`.")]
    position: Annotated[int, Field(description="For `min_position`: includes everything that was done so far.")]
    started_at: datetime
    finished_at: datetime | None


def show_job(row: JobRow) -> Job:
    """Returns a job as `/v1` shows it."""
    return {
        "id": row.job_id,
        "action": row.action,
        "segment_id": row.segment_id,
        "attribute": row.attribute,
        # That of a job of members is only for its events.
        "value": None if row.attribute is None else row.value,
        "takes_back": row.takes_back,
        "state": row.state,
        "percent": row.percent,
        "total": row.total,
        "done": row.done,
        "changed": row.changed,
        "unchanged": row.unchanged,
        "not_found": row.not_found,
        "refused": row.refused,
        "failure": None if row.failure_code is None else {"code": row.failure_code, "detail": row.failure or ""},
        "by": row.started_by,
        "position": row.position,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }
