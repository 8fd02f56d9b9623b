"""The signed-in person's own page: her name, her e-mail address, her password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.console.account.person_form import PersonForm, Typed
from api.console.account.sign_in import minutes_refused
from api.console.web.passwords import Passwords
from api.console.web.rendering import PLACE, done, show
from api.console.web.session import Person, Session, SignedIn, token_of, vouched
from api.http.dependencies import Services, ServicesDep
from domain.errors import Invalid, Refused
from domain.filters.wording import plural
from domain.people import checked_password
from projections.records import people, sessions
from projections.records.people import PersonRow
from projections.records.sessions import SessionRow

router = APIRouter(prefix="/you")
PAGE = f"{PLACE}/you"


@router.get("")
def show_you(request: Request, services: ServicesDep, person: SignedIn, session: Session) -> Response:
    """Her name, her e-mail address, and the form for a password."""
    return _page(request, services, person, session)


@router.post("")
def change(request: Request, services: ServicesDep, person: SignedIn, session: Session, typed: Typed) -> Response:
    """Change her name and e-mail address; with a password she needs an address."""
    row = people.find(services.database, person.account_id, person.person_id)
    typed.check(email_needed=row.has_password or row.email is not None)
    if not typed.errors:
        try:
            people.change(
                services.database, person.account_id, person.person_id, name=typed.name, email=typed.email or None
            )
        except Refused as taken:
            typed.errors["email"] = taken.detail
        else:
            return done(request, "Saved", PAGE)
    return _page(request, services, person, session, typed=typed)


@router.post("/password")
def change_password(
    request: Request,
    services: ServicesDep,
    person: SignedIn,
    session: Session,
    current: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    repeated: Annotated[str, Form()] = "",
) -> Response:
    """Choose a password, or another one; her other sessions end."""
    row = people.find(services.database, person.account_id, person.person_id)
    passwords: Passwords = request.app.state.passwords
    status, errors = 422, _new_password_errors(row, password, repeated)
    if not errors and _asks_current(services, row, session):
        if wait := minutes_refused(services, person.email):
            status, errors = 429, {"current": f"Too many attempts. Try again in {plural(wait, 'minute')}."}
        elif not passwords.fits(people.password_hash(services.database, person.account_id, person.person_id), current):
            errors = {"current": "This is not your present password."}
        else:
            sessions.forgive_attempts(services.database, person.email)
    if errors:
        return _page(request, services, person, session, errors=errors, status=status)
    keep = token_of(request) or b""
    people.set_password(services.database, person.account_id, person.person_id, passwords.hashed(password), keep)
    return done(request, "Your password was changed" if row.has_password else "Your password was set", PAGE)


def _new_password_errors(row: PersonRow, password: str, repeated: str) -> dict[str, str]:
    if row.email is None:
        return {"password": "Give your e-mail address first: you sign in with both."}
    try:
        checked_password(password)
    except Invalid as wrong:
        return {"password": wrong.detail}
    return {} if repeated == password else {"repeated": "This is not the same as the new password."}


def _asks_current(services: Services, row: PersonRow, session: SessionRow | None) -> bool:
    """Whether she has to know her present password; who came by a link just now may have forgotten it."""
    return row.has_password and not (session is not None and vouched(session, services))


def _page(
    request: Request,
    services: Services,
    person: Person,
    session: SessionRow | None,
    *,
    typed: PersonForm | None = None,
    errors: dict[str, str] | None = None,
    status: int = 422,
) -> Response:
    row = people.find(services.database, person.account_id, person.person_id)
    typed = typed or PersonForm(row.name, row.email or "")
    values = {
        "person": person, "active": "you", "row": row, "typed": typed, "errors": errors or {},
        "asks_current": _asks_current(services, row, session),
    }  # fmt: skip
    return show(request, "you.html", values, status if errors or typed.errors else 200)
