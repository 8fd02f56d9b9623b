"""Jobs over HTTP: begin one, follow its progress, cancel it. `api.jobs.customers` runs them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response

from api.http.access import Admin, Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once
from api.http.json_body import Body, parse_body
from api.http.lookup import parse_segment_id
from api.http.paging import Page
from api.http.parameters import IdempotencyKey, PathId, parse_uuid
from api.http.read_your_writes import WaitingAnswer, current_position
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.jobs.job import EXAMPLE, EXAMPLE_BODY, CustomersBody, Job, JobBody, show_job
from api.http.shapes.openapi import answers, takes
from api.http.shapes.pages import PageOf
from api.jobs.asking import cancel_job, require_job, start_job, take_back
from domain.errors import Invalid
from domain.filters.customer_search import CustomerSearch
from domain.jobs.job import JobTask
from projections.records.jobs import rows
from projections.records.jobs.rows import JobRow

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=AccountRoute)
NO_CUSTOMER = UUID(int=0)
SegmentId = Annotated[
    str | None, Query(max_length=64, json_schema_extra={"format": "uuid"}, description="Only those of this segment.")
]


@router.post(
    "",
    operation_id="create_job",
    status_code=202,
    response_model=Job,
    responses=answers(
        {202: ("The job, which runs from now on.", EXAMPLE)},
        400,
        404,
        409,
        413,
        415,
        headers=("Rollcall-Position", "Location"),
    ),
    openapi_extra=takes(JobBody, EXAMPLE_BODY),
)
def create_job(
    services: ServicesDep, caller: Admin, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Do one thing to many customers: to all who match a search as of one position, or to those with these ids.

    `add` to a static segment or `remove` from it; `tag` with a value of a list attribute or `untag`. With `take_back`,
    a change of a static segment's members is reversed, for exactly those customers that it changed; the change, a
    request, an import or a job of any size, is the one that the `position` belongs to.
    """
    asked = parse_body(body, JobBody)
    _check_fields(asked)

    def work(identity: UUID | None) -> Response:
        row = _begin(services, caller, asked, identity or uuid4())
        return answer(show_job(row), row.position, status=202, location=f"/v1/jobs/{row.job_id}")

    return (yield from answer_once(services, caller, idempotency_key, ("POST /v1/jobs", body), work))


@router.get(
    "",
    operation_id="list_jobs",
    response_model=PageOf[Job],
    responses=answers({200: ("Jobs, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 404, 504),
)
def list_jobs(services: ServicesDep, caller: Reader, page: Page, segment_id: SegmentId = None) -> Response:
    """List the jobs of the last 30 days, newest first."""
    account_id = caller.account_id
    segment = None if segment_id is None else parse_segment_id(segment_id)
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
    position = current_position(services, account_id)
    with services.database.transaction(account_id) as connection:
        found = rows.page(connection, account_id, segment_id=segment, before=before, limit=page.fetch)
        body = page.page(
            found,
            show_job,
            lambda row: (row.started_at, row.job_id),
            lambda: rows.count(connection, account_id, segment),
        )
    return answer(body, position)


@router.get(
    "/{job_id}",
    operation_id="get_job",
    response_model=Job,
    responses=answers({200: ("The job.", EXAMPLE)}, 404, 504),
)
def get_job(services: ServicesDep, caller: Reader, job_id: PathId) -> Response:
    """Read how far a job has come, and what became of its customers."""
    position = current_position(services, caller.account_id)
    return answer(show_job(require_job(services, caller.account_id, parse_uuid(job_id))), position)


@router.post(
    "/{job_id}/cancel",
    operation_id="cancel_job",
    response_model=Job,
    responses=answers({200: ("The job as it ended.", EXAMPLE | {"state": "canceled"})}, 404),
)
def cancel(services: ServicesDep, caller: Admin, job_id: PathId) -> Response:
    """End a job after the part in progress. What it did stays; `take_back` reverses it. One that has ended stays so."""
    wanted = require_job(services, caller.account_id, parse_uuid(job_id)).job_id
    row = cancel_job(services, caller.account_id, wanted)
    return answer(show_job(row), row.position)


def _begin(services: Services, caller: Caller, asked: JobBody, job_id: UUID) -> JobRow:
    if asked.action == "take_back":
        return take_back(services, caller.account_id, job_id, asked.position or 0, caller.by)
    task = JobTask(job_id, asked.action, by=caller.by)
    if asked.action in ("add", "remove"):
        task = task._replace(segment_id=parse_segment_id(asked.segment_id or ""))
    else:
        task = task._replace(attribute=asked.attribute or "tags", value=asked.value)
    customers = asked.customers or CustomersBody()
    if customers.ids is not None:
        # A text that is no id is an id that no customer has.
        ids = [parse_uuid(each) or NO_CUSTOMER for each in customers.ids]
        return start_job(services, caller.account_id, task, ids)
    in_segment, not_in_segment = (
        None if each is None else parse_segment_id(each) for each in (customers.in_segment, customers.not_in_segment)
    )
    search = CustomerSearch(customers.text or "", customers.filter, in_segment, not_in_segment)
    return start_job(services, caller.account_id, task, search)


def _check_fields(asked: JobBody) -> None:
    """Raises `Invalid` for a field that the action needs, or has no use for."""
    of_members = {"segment_id", "customers"}
    needs = {
        "add": of_members,
        "remove": of_members,
        "tag": {"value", "customers"},
        "untag": {"value", "customers"},
        "take_back": {"position"},
    }[asked.action]
    allowed = needs | ({"attribute"} if "value" in needs else set())
    for field in ("segment_id", "attribute", "value", "customers", "position"):
        given = getattr(asked, field) is not None
        if given and field not in allowed:
            raise Invalid.at(f"/{field}", "field_without_use", f"{asked.action} has no use for it; leave it out")
        if not given and field in needs:
            raise Invalid.at(f"/{field}", "field_missing", f"{asked.action} needs it")
    customers = asked.customers
    if customers is not None and customers.ids is not None and len(customers.model_fields_set) > 1:
        raise Invalid.at("/customers/ids", "ids_with_search", "give ids, or a search, not both")
