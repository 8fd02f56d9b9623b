"""Activities: `GET /v1/activities`, what all customers of an account did, by page or all of it in one stream.

What one customer did is at `/v1/customers/{external_id}/activities`; facts come in by `api.v1.bulk`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.lists.streams import Listed, form_of, stream
from api.http.paging import Page
from api.http.parameters import InstantText, parse_instant
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.events import EXAMPLE_DONE, DoneActivity, show_done
from api.http.shapes.openapi import answers, or_streams
from api.http.shapes.pages import PageOf
from domain.errors import Invalid
from domain.values import KEY_PATTERN
from projections.read.behaviour import all_activities
from projections.read.behaviour.all_activities import Place, Wanted

router = APIRouter(prefix="/v1", tags=["activities"], route_class=AccountRoute)

Name = Annotated[str | None, Query(max_length=64, pattern=KEY_PATTERN, description="Only activities of this name.")]
From = Annotated[InstantText, Query(alias="from", description="Done at this instant or later.")]
To = Annotated[InstantText, Query(alias="to", description="Done at this instant or before.")]


@router.get(
    "/activities",
    operation_id="list_activities",
    response_model=PageOf[DoneActivity],
    responses=or_streams(
        answers({200: ("By customer, then by time.", {"data": [EXAMPLE_DONE], "next_cursor": None})}, 400, 422, 504),
        "an activity",
    ),
)
def list_activities(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    page: Page,
    name: Name = None,
    first: From = None,
    last: To = None,
) -> Response:
    """List what all customers did: the oldest customer first, and of each by the time at which it was done.

    With `Accept: application/x-ndjson` or `text/csv` all of it comes in one stream, from one snapshot.
    """
    account_id = caller.account_id
    wanted = Wanted(account_id, name, _instant(first, "from"), _instant(last, "to"))
    if wanted.first and wanted.last and wanted.first > wanted.last:
        raise Invalid.at("/query/to", "invalid_instant", "lies before `from`")
    if form := form_of(request):

        def listed(connection: Any) -> Listed:
            return Listed(all_activities.COLUMNS, all_activities.lines(connection, wanted, form))

        return stream(services, account_id, form, listed)
    after = None if page.after is None else Place(page.after[0], datetime.fromisoformat(page.after[1]), page.after[2])
    with snapshot(services, account_id) as (connection, position):
        body = page.page(
            all_activities.page(connection, wanted, after=after, limit=page.fetch),
            show_done,
            lambda each: each.place,
            lambda: all_activities.count(connection, wanted),
        )
    return answer(body, position)


def _instant(text: str | None, name: str) -> datetime | None:
    return None if text is None else parse_instant(text, name)
