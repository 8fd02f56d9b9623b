"""Leases: which worker may project which shards, also where one of them dies or hangs.

Each worker has a token, a row in `workers`, and a session lock that shows that it lives. Each of its transactions
first takes the lock of its token and sees that its row is there (`projections.worker.log_writer`), and renews the row
before it commits. The shards are divided evenly among the workers that live: `deal` says what one should take and give
up, and each does so for itself, so that they agree within seconds. Where a worker's session has ended, or it has not
renewed for `EXPIRES`, any other takes the lock of its token and deletes its row: no transaction of the former is open
at that moment, and none that begins later commits. A worker that was stopped in the middle of a transaction gives its
lock up when the server ends its session (`projections.postgres.database.FROZEN`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from projections.postgres.database import beside

SQL = beside(__file__)
# The first key of two locks, whose second is the token: of the session that lives, and of the transaction that is open.
SESSION_LOCK, TRANSACTION_LOCK = 7305467, 7305471
EXPIRES = timedelta(seconds=8)
RENEW_SECONDS = 2.0
# How long a worker waits for the last transaction of one that hangs before it goes on with its own shards.
PATIENCE = "200ms"


class LeaseLost(Exception):
    """The others dismissed this worker: discard everything that was loaded, and join again."""


class Deal(NamedTuple):
    """The shards that a worker should take, and those that it should give up, for an even division."""

    take: list[int]
    give: list[int]


def deal(owners: Mapping[int, int | None], workers: Sequence[int], token: int) -> Deal:
    """What the worker `token` should take and give up. `owners` has each shard's; `workers` are those that live."""
    share, remainder = divmod(len(owners), len(workers))
    share += sorted(workers).index(token) < remainder
    own = sorted(shard for shard, owner in owners.items() if owner == token)
    free = sorted(shard for shard, owner in owners.items() if owner is None)
    return Deal(free[: max(0, share - len(own))], own[share:])


class Leases:
    """The leases of one worker; `others` is how many other workers lived when it last dealt."""

    def __init__(self, token: int) -> None:
        self.token = token
        self.others = 0
        self._renewed = time.monotonic()

    def renew(self, connection: Connection[Any]) -> None:
        """Renew in the present transaction, unless that was done in the last `RENEW_SECONDS`."""
        now = time.monotonic()
        if now - self._renewed >= RENEW_SECONDS:
            connection.execute(SQL.renew, [self.token])
            self._renewed = now

    def deal(self, connection: Connection[Any]) -> Deal:
        """Dismiss the workers that died or hang, and say what to take and give up. Raises `LeaseLost`."""
        terms = {"lock": SESSION_LOCK, "expires": EXPIRES}
        workers = dict(connection.execute(SQL.workers, terms).fetchall())
        if self.token not in workers:
            raise LeaseLost
        for token, lives in workers.items():
            if token != self.token and not lives:
                _dismiss(connection, token)
        owners = dict(connection.execute(SQL.owners).fetchall())
        living = [token for token, lives in workers.items() if lives or token == self.token]
        self.others = len(living) - 1
        return deal(owners, living, self.token)

    def take(self, connection: Connection[Any], shards: Set[int]) -> frozenset[int]:
        """Take shards that are free, in the present transaction. Returns those that are now this worker's."""
        terms = {"shards": list(shards), "token": self.token}
        return frozenset(row[0] for row in connection.execute(SQL.take, terms))

    def give(self, connection: Connection[Any], shards: Set[int]) -> None:
        """Give up shards, in the present transaction."""
        connection.execute(SQL.give, {"shards": list(shards), "token": self.token})


def join(connection: Connection[Any]) -> Leases:
    """Returns the leases of a worker that begins on `connection`: none yet."""
    with connection.transaction():
        row = connection.execute(SQL.join).fetchone()
        assert row is not None
        # Before the commit: a token that others see always has its lock.
        connection.execute(SQL.hold_session_lock, {"lock": SESSION_LOCK, "token": row[0]})
    return Leases(row[0])


def _dismiss(connection: Connection[Any], token: int) -> None:
    """Delete the row of a worker that died or hangs, once none of its transactions is open; else leave it for later."""
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            connection.execute(SQL.fence, {"lock": TRANSACTION_LOCK, "token": token})
            connection.execute(SQL.dismiss, [token])
    except psycopg.errors.LockNotAvailable:
        return
