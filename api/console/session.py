"""Who is signed in: every page takes a `SignedIn`, which names the account whose data it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Request, Response
from starlette.responses import RedirectResponse


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    account_id: UUID
    person_id: UUID
    name: str
    email: str


class SignInNeeded(Exception):
    """Nobody is signed in."""


def signed_in(request: Request) -> Person:
    """The person of the request's session. Raises `SignInNeeded`."""
    raise SignInNeeded


SignedIn = Annotated[Person, Depends(signed_in)]


async def sign_in_needed(request: Request, _: SignInNeeded) -> Response:
    """Send the browser to the sign-in page, and back here afterwards."""
    where = "/console/sign-in?" + urlencode({"next": request.url.path})
    if "hx-request" in request.headers:
        return Response(headers={"HX-Redirect": where})
    return RedirectResponse(where, 303)
