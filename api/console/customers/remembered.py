"""The columns that a person chose for the page Customers, remembered in a cookie of that person's own.

They are a preference of one person at one screen, not a fact: they need no row, and a browser that forgets them shows
the usual columns. A person who signs in at the same browser has a cookie of another name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from fastapi import Request, Response

from api.console.paths import CONSOLE_PATH
from api.console.web.session import SignedInUser, is_https
from domain.values import is_attribute_key

KEPT = timedelta(days=365)
# A dot is in no key, and needs no quoting in a cookie.
SEPARATOR = "."
# More would make every request of the console longer.
MOST = 40


def remembered_columns(request: Request, user: SignedInUser) -> tuple[str, ...] | None:
    """Returns the keys of the columns that the person chose last, or `None`."""
    keys = request.cookies.get(_name(user), "").split(SEPARATOR)
    return tuple(key for key in keys[:MOST] if is_attribute_key(key)) or None


def remember_columns(request: Request, answer: Response, user: SignedInUser, keys: Sequence[str]) -> None:
    """Let the person's browser keep these columns; with none, the usual ones are shown again."""
    kept = [key for key in keys[:MOST] if is_attribute_key(key)]
    if not kept:
        answer.delete_cookie(_name(user), path=CONSOLE_PATH)
        return
    answer.set_cookie(
        _name(user),
        SEPARATOR.join(kept),
        max_age=int(KEPT.total_seconds()),
        path=CONSOLE_PATH,
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )


def _name(user: SignedInUser) -> str:
    return f"rollcall_columns_{user.person_id.hex}"
