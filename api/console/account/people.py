"""The people of the account: listing them, adding one with a one-time link to sign in, removing one."""

from __future__ import annotations

import hashlib
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.console.account.person_form import PersonForm, Typed
from api.console.paths import CONSOLE_PATH
from api.console.web.rendering import done, is_unchanged, nothing_new, show
from api.console.web.session import SignedIn, SignedInUser, site_address
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import PathId, parse_uuid
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.errors import NotFound, Refused
from domain.people import new_token
from domain.texts.language import said
from projections.read import accounts
from projections.records import people, sessions
from projections.records.people import PersonRow

router = APIRouter(prefix="/people", route_class=AccountRoute)
PEOPLE_PATH = f"{CONSOLE_PATH}/people"


@router.get("")
def list_people(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Lists everyone who may sign in to this account, oldest first."""
    rows = people.list_people(services.database, user.account_id)
    # People are rows, not events: no log position says whether something changed.
    seen = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    if is_unchanged(request, seen):
        return nothing_new()
    with snapshot(services, user.account_id) as (connection, _):
        days, _ = accounts.calendar(connection, user.account_id)
    values = {"people": rows, "zone": days.zone, "seen": seen}
    return show(request, "people.html", values)


@router.get("/new")
def ask_new(request: Request, user: SignedIn) -> Response:
    """Shows the form for adding a person."""
    return _form(request, PersonForm("", ""))


@router.post("/new")
def add(request: Request, services: ServicesDep, user: SignedIn, typed: Typed) -> Response:
    """Adds a person, and shows their one-time link."""
    typed.check(email_needed=True)
    if not typed.errors:
        try:
            added = people.add(
                services.database, user.account_id, name=typed.name, email=typed.email, now=services.rollcall.now()
            )
        except Refused as taken:
            typed.errors["email"] = taken.detail
        else:
            return _show_link(request, services, user, people.require_person(services.database, user.account_id, added))
    return _form(request, typed, 422)


@router.post("/{person_id}/link")
def make_link(request: Request, services: ServicesDep, user: SignedIn, person_id: PathId) -> Response:
    """Creates another link for a person who has not chosen a password yet."""
    row = _require_person(services, user, person_id)
    if row.has_password:
        raise Refused(
            "has_password",
            f"{row.name} has a password, so no one else may create a link for them; if it was forgotten, "
            "your administrator can create a link with: rollcall person link",
        )
    return _show_link(request, services, user, row)


@router.get("/{person_id}/remove")
def ask_removal(request: Request, services: ServicesDep, user: SignedIn, person_id: PathId) -> Response:
    """Asks whether to remove a person: what that means."""
    row = _require_person(services, user, person_id)
    values = {"row": row, "own": row.person_id == user.person_id}
    return show(request, "person_remove.html", values)


@router.post("/{person_id}/remove")
def remove(request: Request, services: ServicesDep, user: SignedIn, person_id: PathId) -> Response:
    """Removes a person and ends their sessions."""
    row = _require_person(services, user, person_id)
    if row.person_id == user.person_id:
        raise Refused(
            "own_person",
            "you cannot remove yourself, so that someone can always sign in; ask someone else to remove you",
        )
    people.remove(services.database, user.account_id, row.person_id)
    return done(request, said("%(name)s was removed", name=row.name), PEOPLE_PATH)


def _require_person(services: Services, user: SignedInUser, person_id: str) -> PersonRow:
    parsed: UUID | None = parse_uuid(person_id)
    if parsed is None:
        raise NotFound("person_not_found", "no such person in this account")
    return people.require_person(services.database, user.account_id, parsed)


def _show_link(request: Request, services: Services, user: SignedInUser, row: PersonRow) -> Response:
    token = new_token()
    sessions.make_link(services.database, user.account_id, row.person_id, token.sha256, services.rollcall.now())
    link = f"{site_address(request)}{CONSOLE_PATH}/sign-in/{token.text}"
    return show(request, "person_link.html", {"row": row, "link": link}, Cache_Control="no-store")


def _form(request: Request, typed: PersonForm, status: int = 200) -> Response:
    return show(request, "person_new.html", {"typed": typed}, status)
