"""The API keys page: which programs may do what; handing out a key, which is shown once, and revoking one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from hmac import digest
from typing import Annotated, Any, cast
from uuid import uuid4

from fastapi import APIRouter, Form, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import done, show, still, unchanged
from api.console.web.session import Person, SignedIn
from api.http.access import key_from_bytes
from api.http.context import Context, Here
from api.http.parameters import PathText
from api.http.read_your_writes import settle, snapshot
from domain.account import KeyKind
from domain.errors import Invalid, NotFound, Refused
from projections.read import accounts
from projections.read.accounts import KeyRow

router = APIRouter(prefix="/keys")
KINDS: dict[str, str] = {
    "admin": "Read and change everything: segments, campaigns, attributes, API keys, customers",
    "read": "Read everything, change nothing",
    "write": "Send customers' data in; read nothing",
}
STOPS: dict[str, str] = {
    "admin": "Programs that use it can neither read nor change anything any more.",
    "read": "Programs that read segments, members or recipients with it are refused.",
    "write": "Programs that send customers' data in with it are refused, and what they send is not taken in.",
}


@router.get("")
def list_keys(request: Request, here: Here, person: SignedIn, pager: Paged) -> Response:
    """The account's API keys, newest first."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, position):
        if unchanged(request, position):
            return still()
        rows = accounts.keys(connection, account_id, before=_before(pager.after), limit=pager.fetch)
        total = accounts.count_keys(connection, account_id)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda row: f"{row.created_at.isoformat()} {row.key_id}", total)
    values = {
        "person": person, "active": "keys", "page": page, "kinds": KINDS, "zone": days.zone, "position": position,
    }  # fmt: skip
    return show(request, "keys.html", values)


@router.get("/new")
def new(request: Request, person: SignedIn) -> Response:
    """The form for a new key."""
    return _form(request, person, {"name": "", "kind": "", "token": str(uuid4())})


@router.post("/new")
def create(
    request: Request,
    here: Here,
    person: SignedIn,
    name: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    token: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Hand out a key and show it. The same form sent twice hands out one, and shows it the first time only."""
    errors = {} if name.strip() else {"name": "An API key needs a name."}
    if kind not in KINDS:
        errors["kind"] = "Choose what the key may do."
    asked = {"name": name, "kind": kind, "token": token}
    if errors:
        return _form(request, person, asked, errors)
    try:
        secret = _secret(here, person, f"{token}:{kind}:{name}")
        made = here.rollcall.keys.create(person.account_id, name, cast("KeyKind", kind), secret)
    except Invalid as mistakes:
        return _form(request, person, asked, {each.pointer.lstrip("/"): each.detail for each in mistakes.errors})
    except Refused:
        told = {"": "This key was made and shown already. Revoke it if nobody kept it, then create another."}
        return _form(request, person, asked | {"token": str(uuid4())}, told, 409)
    settle(here, person.account_id, made.position)
    values = {"person": person, "active": "keys", "name": name.strip(), "key": made.key, "does": KINDS[kind]}
    return show(request, "key_created.html", values, Cache_Control="no-store")


@router.get("/{key_id}/revoke")
def ask(request: Request, here: Here, person: SignedIn, key_id: PathText) -> Response:
    """Which key it is, and what stops working."""
    row = _found(here, person, key_id)
    values = {"person": person, "active": "keys", "key": row, "stops": STOPS[row.kind]}
    return show(request, "key_revoke.html", values)


@router.post("/{key_id}/revoke")
def revoke(request: Request, here: Here, person: SignedIn, key_id: PathText) -> Response:
    """Revoke it: requests with it are refused from now on."""
    row = _found(here, person, key_id)
    position = here.rollcall.keys.revoke(person.account_id, row.key_id)
    settle(here, person.account_id, position)
    return done(request, f"{row.name} was revoked", "/console/keys")


def _found(here: Context, person: Person, key_id: str) -> KeyRow:
    with snapshot(here, person.account_id) as (connection, _):
        row = accounts.key(connection, person.account_id, key_id)
    if row is None:
        raise NotFound("key_not_found", "no such API key in this account")
    return row


def _secret(here: Context, person: Person, form: str) -> str:
    """The key that one form hands out, however often it is sent; only this installation can know it."""
    return key_from_bytes(digest(here.secret, f"{person.account_id}:{form}".encode(), sha256))


def _form(
    request: Request,
    person: Person,
    asked: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    status: int = 422,
) -> Response:
    values: dict[str, Any] = {
        "person": person, "active": "keys", "asked": asked, "errors": errors or {}, "kinds": KINDS,
    }  # fmt: skip
    return show(request, "key_form.html", values, status if errors else 200)


def _before(after: str) -> tuple[datetime, str] | None:
    """The key after which a page begins: when it was made, and its id."""
    instant, _, key_id = after.partition(" ")
    try:
        return (datetime.fromisoformat(instant), key_id) if key_id else None
    except ValueError:
        return None
