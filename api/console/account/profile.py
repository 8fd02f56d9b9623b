"""The signed-in user's own page: name, e-mail address, password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.console.account.person_form import PersonForm, Typed
from api.console.account.sign_in import count_attempt
from api.console.paths import CONSOLE_PATH
from api.console.web.language import asked_for_by, languages
from api.console.web.passwords import Passwords
from api.console.web.rendering import done, show
from api.console.web.session import Session, SignedIn, SignedInUser, is_recent_link_session, token_hash_of
from api.http.dependencies import Services, ServicesDep
from api.http.route import AccountRoute
from domain.errors import Invalid, Refused
from domain.people import checked_password
from domain.texts.language import counted, said
from projections.records import people, sessions
from projections.records.people import PersonRow
from projections.records.sessions import SessionRow

router = APIRouter(prefix="/you", route_class=AccountRoute)
PROFILE_PATH = f"{CONSOLE_PATH}/you"


@router.get("")
def show_profile(request: Request, services: ServicesDep, user: SignedIn, session: Session) -> Response:
    """Shows the name, the e-mail address, and the form for a password."""
    return _page(request, services, user, session)


@router.post("")
def change(request: Request, services: ServicesDep, user: SignedIn, session: Session, typed: Typed) -> Response:
    """Changes the name and the e-mail address, which a user with a password must have."""
    row = people.require_person(services.database, user.account_id, user.person_id)
    typed.check(email_needed=row.has_password or row.email is not None)
    if not typed.errors:
        try:
            people.change(
                services.database, user.account_id, user.person_id, name=typed.name, email=typed.email or None
            )
        except Refused as taken:
            typed.errors["email"] = taken.detail
        else:
            return done(request, said("Saved"), PROFILE_PATH)
    return _page(request, services, user, session, typed=typed)


@router.post("/language")
def choose_language(
    request: Request, services: ServicesDep, user: SignedIn, language: Annotated[str, Form()] = ""
) -> Response:
    """Shows the console in a language from now on; in that of the browser where none is chosen."""
    chosen = languages().get(language)
    people.choose_language(services.database, user.account_id, user.person_id, chosen.code if chosen else None)
    return done(request, (chosen or asked_for_by(request)).gettext("Saved"), PROFILE_PATH)


@router.post("/password")
def change_password(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    session: Session,
    current: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    repeated: Annotated[str, Form()] = "",
) -> Response:
    """Sets or changes the password; the user's other sessions end."""
    row = people.require_person(services.database, user.account_id, user.person_id)
    passwords: Passwords = request.app.state.passwords
    status, errors = 422, _new_password_errors(row, password, repeated)
    if not errors and _requires_current_password(services, row, session):
        if wait := count_attempt(services, user.email):
            status, errors = (
                429,
                {
                    "current": counted(
                        "Too many attempts. Try again in %(num)s minute.",
                        "Too many attempts. Try again in %(num)s minutes.",
                        wait,
                    )
                },
            )
        elif not passwords.matches(people.password_hash(services.database, user.account_id, user.person_id), current):
            errors = {"current": said("This is not your current password.")}
        else:
            sessions.forgive_attempts(services.database, user.email)
    if errors:
        return _page(request, services, user, session, errors=errors, status=status)
    keep = token_hash_of(request) or b""
    people.set_password(services.database, user.account_id, user.person_id, passwords.hash(password), keep)
    return done(
        request, said("Your password was changed") if row.has_password else said("Your password was set"), PROFILE_PATH
    )


def _new_password_errors(row: PersonRow, password: str, repeated: str) -> dict[str, str]:
    if row.email is None:
        return {"password": said("Enter your e-mail address first: you sign in with both.")}
    try:
        checked_password(password)
    except Invalid as wrong:
        return {"password": wrong.detail}
    return {} if repeated == password else {"repeated": said("This is not the same as the new password above.")}


def _requires_current_password(services: Services, row: PersonRow, session: SessionRow | None) -> bool:
    """Returns whether the current password is required: not right after a one-time link, as it may be forgotten."""
    return row.has_password and not (session is not None and is_recent_link_session(session, services))


def _page(
    request: Request,
    services: Services,
    user: SignedInUser,
    session: SessionRow | None,
    *,
    typed: PersonForm | None = None,
    errors: dict[str, str] | None = None,
    status: int = 422,
) -> Response:
    row = people.require_person(services.database, user.account_id, user.person_id)
    typed = typed or PersonForm(row.name, row.email or "")
    values = {
        "row": row,
        "languages": languages().values(),
        "typed": typed,
        "errors": errors or {},
        "requires_current_password": _requires_current_password(services, row, session),
    }
    return show(request, "you.html", values, status if errors or typed.errors else 200)
