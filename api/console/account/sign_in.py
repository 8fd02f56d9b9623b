"""Coming in and going out: by e-mail address and password, by a one-time link, and signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from api.console.web.passwords import Passwords
from api.console.web.rendering import PLACE, show
from api.console.web.session import HOME, Session, let_in, let_out, local_path, token_of
from api.http.dependencies import Services, ServicesDep
from domain.filters.wording import plural
from domain.people import sha256_of
from projections.records import people, sessions

router = APIRouter()
WRONG = "This e-mail address and password do not belong together."


@router.get("/sign-in")
def ask(request: Request, session: Session, following: Annotated[str, Query(alias="next")] = "") -> Response:
    """The form; who is signed in already goes on at once."""
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
    """Begin a session where address and password belong together; after five that do not, refuse for a while."""
    email = email.strip().replace("\x00", "")
    if not email or not password:
        missing = {"email": "Give your e-mail address."} if not email else {}
        return _form(request, following, email, missing | ({} if password else {"password": "Give your password."}))
    if wait := minutes_refused(services, email):
        detail = f"Too many attempts with this e-mail address. Try again in {plural(wait, 'minute')}."
        return _form(request, following, email, {"email": detail}, 429, Retry_After=str(60 * wait))
    candidate = people.of_email(services.database, email)
    hashed = candidate.password_hash if candidate else None
    passwords: Passwords = request.app.state.passwords
    # Asked for an unknown address too, so that both take the same time.
    fitting = passwords.fits(hashed, password)
    if candidate is None or hashed is None or not fitting:
        return _form(request, following, email, {"password": WRONG})
    sessions.forgive_attempts(services.database, email)
    answer = let_in(
        request, services, candidate.account_id, candidate.person_id, to=local_path(following), verified_hash=hashed
    )
    if answer is None:
        return _form(request, following, email, {"password": WRONG})
    if passwords.outdated(hashed):
        people.rehash(services.database, candidate.account_id, candidate.person_id, hashed, passwords.hashed(password))
    return answer


def minutes_refused(services: Services, email: str) -> int:
    """Count an attempt with an e-mail address; for how many minutes it is refused, 0 where it may go on."""
    now = services.rollcall.now()
    until = sessions.begin_attempt(services.database, email, now)
    return 0 if until is None else int((until - now).total_seconds() // 60) + 1


@router.get("/sign-in/{token}")
def follow_link(request: Request, services: ServicesDep, token: str) -> Response:
    """Let in whom a one-time link names, once. What only looks ahead (a browser's prefetch) does not use it up."""
    ahead = request.headers.get("sec-purpose") or request.headers.get("purpose") or request.headers.get("x-moz") or ""
    if "prefetch" in ahead or "prerender" in ahead or "preview" in ahead:
        return PlainTextResponse("This link works once; open it to use it.", 503)
    invited = sessions.use_link(services.database, sha256_of(token), services.rollcall.now())
    if invited is not None:
        to = f"{PLACE}/you" if invited.chooses_password else HOME
        answer = let_in(request, services, invited.account_id, invited.person_id, to=to, verified_hash=None)
        if answer is not None:
            return answer
    return show(request, "sign_in_link.html", {}, 410)


@router.post("/sign-out")
def sign_out(request: Request, services: ServicesDep, session: Session) -> Response:
    """End the session, if there is one."""
    token = token_of(request)
    if session is not None and token is not None:
        sessions.end(services.database, session.account_id, token)
    return let_out(request, f"{PLACE}/sign-in")


def _form(
    request: Request, following: str, email: str, errors: dict[str, str], status: int = 0, **headers: str
) -> Response:
    values = {"email": email, "errors": errors, "following": local_path(following)}
    return show(request, "sign_in.html", values, status or (422 if errors else 200), **headers)
