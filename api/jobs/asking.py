"""Begins a job, takes a change back, cancels a job: what `/v1/jobs` and the console both do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api.http.dependencies import Services
from domain import json_text
from domain.errors import Invalid, NotFound, Refused
from domain.filters.customer_search import CustomerSearch
from domain.jobs.job import COPY_SOURCE, JobTask, NewJob
from domain.segment import Segment
from domain.texts.language import said
from projections.records.jobs import rows
from projections.records.jobs.rows import JobRow

MOST_IDS = 20_000


def start_job(
    services: Services, account_id: UUID, task: JobTask, customers: CustomerSearch | Sequence[UUID]
) -> JobRow:
    """Store a job for all who match a search, or for these customers, and wake the runner. Returns it.

    Where the job exists already, nothing is done. Raises `Invalid`, `NotFound`, `Refused`.
    """
    commands = services.rollcall
    task = commands.jobs.checked(account_id, task)
    if isinstance(customers, CustomerSearch):
        wanted: dict[str, Any] = {"search": checked_search(services, account_id, customers)}
    else:
        if len(customers) > MOST_IDS:
            detail = said("%(count)s ids; at most %(most_ids)s in a job", count=len(customers), most_ids=MOST_IDS)
            raise Invalid.at("/customers/ids", "too_many_customers", detail)
        wanted = {"ids": [str(each) for each in dict.fromkeys(customers)]}
    rows.begin(services.database, account_id, NewJob(task, commands.now(), json_text.dumps(wanted)))
    return _begun(services, account_id, task.job_id)


def checked_search(services: Services, account_id: UUID, search: CustomerSearch) -> dict[str, Any]:
    """Returns the search as JSON, where it restricts something: by accident nothing is done to everyone.

    Raises `Invalid`, `NotFound`.
    """
    wanted = search.to_json()
    if not wanted:
        detail = said("says nothing, which would mean everyone; give ids, text, filter, in_segment or not_in_segment")
        raise Invalid.at("/customers", "empty_search", detail)
    if search.filter is not None:
        services.rollcall.segments.parse_filter(account_id, search.filter)
    for segment_id in filter(None, (search.in_segment, search.not_in_segment)):
        services.rollcall.segments.read(account_id, segment_id)
    return wanted


def members_of(services: Services, job_id: UUID, segment_id: UUID, source: Segment, by: str) -> NewJob:
    """Returns the job that adds the members of one segment to another, to be stored where that one is created."""
    wanted = {"search": CustomerSearch(in_segment=source.segment_id).to_json()}
    task = JobTask(job_id, "add", segment_id, value=f"{COPY_SOURCE}{source.name}", by=by)
    return NewJob(task, services.rollcall.now(), json_text.dumps(wanted))


def take_back(services: Services, account_id: UUID, job_id: UUID, position: int, by: str) -> JobRow:
    """Begin a job that takes a static change back, for exactly those it added or removed. Returns it.

    The change is that of which the event at `position` is a part. Raises `NotFound`, `Refused` while it is in work.
    """
    reversal = services.rollcall.jobs.reversal(account_id, position)
    with services.database.transaction(account_id) as connection:
        changed_by = rows.by_id(connection, account_id, reversal.change_id)
    if changed_by is not None and changed_by.state == "running":
        raise Refused(
            "job_running", said("the job that makes this change still runs; cancel it first, or wait for its end")
        )
    task = JobTask(job_id, reversal.action, reversal.segment_id, by=by)
    rows.begin(services.database, account_id, NewJob(task, services.rollcall.now(), takes_back=reversal.change_id))
    return _begun(services, account_id, job_id)


def cancel_job(services: Services, account_id: UUID, job_id: UUID) -> JobRow:
    """End a job after the part in progress; one that has ended stays as it is. Returns it. Raises `NotFound`."""
    rows.cancel(services.database, account_id, job_id, services.rollcall.now())
    return require_job(services, account_id, job_id)


def require_job(services: Services, account_id: UUID, job_id: UUID | None) -> JobRow:
    """Returns a job. Raises `NotFound`."""
    with services.database.transaction(account_id) as connection:
        row = None if job_id is None else rows.by_id(connection, account_id, job_id)
    if row is None:
        raise NotFound("job_not_found", said("no such job in this account"))
    return row


def _begun(services: Services, account_id: UUID, job_id: UUID) -> JobRow:
    services.job_waiting.set()
    return require_job(services, account_id, job_id)
