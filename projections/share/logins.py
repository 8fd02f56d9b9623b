"""Logins that read one account by the views: made, listed and dropped. Called by `rollcall share`, as the owner.

A login is a role of PostgreSQL and a row that says which account is its own. What a session may set for itself is only
a default here; what holds in any case is the row, the rights of the role, its number of connections, and the watch.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import DuplicateObject, InsufficientPrivilege, UndefinedObject

from domain.errors import Invalid, NotFound, Refused
from projections.postgres.database import beside, operator_errors
from projections.share.views import SCHEMA

SQL = beside(__file__)
PREFIX = "rollcall_share_"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")
# Of how a client reaches the server, what holds for any login.
_SERVER = ("sslmode", "sslrootcert", "sslnegotiation", "channel_binding", "gssencmode")
MOST_MINUTES, MOST_CONNECTIONS = 24 * 60, 100


class Share(NamedTuple):
    """A login: the account that it sees, how long a transaction may last, and its connections, at most and now.

    `connections` is `None` where the server does not have the login, as after a restore on another one.
    """

    login: str
    account: str
    minutes: int
    connections: int | None
    connected: int


def create(owner_url: str, name: str, account_id: UUID, *, minutes: int, connections: int) -> str:
    """Make a login that reads one account. Returns its database address, whose password is stored nowhere.

    Raises `Invalid`, `Refused` where there is such a login or the owner may not make one, `Unavailable`.
    """
    login, password = _login(name), secrets.token_urlsafe(24)
    _require_within("minutes", minutes, MOST_MINUTES)
    _require_within("connections", connections, MOST_CONNECTIONS)
    with _owner(owner_url) as owner, owner.transaction():
        role = sql.Identifier(login)
        try:
            owner.execute(
                sql.SQL(
                    "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB CONNECTION LIMIT {}"
                ).format(role, sql.Literal(connections))
            )
        except DuplicateObject:
            raise Refused("share_exists", f"there is a login {login!r} already: choose another name") from None
        encrypted = owner.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
        owner.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(encrypted)))
        for setting, value in _settings(owner, minutes).items():
            owner.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(setting), value))
        owner.execute(sql.SQL("GRANT rollcall_share TO {}").format(role))
        # So that the owner may end its sessions.
        owner.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
        owner.execute(SQL.add, [login, account_id, minutes])
    return _address(owner_url, login, password)


def all_shares(owner_url: str) -> list[Share]:
    """Every login, by name. Raises `Refused`, `Unavailable`."""
    with _owner(owner_url) as owner:
        return [Share(*row) for row in owner.execute(SQL.all)]


def drop(owner_url: str, name: str) -> None:
    """End the sessions of a login and drop it. Raises `NotFound`, `Refused`, `Unavailable`."""
    login = _login(name)
    role = sql.Identifier(login)
    with _owner(owner_url) as owner:
        with owner.transaction():
            if owner.execute(SQL.remove, [login]).rowcount == 0:
                raise NotFound("share_not_found", f"there is no share called {name!r}: see `rollcall share list`")
            if owner.execute(SQL.exists, [login]).fetchone() == (False,):
                return
            owner.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(role))
        owner.execute(SQL.end_sessions, [login])
        with owner.transaction():
            owner.execute(sql.SQL("DROP OWNED BY {}").format(role))
            owner.execute(sql.SQL("DROP ROLE {}").format(role))


@contextmanager
def _owner(owner_url: str) -> Iterator[Connection[Any]]:
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as owner:
        try:
            yield owner
        except (InsufficientPrivilege, UndefinedObject) as denied:
            reason = denied.diag.message_primary
            raise Refused(
                "missing_rights",
                f"the database login may not do this ({reason}): shares are made by the owner of Rollcall's tables, "
                "who needs the attribute CREATEROLE (a superuser says: ALTER ROLE … CREATEROLE)",
            ) from denied


def _login(name: str) -> str:
    if not _NAME.match(name):
        raise Invalid(
            "invalid_name",
            f"{name!r} cannot name a share: give a lower-case letter, then up to 40 letters, digits and underscores",
        )
    return PREFIX + name


def _require_within(field: str, given: int, most: int) -> None:
    if not 1 <= given <= most:
        raise Invalid("out_of_range", f"{field}: {given} is not from 1 to {most}")


def _settings(owner: Connection[Any], minutes: int) -> dict[str, str]:
    """What sessions of the login begin with."""
    longest = f"{minutes}min"
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": longest,
        "idle_in_transaction_session_timeout": "1min",
        "lock_timeout": "10s",
        # Processors are for the product.
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
        "timezone": "UTC",
        "search_path": SCHEMA,
    }
    if owner.info.server_version >= 170_000:
        settings["transaction_timeout"] = longest
    return settings


def _address(owner_url: str, login: str, password: str) -> str:
    parts = conninfo_to_dict(owner_url)
    host, port, database = (str(parts.get(each) or "") for each in ("host", "port", "dbname"))
    options = {each: str(parts[each]) for each in _SERVER if each in parts}
    if "," in host or host.startswith("/"):
        options, host, port = {"host": host, "port": port} | options, "", ""
    place = f"[{host}]" if ":" in host else host
    address = f"postgresql://{login}:{password}@{place}{port and ':' + port}/{quote(database, safe='')}"
    return f"{address}?{urlencode(options)}" if options else address
