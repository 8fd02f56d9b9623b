"""The list of webhooks: where joins and leaves are delivered, and whether that works."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.console.webhooks.shown import of_row, seen
from api.http.dependencies import ServicesDep
from api.http.parameters import parse_uuid
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from projections.read import accounts
from projections.webhooks import subscriptions

router = APIRouter(prefix="/webhooks", route_class=AccountRoute)


@router.get("")
def list_webhooks(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Lists the account's webhooks, newest first."""
    account_id = user.account_id
    with services.database.transaction(account_id) as connection:
        rows = subscriptions.page(connection, account_id, before=_before(pager.after), limit=pager.limit)
        total = subscriptions.count(connection, account_id)
        shown = [of_row(services, connection, row) for row in rows]
    state = sha256(seen(shown).encode()).hexdigest()
    if is_unchanged(request, state):
        return nothing_new()
    with snapshot(services, account_id) as (connection, _):
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(shown, lambda each: f"{each.row.created_at.isoformat()} {each.row.webhook_id}", total)
    return show(request, "webhooks.html", {"page": page, "zone": days.zone, "seen": state})


def _before(after: str) -> tuple[datetime, UUID] | None:
    """Returns the webhook after which a page begins: when it was created, and its id."""
    instant, _, text = after.partition(" ")
    webhook_id = parse_uuid(text)
    try:
        return (datetime.fromisoformat(instant), webhook_id) if webhook_id else None
    except ValueError:
        return None
