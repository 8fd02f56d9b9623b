"""Edit Customer: attributes, tags, name and opt-out of one customer, from any list that shows the customer.

Only what was changed is written, as the same change that `/v1/customers` would make of it.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.members.customer_form import CustomerForm, form_from_fields, form_from_values
from api.console.web.form_body import PostedForm
from api.console.web.language import language_of
from api.console.web.rendering import done, show, with_query
from api.console.web.session import SignedIn, local_path
from api.http.dependencies import Services, ServicesDep
from api.http.instrumentation import arrival_of
from api.http.parameters import TEXT_PATTERN, PathId, parse_uuid
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.commands.customers import Changed
from domain.customer import CustomerChange, parse_customer_data
from domain.errors import Invalid, NotFound, StaleVersion, Unavailable
from domain.instants import Arrival
from domain.texts.language import said
from projections.read import accounts, customers
from projections.read.customers import CustomerRow

router = APIRouter(prefix="/customers", route_class=AccountRoute)
ReturnTo = Annotated[str, Query(alias="from", max_length=8_000, pattern=TEXT_PATTERN)]
MAX_TRIES = 5


@router.get("/{customer_id}/edit")
def ask(request: Request, services: ServicesDep, user: SignedIn, customer_id: PathId, back: ReturnTo = "") -> Response:
    """Shows the customer's values, to be changed."""
    with snapshot(services, user.account_id) as (connection, _):
        row = _require_customer(connection, user.account_id, customer_id)
        words = accounts.words(connection, user.account_id).spoken(language_of(request))
    return _show(request, user, row, form_from_values(row.values, words), words.zone.key, back)


@router.post("/{customer_id}/edit")
def save(
    request: Request, services: ServicesDep, user: SignedIn, customer_id: PathId, form: PostedForm, back: ReturnTo = ""
) -> WaitingAnswer:
    """Saves what was changed, or shows one more attribute to be set."""
    with snapshot(services, user.account_id) as (connection, _):
        row = _require_customer(connection, user.account_id, customer_id)
        words = accounts.words(connection, user.account_id).spoken(language_of(request))
    typed = form_from_fields(form, words)
    if form.text("action") == "add":
        return _show(request, user, row, typed, words.zone.key, back, focus=f"attribute-{form.text('add')}")
    name = row.values.get("name") or row.values.get("phone") or "The customer"
    try:
        changes = typed.changes(words.zone)
        if not changes:
            return done(request, said("Nothing was changed"), local_path(back))
        arrival = arrival_of(request, services.rollcall.now(), "console")
        changed = _change(services, user.account_id, row, changes, arrival)
        (outcome,) = changed.outcomes
        if outcome.errors:
            raise Invalid(outcome.errors[0].code, outcome.errors[0].detail, outcome.errors)
        if changed.customer(outcome) is None:
            raise _not_found()
    except Invalid as wrong:
        return _show(request, user, row, typed.with_errors(wrong.errors), words.zone.key, back, 422)
    yield from wait_until_visible(services, user.account_id, changed.position)
    return done(request, said("%(name)s was saved", name=name), local_path(back))


def _change(
    services: Services, account_id: UUID, row: CustomerRow, changes: dict[str, Any], arrival: Arrival
) -> Changed:
    """Applies the changes to the customer's current version. Raises `NotFound` once the customer is erased.

    Without the expected version, a change would create an erased customer again.
    """
    data, version = parse_customer_data(changes), row.version
    change = CustomerChange(
        row.values.get("external_id"), "changed", None, data, customer_id=row.customer_id, arrival=arrival
    )
    for _ in range(MAX_TRIES):
        try:
            return services.rollcall.customers.change(account_id, [change], expected_version=version)
        except StaleVersion as stale:
            if not stale.current:
                raise _not_found() from None
            version = stale.current
    raise Unavailable("contention", "too many changes to this customer at once; try again")


def _show(
    request: Request,
    user: Any,
    row: CustomerRow,
    form: CustomerForm,
    zone: str,
    back: str,
    status: int = 200,
    focus: str = "",
) -> Response:
    values = {
        "form": form,
        "values": row.values,
        "zone": zone,
        "focus": focus,
        "action": with_query(request.url.path, **{"from": back}),
        "back": local_path(back),
    }
    return show(request, "customer_edit.html", values, status)


def _require_customer(connection: Any, account_id: UUID, text: str) -> CustomerRow:
    customer_id = parse_uuid(text)
    row = customers.by_id(connection, account_id, customer_id) if customer_id else None
    if row is None:
        raise _not_found()
    return row


def _not_found() -> NotFound:
    return NotFound("customer_not_found", "no such customer in this account")
