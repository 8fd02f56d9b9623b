"""Before a filter is saved: who would match it now, `POST /v1/segments/preview`, and filters to begin with.

`GET /v1/segments/templates` lists those.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.http.access import Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.json_body import Body, parse_body
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_for_scan_place
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.customers import EXAMPLE as EXAMPLE_CUSTOMER
from api.http.shapes.customers import show_customer
from api.http.shapes.memberships import EXAMPLE_TEMPLATE, FilterTemplates, Preview, PreviewBody
from api.http.shapes.openapi import answers, takes
from api.http.shapes.segments import EXAMPLE_FILTER
from api.http.shares.scans import Scan
from domain.filters.conditions import Node
from domain.filters.templates import templates
from domain.instants import Moment, micros
from projections.read import accounts
from projections.read.preview import estimate, preview

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

    With `conditions`, each condition and each group is counted too, by itself and in the same scan. With `estimate`
    the counts are about, from a sample of the customers, and come at once.

    Previews of an account are counted one after the other; where many wait, more are refused.
    """
    asked = parse_body(body, PreviewBody)
    nodes: dict[str, Node] = {}
    node = services.rollcall.segments.parse_filter(caller.account_id, asked.filter, nodes=nodes)
    counted = nodes if asked.conditions else {}
    if asked.estimate:
        with snapshot(services, caller.account_id) as (connection, position):
            about = estimate(connection, caller.account_id, node, _moment(services, caller, connection), nodes=counted)
        answered: Preview = {"count": about.count, "sample": [], "sampled": about.sampled}
        of_nodes = about.nodes
    else:
        scan = Scan()
        alone = yield from wait_for_scan_place(scan)
        with snapshot(services, caller.account_id) as (connection, position), scan.on(connection):
            moment = _moment(services, caller, connection)
            found = preview(connection, caller.account_id, node, moment, alone=alone, nodes=counted)
        answered = {"count": found.count, "sample": [show_customer(row) for row in found.sample]}
        of_nodes = found.nodes
    if asked.conditions:
        answered["conditions"] = [{"pointer": pointer, "count": count} for pointer, count in of_nodes.items()]
    return answer(answered, position)


def _moment(services: Services, caller: Caller, connection: Any) -> Moment:
    days, _ = accounts.calendar(connection, caller.account_id)
    return days.moment(micros(services.rollcall.now()))


@router.get(
    "/templates",
    operation_id="list_filter_templates",
    response_model=FilterTemplates,
    responses=answers({200: ("Those that the account's data allow.", {"data": [EXAMPLE_TEMPLATE]})}, 504),
)
def list_filter_templates(services: ServicesDep, caller: Reader) -> Response:
    """List filters to begin with, such as birthdays of this month; each names only what the account has."""
    with snapshot(services, caller.account_id) as (connection, position):
        types = accounts.types(connection, caller.account_id)
        activities = accounts.activities(connection, caller.account_id)
    return answer(
        {
            "data": [
                each._asdict() | {"name": str(each.name), "description": str(each.description)}
                for each in templates(types, activities)
            ]
        },
        position,
    )
