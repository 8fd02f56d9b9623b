"""Sessions: every page takes a `SignedIn`, the user whose account it shows.

A session is a random token in a cookie; the database stores its hash. Without a session the browser is sent to the
sign-in page, and afterwards back, but never to another site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request, Response
from starlette.responses import RedirectResponse

from api.console.paths import CONSOLE_PATH
from api.console.web.rendering import path_and_query, with_query
from api.http.dependencies import Services, ServicesDep
from domain.people import LINK_VOUCHES, SESSION_LONGEST, new_token, sha256_of
from projections.records import sessions
from projections.records.sessions import SessionRow

COOKIE = "rollcall_session"
HOME_PATH = f"{CONSOLE_PATH}/overview"
# A path of the console, and nothing that a browser could read as the address of another site.
_CONSOLE_PAGE = re.compile(rf"{CONSOLE_PATH}/(?!/)[^\\\x00-\x20\x7f]*\Z")


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """A person who is signed in to the console of an account."""

    account_id: UUID
    person_id: UUID
    name: str
    email: str
    language: str | None = None

    @property
    def by(self) -> str:
        """Who asks, as events keep it."""
        return f"person:{self.person_id}"


class SignInNeeded(Exception):
    """The request has no session."""


def session_from_cookie(request: Request, services: ServicesDep) -> SessionRow | None:
    """Returns the session of the token in the request's cookie, if it has not ended. Raises `Unavailable`."""
    token = token_hash_of(request)
    return None if token is None else sessions.session_of(services.database, token, services.rollcall.now())


Session = Annotated[SessionRow | None, Depends(session_from_cookie)]


def signed_in(request: Request, services: ServicesDep, session: Session) -> SignedInUser:
    """Returns the user of the request's session, and notes them for templates.

    Raises `SignInNeeded`, and `RequestError` (429) where the people of the account send too many requests.
    """
    if session is None:
        raise SignInNeeded
    services.limits.count_console(str(session.account_id))
    request.state.account = str(session.account_id)
    user = SignedInUser(session.account_id, session.person_id, session.name, session.email or "", session.language)
    request.state.user = user
    return user


SignedIn = Annotated[SignedInUser, Depends(signed_in)]


async def sign_in_needed(request: Request, _: SignInNeeded) -> Response:
    """Sends the browser to the sign-in page, which leads back here afterwards."""
    to = with_query(f"{CONSOLE_PATH}/sign-in", next=_page_to_return_to(request))
    if "hx-request" in request.headers:
        return Response(headers={"HX-Redirect": to})
    return RedirectResponse(to, 303)


def _page_to_return_to(request: Request) -> str:
    """Returns the page that the user sees: not a part of one, and not an address that only accepts a form."""
    if "hx-request" in request.headers:
        page = urlsplit(request.headers.get("hx-current-url", ""))
    elif request.method != "GET":
        page = urlsplit(request.headers.get("referer", ""))
    else:
        return path_and_query(request)
    return local_path(page.path + (f"?{page.query}" if page.query else ""))


def local_path(text: str) -> str:
    """Returns `text` if it is the path of a page of this console, otherwise the path of the first page."""
    return text if _CONSOLE_PAGE.match(text) else HOME_PATH


def token_hash_of(request: Request) -> bytes | None:
    """Returns the hash of the token in the request's cookie."""
    token = request.cookies.get(COOKIE)
    return sha256_of(token) if token else None


def start_session(
    request: Request, services: Services, account_id: UUID, person_id: UUID, *, to: str, verified_hash: str | None
) -> Response | None:
    """Starts a session and goes to the page `to`.

    Returns `None` where the person was removed, or their password changed, while they signed in.
    """
    token = new_token()
    if not sessions.begin(
        services.database, account_id, person_id, token.sha256, services.rollcall.now(), verified_hash
    ):
        return None
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        COOKIE,
        token.text,
        max_age=int(SESSION_LONGEST.total_seconds()),
        path=CONSOLE_PATH,
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )
    return answer


def forget_session(request: Request, to: str) -> Response:
    """Deletes the cookie and goes to the page `to`."""
    answer = RedirectResponse(to, 303)
    answer.delete_cookie(COOKIE, path=CONSOLE_PATH, secure=is_https(request), httponly=True, samesite="lax")
    return answer


def is_recent_link_session(session: SessionRow, services: Services) -> bool:
    """Returns whether the session began with a one-time link so recently that it replaces the password."""
    return session.by_link and services.rollcall.now() < session.created_at + LINK_VOUCHES


def is_https(request: Request) -> bool:
    """Returns whether the browser used https, to us or to a proxy in front of us."""
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return "https" in (request.url.scheme, forwarded)


def site_address(request: Request) -> str:
    """Returns the scheme and host that the browser used."""
    return f"{'https' if is_https(request) else 'http'}://{request.url.netloc}"
