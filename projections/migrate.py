"""Brings a database to this version: numbered migrations of the write side, then the read model.

Run by the database's owner (`rollcall migrate`, and `up` at every start), one process at a time. Migrations
only go forward; one that was applied and then edited is refused. The read model has no migrations: where
its definition changed, it is rebuilt from the log beside the old one. Every other process calls
`require_this_version` when it starts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import psycopg
import structlog
from psycopg import Connection, sql
from psycopg.errors import Diagnostic
from psycopg.rows import TupleRow

from domain.errors import Corrupt, Refused
from projections.postgres.database import MODEL_SCHEMA, Role, operator_errors, session_conninfo
from projections.share import views
from projections.worker.rebuild import create_model, model_checksum, rebuild

FOLDER = Path(__file__).with_name("migrations")
_LOCK = 7305468
# Before checksums as releases up to 0024 stored them, which compare theirs and so refuse to migrate this database: they
# would rebuild the read model as they know it.
_MARK = "2:"
_EARLIER = "the database is of an earlier version of Rollcall: run `rollcall migrate` as its owner, then start again"
_NEWER = "the database was migrated to a newer version of Rollcall: start that version instead"


def migrate(owner_url: str) -> None:
    """Apply what is missing, and say how far it is.

    Raises `Corrupt` where an applied migration differs from its file, `Refused` where the database is of a newer
    version, `Unavailable`.
    """
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        _require_utf8(connection)
        _migrate_log(connection)
        comment = connection.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [MODEL_SCHEMA]
        ).fetchone()
        if comment is None:
            create_model(connection, MODEL_SCHEMA)
        elif comment[0] != model_checksum():
            rebuild(owner_url)
        views.bring_up_to_date(connection)


def require_this_version(database_url: str, role: Role) -> None:
    """Returns if the database is of this version. Raises `Refused` (`other_version`), `Unavailable`."""
    with operator_errors(), psycopg.connect(session_conninfo(database_url, role), autocommit=True) as connection:
        known = connection.execute("SELECT to_regproc('rollcall.applied_migrations')").fetchone()
        if known == (None,):
            raise Refused("other_version", _EARLIER)
        row = connection.execute(
            "SELECT rollcall.applied_migrations(), obj_description(to_regnamespace(%s), 'pg_namespace')", [MODEL_SCHEMA]
        ).fetchone()
        assert row is not None
        _refuse_newer(row[0])
        if {path.name for path in FOLDER.glob("*.sql")} - set(row[0]) or row[1] != model_checksum():
            raise Refused("other_version", _EARLIER)


def _refuse_newer(applied: Iterable[str]) -> None:
    if not {path.name for path in FOLDER.glob("*.sql")}.issuperset(applied):
        raise Refused("other_version", _NEWER)


def _say(notice: Diagnostic) -> None:
    """Log what a migration says about how far it is, and not what PostgreSQL itself has to say."""
    if notice.source_function == "exec_stmt_raise":
        structlog.get_logger().info("migrating", progress=notice.message_primary)


def _require_utf8(connection: Connection[TupleRow]) -> None:
    encoding = connection.execute("SHOW server_encoding").fetchone()
    if encoding is None or encoding[0] != "UTF8":
        raise Corrupt("wrong_encoding", "the database must be created with ENCODING 'UTF8'")


def _migrate_log(connection: Connection[TupleRow]) -> None:
    connection.execute(
        "CREATE SCHEMA IF NOT EXISTS rollcall;"
        "CREATE TABLE IF NOT EXISTS rollcall.migrations ("
        "    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());"
        "ALTER TABLE rollcall.migrations ENABLE ROW LEVEL SECURITY;"
    )
    rows = connection.execute("SELECT name, checksum FROM rollcall.migrations").fetchall()
    applied: dict[str, str] = {name: checksum.removeprefix(_MARK) for name, checksum in rows}
    _refuse_newer(applied)
    if applied:
        connection.add_notice_handler(_say)
    for path in sorted(FOLDER.glob("*.sql")):
        text = path.read_bytes()
        checksum = hashlib.sha256(text).hexdigest()
        if path.name in applied:
            if applied[path.name] != checksum:
                raise Corrupt("migration_changed", f"{path.name} was changed after it had been applied")
            continue
        with connection.transaction():
            connection.execute(sql.SQL(text.decode()))
            connection.execute(
                "INSERT INTO rollcall.migrations (name, checksum) VALUES (%s, %s)", [path.name, _MARK + checksum]
            )
        if applied:
            structlog.get_logger().info("migrated", migration=path.name)
    connection.execute(
        "UPDATE rollcall.migrations SET checksum = %s || checksum WHERE NOT starts_with(checksum, %s)", [_MARK, _MARK]
    )
