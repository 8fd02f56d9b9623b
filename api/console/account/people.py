"""The people of the account: who they are, adding one with a link that lets her in once, removing one."""

from __future__ import annotations

import hashlib
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.console.account.person_form import PersonForm, Typed
from api.console.web.rendering import PLACE, done, show, still
from api.console.web.session import Person, SignedIn, address
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import PathId, parse_uuid
from api.http.read_your_writes import snapshot
from domain.errors import NotFound, Refused
from domain.people import new_token
from projections.read import accounts
from projections.records import people, sessions
from projections.records.people import PersonRow

router = APIRouter(prefix="/people")
LIST = f"{PLACE}/people"


@router.get("")
def list_people(request: Request, services: ServicesDep, person: SignedIn) -> Response:
    """Everybody who may sign in to this account, the first one first."""
    rows = people.everybody(services.database, person.account_id)
    seen = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    if request.headers.get("rollcall-seen") == seen:
        return still()
    with snapshot(services, person.account_id) as (connection, _):
        days, _ = accounts.calendar(connection, person.account_id)
    values = {"person": person, "active": "people", "people": rows, "zone": days.zone, "seen": seen}
    return show(request, "people.html", values)


@router.get("/new")
def ask_new(request: Request, person: SignedIn) -> Response:
    """The form for adding a person."""
    return _form(request, person, PersonForm("", ""))


@router.post("/new")
def add(request: Request, services: ServicesDep, person: SignedIn, typed: Typed) -> Response:
    """Add a person, and show the link that lets her in, once."""
    typed.check(email_needed=True)
    if not typed.errors:
        try:
            added = people.add(
                services.database, person.account_id, name=typed.name, email=typed.email, now=services.rollcall.now()
            )
        except Refused as taken:
            typed.errors["email"] = taken.detail
        else:
            return _show_link(request, services, person, people.find(services.database, person.account_id, added))
    return _form(request, person, typed, 422)


@router.post("/{person_id}/link")
def make_link(request: Request, services: ServicesDep, person: SignedIn, person_id: PathId) -> Response:
    """Another link for somebody who has not chosen a password yet."""
    row = _find(services, person, person_id)
    if row.has_password:
        raise Refused(
            "has_password",
            f"{row.name} has a password, so that nobody else can sign in as this person; if it was forgotten, "
            "whoever runs Rollcall makes a link with: rollcall person link",
        )
    return _show_link(request, services, person, row)


@router.get("/{person_id}/remove")
def ask_removal(request: Request, services: ServicesDep, person: SignedIn, person_id: PathId) -> Response:
    """What removing her would mean."""
    row = _find(services, person, person_id)
    values = {"person": person, "active": "people", "row": row, "own": row.person_id == person.person_id}
    return show(request, "person_remove.html", values)


@router.post("/{person_id}/remove")
def remove(request: Request, services: ServicesDep, person: SignedIn, person_id: PathId) -> Response:
    """Remove her; wherever she is signed in, she is no longer."""
    row = _find(services, person, person_id)
    if row.person_id == person.person_id:
        raise Refused(
            "own_person", "you cannot remove yourself, so that somebody can always sign in; ask another person"
        )
    people.remove(services.database, person.account_id, row.person_id)
    return done(request, f"{row.name} was removed", LIST)


def _find(services: Services, person: Person, person_id: str) -> PersonRow:
    known: UUID | None = parse_uuid(person_id)
    if known is None:
        raise NotFound("person_not_found", "no such person in this account")
    return people.find(services.database, person.account_id, known)


def _show_link(request: Request, services: Services, person: Person, row: PersonRow) -> Response:
    token = new_token()
    sessions.make_link(services.database, person.account_id, row.person_id, token.sha256, services.rollcall.now())
    link = f"{address(request)}{PLACE}/sign-in/{token.text}"
    return show(request, "person_link.html", {"person": person, "active": "people", "row": row, "link": link})


def _form(request: Request, person: Person, typed: PersonForm, status: int = 200) -> Response:
    return show(request, "person_new.html", {"person": person, "active": "people", "typed": typed}, status)
