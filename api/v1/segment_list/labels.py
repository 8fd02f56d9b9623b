"""Labels: `/v1/labels`. They group the segments of an account; a segment has its own in `label_ids`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from typing_extensions import TypedDict

from api.http.access import Admin, Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once
from api.http.json_body import Body, parse_body
from api.http.lookup import parse_label_id
from api.http.parameters import IdempotencyKey, PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.responses import answer, no_content
from api.http.route import AccountRoute
from api.http.shapes.openapi import answers, or_stored, takes
from api.http.shapes.segments import LabelBody
from domain.segment import Label, LabelColour
from projections.read.segment_list import listing

router = APIRouter(prefix="/v1/labels", tags=["segments"], route_class=AccountRoute)
EXAMPLE: dict[str, Any] = {"id": "5f0c1c52-0c55-4a0f-9d5b-8a1c4f7a9e10", "name": "Loyalty", "colour": "teal"}


class ShownLabel(TypedDict):
    """A label of the account."""

    id: UUID
    name: str
    colour: LabelColour


class Labels(TypedDict):
    """All labels of the account, by name."""

    data: list[ShownLabel]


@router.get(
    "",
    operation_id="list_labels",
    response_model=Labels,
    responses=answers({200: ("All labels, by name.", {"data": [EXAMPLE]})}, 504),
)
def list_labels(services: ServicesDep, caller: Reader) -> Response:
    """List the labels of the account."""
    with snapshot(services, caller.account_id) as (connection, position):
        found = listing.labels(connection, caller.account_id).values()
    body: Labels = {"data": [_show(label) for label in found]}
    return answer(body, position)


@router.post(
    "",
    operation_id="create_label",
    status_code=201,
    response_model=ShownLabel,
    responses=or_stored(answers({201: ("The label.", EXAMPLE)}, 400, 409, 413, 415, headers=("Rollcall-Position",))),
    openapi_extra=takes(LabelBody, {"name": "Loyalty", "colour": "teal"}),
)
def create_label(
    services: ServicesDep, caller: Admin, body: Body, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Create a label for segments."""
    asked = parse_body(body, LabelBody)

    def work(_: UUID | None) -> WaitingAnswer:
        return (yield from _save(services, caller, None, asked))

    return (yield from answer_once(services, caller, idempotency_key, ("POST /v1/labels", body), work))


@router.put(
    "/{label_id}",
    operation_id="change_label",
    response_model=ShownLabel,
    responses=answers({200: ("The label.", EXAMPLE)}, 400, 404, 409, 413, 415, headers=("Rollcall-Position",)),
    openapi_extra=takes(LabelBody, {"name": "Loyal", "colour": "blue"}),
)
def change_label(services: ServicesDep, caller: Admin, label_id: PathId, body: Body) -> WaitingAnswer:
    """Change a label's name and colour, on every segment that has it."""
    return (yield from _save(services, caller, parse_label_id(label_id), parse_body(body, LabelBody)))


@router.delete(
    "/{label_id}",
    operation_id="delete_label",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Deleted; the segments that had it are not.", None)}, 404),
)
def delete_label(services: ServicesDep, caller: Admin, label_id: PathId) -> WaitingAnswer:
    """Delete a label; segments lose it."""
    position = services.rollcall.segments.delete_label(caller.account_id, parse_label_id(label_id), by=caller.by)
    yield from wait_until_visible(services, caller.account_id, position)
    return no_content(position)


def _save(services: Services, caller: Caller, label_id: UUID | None, asked: LabelBody) -> WaitingAnswer:
    saved = services.rollcall.segments.save_label(caller.account_id, label_id, asked.name, asked.colour, by=caller.by)
    yield from wait_until_visible(services, caller.account_id, saved.position)
    shown = _show(Label(saved.id, asked.name.strip(), asked.colour))
    return answer(shown, saved.position, status=201 if label_id is None else 200)


def _show(label: Label) -> ShownLabel:
    return {"id": label.label_id, "name": label.name, "colour": label.colour}
