"""Attributes: `/v1/attributes`. Their types, which operators a condition may use, and what is known of their values."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Response

from api.http.access import Admin, Caller, Reader
from api.http.dependencies import Services, ServicesDep
from api.http.json_body import Body, parse_body
from api.http.paging import Page
from api.http.parameters import AttributeKey, KnownKey, SearchText
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.responses import answer, no_content
from api.http.route import AccountRoute
from api.http.shapes.attributes import (
    EXAMPLE,
    EXAMPLE_LISTED,
    EXAMPLE_VALUES,
    Attribute,
    AttributeBody,
    CountedValue,
    CountedValues,
    show_attribute,
    show_computed,
    show_known,
)
from api.http.shapes.openapi import answers, takes
from api.http.shapes.pages import PageOf
from domain.customer import BUILT_IN
from domain.errors import Invalid, NotFound, Refused, Unavailable
from projections.read import accounts, segments
from projections.read.accounts import AttributeRow
from projections.read.attributes import known
from projections.read.attributes.known import Fill, ValueCount

router = APIRouter(prefix="/v1/attributes", tags=["attributes"], route_class=AccountRoute)


@router.put(
    "/{key}",
    operation_id="declare_attribute",
    response_model=Attribute,
    responses=answers({200: ("The attribute.", EXAMPLE)}, 400, 409, 413, 415),
    openapi_extra=takes(AttributeBody, {"type": "text", "label": "Plan"}),
)
def declare_attribute(services: ServicesDep, caller: Admin, key: AttributeKey, body: Body) -> WaitingAnswer:
    """Give an attribute its type, which is fixed from then on, and its label.

    With `computed` instead of a type it is computed from what customers do, as the left side of a condition on
    behaviour, and cannot be set. Segments that use it are computed anew where its definition changes: the old members
    are served until the new ones are known.
    """
    asked = parse_body(body, AttributeBody)
    if asked.computed is not None:
        return (yield from _compute(services, caller, key, asked))
    if asked.type is None:
        raise Invalid.at("/type", "type_missing", "needs a type, or computed: what is computed of behaviour")
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


def _compute(services: Services, caller: Caller, key: str, asked: AttributeBody) -> WaitingAnswer:
    saved = services.rollcall.attributes.compute(caller.account_id, key, asked.computed, asked.label, asked.type)
    yield from wait_until_visible(services, caller.account_id, saved.position)
    now = services.rollcall.attributes.all(caller.account_id)[key]
    with services.database.transaction(caller.account_id) as connection:
        words = accounts.words(connection, caller.account_id)
        rows = {row.key: row for row in accounts.attributes(connection, caller.account_id)}
    is_served = key in rows and rows[key].computed == now.computed and rows[key].is_served
    shown = show_attribute(key, now.type, now.label)
    body = show_computed(shown, now.computed, words.subject(now.computed), is_served=is_served)
    return answer(body, saved.position)


@router.delete(
    "/{key}",
    operation_id="remove_attribute",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Removed.", None)}, 400, 404, 409),
)
def remove_attribute(services: ServicesDep, caller: Admin, key: AttributeKey) -> WaitingAnswer:
    """Remove a computed attribute that no segment's filter uses. Others are permanent: customers' data sets them."""
    position = services.rollcall.attributes.remove(caller.account_id, key, by=caller.by)
    yield from wait_until_visible(services, caller.account_id, position)
    return no_content(position)


@router.get(
    "",
    operation_id="list_attributes",
    response_model=PageOf[Attribute],
    responses=answers(
        {200: ("Attributes, built-in ones first.", {"data": [EXAMPLE_LISTED], "next_cursor": None})}, 400, 504
    ),
)
def list_attributes(services: ServicesDep, caller: Reader, page: Page) -> Response:
    """List every attribute that a filter can use, built-in ones first, then by key, and how many customers have it."""
    with snapshot(services, caller.account_id) as (connection, position):
        own = accounts.attributes(connection, caller.account_id)
        filled = known.fill(connection, caller.account_id)
        words = accounts.words(connection, caller.account_id)
    every = [AttributeRow(key, kind, None) for key, kind in BUILT_IN.items()] + own
    # The order is by place: attributes are seldom removed, and new ones of a key before the cursor are rare.
    start = 0 if page.after is None else int(page.after[0])
    places = range(start, min(start + page.fetch, len(every)))
    of = known.customers(filled)

    def show(place: int) -> Attribute:
        row = every[place]
        shown = show_attribute(row.key, row.type, row.label)
        if row.computed is not None:
            return show_computed(shown, row.computed, words.definition(row.key), is_served=row.is_served)
        return show_known(shown, filled.get(row.key, Fill()), of)

    body = page.page(places, show, lambda place: (place + 1,), lambda: len(every))
    return answer(body, position)


@router.get(
    "/{key}/values",
    operation_id="list_attribute_values",
    response_model=CountedValues,
    responses=answers(
        {200: ("Values, the most frequent first.", {"data": EXAMPLE_VALUES, "next_cursor": None, "among": None})},
        400,
        404,
        504,
    ),
)
def list_attribute_values(
    services: ServicesDep, caller: Reader, key: KnownKey, page: Page, search: SearchText = None
) -> Response:
    """List the values that customers have of an attribute, with how many customers have each.

    `search` finds those that hold it, in any case. Of an attribute with many different values, those of the newest
    customers are listed: `among` says of how many.
    """
    with snapshot(services, caller.account_id) as (connection, position):
        kind = accounts.types(connection, caller.account_id).get(key)
        if kind is None:
            raise NotFound("attribute_not_found", "no such attribute in this account")
        found, among = known.values(connection, caller.account_id, key, kind, search or "")
    start = 0 if page.after is None else int(page.after[0])
    places = range(start, min(start + page.fetch, len(found)))
    body = page.page(places, lambda place: _show_value(found[place]), lambda place: (place + 1,), lambda: len(found))
    return answer(body | {"among": among}, position)


def _show_value(found: ValueCount) -> CountedValue:
    return {"value": found.value, "customers": found.customers}


def _readers(services: Services, caller: Caller, key: str) -> list[str]:
    """Returns the names of the segments whose filter reads an attribute."""
    with services.database.transaction(caller.account_id) as connection:
        return segments.names_using_attribute(connection, caller.account_id, key)
