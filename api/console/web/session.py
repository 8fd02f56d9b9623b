"""Who is signed in: every page takes a `SignedIn`, which names the account whose data it shows.

A session is a random token in a cookie; the database knows its hash. Where nobody is signed in the browser is sent
to the sign-in page, and afterwards back, but never to another site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request, Response
from starlette.responses import RedirectResponse

from api.console.web.rendering import PLACE, with_query
from api.http.dependencies import Services, ServicesDep
from domain.people import LINK_VOUCHES, SESSION_LONGEST, new_token, sha256_of
from projections.records import sessions
from projections.records.sessions import SessionRow

COOKIE = "rollcall_session"
HOME = f"{PLACE}/segments"
# One of our pages, and nothing that a browser could take for the beginning of another site's address.
_OURS = re.compile(rf"{PLACE}/(?!/)[^\\\x00-\x20\x7f]*\Z")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    account_id: UUID
    person_id: UUID
    name: str
    email: str


class SignInNeeded(Exception):
    """Nobody is signed in."""


def found_session(request: Request, services: ServicesDep) -> SessionRow | None:
    """The session that the request's cookie names, if it has not ended. Raises `Unavailable`."""
    token = token_of(request)
    return None if token is None else sessions.session_of(services.database, token, services.rollcall.now())


Session = Annotated[SessionRow | None, Depends(found_session)]


def signed_in(request: Request, session: Session) -> Person:
    """The person of the request's session. Raises `SignInNeeded`."""
    if session is None:
        raise SignInNeeded
    request.state.account = str(session.account_id)
    return Person(session.account_id, session.person_id, session.name, session.email or "")


SignedIn = Annotated[Person, Depends(signed_in)]


async def sign_in_needed(request: Request, _: SignInNeeded) -> Response:
    """Send the browser to the sign-in page, and back here afterwards."""
    where = with_query(f"{PLACE}/sign-in", next=_shown(request))
    if "hx-request" in request.headers:
        return Response(headers={"HX-Redirect": where})
    return RedirectResponse(where, 303)


def _shown(request: Request) -> str:
    """The page that the person looks at: a part of one, and what only takes a form, cannot be gone back to."""
    if "hx-request" in request.headers:
        shown = urlsplit(request.headers.get("hx-current-url", ""))
    elif request.method != "GET":
        shown = urlsplit(request.headers.get("referer", ""))
    else:
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return local_path(shown.path + (f"?{shown.query}" if shown.query else ""))


def local_path(text: str) -> str:
    """`text` where it is the address of a page of this console, otherwise that of the first page."""
    return text if _OURS.match(text) else HOME


def token_of(request: Request) -> bytes | None:
    """The hash of the token in the request's cookie."""
    token = request.cookies.get(COOKIE)
    return sha256_of(token) if token else None


def let_in(
    request: Request, services: Services, account_id: UUID, person_id: UUID, *, to: str, verified_hash: str | None
) -> Response | None:
    """Begin a session and go to the page `to`; `None` where the person or her password went away meanwhile."""
    token = new_token()
    if not sessions.begin(
        services.database, account_id, person_id, token.sha256, services.rollcall.now(), verified_hash
    ):
        return None
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        COOKIE, token.text, max_age=int(SESSION_LONGEST.total_seconds()), path=PLACE, secure=over_https(request),
        httponly=True, samesite="lax",
    )  # fmt: skip
    return answer


def let_out(request: Request, to: str) -> Response:
    """Take the cookie back and go to the page `to`."""
    answer = RedirectResponse(to, 303)
    answer.delete_cookie(COOKIE, path=PLACE, secure=over_https(request), httponly=True, samesite="lax")
    return answer


def vouched(session: SessionRow, services: Services) -> bool:
    """Whether a one-time link let her in so lately that it stands for her password."""
    return session.by_link and services.rollcall.now() < session.created_at + LINK_VOUCHES


def over_https(request: Request) -> bool:
    """Whether the browser spoke https, to us or to the proxy before us."""
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return "https" in (request.url.scheme, forwarded)


def address(request: Request) -> str:
    """The scheme and host by which the browser knows us."""
    return f"{'https' if over_https(request) else 'http'}://{request.url.netloc}"
