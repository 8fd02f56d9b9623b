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
from api.http.responses import answer
from api.http.shapes.customers import BulkAnswer, BulkLine, RejectedLine
from api.http.shapes.openapi import answers, takes_lines
from domain import json_text
from domain.customer import CustomerChange, parse_customer_data
from domain.errors import FieldError, Invalid, Rejected

router = APIRouter(prefix="/v1/customers", tags=["customers"])
BATCH = 1_000
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
) -> Response:
    """Create customers or merge into them, one on each line, each as in `PUT` with its `external_id`."""

    def work(identity: UUID | None) -> Response:
        accepted, rejected, position = 0, list[RejectedLine](), services.rollcall.head()
        lines = _lines(body, identity)
        while batch := list(islice(lines, BATCH)):
            changes = [each for each in batch if isinstance(each, ParsedLine)]
            rejected += [each for each in batch if not isinstance(each, ParsedLine)]
            if changes:
                position, refused = _change_customers(services, caller, changes)
                rejected += refused
                accepted += len(changes) - len(refused)
        rejected.sort(key=itemgetter("line"))
        answered: BulkAnswer = {"accepted": accepted, "rejected": rejected}
        return answer(answered, position)

    return answer_once(services, caller, idempotency_key, ("POST /v1/customers/bulk", body.sha256), work)


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


def _lines(body: SpooledBody, identity: UUID | None) -> Iterator[ParsedLine | RejectedLine]:
    for number, line in body.lines(LONGEST_LINE):
        if line is None:
            yield {"line": number, "code": "line_too_long", "detail": f"over {LONGEST_LINE:,} bytes"}
        elif line.strip():
            try:
                yield ParsedLine(number, _change(json_text.parse(line), identity, number))
            except Rejected as wrong:
                errors = wrong.errors or (FieldError("", wrong.code, wrong.detail),)
                yield _rejection(number, errors)


def _change(raw: Any, identity: UUID | None, number: int) -> CustomerChange:
    data = parse_customer_data(raw)
    if data.external_id is None:
        raise Invalid.at("/external_id", "external_id_required", "each line names its customer")
    source = None if identity is None else f"bulk:{identity}"
    return CustomerChange(data.external_id, "changed", None, data, source, None if source is None else str(number))


def _rejection(number: int, errors: Sequence[FieldError]) -> RejectedLine:
    """Returns a line with all its mistakes in one detail, under the code of the first."""
    detail = "; ".join(f"{each.pointer or 'line'}: {each.detail}" for each in errors)
    return {"line": number, "code": errors[0].code, "detail": detail}
