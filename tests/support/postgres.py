"""A PostgreSQL for tests: the embedded one without durability, and databases cloned from a migrated template.

Used by `tests/conftest.py`. Nothing here outlives a run, so no write waits for the disk; a clone takes some ten
milliseconds instead of hundreds. `rollcall up` and the tests of the embedded server keep the product's settings.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.embedded.postgres import Postgres

# A login costs as many rounds of hashing as the password was stored with, and every test logs in several times.
WITHOUT_DURABILITY = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "scram_iterations": "1",
}  # fmt: skip
MEMORY = Path("/dev/shm")
ROOM = 4 << 30  # bytes


@contextmanager
def running_server() -> Iterator[str]:
    """A running server in a folder of its own, kept in memory where there is room; its owner's address."""
    with tempfile.TemporaryDirectory(prefix="rollcall-tests-", dir=_folder()) as home:
        Path(home).chmod(0o755)
        server = Postgres(Path(home))
        server.start()
        try:
            _forget_durability(server.url)
            yield server.url
        finally:
            server.stop()


def _folder() -> Path | None:
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return None
    status = os.statvfs(MEMORY)
    return MEMORY if status.f_bavail * status.f_frsize >= ROOM else None


def _forget_durability(url: str) -> None:
    parts = conninfo_to_dict(url)
    with psycopg.connect(url, autocommit=True) as owner:
        for name, value in WITHOUT_DURABILITY.items():
            owner.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
        owner.execute("SELECT pg_reload_conf()")
        owner.execute("SET scram_iterations = 1")
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        owner.execute(statement.format(sql.Identifier(str(parts["user"])), str(parts["password"])))


def unique_name() -> str:
    """A name for a database that no other database has."""
    return f"t_{secrets.token_hex(8)}"


def address_of(conninfo: str) -> str:
    """A key-value connection string as the address that the command's settings take."""
    return "postgresql://?" + urlencode(conninfo_to_dict(conninfo), quote_via=quote)


@contextmanager
def cloned_database(postgres_url: str, template: str) -> Iterator[str]:
    """The owner's address of a copy of the template, dropped afterwards."""
    name = unique_name()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # Files are copied faster than pages are logged, where no checkpoint waits for the disk.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        yield make_conninfo(postgres_url, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
