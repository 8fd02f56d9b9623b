"""Copies: `POST /v1/segments/{id}/copy`, a segment with the filter of another, or a list of who is in it now."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Response
from typing_extensions import TypedDict

from api.http.access import Admin
from api.http.dependencies import ServicesDep
from api.http.idempotency import answer_once
from api.http.json_body import Body, parse_body
from api.http.lookup import parse_segment_id
from api.http.parameters import IdempotencyKey, PathId
from api.http.read_your_writes import WaitingAnswer, wait_until_visible
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.openapi import answers, or_stored, takes
from api.http.shapes.segments import SegmentCopyBody
from api.jobs.copies import copy_segment

router = APIRouter(prefix="/v1/segments", tags=["segments"], route_class=AccountRoute)
EXAMPLE: dict[str, Any] = {
    "id": "0b8f6c1e-5d3a-4f6e-8a51-2f1f4f0c9b78",
    "job_id": "6d1f2a8e-9b0c-5d4e-8f7a-1b2c3d4e5f60",
}


class CopyAnswer(TypedDict):
    """The new segment, and the job (`/v1/jobs/{id}`) that adds the members of a static one."""

    id: UUID
    job_id: UUID | None


@router.post(
    "/{segment_id}/copy",
    operation_id="copy_segment",
    status_code=201,
    response_model=CopyAnswer,
    responses=or_stored(
        answers(
            {201: ("The new segment.", EXAMPLE)}, 400, 404, 409, 413, 415, headers=("Rollcall-Position", "Location")
        )
    ),
    openapi_extra=takes(SegmentCopyBody, {"name": "Gold customers in May", "type": "static"}),
)
def copy(
    services: ServicesDep, caller: Admin, segment_id: PathId, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Copy a segment, with its description and labels. The members of a static copy are those of one position."""
    asked, source_id = parse_body(body, SegmentCopyBody), parse_segment_id(segment_id)

    def work(identity: UUID | None) -> WaitingAnswer:
        copied = copy_segment(
            services, caller.account_id, source_id, asked.name, asked.type, identity or uuid4(), caller.by
        )
        yield from wait_until_visible(services, caller.account_id, copied.saved.position, copied.saved.id)
        shown: CopyAnswer = {"id": copied.saved.id, "job_id": copied.job_id}
        return _created(shown, copied.saved.position)

    request = (f"POST /v1/segments/{source_id}/copy", body)
    return (yield from answer_once(services, caller, idempotency_key, request, work))


def _created(shown: CopyAnswer, position: int) -> Response:
    return answer(shown, position, status=201, location=f"/v1/segments/{shown['id']}")
