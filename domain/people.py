"""Rules for the people who use the console: names, e-mail addresses, passwords, and how long sessions and links last.

Used by `api.console` and by the command line. People are rows, not events (decision 0016), so nothing is folded
here.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from datetime import timedelta
from typing import NamedTuple

from domain.errors import Invalid
from domain.texts.language import said
from domain.values import is_one_line, trim

OWNER = "Owner"
SESSION_IDLE = timedelta(days=7)
SESSION_LONGEST = timedelta(days=30)
LINK_LASTS = timedelta(hours=24)
# How long after signing in by a one-time link a person may set a password without giving the present one.
LINK_VOUCHES = timedelta(hours=1)
ATTEMPTS = 5
ATTEMPTS_WITHIN = timedelta(minutes=15)
# One network's failed attempts, whatever the addresses; fewer once so many failed over all networks: then a password
# is being tried on many addresses from many places. No network is refused for the attempts of another.
NETWORK_ATTEMPTS, NETWORK_ATTEMPTS_UNDER_ATTACK = 20, 5
ATTACK = 300
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1_000
LONGEST_EMAIL, LONGEST_NAME = 254, 200


class Token(NamedTuple):
    """A random secret of 256 bits as it is handed out, and the hash that is kept."""

    text: str
    sha256: bytes


def new_token() -> Token:
    """A fresh token; of such length it needs no slow hash."""
    text = secrets.token_urlsafe(32)
    return Token(text, sha256_of(text))


def sha256_of(token: str) -> bytes:
    """The hash under which a token is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def checked_name(text: str) -> str:
    """A person's name without blanks around it. Raises `Invalid`."""
    name = trim(text)
    if not 1 <= len(name) <= LONGEST_NAME or not is_one_line(name):
        raise Invalid.at(
            "/name", "invalid_name", said("A name needs 1 to %(most)s printable characters.", most=LONGEST_NAME)
        )
    return name


def checked_email(text: str) -> str:
    """An e-mail address without blanks around it; whether mail arrives there is not checked. Raises `Invalid`."""
    email = text.strip()
    name, _, host = email.rpartition("@")
    if not name or not host or len(email) > LONGEST_EMAIL or not email.isprintable() or len(email.split()) != 1:
        raise Invalid.at("/email", "invalid_email", said("Give an e-mail address such as ana@example.com."))
    return email


def checked_password(text: str) -> str:
    """A password that may be chosen: long enough, whatever it is made of. Raises `Invalid`."""
    length = len(unicodedata.normalize("NFKC", text))
    if length < SHORTEST_PASSWORD:
        raise Invalid.at(
            "/password",
            "password_too_short",
            said(
                "A password needs at least %(least)s characters; a few words in a row are easy to remember.",
                least=SHORTEST_PASSWORD,
            ),
        )
    if length > LONGEST_PASSWORD:
        raise Invalid.at(
            "/password", "password_too_long", said("A password has at most %(most)s characters.", most=LONGEST_PASSWORD)
        )
    return text
