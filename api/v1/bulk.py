"""Many at once: `POST /v1/customers/bulk` and `POST /v1/activities`, one JSON object on each line.

Each line that is not blank is either accepted, or rejected with its number and the reason; a mistake in one line
never stops the others. With an `Idempotency-Key` each line has an identity of its own, so that a repeat after a
crash finds what was accepted already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Response

from api.http.access import Caller, Writer
from api.http.dependencies import Services, ServicesDep
from api.http.idempotency import answer_once
from api.http.json_body import BulkBody, SpooledBody
from api.http.parameters import IdempotencyKey
from api.http.problems import problem
from api.http.read_your_writes import WaitingAnswer, keep_pace, wait_until_visible
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.customers import BulkAnswer, BulkLine, RejectedLine
from api.http.shapes.events import ActivityLine
from api.http.shapes.openapi import answers, takes_lines
from domain import json_text
from domain.activities.activity import parse_activity
from domain.customer import CustomerChange, parse_customer_data
from domain.errors import FieldError, Invalid, Rejected, Unavailable
from domain.formats.cloud_events import read_time
from domain.instants import Arrival

router = APIRouter(prefix="/v1", tags=["customers"], route_class=AccountRoute)
# Stored together. A few hundred at a time, so that other accounts' changes are stored and seen between them.
SLICE = 100
LONGEST_LINE = 256 << 10
EXAMPLE_LINES = (
    '{"external_id": "crm-1001", "name": "Ana Sá", "attributes": {"plan": "gold"}}\n'
    '{"external_id": "crm-1002", "opted_out": true}\n'
)
EXAMPLE_ANSWER = {
    "accepted": 1,
    "rejected": [{"line": 2, "code": "invalid_phone", "detail": "/phone: no such phone number"}],
}


EXAMPLE_ACTIVITIES = (
    '{"external_id": "crm-1001", "name": "order_completed", "id": "o-17", "properties": {"total": 49.9}}\n'
    '{"external_id": "crm-1002", "name": "email_opened", "time": "2026-05-20T10:00:00Z"}\n'
)
# Of facts that have an id of their own.
SOURCE = "http"
# Makes the change that a line asks for, of its JSON, the identity of the request, its number and its arrival.
ReadLine = Callable[[Any, UUID | None, int, Arrival], CustomerChange]


class ParsedLine(NamedTuple):
    """A line that is a change, with its number from 1."""

    number: int
    change: CustomerChange


@router.post(
    "/customers/bulk",
    operation_id="bulk_customers",
    response_model=BulkAnswer,
    responses=answers({200: ("The result of each line.", EXAMPLE_ANSWER)}, 400, 409, 413, 415),
    openapi_extra=takes_lines(BulkLine, EXAMPLE_LINES),
)
def bulk_customers(
    services: ServicesDep, caller: Writer, body: BulkBody, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Create customers or merge into them, one on each line, each as in `PUT` with its `external_id`.

    Where no line is accepted the answer is 422, with the same `accepted` and `rejected` beside the problem.
    """
    return (yield from _take_lines(services, caller, body, idempotency_key, "POST /v1/customers/bulk", _change))


@router.post(
    "/activities",
    operation_id="record_activities",
    response_model=BulkAnswer,
    responses=answers({200: ("The result of each line.", EXAMPLE_ANSWER)}, 400, 409, 413, 415),
    openapi_extra=takes_lines(ActivityLine, EXAMPLE_ACTIVITIES),
    tags=["activities"],
)
def record_activities(
    services: ServicesDep, caller: Writer, body: BulkBody, idempotency_key: IdempotencyKey = None
) -> WaitingAnswer:
    """Record what customers did, one activity on each line; a customer who is not known yet is created.

    The type of a property is that of its first value in the activity, for good. Where no line is accepted the answer is
    422, with the same `accepted` and `rejected` beside the problem.
    """
    return (yield from _take_lines(services, caller, body, idempotency_key, "POST /v1/activities", _activity))


def _take_lines(
    services: Services,
    caller: Caller,
    body: SpooledBody,
    idempotency_key: str | None,
    operation: str,
    read: ReadLine,
) -> WaitingAnswer:
    """Takes in a body, a slice at a time. Returns the result of each line."""
    services.limits.count_lines(str(caller.account_id), body.line_count)

    def work(identity: UUID | None) -> WaitingAnswer:
        accepted, rejected, position = 0, list[RejectedLine](), services.rollcall.head()
        lines = _lines(body, read, identity, caller.arrival)
        paced, done = True, 0
        while slice_ := list(islice(lines, SLICE)):
            changes = [each for each in slice_ if isinstance(each, ParsedLine)]
            rejected += [each for each in slice_ if not isinstance(each, ParsedLine)]
            if changes:
                before = position
                try:
                    position, refused = _change_customers(services, caller, changes)
                except Unavailable as failure:
                    raise _interrupted(failure, done) from failure
                rejected += refused
                accepted += len(changes) - len(refused)
                paced = yield from keep_pace(services, caller.account_id, before, paced)
            done = slice_[-1].number if isinstance(slice_[-1], ParsedLine) else slice_[-1]["line"]
        if paced:
            yield from wait_until_visible(services, caller.account_id, position)
        rejected.sort(key=itemgetter("line"))
        return _answer(accepted, rejected, position)

    return (yield from answer_once(services, caller, idempotency_key, (operation, body.sha256), work))


def _interrupted(failure: Unavailable, done: int) -> Unavailable:
    """Returns the error of a body of which `done` lines were stored or rejected before the database went away."""
    if not done:
        return failure
    detail = f"lines 1 to {done} were accepted or rejected, the next ones may not be; send the body again"
    return Unavailable("bulk_interrupted", detail)


def _answer(accepted: int, rejected: list[RejectedLine], position: int) -> Response:
    answered: BulkAnswer = {"accepted": accepted, "rejected": rejected}
    if accepted or not rejected:
        return answer(answered, position)
    first = rejected[0]
    detail = f"no line was accepted; line {first['line']}: {first['detail']}"
    return problem(422, "no_line_accepted", detail, **answered)


def _change_customers(
    services: Services, caller: Caller, changes: Sequence[ParsedLine]
) -> tuple[int, list[RejectedLine]]:
    changed = services.rollcall.customers.change(caller.account_id, [change for _, change in changes])
    refused = [
        _rejection(number, outcome.errors)
        for (number, _), outcome in zip(changes, changed.outcomes, strict=True)
        if outcome.result == "invalid"
    ]
    return changed.position, refused


def _lines(
    body: SpooledBody, read: ReadLine, identity: UUID | None, arrival: Arrival
) -> Iterator[ParsedLine | RejectedLine]:
    for number, line in body.lines(LONGEST_LINE):
        if line is None:
            yield {"line": number, "code": "line_too_long", "detail": f"over {LONGEST_LINE:,} bytes"}
        elif line.strip():
            try:
                yield ParsedLine(number, read(json_text.parse(line), identity, number, arrival))
            except Rejected as wrong:
                errors = wrong.errors or (FieldError("", wrong.code, wrong.detail),)
                yield _rejection(number, errors)


def _change(raw: Any, identity: UUID | None, number: int, arrival: Arrival) -> CustomerChange:
    data = parse_customer_data(raw)
    if data.external_id is None:
        raise Invalid.at("/external_id", "external_id_required", "each line names its customer")
    source, change_id = _identity_of(identity, number)
    return CustomerChange(data.external_id, "changed", None, data, source, change_id, arrival=arrival)


def _identity_of(identity: UUID | None, number: int) -> tuple[str | None, str | None]:
    """Returns the identity of a line within a request that has one."""
    return (None, None) if identity is None else (f"bulk:{identity}", str(number))


def _activity(raw: Any, identity: UUID | None, number: int, arrival: Arrival) -> CustomerChange:
    if not isinstance(raw, dict):
        raise Invalid.at("", "invalid_body", "needs a JSON object with external_id, name, time, id and properties")
    external_id, time, id_ = (raw.pop(name, None) for name in ("external_id", "time", "id"))
    if not isinstance(external_id, str):
        raise Invalid.at("/external_id", "external_id_required", "each line names its customer")
    if id_ is not None and not isinstance(id_, str):
        raise Invalid.at("/id", "invalid_identifier", "needs text")
    source, change_id = (SOURCE, id_) if id_ is not None else _identity_of(identity, number)
    at = None if time is None else _time(time)
    activity = parse_activity(raw)
    return CustomerChange(external_id, "activity", at, None, source, change_id, arrival=arrival, activity=activity)


def _time(raw: Any) -> datetime:
    try:
        return read_time(raw)
    except Invalid as bad:
        raise Invalid.at("/time", bad.code, bad.detail) from None


def _rejection(number: int, errors: Sequence[FieldError]) -> RejectedLine:
    """Returns a line with all its mistakes in one detail, under the code of the first."""
    detail = "; ".join(f"{each.pointer or 'line'}: {each.detail}" for each in errors)
    return {"line": number, "code": errors[0].code, "detail": detail}
