"""Logins of the embedded database: one for each role, with the rights that it has in production and no more.

Called by `deploy.embedded.up`. Passwords are new at every start and stored nowhere.
"""

from __future__ import annotations

import secrets
from contextlib import suppress

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import DuplicateObject

from projections.postgres.database import Role, operator_errors


def renew_login(owner_url: str, login: str, role: Role) -> str:
    """Create a login that is a member of `role` only, or give it a new password. Returns its database address.

    Raises `Refused` where the owner may not create roles, `Unavailable`.
    """
    password = secrets.token_urlsafe(24)
    name = sql.Identifier(login)
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as owner:
        with suppress(DuplicateObject):  # of an earlier start
            owner.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE").format(name))
        encrypted = owner.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
        owner.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(encrypted)))
        owner.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), name))
    parts = conninfo_to_dict(owner_url)
    return f"postgresql://{login}:{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"
