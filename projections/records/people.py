"""The people of an account, as rows. Used by `api.console` under one account, and by the command line.

A look-up by e-mail address, before the account is known, goes through a function of the database's owner, see
migrations/0009_people.sql.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg

from domain.errors import NotFound, Refused
from domain.people import OWNER
from domain.texts.language import said
from projections.postgres.database import Database, beside

SQL = beside(__file__)


class PersonRow(NamedTuple):
    """A person, without the password's hash."""

    person_id: UUID
    name: str
    email: str | None
    has_password: bool
    created_at: datetime
    language: str | None


class Credentials(NamedTuple):
    """A person's account, id and password hash, looked up by e-mail address."""

    account_id: UUID
    person_id: UUID
    password_hash: str | None


def list_people(database: Database, account_id: UUID) -> list[PersonRow]:
    """The people of an account, oldest first."""
    with database.transaction(account_id) as connection:
        return [PersonRow(*row) for row in connection.execute(SQL.list_people, [account_id])]


def require_person(database: Database, account_id: UUID, person_id: UUID) -> PersonRow:
    """One person of an account. Raises `NotFound`."""
    with database.transaction(account_id) as connection:
        row = connection.execute(SQL.by_id, {"account_id": account_id, "person_id": person_id}).fetchone()
    if row is None:
        raise NotFound("person_not_found", said("no such person in this account"))
    return PersonRow(*row)


def find_by_email(database: Database, account_id: UUID, email: str) -> PersonRow | None:
    """The person of an account with an e-mail address."""
    with database.transaction(account_id) as connection:
        row = connection.execute(SQL.find_by_email, {"account_id": account_id, "email": email}).fetchone()
    return PersonRow(*row) if row else None


def first_person(database: Database, account_id: UUID, now: datetime) -> UUID:
    """The id of the account's first person; where there is none, one without e-mail address and password is created."""
    asked = {"account_id": account_id, "person_id": uuid4(), "name": OWNER, "now": now}
    with database.transaction(account_id, read_only=False) as connection:
        # One at a time, or two starts would make two.
        connection.execute(SQL.lock_account, [str(account_id)])
        connection.execute(SQL.add_owner, asked)
        row = connection.execute(SQL.first_person, [account_id]).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def add(database: Database, account_id: UUID, *, name: str, email: str, now: datetime) -> UUID:
    """Add a person who has no password yet. Returns their id. Raises `Refused` (`email_taken`)."""
    asked = {"account_id": account_id, "person_id": uuid4(), "name": name, "email": email, "now": now}
    try:
        with database.transaction(account_id, read_only=False) as connection:
            connection.execute(SQL.add, asked)
    except psycopg.errors.UniqueViolation:
        raise _taken() from None
    return UUID(str(asked["person_id"]))


def change(database: Database, account_id: UUID, person_id: UUID, *, name: str, email: str | None) -> None:
    """Change a person's name and e-mail address. Raises `NotFound`, `Refused` (`email_taken`)."""
    asked = {"account_id": account_id, "person_id": person_id, "name": name, "email": email}
    try:
        with database.transaction(account_id, read_only=False) as connection:
            changed = connection.execute(SQL.change, asked).rowcount
    except psycopg.errors.UniqueViolation:
        raise _taken() from None
    if not changed:
        raise NotFound("person_not_found", said("no such person in this account"))


def choose_language(database: Database, account_id: UUID, person_id: UUID, code: str | None) -> None:
    """Show the console to a person in a language; with `None` in the one that their browser asks for."""
    asked = {"account_id": account_id, "person_id": person_id, "language": code}
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.choose_language, asked)


def remove(database: Database, account_id: UUID, person_id: UUID) -> None:
    """Remove a person; their sessions and links end. Raises `NotFound`, `Refused` (`last_person`)."""
    with database.transaction(account_id, read_only=False) as connection:
        # One at a time, or the last two could remove each other.
        connection.execute(SQL.lock_account, [str(account_id)])
        people = {row[0] for row in connection.execute(SQL.list_people, [account_id])}
        if person_id not in people:
            raise NotFound("person_not_found", said("no such person in this account"))
        if len(people) == 1:
            raise Refused(
                "last_person", said("the last person of an account cannot be removed; add another person first")
            )
        connection.execute(SQL.remove, {"account_id": account_id, "person_id": person_id})


def credentials_of(database: Database, email: str) -> Credentials | None:
    """The credentials of the person with an e-mail address, in any account."""
    with database.spanning() as connection:
        row = connection.execute(SQL.credentials_of, [email]).fetchone()
    return Credentials(*row) if row else None


def password_hash(database: Database, account_id: UUID, person_id: UUID) -> str | None:
    """The hash of a person's present password; `None` where they have none."""
    with database.transaction(account_id) as connection:
        row = connection.execute(SQL.password_hash, {"account_id": account_id, "person_id": person_id}).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def set_password(database: Database, account_id: UUID, person_id: UUID, hashed: str, keep: bytes) -> None:
    """Replace a password's hash; end the person's links and sessions, except that whose token has the hash `keep`."""
    asked = {"account_id": account_id, "person_id": person_id, "hashed": hashed, "keep": keep}
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.set_password, asked)
        connection.execute(SQL.end_links, asked)
        connection.execute(SQL.end_other_sessions, asked)


def rehash(database: Database, account_id: UUID, person_id: UUID, old: str, new: str) -> None:
    """Replace the hash of the same password, unless the hash changed meanwhile."""
    asked = {"account_id": account_id, "person_id": person_id, "old": old, "new": new}
    with database.transaction(account_id, read_only=False) as connection:
        connection.execute(SQL.rehash, asked)


def _taken() -> Refused:
    return Refused("email_taken", said("Another person has this e-mail address already; no two people can share one."))
