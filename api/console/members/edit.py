"""Edit Customer: attributes, tags, name and opt-out of one customer, from wherever a list shows her.

Only what was changed is sent, as the change that `/v1/customers` would make of it.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.members.form import CustomerForm, form_in, form_of
from api.console.web.form_body import Form
from api.console.web.rendering import done, show, with_query
from api.console.web.session import SignedIn, local_path
from api.http.context import Context, Here
from api.http.parameters import TEXT_PATTERN, PathId, uuid_in
from api.http.read_your_writes import settle, snapshot
from domain.customer import CustomerChange, Outcome, parse_customer_data
from domain.errors import Invalid, NotFound, StaleVersion, Unavailable
from projections.read import accounts, customers
from projections.read.customers import CustomerRow

router = APIRouter(prefix="/customers")
From = Annotated[str, Query(alias="from", max_length=8_000, pattern=TEXT_PATTERN)]
_TRIES = 5


@router.get("/{customer_id}/edit")
def ask(request: Request, here: Here, person: SignedIn, customer_id: PathId, back: From = "") -> Response:
    """Her values, to be changed."""
    with snapshot(here, person.account_id) as (connection, _):
        row = _find(connection, person.account_id, customer_id)
        words = accounts.words(connection, person.account_id, {})
    return _show(request, person, row, form_of(row.values, words), words.zone.key, back)


@router.post("/{customer_id}/edit")
def save(request: Request, here: Here, person: SignedIn, customer_id: PathId, form: Form, back: From = "") -> Response:
    """Save what was changed, or show one more attribute to be set."""
    with snapshot(here, person.account_id) as (connection, _):
        row = _find(connection, person.account_id, customer_id)
        words = accounts.words(connection, person.account_id, {})
    asked = form_in(form, words)
    if form.one("action") == "add":
        return _show(request, person, row, asked, words.zone.key, back, focus=f"attribute-{form.one('add')}")
    called = row.values.get("name") or row.values.get("phone") or "The customer"
    try:
        changes = asked.changes(words.zone)
        if not changes:
            return done(request, "Nothing was changed", local_path(back))
        position, outcome = _change(here, person.account_id, row, changes)
        if outcome.errors:
            raise Invalid(outcome.errors[0].code, outcome.errors[0].detail, outcome.errors)
        if outcome.customer is None:
            raise _nobody()
        if outcome.result == "stale":
            raise Invalid.at("", "newer_value", "Newer values came in meanwhile, and they stay; open her again")
    except Invalid as wrong:
        return _show(request, person, row, asked.with_errors(wrong.errors), words.zone.key, back, 422)
    settle(here, person.account_id, position)
    return done(request, f"{called} was saved", local_path(back))


def _change(here: Context, account_id: UUID, row: CustomerRow, changes: dict[str, Any]) -> tuple[int, Outcome]:
    """Change her as she is now, whoever else does; but not somebody who was erased, who would come back."""
    data, version = parse_customer_data(changes), row.version
    for _ in range(_TRIES):
        now = here.rollcall.now()
        change = CustomerChange(row.values.get("external_id"), "changed", now, data, customer_id=row.customer_id)
        try:
            changed = here.rollcall.customers.change(account_id, [change], expected_version=version)
        except StaleVersion as stale:
            if not stale.current:
                raise _nobody() from None
            version = stale.current
        else:
            return changed.position, changed.outcomes[0]
    raise Unavailable("contention", "the customer is changed by many at once; try again")


def _show(
    request: Request, person: Any, row: CustomerRow, form: CustomerForm, zone: str, back: str, status: int = 200,
    focus: str = "",
) -> Response:  # fmt: skip
    values = {
        "person": person, "active": "segments", "form": form, "values": row.values, "zone": zone, "focus": focus,
        "action": with_query(request.url.path, **{"from": back}), "back": local_path(back),
    }  # fmt: skip
    return show(request, "customer_edit.html", values, status)


def _find(connection: Any, account_id: UUID, written: str) -> CustomerRow:
    customer_id = uuid_in(written)
    row = customers.by_id(connection, account_id, customer_id) if customer_id else None
    if row is None:
        raise _nobody()
    return row


def _nobody() -> NotFound:
    return NotFound("customer_not_found", "no such customer in this account")
