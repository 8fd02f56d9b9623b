"""Which process delivers which webhook: each at most one, also where a process dies or hangs.

A process that delivers is a *holder*: it has a number, and a session whose lock shows that it lives. It leases webhooks
that have something to deliver, one by one, and renews a lease with each message. Another process takes a webhook over
where its holder's session has ended, or where the lease was not renewed for `LEASE`. What a process stores names its
lease (`projections.webhooks.dispatch`), so that one that hung moves nothing that is no longer its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection

from projections.postgres.database import Database, beside, database_errors

SQL = beside(__file__)
# The first key of the lock whose second is the holder's number.
SESSION_LOCK = 7305472
# Longer than the longest attempt, so that no message is in two processes' hands.
LEASE = timedelta(seconds=60)


class Lease(NamedTuple):
    """A webhook that this process delivers, and under which lease."""

    account_id: UUID
    webhook_id: UUID
    lease_no: int
    slow: bool


class Holder:
    """The leases of one process. Used by its main thread only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Connection[Any] | None = None
        self._number = 0

    def lease(self, now: datetime, in_hand: Collection[UUID], *, places: int, slow_places: int) -> list[Lease]:
        """Lease webhooks that have something to deliver and are in no one's hand, those that wait longest first.

        At most `places`, of them `slow_places` whose receivers are slow; none of `in_hand`. Raises `Unavailable`.
        """
        asked = {
            "number": self._living_number(),
            "lock": SESSION_LOCK,
            "lease": LEASE,
            "now": now,
            "in_hand": list(in_hand),
            "places": places,
            "slow_places": slow_places,
        }
        with self._database.single() as connection:
            return [Lease(*row) for row in connection.execute(SQL.lease, asked)]

    def pass_over_quiet(self) -> None:
        """Move webhooks without a change that waits to the end of the stream, so that none seems to need old ones.

        Raises `Unavailable`.
        """
        with self._database.single() as connection:
            connection.execute(SQL.pass_over_quiet)

    def close(self) -> None:
        """End the session: what is leased may be taken over at once."""
        if self._session is not None:
            self._session.close()

    def _living_number(self) -> int:
        """Returns the number whose lock the session holds; where the session has ended, a new one."""
        with database_errors():
            if self._session is not None:
                try:
                    self._session.execute("")
                except psycopg.OperationalError:
                    self._session.close()
                    self._session = None
            if self._session is None:
                session = psycopg.connect(self._database.conninfo, autocommit=True)
                self._number = secrets.randbelow(2**31)
                session.execute(SQL.hold_session_lock, {"lock": SESSION_LOCK, "number": self._number})
                self._session = session
        return self._number


def give_back(database: Database, lease: Lease) -> None:
    """Let any process lease a webhook again. Raises `Unavailable`."""
    with database.single() as connection:
        connection.execute(SQL.give_back, [lease.webhook_id, lease.lease_no])
