"""The people of the account: who they are, adding one with a link that lets her in once, removing one."""

from __future__ import annotations

import hashlib
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.console.account.person_form import PersonForm, Typed
from api.console.web.rendering import PLACE, done, show, still
from api.console.web.session import Person, SignedIn, address
from api.http.context import Context, Here
from api.http.parameters import PathId, uuid_in
from api.http.read_your_writes import snapshot
from domain.errors import NotFound, Refused
from domain.people import new_token
from projections.read import accounts
from projections.records import people, sessions
from projections.records.people import PersonRow

router = APIRouter(prefix="/people")
LIST = f"{PLACE}/people"


@router.get("")
def list_people(request: Request, here: Here, person: SignedIn) -> Response:
    """Everybody who may sign in to this account, the first one first."""
    rows = people.everybody(here.database, person.account_id)
    seen = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    if request.headers.get("rollcall-seen") == seen:
        return still()
    with snapshot(here, person.account_id) as (connection, _):
        days, _ = accounts.calendar(connection, person.account_id)
    values = {"person": person, "active": "people", "people": rows, "zone": days.zone, "seen": seen}
    return show(request, "people.html", values)


@router.get("/new")
def ask_new(request: Request, person: SignedIn) -> Response:
    """The form for adding a person."""
    return _form(request, person, PersonForm("", ""))


@router.post("/new")
def add(request: Request, here: Here, person: SignedIn, typed: Typed) -> Response:
    """Add a person, and show the link that lets her in, once."""
    typed.check(email_needed=True)
    if not typed.errors:
        try:
            added = people.add(
                here.database, person.account_id, name=typed.name, email=typed.email, now=here.rollcall.now()
            )
        except Refused as taken:
            typed.errors["email"] = taken.detail
        else:
            return _show_link(request, here, person, people.find(here.database, person.account_id, added))
    return _form(request, person, typed, 422)


@router.post("/{person_id}/link")
def make_link(request: Request, here: Here, person: SignedIn, person_id: PathId) -> Response:
    """Another link for somebody who has not chosen a password yet."""
    row = _find(here, person, person_id)
    if row.has_password:
        raise Refused(
            "has_password",
            f"{row.name} has a password, so no one else may create a link for them; if it was forgotten, "
            "your administrator can create a link with: rollcall person link",
        )
    return _show_link(request, here, person, row)


@router.get("/{person_id}/remove")
def ask_removal(request: Request, here: Here, person: SignedIn, person_id: PathId) -> Response:
    """What removing her would mean."""
    row = _find(here, person, person_id)
    values = {"person": person, "active": "people", "row": row, "own": row.person_id == person.person_id}
    return show(request, "person_remove.html", values)


@router.post("/{person_id}/remove")
def remove(request: Request, here: Here, person: SignedIn, person_id: PathId) -> Response:
    """Remove her; wherever she is signed in, she is no longer."""
    row = _find(here, person, person_id)
    if row.person_id == person.person_id:
        raise Refused(
            "own_person", "you cannot remove yourself, so that someone can always sign in; ask someone else to remove you"
        )
    people.remove(here.database, person.account_id, row.person_id)
    return done(request, f"{row.name} was removed", LIST)


def _find(here: Context, person: Person, person_id: str) -> PersonRow:
    known: UUID | None = uuid_in(person_id)
    if known is None:
        raise NotFound("person_not_found", "no such person in this account")
    return people.find(here.database, person.account_id, known)


def _show_link(request: Request, here: Context, person: Person, row: PersonRow) -> Response:
    token = new_token()
    sessions.make_link(here.database, person.account_id, row.person_id, token.sha256, here.rollcall.now())
    link = f"{address(request)}{PLACE}/sign-in/{token.text}"
    return show(request, "person_link.html", {"person": person, "active": "people", "row": row, "link": link})


def _form(request: Request, person: Person, typed: PersonForm, status: int = 200) -> Response:
    return show(request, "person_new.html", {"person": person, "active": "people", "typed": typed}, status)
