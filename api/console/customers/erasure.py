"""Erasing a customer, after a dialog that says what this means."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.console.customers.asked import CUSTOMERS_PATH
from api.console.segments.why import display_name
from api.console.web.language import language_of
from api.console.web.rendering import gone, show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.instrumentation import arrival_of
from api.http.lookup import require_customer
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute

router = APIRouter(prefix="/customers", route_class=AccountRoute)


@router.get("/{customer_id}/erase")
def ask(request: Request, services: ServicesDep, user: SignedIn, customer_id: PathId) -> Response:
    """Asks whether to erase the customer."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_customer(connection, user.account_id, customer_id)
    values = {"name": display_name(row.values), "row": row, "back": f"{CUSTOMERS_PATH}/{row.customer_id}"}
    return show(request, "customer_erase.html", values)


@router.post("/{customer_id}/erase")
def erase(request: Request, services: ServicesDep, user: SignedIn, customer_id: PathId) -> WaitingAnswer:
    """Erases the customer, and goes to the list: the page that asked is gone."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_customer(connection, user.account_id, customer_id)
    arrival = arrival_of(request, services.rollcall.now(), "console")
    position = services.rollcall.customers.erase(user.account_id, [row.customer_id], arrival=arrival)
    yield from wait_until_visible(services, user.account_id, position)
    message = language_of(request).gettext("%(name)s was erased", name=display_name(row.values))
    return gone(request, {"message": message}, CUSTOMERS_PATH)
