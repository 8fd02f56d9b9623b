"""Signing in, by e-mail address and password or by a one-time link, and signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from api.console.paths import CONSOLE_PATH
from api.console.web.attempts import begin_attempt, network_of, withdraw_attempt
from api.console.web.passwords import Passwords
from api.console.web.rendering import show
from api.console.web.session import HOME_PATH, Session, forget_session, local_path, start_session, token_hash_of
from api.http.dependencies import Services, ServicesDep
from api.http.route import AccountRoute
from domain.people import sha256_of
from domain.texts.language import counted, said
from projections.records import people, sessions

router = APIRouter(route_class=AccountRoute)
WRONG_CREDENTIALS = said("The e-mail address or the password is wrong.")


@router.get("/sign-in")
def ask(request: Request, session: Session, following: Annotated[str, Query(alias="next")] = "") -> Response:
    """Shows the form; a user who is already signed in is sent on."""
    if session is not None:
        return RedirectResponse(local_path(following), 303)
    return _form(request, following, "", {})


@router.post("/sign-in")
def sign_in(
    request: Request,
    services: ServicesDep,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    following: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Starts a session if the address and the password are right; refuses for a while after several failed attempts."""
    email = email.strip().replace("\x00", "")
    if not email or not password:
        missing: dict[str, str] = {"email": said("Enter your e-mail address.")} if not email else {}
        return _form(
            request, following, email, missing | ({} if password else {"password": said("Enter your password.")})
        )
    now = services.rollcall.now()
    network = network_of(request)
    if wait := begin_attempt(services, network, now):
        detail = counted(
            "Too many failed attempts from your network. Try again in %(num)s minute, or use a link.",
            "Too many failed attempts from your network. Try again in %(num)s minutes, or use a link.",
            wait,
        )
        return _form(request, following, email, {"": detail}, 429, Retry_After=str(60 * wait))
    if wait := count_attempt(services, email):
        detail = counted(
            "Too many attempts with this e-mail address. Try again in %(num)s minute.",
            "Too many attempts with this e-mail address. Try again in %(num)s minutes.",
            wait,
        )
        return _form(request, following, email, {"email": detail}, 429, Retry_After=str(60 * wait))
    candidate = people.credentials_of(services.database, email)
    hashed = candidate.password_hash if candidate else None
    passwords: Passwords = request.app.state.passwords
    # Checked for an unknown address too, so that both take the same time.
    matches = passwords.matches(hashed, password)
    if candidate is None or hashed is None or not matches:
        return _form(request, following, email, {"password": WRONG_CREDENTIALS})
    withdraw_attempt(services, network, now)
    sessions.forgive_attempts(services.database, email)
    answer = start_session(
        request, services, candidate.account_id, candidate.person_id, to=local_path(following), verified_hash=hashed
    )
    if answer is None:
        return _form(request, following, email, {"password": WRONG_CREDENTIALS})
    if passwords.needs_rehash(hashed):
        people.rehash(services.database, candidate.account_id, candidate.person_id, hashed, passwords.hash(password))
    return answer


def count_attempt(services: Services, email: str) -> int:
    """Counts an attempt with an e-mail address. Returns for how many minutes it is refused; 0 where it is allowed."""
    now = services.rollcall.now()
    until = sessions.begin_attempt(services.database, email, now)
    return 0 if until is None else int((until - now).total_seconds() // 60) + 1


@router.get("/sign-in/{token}")
def show_link(request: Request, services: ServicesDep, token: str) -> Response:
    """Shows who is signed in by a one-time link, and a button that does it: a program that only looks uses none up."""
    name = sessions.person_of_link(services.database, sha256_of(token), services.rollcall.now())
    if name is None:
        return show(request, "sign_in_link.html", {}, 410)
    return show(request, "sign_in_confirm.html", {"name": name})


@router.post("/sign-in/{token}")
def use_link(request: Request, services: ServicesDep, token: str) -> Response:
    """Signs in the person that a one-time link is for, once. Only the page of the link may ask for it."""
    invited = sessions.use_link(services.database, sha256_of(token), services.rollcall.now())
    if invited is not None:
        to = f"{CONSOLE_PATH}/you" if invited.chooses_password else HOME_PATH
        answer = start_session(request, services, invited.account_id, invited.person_id, to=to, verified_hash=None)
        if answer is not None:
            return answer
    return show(request, "sign_in_link.html", {}, 410)


@router.post("/sign-out")
def sign_out(request: Request, services: ServicesDep, session: Session) -> Response:
    """Ends the session, if there is one."""
    token = token_hash_of(request)
    if session is not None and token is not None:
        sessions.end(services.database, session.account_id, token)
    return forget_session(request, f"{CONSOLE_PATH}/sign-in")


def _form(
    request: Request, following: str, email: str, errors: dict[str, str], status: int = 0, **headers: str
) -> Response:
    values = {"email": email, "errors": errors, "following": local_path(following)}
    return show(request, "sign_in.html", values, status or (422 if errors else 200), **headers)
