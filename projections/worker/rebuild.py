"""Rebuild: the log replayed into a fresh read model beside the one in use, then one switch.

Used by `rollcall rebuild`, and by `migrate` where the read model's definition changed. While it runs,
the old model serves and is kept up to date. At the end the live worker waits while the last events are
replayed, the schemas change names in one transaction, and the live worker starts again on the new one. A reader
sees one of the two models to the end of their transaction.
"""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

import psycopg
import structlog
from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow

from projections.model.time_steps import Reached
from projections.postgres.database import MODEL_SCHEMA, beside, operator_errors, worker_sessions
from projections.worker.log_writer import MODEL_LOCK, ReplayingWriter
from projections.worker.worker import BATCH, Worker

SQL = beside(__file__)
DEFINITION = Path(__file__).parent.with_name("model") / "model.sql"
NEXT_SCHEMA = "rollcall_model_next"
OLD_SCHEMA = "rollcall_model_old"
# So few events left that the live worker may wait for them.
CLOSE = 5_000
# How long the switch waits for readers, and new readers for it, before it lets them through and tries again.
READERS_WAIT = "200ms"
PAUSE = 1.0
_LOCK = 7305469
_COMMENT = re.compile(r"\s*--[^\n]*")


def model_checksum() -> str:
    """The checksum of this release's definition of the read model, without comments: they need no rebuild."""
    statements = _COMMENT.sub("", DEFINITION.read_text(encoding="utf-8"))
    return hashlib.sha256(statements.encode()).hexdigest()


def create_model(owner: Connection[TupleRow], schema: str) -> None:
    """Make an empty read model in a new schema, marked with its definition's checksum."""
    name = sql.Identifier(schema)
    with owner.transaction():
        owner.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        owner.execute(sql.SQL("SET LOCAL search_path = {}, rollcall").format(name))
        owner.execute(sql.SQL(DEFINITION.read_text(encoding="utf-8")))
        owner.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(model_checksum())))


def rebuild(owner_url: str, *, batch_size: int = BATCH, chunk_size: int | None = None) -> int:
    """Replay the log into fresh tables and switch to them. Returns the position at which it switched.

    One at a time: a second rebuild waits. The tables of an interrupted one are removed first.
    """
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        for leftover in (NEXT_SCHEMA, OLD_SCHEMA):
            owner.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(leftover)))
        create_model(owner, NEXT_SCHEMA)
        # A crash leaves nothing to keep of it, so no commit has to wait for the disk; that of the switch does.
        settings = ["synchronous_commit=off"]
        with worker_sessions(owner_url, model_schema=NEXT_SCHEMA, settings=settings) as sessions:
            worker = Worker(sessions, ReplayingWriter(), batch_size=batch_size, chunk_size=chunk_size)
            worker.load()
            _catch_up(owner, worker)
            while not _try_switch(owner, worker):
                time.sleep(PAUSE)
            position = worker.position
        structlog.get_logger().info("read_model_rebuilt", position=position)
        return position


def _catch_up(owner: Connection[TupleRow], worker: Worker) -> None:
    """Replay until few enough events are left for the live worker to wait.

    Never past the live worker, which alone appends to the change stream.
    """
    while True:
        live = _live_position(owner, worker)
        if live - worker.position <= CLOSE and not worker.is_filling():
            return
        worker.drain(stop=live)


def _live_position(owner: Connection[TupleRow], worker: Worker) -> int:
    """The position of the live worker; where time is passing there, it is the limit of `worker` too."""
    rows = owner.execute(sql.SQL(SQL.live_state).format(live=sql.Identifier(MODEL_SCHEMA))).fetchall()
    worker.limits = {account_id: Reached(*reached) for _, account_id, *reached in rows if account_id is not None}
    return int(rows[0][0])


def _try_switch(owner: Connection[TupleRow], worker: Worker) -> bool:
    """Switch, unless a reader still holds the old model; new readers wait meanwhile. Returns whether it switched."""
    live, fresh, old = (sql.Identifier(schema) for schema in (MODEL_SCHEMA, NEXT_SCHEMA, OLD_SCHEMA))
    try:
        with owner.transaction():
            owner.execute("SELECT pg_advisory_xact_lock(%s)", [MODEL_LOCK])
            worker.drain(stop=_live_position(owner, worker))
            owner.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(READERS_WAIT))
            owner.execute(sql.SQL("LOCK TABLE {}.projection IN ACCESS EXCLUSIVE MODE").format(live))
            owner.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(live, old))
            owner.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(fresh, live))
    except LockNotAvailable:
        structlog.get_logger().info("switch_waits_for_readers")
        return False
    owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(old))
    return True
