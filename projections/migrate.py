"""Brings a database to this version: numbered migrations of the write side, then the read model.

Run by the database's owner (`rollcall migrate`, and `up` at every start), one process at a time. Migrations
only go forward; one that was applied and then edited is refused. The read model has no migrations: where
its definition changed, it is rebuilt from the log beside the old one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.errors import Corrupt
from projections.postgres.database import MODEL_SCHEMA, operator_errors
from projections.worker.rebuild import create_model, model_checksum, rebuild

FOLDER = Path(__file__).with_name("migrations")
_LOCK = 7305468


def migrate(owner_url: str) -> None:
    """Apply what is missing. Raises `Corrupt` where an applied migration differs from its file, `Unavailable`."""
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
    applied: dict[str, str] = dict(rows)
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
                "INSERT INTO rollcall.migrations (name, checksum) VALUES (%s, %s)", [path.name, checksum]
            )
