"""A webhook's page: its state, what it is for, what waits, the log of its deliveries. It keeps itself up to date."""

from __future__ import annotations

from hashlib import sha256

from fastapi import APIRouter, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.console.webhooks.shown import find, names_of, seen
from api.http.dependencies import ServicesDep
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from projections.read import accounts
from projections.webhooks import deliveries

router = APIRouter(prefix="/webhooks", route_class=AccountRoute)


@router.get("/{webhook_id}")
def view(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId, pager: Paged) -> Response:
    """Shows the webhook as it is now."""
    account_id = user.account_id
    webhook = find(services, account_id, webhook_id)
    with services.database.transaction(account_id) as connection:
        rows = deliveries.page(
            connection, account_id, webhook.row.webhook_id, before=pager.after_number, limit=pager.limit
        )
        newest = rows[0].delivery_no if rows else 0
    state = sha256(seen([webhook], newest).encode()).hexdigest()
    if is_unchanged(request, state):
        return nothing_new()
    with snapshot(services, account_id) as (connection, _):
        names = names_of(connection, webhook.row)
        days, _ = accounts.calendar(connection, account_id)
    values = {
        "webhook": webhook,
        "names": names,
        "page": pager.page(rows, lambda each: str(each.delivery_no), None),
        "zone": days.zone,
        "seen": state,
    }
    return show(request, "webhook.html", values)
