"""Frozen audiences: all of them, one with its recipients, and recipients as files, frozen ones and those of now.

A frozen audience reads the same for ever, also after its campaign was deleted; only erased persons are missing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from api.console.campaigns import reach
from api.console.web.paging import Paged
from api.console.web.rendering import show, still, unchanged
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.lookup import require_audience, require_campaign
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.streams import Lines, stream
from domain.errors import Unavailable
from projections.read import accounts, campaigns, recipients
from projections.read.campaigns import AudienceRow

router = APIRouter()
FORMS: dict[str, recipients.LineFormat] = {"csv": "csv", "ndjson": "json"}
Ending = Literal["csv", "ndjson"]


@router.get("/audiences")
def list_audiences(request: Request, here: Here, person: SignedIn, pager: Paged) -> Response:
    """Every frozen audience of the account, newest first."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        rows = campaigns.audiences(connection, account_id, before=pager.number, limit=pager.fetch)
        total = campaigns.count_audiences(connection, account_id)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda row: str(row[0].audience_no), total)
    values = {"person": person, "active": "campaigns", "page": page, "zone": days.zone, "position": position}
    return show(request, "audiences.html", values)


@router.get("/audiences/{audience_id}")
def view(request: Request, here: Here, person: SignedIn, audience_id: PathId, pager: Paged) -> Response:
    """A frozen audience: what it came to, and its recipients as they were."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        row = _counted(connection, person, audience_id)
        campaign = campaigns.by_id(connection, account_id, row.campaign_id)
        rows = recipients.frozen_page(connection, account_id, row.audience_no, after=pager.number, limit=pager.fetch)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda each: str(each.customer_no), row.recipients - row.erased)
    values = {
        "person": person, "active": "campaigns", "audience": row, "campaign": campaign, "page": page,
        "zone": days.zone, "position": position,
    }  # fmt: skip
    return show(request, "audience.html", values)


@router.get("/audiences/{audience_id}/recipients.{ending}")
def download_frozen(here: Here, person: SignedIn, audience_id: PathId, ending: Ending) -> Response:
    """All recipients of a frozen audience as a file."""
    with snapshot(here, person.account_id) as (connection, _):
        row = _counted(connection, person, audience_id)

    def lines(connection: Any) -> Lines:
        return recipients.frozen_lines(connection, person.account_id, row.audience_no, FORMS[ending])

    answer = stream(here, person.account_id, None, FORMS[ending], lines)
    return _as_file(answer, f"audience-{row.frozen_at:%Y-%m-%d-%H%M%S}.{ending}")


@router.get("/campaigns/{campaign_id}/recipients.{ending}")
def download_now(here: Here, person: SignedIn, campaign_id: PathId, ending: Ending) -> Response:
    """Everybody whom a campaign reaches now as a file, from one snapshot."""
    with snapshot(here, person.account_id) as (connection, _):
        name = require_campaign(connection, person.account_id, campaign_id).name

    def lines(connection: Any) -> Lines:
        row = require_campaign(connection, person.account_id, campaign_id)
        lists = reach.chosen(connection, person.account_id, row.segment_ids, row.exclude_segment_ids)
        if lists.not_computed:
            raise Unavailable("segment_not_computed", f"{lists.not_computed[0]} is still being computed; try again")
        union = None if row.needs_audience else lists.union(person.account_id)
        return recipients.lines(connection, union, FORMS[ending]) if union else iter(())

    return _as_file(stream(here, person.account_id, None, FORMS[ending], lines), f"{name} recipients.{ending}")


def _counted(connection: Any, person: SignedIn, written: str) -> AudienceRow:
    """A frozen audience that may be read. Raises `NotFound`; `Unavailable` while it is being frozen."""
    row = require_audience(connection, person.account_id, written)
    if not row.counted:
        raise Unavailable("audience_not_ready", "the audience is being frozen; look again in a moment")
    return row


def _as_file(answer: Response, name: str) -> Response:
    """Let the browser save an answer under a name; older browsers under its ASCII letters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")
    answer.headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    answer.headers["Cache-Control"] = "no-store"
    return answer
