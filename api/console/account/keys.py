"""The API keys page: which programs may do what; creating a key, which is shown once, and revoking one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from hmac import digest
from typing import Annotated, Any, cast
from uuid import uuid4

from fastapi import APIRouter, Form, Request, Response

from api.console.web.paging import Paged
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser
from api.http.access import key_from_bytes
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import PathText
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.route import AccountRoute
from domain.account import KeyKind
from domain.errors import Invalid, NotFound, Refused
from domain.texts.language import said
from projections.read import accounts
from projections.records import api_keys
from projections.records.api_keys import ApiKeyRow

router = APIRouter(prefix="/keys", route_class=AccountRoute)
KINDS: dict[str, str] = {
    "admin": said("Read and change everything: segments, campaigns, attributes, API keys, customers"),
    "read": said("Read everything, change nothing"),
    "write": said("Send customer data; read nothing"),
    "sdk": said("Send what analytics SDKs send, also from web pages, where anybody can see it; nothing else"),
}
NAMES: dict[str, str] = {"admin": said("Admin"), "read": said("Read"), "write": said("Write"), "sdk": "SDK"}
CONSEQUENCES: dict[str, str] = {
    "admin": said("Programs that use it can no longer read or change anything."),
    "read": said("Programs that use it can no longer read segments, members or recipients."),
    "write": said("Programs that use it can no longer send customer data; what they send is refused."),
    "sdk": said("Web pages and programs that use it can no longer send customer data; what they send is refused."),
}


@router.get("")
def list_keys(request: Request, services: ServicesDep, user: SignedIn, pager: Paged) -> Response:
    """Lists the account's API keys, newest first."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, position):
        if is_unchanged(request, position):
            return nothing_new()
        rows = api_keys.page(connection, account_id, before=_before(pager.after), limit=pager.limit)
        total = api_keys.count(connection, account_id)
        days, _ = accounts.calendar(connection, account_id)
    page = pager.page(rows, lambda row: f"{row.created_at.isoformat()} {row.key_id}", total)
    values = {
        "page": page,
        "kinds": KINDS,
        "names": NAMES,
        "zone": days.zone,
        "position": position,
    }
    return show(request, "keys.html", values)


@router.get("/new")
def new(request: Request, user: SignedIn) -> Response:
    """Shows the form for a new key."""
    return _form(request, {"name": "", "kind": "", "token": str(uuid4())})


@router.post("/new")
def create(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    name: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    token: Annotated[str, Form(max_length=100)] = "",
) -> WaitingAnswer:
    """Creates a key and shows it. The same form sent twice creates one key, and shows it the first time only."""
    errors = {} if name.strip() else {"name": said("An API key needs a name.")}
    if kind not in KINDS:
        errors["kind"] = said("Choose what the key may do.")
    typed = {"name": name, "kind": kind, "token": token}
    if errors:
        return _form(request, typed, errors)
    try:
        secret = _secret_of_form(services, user, f"{token}:{kind}:{name}")
        made = services.rollcall.keys.create(user.account_id, name, cast("KeyKind", kind), secret)
    except Invalid as mistakes:
        return _form(request, typed, {each.pointer.lstrip("/"): each.detail for each in mistakes.errors})
    except Refused:
        problem = {
            "": said("This key was already created and shown. If it was not saved, revoke it and create another.")
        }
        return _form(request, typed | {"token": str(uuid4())}, problem, 409)
    yield from wait_until_visible(services, user.account_id, made.position)
    values = {"name": name.strip(), "key": made.key, "does": KINDS[kind]}
    return show(request, "key_created.html", values, Cache_Control="no-store")


@router.get("/{key_id}/revoke")
def ask(request: Request, services: ServicesDep, user: SignedIn, key_id: PathText) -> Response:
    """Asks whether to revoke a key: which one it is, and what stops working."""
    row = _require_key(services, user, key_id)
    values = {"key": row, "consequences": CONSEQUENCES[row.kind]}
    return show(request, "key_revoke.html", values)


@router.post("/{key_id}/revoke")
def revoke(request: Request, services: ServicesDep, user: SignedIn, key_id: PathText) -> WaitingAnswer:
    """Revokes a key: requests with it are refused from now on."""
    row = _require_key(services, user, key_id)
    position = services.rollcall.keys.revoke(user.account_id, row.key_id)
    yield from wait_until_visible(services, user.account_id, position)
    return done(request, said("%(name)s was revoked", name=row.name), "/console/keys")


def _require_key(services: Services, user: SignedInUser, key_id: str) -> ApiKeyRow:
    with snapshot(services, user.account_id) as (connection, _):
        row = api_keys.by_id(connection, user.account_id, key_id)
    if row is None:
        raise NotFound("key_not_found", "no such API key in this account")
    return row


def _secret_of_form(services: Services, user: SignedInUser, form: str) -> str:
    """Returns the key that one form creates, however often it is sent; only this installation can compute it."""
    return key_from_bytes(digest(services.secret, f"{user.account_id}:{form}".encode(), sha256))


def _form(
    request: Request,
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    status: int = 422,
) -> Response:
    values: dict[str, Any] = {
        "typed": typed,
        "errors": errors or {},
        "kinds": KINDS,
        "names": NAMES,
    }
    return show(request, "key_form.html", values, status if errors else 200)


def _before(after: str) -> tuple[datetime, str] | None:
    """Returns the key after which a page begins: when it was created, and its id."""
    instant, _, key_id = after.partition(" ")
    try:
        return (datetime.fromisoformat(instant), key_id) if key_id else None
    except ValueError:
        return None
