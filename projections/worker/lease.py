"""The lease of the projection worker: which process may write the read model, also where one of them hangs.

A worker holds the lease by its token. Each of its transactions first takes the lock that all of them take
(`log_writer.MODEL_LOCK`), then compares the token, and renews the lease before it commits. A spare takes over where
the holder's session has ended, which it sees from a session lock, or where the lease was not renewed for
`EXPIRES`: it takes the same lock and increments the token. So no transaction of the former holder is open at that
moment, and none that begins later commits. A holder that was stopped in the middle of a transaction gives the lock
up when the server ends its session (`projections.postgres.database.FROZEN`).
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection

from projections.postgres.database import beside

SQL = beside(__file__)
# The first key of the session lock that shows that the holder of a token lives; the second is the token.
HOLDER_LOCK = 7305467
EXPIRES = timedelta(seconds=8)
RENEW_SECONDS = 2.0
# How long a spare waits for the transaction of the former holder before it looks at the lease again.
PATIENCE = "1s"


class LeaseLost(Exception):
    """Another worker took the lease over: discard everything that was loaded, and wait for the lease again."""


class Lease:
    """The lease as one worker holds it."""

    def __init__(self, token: int) -> None:
        self._token = token
        self._renewed = time.monotonic()

    def require(self, token: int) -> None:
        """Raises `LeaseLost` if `token`, as read in the present transaction, is not ours."""
        if token != self._token:
            raise LeaseLost

    def renew(self, connection: Connection[Any]) -> None:
        """Renew the lease in the present transaction, unless that was done in the last `RENEW_SECONDS`."""
        now = time.monotonic()
        if now - self._renewed >= RENEW_SECONDS:
            connection.execute(SQL.renew, [self._token])
            self._renewed = now


def take(connection: Connection[Any], model_lock: int) -> Lease | None:
    """Returns the lease for a worker on `connection`, or `None` while another worker holds it."""
    terms = {"lock": HOLDER_LOCK, "expires": EXPIRES}
    if connection.execute(SQL.is_free, terms).fetchone() is None:
        return None
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [model_lock])
            if connection.execute(SQL.is_free, terms).fetchone() is None:
                return None
            row = connection.execute(SQL.take).fetchone()
            assert row is not None
            # Before the commit: a token that others see always has its lock.
            connection.execute(SQL.hold_session_lock, {"lock": HOLDER_LOCK, "token": row[0]})
    except psycopg.errors.LockNotAvailable:
        return None
    return Lease(row[0])
