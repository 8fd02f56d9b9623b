"""Recipients: of a campaign as it is now, and of a frozen audience; by page, or all in one stream.

`Accept: application/x-ndjson` or `text/csv` asks for the stream: one snapshot, the oldest customer first. NDJSON ends
with a line that holds their number; a CSV has only rows. The transfer of a stream that was cut off is incomplete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.lists.fields import RecipientFields
from api.http.lists.streams import Listed, form_of, stream
from api.http.lookup import parse_campaign_id, require_counted_audience, served_audience
from api.http.paging import Page
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.campaigns import (
    EXAMPLE_FROZEN,
    EXAMPLE_RECIPIENT,
    Audience,
    CampaignRecipientPage,
    Recipient,
    show_audience,
    show_recipient,
    show_skipped,
)
from api.http.shapes.customers import Chosen
from api.http.shapes.openapi import answers, or_streams
from api.http.shapes.pages import PageOf
from domain.formats.fields import Fields
from projections.read import customers, recipients
from projections.read.recipients import FrozenRecipients, RecipientRow

router = APIRouter(prefix="/v1", tags=["recipients"], route_class=AccountRoute)
NotIn = Annotated[
    str | None,
    Query(max_length=100, pattern=TEXT_PATTERN, description="Another audience: only those who are not in that one."),
]
NONE_SKIPPED = recipients.Skipped(0, 0, 0, 0)


def _answers(*problems: int) -> dict[int | str, dict[str, Any]]:
    example = {"data": [EXAMPLE_RECIPIENT], "next_cursor": None}
    described = answers({200: ("Recipients, oldest customer first.", example)}, 400, 404, 504, *problems)
    return or_streams(described, "a recipient")


@router.get(
    "/campaigns/{campaign_id}/recipients",
    operation_id="list_campaign_recipients",
    response_model=CampaignRecipientPage,
    responses=_answers(409),
)
def list_campaign_recipients(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    campaign_id: PathId,
    page: Page,
    fields: RecipientFields,
) -> Response:
    """List the recipients of a campaign now: each customer and phone number once; `include=total` counts the rest.

    With `Accept: application/x-ndjson` or `text/csv` all of them come in one stream, from one snapshot.
    """
    account_id = caller.account_id
    wanted = parse_campaign_id(campaign_id)
    after = None if page.after is None else int(page.after[0])

    if form := form_of(request):

        def listed(connection: Any) -> Listed:
            union, chosen = served_audience(connection, account_id, wanted), fields(connection)
            return Listed(chosen.names, recipients.lines(connection, union, form, chosen) if union else iter(()))

        return stream(services, account_id, form, listed)
    with snapshot(services, account_id) as (connection, position):
        union = served_audience(connection, account_id, wanted)
        total, skipped = recipients.totals(connection, union) if page.total and union else (0, NONE_SKIPPED)
        rows = recipients.page(connection, union, after=after, limit=page.fetch) if union else []
        show = _shown(connection, account_id, rows, fields(connection))
        plain = page.page(rows, show, lambda row: (row.customer_no,), lambda: total)
        body: CampaignRecipientPage = {"data": plain["data"], "next_cursor": plain["next_cursor"]}
        if page.total:
            body["total"], body["skipped"] = total, show_skipped(skipped)
    return answer(body, position)


@router.get(
    "/audiences/{audience_id}",
    operation_id="get_audience",
    response_model=Audience,
    responses=answers({200: ("The audience.", EXAMPLE_FROZEN)}, 404, 504),
)
def get_audience(
    services: ServicesDep,
    caller: Reader,
    audience_id: PathId,
) -> Response:
    """Read a frozen audience: its counts, and how many of its recipients were erased since."""
    with snapshot(services, caller.account_id) as (connection, position):
        row = require_counted_audience(connection, caller.account_id, audience_id)
    return answer(show_audience(row), position)


@router.get(
    "/audiences/{audience_id}/recipients",
    operation_id="list_audience_recipients",
    response_model=PageOf[Recipient] | PageOf[Chosen],
    responses=_answers(),
)
def list_audience_recipients(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    audience_id: PathId,
    page: Page,
    fields: RecipientFields,
    not_in: NotIn = None,
) -> Response:
    """List the recipients of a frozen audience as they were then; only erased customers are missing.

    `not_in` another audience: of a later one, those who came; of an earlier one, those who went.

    Frozen are `customer_id`, `external_id`, `phone` and `name`; other `fields` are those of the customer now. With
    `Accept: application/x-ndjson` or `text/csv` all of them come in one stream.
    """
    account_id = caller.account_id
    after = None if page.after is None else int(page.after[0])
    if form := form_of(request):

        def listed(connection: Any) -> Listed:
            frozen, chosen = _asked_for(connection, account_id, audience_id, not_in), fields(connection)
            return Listed(chosen.names, recipients.frozen_lines(connection, frozen, form, chosen))

        return stream(services, account_id, form, listed)
    with snapshot(services, account_id) as (connection, position):
        frozen = _asked_for(connection, account_id, audience_id, not_in)
        rows = recipients.frozen_page(connection, frozen, after=after, limit=page.fetch)
        show = _shown(connection, account_id, rows, fields(connection))
        body = page.page(
            rows, show, lambda each: (each.customer_no,), lambda: recipients.count_frozen(connection, frozen)
        )
    return answer(body, position)


def _shown(
    connection: Any, account_id: UUID, rows: Sequence[RecipientRow], fields: Fields
) -> Callable[[RecipientRow], Any]:
    """Returns how each of some recipients is shown."""
    numbers = [row.customer_no for row in rows]
    now = customers.chosen(connection, account_id, numbers, fields) if recipients.is_wide(fields) else {}
    return lambda row: show_recipient(row, fields, now.get(row.customer_no))


def _asked_for(connection: Any, account_id: UUID, audience_id: str, not_in: str | None) -> FrozenRecipients:
    row = require_counted_audience(connection, account_id, audience_id)
    other = None if not_in is None else require_counted_audience(connection, account_id, not_in)
    return FrozenRecipients(account_id, row.audience_no, other and other.audience_no)
