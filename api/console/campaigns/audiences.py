"""Frozen audiences: the list, one with its recipients, and recipients as files, frozen or current.

A frozen audience never changes, also after its campaign was deleted; only erased customers are removed from it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.console.campaigns import reach
from api.console.web.files import as_file
from api.console.web.paging import Paged
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.csv_import.formulas import harmless_lines
from api.http.dependencies import ServicesDep
from api.http.lists.streams import Listed, stream
from api.http.lookup import require_campaign, require_counted_audience
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.errors import Unavailable
from domain.formats.fields import RECIPIENT_FIELDS
from projections.read import accounts, campaigns, recipients
from projections.read.recipients import FrozenRecipients
from projections.read.streams.lines import LineFormat, Lines

router = APIRouter(route_class=AccountRoute)
FORMS: dict[str, LineFormat] = {"csv": "csv", "ndjson": "json"}
FileType = Literal["csv", "ndjson"]
NotIn = Annotated[str, Query(max_length=100, pattern=TEXT_PATTERN)]


@router.get("/audiences")
def list_audiences(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Lists every frozen audience of the account, newest first."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        rows = campaigns.audiences(connection, account_id, before=pager.after_number, limit=pager.limit)
        total = campaigns.count_audiences(connection, account_id)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda row: str(row[0].audience_no), total)
    values = {"page": page, "zone": days.zone, "position": position}
    return show(request, "audiences.html", values)


@router.get("/audiences/{audience_id}")
def view(request: Request, services: ServicesDep, user: SignedIn, audience_id: PathId, pager: Paged) -> Response:
    """Shows a frozen audience: its size, and its recipients as they were."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        row = require_counted_audience(connection, account_id, audience_id)
        campaign = campaigns.by_id(connection, account_id, row.campaign_id)
        frozen = FrozenRecipients(account_id, row.audience_no)
        rows = recipients.frozen_page(connection, frozen, after=pager.after_number, limit=pager.limit)
        others = campaigns.audiences(connection, account_id, campaign_id=row.campaign_id, counted=True, limit=2)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda each: str(each.customer_no), row.recipients - row.erased)
    values = {
        "audience": row,
        "campaign": campaign,
        "page": page,
        "comparable": len(others) > 1,
        "zone": days.zone,
        "position": position,
    }
    return show(request, "audience.html", values)


@router.get("/audiences/{audience_id}/recipients.{ending}")
def download_frozen(
    services: ServicesDep, user: SignedIn, audience_id: PathId, ending: FileType, not_in: NotIn = ""
) -> Response:
    """Downloads all recipients of a frozen audience, or those who are not in another one."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_counted_audience(connection, user.account_id, audience_id)
        other = require_counted_audience(connection, user.account_id, not_in) if not_in else None
    frozen = FrozenRecipients(user.account_id, row.audience_no, other and other.audience_no)

    def listed(connection: Any) -> Listed:
        return _for_people(recipients.frozen_lines(connection, frozen, FORMS[ending]), ending)

    answer = stream(services, user.account_id, FORMS[ending], listed, console=True)
    beside = f"-not-in-{other.frozen_at:%Y-%m-%d-%H%M%S}" if other else ""
    return as_file(answer, f"audience-{row.frozen_at:%Y-%m-%d-%H%M%S}{beside}.{ending}")


@router.get("/campaigns/{campaign_id}/recipients.{ending}")
def download_now(services: ServicesDep, user: SignedIn, campaign_id: PathId, ending: FileType) -> Response:
    """Downloads all customers that a campaign reaches now, from one snapshot."""
    with snapshot(services, user.account_id) as (connection, _):
        name = require_campaign(connection, user.account_id, campaign_id).name

    def listed(connection: Any) -> Listed:
        row = require_campaign(connection, user.account_id, campaign_id)
        lists = reach.chosen_segments(connection, user.account_id, row.segment_ids, row.exclude_segment_ids)
        if lists.not_computed:
            raise Unavailable("segment_not_computed", f"{lists.not_computed[0]} is still being computed; try again")
        spec = None if row.needs_audience else lists.audience_spec(user.account_id)
        return _for_people(recipients.lines(connection, spec, FORMS[ending]) if spec else iter(()), ending)

    return as_file(
        stream(services, user.account_id, FORMS[ending], listed, console=True), f"{name} recipients.{ending}"
    )


def _for_people(lines: Lines, ending: FileType) -> Listed:
    """Returns lines for a file that people open: a spreadsheet runs no cell of it."""
    return Listed(RECIPIENT_FIELDS.names, harmless_lines(lines) if ending == "csv" else lines)
