"""Attributes: `/v1/attributes`. Their types, and which operators a condition on each may use."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Response

from api.http.access import Admin, Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.json_body import Body, parse_body
from api.http.paging import Page
from api.http.parameters import AttributeKey
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.attributes import EXAMPLE, Attribute, AttributeBody, show_attribute
from api.http.shapes.openapi import answers, takes
from api.http.shapes.pages import PageOf
from domain.customer import BUILT_IN
from domain.errors import Refused, Unavailable
from domain.values import AttributeType
from projections.read import accounts, segments

router = APIRouter(prefix="/v1/attributes", tags=["attributes"], route_class=AccountRoute)


@router.put(
    "/{key}",
    operation_id="declare_attribute",
    response_model=Attribute,
    responses=answers({200: ("The attribute.", EXAMPLE)}, 400, 409, 413, 415),
    openapi_extra=takes(AttributeBody, {"type": "text", "label": "Plan"}),
)
def declare_attribute(services: ServicesDep, caller: Admin, key: AttributeKey, body: Body) -> WaitingAnswer:
    """Give an attribute its type, which is fixed from then on, and its label."""
    asked = parse_body(body, AttributeBody)
    try:
        saved = services.rollcall.attributes.declare(caller.account_id, key, asked.type, asked.label)
    except Refused:
        readers = _readers(services, caller, key)
        saved = services.rollcall.attributes.declare(caller.account_id, key, asked.type, asked.label, readers)
    yield from wait_until_visible(services, caller.account_id, saved.position)
    label = asked.label
    with suppress(Unavailable):
        label = services.rollcall.attributes.all(caller.account_id)[key].label
    return answer(show_attribute(key, asked.type, label), saved.position)


@router.get(
    "",
    operation_id="list_attributes",
    response_model=PageOf[Attribute],
    responses=answers({200: ("Attributes, built-in ones first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_attributes(services: ServicesDep, caller: Reader, page: Page) -> Response:
    """List every attribute that a filter can use, built-in ones first, then by key."""
    with snapshot(services, caller.account_id) as (connection, position):
        own = accounts.attributes(connection, caller.account_id)
    every: list[tuple[str, AttributeType, str | None]] = [(key, kind, None) for key, kind in BUILT_IN.items()]
    every += [(row.key, row.type, row.label) for row in own]
    # The order is by place: attributes are never removed, and new ones of a key before the cursor are rare.
    start = 0 if page.after is None else int(page.after[0])
    places = range(start, min(start + page.fetch, len(every)))
    body = page.page(
        places, lambda place: show_attribute(*every[place]), lambda place: (place + 1,), lambda: len(every)
    )
    return answer(body, position)


def _readers(services: Services, caller: Caller, key: str) -> list[str]:
    """Returns the names of the segments whose filter reads an attribute."""
    with services.database.transaction(caller.account_id) as connection:
        return segments.names_using_attribute(connection, caller.account_id, key)
