"""The views of the schema `rollcall_share`, made anew with each read model and each release that changes them.

Called by `projections.worker.rebuild`, for a new read model and in the transaction of its switch, and by
`projections.migrate`. A view is bound to the tables that it was made on, so the views of a read model go out of use
with it: their schema is renamed, which waits for no reader, and dropped once their readers have ended.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import structlog
from psycopg import Connection, sql
from psycopg.errors import DeadlockDetected, LockNotAvailable

from projections.postgres.database import MODEL_SCHEMA

DEFINITION = Path(__file__).with_name("views.sql")
POLICIES = Path(__file__).with_name("policies.sql")
SCHEMA = "rollcall_share"
OLD_SCHEMA = "rollcall_share_old"
# How long readers of a read model without policies may have to wait at once for these, and how long they then have.
# A vacuum that the server began gives way after one second.
READERS_WAIT = "2s"
PAUSE = 1.0


def bring_up_to_date(owner: Connection[Any]) -> None:
    """Make the views on the served read model, unless those of this release are there."""
    comment = owner.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [SCHEMA]).fetchone()
    if comment == (_checksum(),):
        return
    drop_old(owner)
    while True:
        try:
            with owner.transaction():
                owner.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(READERS_WAIT))
                owner.execute(sql.SQL("SET LOCAL search_path = {}, rollcall").format(sql.Identifier(MODEL_SCHEMA)))
                hold_to_accounts(owner)
                replace(owner)
            break
        except (LockNotAvailable, DeadlockDetected):
            structlog.get_logger().info("views_wait_for_readers")
            time.sleep(PAUSE)
    drop_old(owner)


def hold_to_accounts(owner: Connection[Any]) -> None:
    """Give the tables of the read model on the search path the policies by which views read them."""
    owner.execute(sql.SQL(POLICIES.read_text(encoding="utf-8")))


def replace(owner: Connection[Any]) -> None:
    """Put views on the read model that is now called `rollcall_model` in the place of those that are there."""
    schema = sql.Identifier(SCHEMA)
    if owner.execute("SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA]).fetchone() == (True,):
        owner.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(schema, sql.Identifier(OLD_SCHEMA)))
    owner.execute(sql.SQL("SET LOCAL search_path = {}, rollcall").format(sql.Identifier(MODEL_SCHEMA)))
    owner.execute(sql.SQL(DEFINITION.read_text(encoding="utf-8")))
    owner.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(schema, sql.Literal(_checksum())))


def drop_old(owner: Connection[Any]) -> None:
    """Drop the views that were replaced, when their readers have ended."""
    owner.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(OLD_SCHEMA)))


def _checksum() -> str:
    return hashlib.sha256(POLICIES.read_bytes() + DEFINITION.read_bytes()).hexdigest()
