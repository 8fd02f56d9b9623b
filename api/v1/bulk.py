"""Many customers at once: `POST /v1/customers/bulk`, one JSON object on each line.

Each line that is not blank is either accepted, or rejected with its number and the reason; a mistake in one line
never stops the others. With an `Idempotency-Key` each line has an identity of its own, so that a repeat after a
crash finds what was accepted already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from api.http.shapes.openapi import answers, takes_lines
from domain import json_text
from domain.customer import CustomerChange, parse_customer_data
from domain.errors import FieldError, Invalid, Rejected, Unavailable
from domain.instants import Arrival

router = APIRouter(prefix="/v1/customers", tags=["customers"], route_class=AccountRoute)
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


class ParsedLine(NamedTuple):
    """A line that is a change, with its number from 1."""

    number: int
    change: CustomerChange


@router.post(
    "/bulk",
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
    services.limits.count_lines(str(caller.account_id), body.line_count)

    def work(identity: UUID | None) -> WaitingAnswer:
        accepted, rejected, position = 0, list[RejectedLine](), services.rollcall.head()
        lines = _lines(body, identity, caller.arrival)
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

    return (yield from answer_once(services, caller, idempotency_key, ("POST /v1/customers/bulk", body.sha256), work))


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


def _lines(body: SpooledBody, identity: UUID | None, arrival: Arrival) -> Iterator[ParsedLine | RejectedLine]:
    for number, line in body.lines(LONGEST_LINE):
        if line is None:
            yield {"line": number, "code": "line_too_long", "detail": f"over {LONGEST_LINE:,} bytes"}
        elif line.strip():
            try:
                yield ParsedLine(number, _change(json_text.parse(line), identity, number, arrival))
            except Rejected as wrong:
                errors = wrong.errors or (FieldError("", wrong.code, wrong.detail),)
                yield _rejection(number, errors)


def _change(raw: Any, identity: UUID | None, number: int, arrival: Arrival) -> CustomerChange:
    data = parse_customer_data(raw)
    if data.external_id is None:
        raise Invalid.at("/external_id", "external_id_required", "each line names its customer")
    source = None if identity is None else f"bulk:{identity}"
    change_id = None if source is None else str(number)
    return CustomerChange(data.external_id, "changed", None, data, source, change_id, arrival=arrival)


def _rejection(number: int, errors: Sequence[FieldError]) -> RejectedLine:
    """Returns a line with all its mistakes in one detail, under the code of the first."""
    detail = "; ".join(f"{each.pointer or 'line'}: {each.detail}" for each in errors)
    return {"line": number, "code": errors[0].code, "detail": detail}
