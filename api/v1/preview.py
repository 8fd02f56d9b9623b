"""Preview: `POST /v1/segments/preview`. The customers that would match a filter now, before it is saved."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.json_body import Body, parse_body
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_scan_place
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.customers import EXAMPLE as EXAMPLE_CUSTOMER
from api.http.shapes.customers import show_customer
from api.http.shapes.memberships import Preview, PreviewBody
from api.http.shapes.openapi import answers, takes
from api.http.shapes.segments import EXAMPLE_FILTER
from domain.instants import micros
from projections.read import accounts
from projections.read.preview import preview

router = APIRouter(prefix="/v1/segments", tags=["segments"], route_class=AccountRoute)


@router.post(
    "/preview",
    operation_id="preview_segment",
    response_model=Preview,
    responses=answers({200: ("Who matches now.", {"count": 1204, "sample": [EXAMPLE_CUSTOMER]})}, 400, 413, 415),
    openapi_extra=takes(PreviewBody, {"filter": EXAMPLE_FILTER}),
)
def preview_segment(services: ServicesDep, caller: Reader, body: Body) -> WaitingAnswer:
    """Count exactly who matches a filter at this instant, with the ten newest of them; nothing is stored.

    Previews of an account are counted one after the other; where many wait, more are refused.
    """
    asked = parse_body(body, PreviewBody)
    node = services.rollcall.segments.parse_filter(caller.account_id, asked.filter)
    alone = yield from wait_for_scan_place()
    with snapshot(services, caller.account_id) as (connection, position):
        days, _ = accounts.calendar(connection, caller.account_id)
        moment = days.moment(micros(services.rollcall.now()))
        count, sample = preview(connection, caller.account_id, node, moment, alone=alone)
    answered: Preview = {"count": count, "sample": [show_customer(row) for row in sample]}
    return answer(answered, position)
