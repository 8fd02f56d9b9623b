"""Customers: `/v1/customers`. Create, change, list, read and erase customers, one at a time.

Bulk bodies are in `api.v1.bulk`. A customer is addressed by our id or by the upstream system's `external_id`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from api.http.access import Admin, Reader, Writer
from api.http.dependencies import ServicesDep
from api.http.json_body import Body, parse_body, parse_object_body
from api.http.lists.fields import CustomerFields
from api.http.lists.searches import all_found, look
from api.http.lists.streams import Listed, form_of, stream
from api.http.lookup import ask_for_customer, customer_ids_of, require_any, require_customer
from api.http.paging import Page
from api.http.parameters import CustomerText, IfMatch, SearchText, parse_if_match
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.responses import answer, no_content
from api.http.route import AccountRoute
from api.http.shapes.customers import (
    EXAMPLE,
    EXAMPLE_TIMELINE_ENTRY,
    Chosen,
    Customer,
    CustomerBody,
    SearchBody,
    TimelineEntry,
    show_customer,
    show_timeline_entry,
    show_values,
)
from api.http.shapes.events import EXAMPLE_ACTIVITY, Activity, show_activity
from api.http.shapes.openapi import answers, or_streams, takes
from api.http.shapes.pages import PageOf
from api.http.shapes.segments import EXAMPLE as EXAMPLE_SEGMENT
from api.http.shapes.segments import EXAMPLE_FILTER, JoinedSegment, show_joined_segment
from domain.customer import CustomerChange, parse_customer_data
from domain.errors import Invalid
from domain.filters.customer_search import parse_customer_search
from projections.read import customers, segments
from projections.read.behaviour import activities
from projections.read.searches import found
from projections.read.streams import lines, timeline

router = APIRouter(prefix="/v1/customers", tags=["customers"], route_class=AccountRoute)


@router.get(
    "/{external_id:path}/segments",
    operation_id="list_segments_of_customer",
    response_model=PageOf[JoinedSegment],
    responses=answers(
        {
            200: (
                "Segments, newest first.",
                {"data": [EXAMPLE_SEGMENT | {"joined_at": "2026-05-20T10:00:00Z"}], "next_cursor": None},
            )
        },
        400,
        404,
        504,
    ),
)
def list_segments_of_customer(
    services: ServicesDep,
    caller: Reader,
    external_id: CustomerText,
    page: Page,
) -> Response:
    """List the segments that a customer is in now, newest segment first, each with `joined_at`."""
    account_id = caller.account_id
    before = None if page.after is None else int(page.after[0])
    ids = customer_ids_of(account_id, external_id)
    asked = segments.of_customer(account_id, ids, before=before, limit=page.fetch)
    total = [segments.count_of_customer(account_id, ids)] if page.total else []
    found, counts, position = segments.ask_summed_up(services.reads, account_id, asked, *total)
    require_any(found, "customer")
    body = page.page(
        [(segment, summary, joined_at) for segment, summary, (joined_at,) in found if joined_at is not None],
        lambda each: show_joined_segment(*each, position),
        lambda each: (each[0].segment_no,),
        lambda: int(counts[0][0][0]),
    )
    return answer(body, position)


@router.get(
    "/{external_id:path}/timeline",
    operation_id="list_timeline_of_customer",
    response_model=PageOf[TimelineEntry],
    responses=answers(
        {200: ("Events, newest first.", {"data": [EXAMPLE_TIMELINE_ENTRY], "next_cursor": None})}, 400, 404, 504
    ),
)
def list_timeline_of_customer(services: ServicesDep, caller: Reader, external_id: CustomerText, page: Page) -> Response:
    """List what happened to a customer, newest first: what they did, values before and after, segments joined and left.

    What they did stands at the time at which they did it. The list begins with their creation, or where the log's
    oldest parts have been set aside, with the oldest event kept.
    """
    account_id = caller.account_id
    after = None if page.after is None else _end(*page.after)
    with snapshot(services, account_id) as (connection, position):
        customer = require_customer(connection, account_id, external_id)
        body = page.page(
            timeline.page(connection, account_id, customer.customer_id, after=after, limit=page.fetch),
            show_timeline_entry,
            lambda entry: entry.end,
            lambda: timeline.count(connection, account_id, customer.customer_id),
        )
    return answer(body, position)


def _end(position: int | None, time: str | None, fact: int | None) -> timeline.End:
    return timeline.End(position, None if time is None else datetime.fromisoformat(time), fact)


@router.get(
    "/{external_id:path}/activities",
    operation_id="list_activities_of_customer",
    response_model=PageOf[Activity],
    responses=answers({200: ("Newest first.", {"data": [EXAMPLE_ACTIVITY], "next_cursor": None})}, 400, 404, 504),
    tags=["activities"],
)
def list_activities_of_customer(
    services: ServicesDep, caller: Reader, external_id: CustomerText, page: Page
) -> Response:
    """List what a customer did, newest first by the time at which it was done."""
    account_id = caller.account_id
    before = None if page.after is None else (datetime.fromisoformat(page.after[0]), int(page.after[1]))
    with snapshot(services, account_id) as (connection, position):
        customer_no = require_customer(connection, account_id, external_id).customer_no
        body = page.page(
            activities.page(connection, account_id, customer_no, before=before, limit=page.fetch),
            show_activity,
            lambda each: (each.time, each.position),
            lambda: activities.count(connection, account_id, customer_no),
        )
    return answer(body, position)


@router.post(
    "/search",
    operation_id="search_customers",
    response_model=PageOf[Customer] | PageOf[Chosen],
    responses=or_streams(
        answers({200: ("Customers, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 413, 415, 504),
        "a customer",
    ),
    openapi_extra=takes(SearchBody, {"text": "Braga", "filter": EXAMPLE_FILTER}),
)
def search_customers(
    request: Request, services: ServicesDep, caller: Reader, page: Page, fields: CustomerFields, body: Body
) -> WaitingAnswer:
    """Find customers by a text, a filter, and segments that they are in or not in; newest first. Nothing is stored.

    Send the same body with `cursor`. A filter that hardly any customer matches looks at all of them: such searches of
    an account run one after the other, as previews do. With `Accept: application/x-ndjson` or `text/csv` all who match
    come in one stream, the oldest first.
    """
    asked = parse_body(body, SearchBody)
    search = parse_customer_search(asked.model_dump())
    if form := form_of(request):
        listed = all_found(services, caller.account_id, search, form, fields)
        return stream(services, caller.account_id, form, listed)
    before = None if page.after is None else int(page.after[0])

    def work(connection: Any, wanted: found.Wanted, position: int) -> Response:
        chosen = fields(connection)
        rows, more = found.page(connection, wanted, before=before, limit=page.limit)
        shown = page.page(
            rows,
            lambda row: show_customer(row, chosen),
            lambda row: (row.customer_no,),
            lambda: found.count(connection, wanted),
            more=more,
        )
        return answer(shown, position)

    return (yield from look(services, caller.account_id, search, work))


@router.put(
    "/{external_id:customer}",
    operation_id="put_customer",
    response_model=Customer,
    responses=answers(
        {200: ("The customer, changed or confirmed.", EXAMPLE), 201: ("The customer, new.", EXAMPLE)},
        400,
        405,
        409,
        412,
        413,
        415,
        headers=("Rollcall-Position", "ETag"),
    ),
    openapi_extra=takes(CustomerBody, {"phone": "+351912345678", "name": "Ana Sá", "attributes": {"plan": "gold"}}),
)
def put_customer(
    services: ServicesDep, caller: Writer, external_id: CustomerText, body: Body, if_match: IfMatch = None
) -> WaitingAnswer:
    """Create a customer or merge into one: present = set, null = remove, absent = keep; `tags` replaces the set."""
    data = parse_customer_data(parse_object_body(body))
    change = CustomerChange(external_id, "changed", None, data, arrival=caller.arrival)
    changed = services.rollcall.customers.change(caller.account_id, [change], expected_version=parse_if_match(if_match))
    (outcome,) = changed.outcomes
    if outcome.errors:
        first = outcome.errors[0]
        raise Invalid(first.code, f"{first.pointer}: {first.detail}", outcome.errors)
    customer = changed.customer(outcome)
    assert customer is not None, "a change of now always takes effect"
    yield from wait_until_visible(services, caller.account_id, changed.position)
    shown = show_values(customer.customer_id, customer.values, customer.created_at, customer.updated_at)
    status = 201 if outcome.result == "created" else 200
    return answer(shown, changed.position, status=status, version=customer.version)


@router.get(
    "",
    operation_id="list_customers",
    response_model=PageOf[Customer] | PageOf[Chosen],
    responses=or_streams(
        answers({200: ("Customers, newest first.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504), "a customer"
    ),
)
def list_customers(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    page: Page,
    fields: CustomerFields,
    query: SearchText = None,
) -> Response:
    """List customers, newest first; `query` finds by the beginnings of words of any text, list or tag, or of a number.

    Where customers are large, there are fewer than `limit` on a page. With `Accept: application/x-ndjson` or `text/csv`
    all of them come in one stream, the oldest first.
    """
    account_id = caller.account_id
    if form := form_of(request):

        def listed(connection: Any) -> Listed:
            wanted, chosen = customers.parse_search(connection, account_id, query), fields(connection)
            return Listed(chosen.names, lines.of_customers(connection, account_id, wanted, chosen, form))

        return stream(services, account_id, form, listed)
    before = None if page.after is None else int(page.after[0])
    with snapshot(services, account_id) as (connection, position):
        wanted, chosen = customers.parse_search(connection, account_id, query), fields(connection)
        rows, more = customers.page(connection, account_id, wanted, before=before, limit=page.limit)
        body = page.page(
            rows,
            lambda row: show_customer(row, chosen),
            lambda row: (row.customer_no,),
            lambda: customers.count(connection, account_id, wanted),
            more=more,
        )
    return answer(body, position)


@router.get(
    "/{external_id:customer}",
    operation_id="get_customer",
    response_model=Customer | Chosen,
    responses=answers({200: ("The customer.", EXAMPLE)}, 404, 405, 504, headers=("Rollcall-Position", "ETag")),
)
def get_customer(
    services: ServicesDep,
    caller: Reader,
    external_id: CustomerText,
    fields: CustomerFields,
) -> Response:
    """Read a customer by id or external id."""
    row, position = ask_for_customer(services.reads, caller.account_id, external_id)
    if fields.are_all:
        return answer(show_customer(row), position, version=row.version)
    with snapshot(services, caller.account_id) as (connection, _):
        chosen = fields(connection)
    return answer(show_customer(row, chosen), position, version=row.version)


@router.delete(
    "/{external_id:customer}",
    operation_id="delete_customer",
    status_code=204,
    response_class=Response,
    responses=answers({204: ("Erased.", None)}, 400, 404, 405, 412),
)
def delete_customer(
    services: ServicesDep, caller: Admin, external_id: CustomerText, if_match: IfMatch = None
) -> WaitingAnswer:
    """Erase a customer, by id or external id: from lists, histories, frozen audiences, and the log's payloads.

    Copies made before (Kafka topics, exports, backups) are not erased.
    """
    expected = parse_if_match(if_match)
    candidates = customer_ids_of(caller.account_id, external_id)
    position = services.rollcall.customers.erase(caller.account_id, candidates, expected, caller.arrival)
    yield from wait_until_visible(services, caller.account_id, position)
    return no_content(position)
