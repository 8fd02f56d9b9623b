"""Sessions, one-time sign-in links, and the limit of sign-in attempts. Used by `api.console`.

Only the SHA-256 of a token is stored, and the present instant is an argument. What is looked up before the account is
known goes through functions of the database's owner, see migrations/0009_people.sql.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.people import ATTEMPTS, ATTEMPTS_WITHIN, LINK_LASTS, SESSION_IDLE, SESSION_LONGEST
from projections.postgres.database import Database, beside

SQL = beside(__file__)


class SessionRow(NamedTuple):
    """A session that has not ended, and whose it is."""

    account_id: UUID
    person_id: UUID
    name: str
    email: str | None
    by_link: bool
    created_at: datetime
    language: str | None


class Invited(NamedTuple):
    """The person that a one-time link signs in; `chooses_password` if they were invited by e-mail and have none yet."""

    account_id: UUID
    person_id: UUID
    chooses_password: bool


def session_of(database: Database, token_sha256: bytes, now: datetime) -> SessionRow | None:
    """The session with this token; asking extends it."""
    asked = {"token": token_sha256, "now": now, "idle": SESSION_IDLE, "longest": SESSION_LONGEST}
    with database.spanning() as connection:
        row = connection.execute(SQL.session_of, asked).fetchone()
    return SessionRow(*row) if row else None


def begin(
    database: Database,
    account_id: UUID,
    person_id: UUID,
    token_sha256: bytes,
    now: datetime,
    verified_hash: str | None,
) -> bool:
    """Begin a session, by a password that fitted `verified_hash` or, where that is `None`, by a link.

    Returns whether it began: not if the person was removed, or their password replaced, meanwhile.
    """
    asked = {
        "account_id": account_id,
        "person_id": person_id,
        "token": token_sha256,
        "now": now,
        "verified": verified_hash,
        "expires_at": now + SESSION_IDLE,
    }
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.sweep_sessions, asked)
        return connection.execute(SQL.begin, asked).rowcount == 1


def end(database: Database, account_id: UUID, token_sha256: bytes) -> None:
    """End a session."""
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.end, {"account_id": account_id, "token": token_sha256})


def make_link(database: Database, account_id: UUID, person_id: UUID, token_sha256: bytes, now: datetime) -> None:
    """Let the token with this hash sign a person in, once."""
    asked = {
        "account_id": account_id,
        "person_id": person_id,
        "token": token_sha256,
        "now": now,
        "expires_at": now + LINK_LASTS,
    }
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.sweep_links, asked)
        connection.execute(SQL.make_link, asked)


def person_of_link(database: Database, token_sha256: bytes, now: datetime) -> str | None:
    """The name of the person that a one-time link signs in, `None` if it is not valid any more. Does not use it up."""
    with database.spanning() as connection:
        row = connection.execute(SQL.person_of_link, {"token": token_sha256, "now": now}).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def use_link(database: Database, token_sha256: bytes, now: datetime) -> Invited | None:
    """Use up a one-time link. Returns the person that it signs in, `None` if it is not valid any more."""
    with database.spanning() as connection:
        row = connection.execute(SQL.use_link, {"token": token_sha256, "now": now}).fetchone()
    return Invited(*row) if row else None


def begin_attempt(database: Database, email: str, now: datetime) -> datetime | None:
    """Count an attempt to sign in before it is decided. Returns until when attempts are refused, if they are."""
    return _begin(database, email, now, ATTEMPTS)


def begin_attempt_from(database: Database, network: str, now: datetime, most: int) -> datetime | None:
    """The same for all attempts from a network, of which `most` are allowed in a quarter of an hour."""
    return _begin(database, _subject(network), now, most)


def withdraw_attempt_from(database: Database, network: str, at: datetime, most: int) -> None:
    """The attempt at this instant succeeded: of a network, only those that fail are counted."""
    with database.spanning() as connection:
        connection.execute(SQL.withdraw_attempt, {"subject": _subject(network), "at": at, "most": most})


def _begin(database: Database, subject: str, now: datetime, most: int) -> datetime | None:
    asked = {"subject": subject, "now": now, "most": most, "within": ATTEMPTS_WITHIN}
    with database.spanning() as connection:
        row = connection.execute(SQL.begin_attempt, asked).fetchone()
    return row[0] if row else None


def _subject(network: str) -> str:
    # No form sends an e-mail address that begins with a line break.
    return f"\nnetwork {network}"


def forgive_attempts(database: Database, email: str) -> None:
    """Forget the attempts: the last one succeeded."""
    with database.spanning() as connection:
        connection.execute(SQL.forgive_attempts, [email])
