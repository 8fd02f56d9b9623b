"""Activities that the account knows: `/v1/activity-types`. Their properties, and which values facts have of these."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.paging import Page
from api.http.parameters import SearchText
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.behaviour.activity_types import (
    EXAMPLE,
    EXAMPLE_VALUES,
    ActivityTypeShape,
    ValuesOfFacts,
    show_activity_type,
    show_fact_value,
)
from api.http.shapes.openapi import answers
from api.http.shapes.pages import PageOf
from domain.errors import NotFound
from domain.values import KEY_PATTERN
from projections.read import accounts
from projections.read.behaviour import known

router = APIRouter(prefix="/v1/activity-types", tags=["activities"], route_class=AccountRoute)
Key = Annotated[str, Path(max_length=512, json_schema_extra={"pattern": KEY_PATTERN})]


@router.get(
    "",
    operation_id="list_activity_types",
    response_model=PageOf[ActivityTypeShape],
    responses=answers({200: ("Activities, by name.", {"data": [EXAMPLE], "next_cursor": None})}, 400, 504),
)
def list_activity_types(services: ServicesDep, caller: Reader, page: Page) -> Response:
    """List the activities that were recorded, each with its properties, their types, and what may be asked of them."""
    with snapshot(services, caller.account_id) as (connection, position):
        found = known.activities(connection, caller.account_id)
    last = None if page.after is None else str(page.after[0])
    rows = [each for each in found if last is None or each.name > last][: page.fetch]
    return answer(page.page(rows, show_activity_type, lambda each: (each.name,), lambda: len(found)), position)


@router.get(
    "/{name}/properties/{key}/values",
    operation_id="list_property_values",
    response_model=ValuesOfFacts,
    responses=answers(
        {
            200: (
                "Values, the most frequent first.",
                {"data": EXAMPLE_VALUES, "next_cursor": None, "among": 1204},
            )
        },
        400,
        404,
        504,
    ),
)
def list_property_values(
    services: ServicesDep, caller: Reader, name: Key, key: Key, page: Page, search: SearchText = None
) -> Response:
    """List the values that facts have of a property, with how many of them have each.

    Those of the newest customers are looked at: `among` says how many facts. `search` finds the values that hold it,
    in any case.
    """
    with snapshot(services, caller.account_id) as (connection, position):
        types = accounts.activities(connection, caller.account_id).get(name)
        if types is None:
            raise NotFound("activity_not_found", "no such activity was recorded in this account")
        if key not in types:
            raise NotFound("property_not_found", f"{name} has no such property")
        found, among = known.values(connection, caller.account_id, (name, key), types[key], search or "")
    start = 0 if page.after is None else int(page.after[0])
    places = range(start, min(start + page.fetch, len(found)))
    body = page.page(places, lambda at: show_fact_value(found[at]), lambda at: (at + 1,), lambda: len(found))
    return answer(body | {"among": among}, position)
