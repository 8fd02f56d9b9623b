"""A checkpoint: a copy of the read model beside it, from which a rebuild may begin instead of the start of the log.

Made and renewed by `rollcall checkpoint`, used by `rebuild`. The server copies every table in one snapshot, so that the
positions in the copy are those of its rows, whatever was half done at that moment. It has no index, and no role may
read it. An erasure reaches it when it is renewed, as it does backups.
"""

from __future__ import annotations

from typing import Any

import psycopg
import structlog
from psycopg import Connection, sql

from domain.errors import Refused
from projections.postgres.database import MODEL_SCHEMA, beside, operator_errors

SQL = beside(__file__)
CHECKPOINT_SCHEMA = "rollcall_model_checkpoint"
# Held by whatever makes or reads a whole read model: one rebuild, or one checkpoint, at a time.
COPY_LOCK = 7305469
_LIVE, _KEPT = sql.Identifier(MODEL_SCHEMA), sql.Identifier(CHECKPOINT_SCHEMA)


def make_checkpoint(owner_url: str) -> int:
    """Copy the read model, in place of the checkpoint before. Returns the position from which it spares the log."""
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", [COPY_LOCK])
        with owner.transaction():
            owner.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            definition = _definition(owner, MODEL_SCHEMA)
            owner.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(_KEPT))
            owner.execute(sql.SQL("CREATE SCHEMA {}").format(_KEPT))
            owner.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(_KEPT, sql.Literal(definition)))
            for (name,) in owner.execute(SQL.tables, [MODEL_SCHEMA]).fetchall():
                table = sql.Identifier(name)
                owner.execute(sql.SQL("CREATE TABLE {}.{} AS TABLE {}.{}").format(_KEPT, table, _LIVE, table))
                structlog.get_logger().debug("checkpoint_copied", table=name)
        return _position(owner)


def restore(owner: Connection[Any], schema: str) -> None:
    """Fill an empty read model with the checkpoint. Raises `Refused` where there is none of the same definition."""
    if _definition(owner, CHECKPOINT_SCHEMA) != _definition(owner, schema):
        raise Refused(
            "no_checkpoint",
            "there is no checkpoint of this version's read model: rebuild from the start of the log, "
            "then run `rollcall checkpoint`",
        )
    fresh = sql.Identifier(schema)
    with owner.transaction():
        for (name,) in owner.execute(SQL.tables, [schema]).fetchall():
            table = sql.Identifier(name)
            owner.execute(sql.SQL("TRUNCATE {}.{}").format(fresh, table))
            owner.execute(sql.SQL("INSERT INTO {}.{} SELECT * FROM {}.{}").format(fresh, table, _KEPT, table))


def checkpoint_position(owner_url: str) -> int | None:
    """Up to where a rebuild from the checkpoint needs no event; `None` where there is none that fits the read model."""
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as owner:
        definition = _definition(owner, CHECKPOINT_SCHEMA)
        return _position(owner) if definition is not None and definition == _definition(owner, MODEL_SCHEMA) else None


def _position(owner: Connection[Any]) -> int:
    row = owner.execute(sql.SQL(SQL.position).format(schema=_KEPT)).fetchone()
    assert row is not None
    return int(row[0])


def _definition(owner: Connection[Any], schema: str) -> str | None:
    """The checksum with which a read model is marked; `None` where there is none."""
    row = owner.execute(SQL.definition, [schema]).fetchone()
    return None if row is None else row[0]
