"""The past imports of a segment and of the account: who sent which file when, and what became of its lines."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.console.web.paging import Paged, Pager
from api.console.web.rendering import show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import parse_uuid
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from projections.read import accounts, segments
from projections.read.segments import SegmentRow
from projections.records import api_keys, imports, people

router = APIRouter(route_class=AccountRoute)


@router.get("/imports")
def past_of_account(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Lists the past imports of the account."""
    return show_past_imports(request, services, user, pager, None)


def show_past_imports(
    request: Request, services: Services, user: SignedInUser, pager: Pager, segment: SegmentRow | None
) -> Response:
    """Shows a page of past imports, into one segment or all, newest first."""
    account_id = user.account_id
    senders = {f"person:{each.person_id}": each.name for each in people.list_people(services.database, account_id)}
    with services.database.transaction(account_id) as connection:
        rows = imports.page(
            connection,
            account_id,
            segment_id=None if segment is None else segment.segment_id,
            before=_parse_key(pager.after),
            limit=pager.limit,
        )
        for row in rows:
            kind, _, key_id = (row.started_by or "").partition(":")
            if kind == "key" and row.started_by not in senders:
                key = api_keys.by_id(connection, account_id, key_id)
                senders[row.started_by or ""] = key_id if key is None else key.name
    with snapshot(services, account_id) as (connection, _):
        names = segments.by_ids(connection, account_id, {row.segment_id for row in rows})
        zone = accounts.words(connection, account_id).zone
    page = pager.page(rows, lambda row: f"{row.started_at.isoformat()},{row.import_id}", None)
    values = {"segment": segment, "page": page, "names": names, "senders": senders, "zone": zone}
    return show(request, "imports.html", values)


def _parse_key(after: str) -> tuple[datetime, UUID] | None:
    instant, _, import_id = after.partition(",")
    try:
        started_at = datetime.fromisoformat(instant)
    except ValueError:
        return None
    parsed = parse_uuid(import_id)
    return None if parsed is None or started_at.tzinfo is None else (started_at, parsed)
