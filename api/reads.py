"""Which database answers a read: the primary, or a streaming replica with the primary behind it.

Made by `deploy.roles.api` and used for every read of the read models. What always holds: no answer is older than one
that this process gave to the account before, than a position that a request waited for, or than a write that this
process was asked for. Writes, and whatever rights and existence are decided on, never come here.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from domain.errors import Unavailable
from projections.postgres.database import Database, Question
from projections.read.position import positions, progress

LOOK_SECONDS = 0.25
# A replica that has not answered for so long hangs; no timeout of the server ends a statement there.
PATIENCE = 2.0
Found = TypeVar("Found")

log = structlog.get_logger()
_reads = Counter("rollcall_replica_reads_total", "Reads while a replica is set, by who answered", ["database"])
_usable = Gauge(
    "rollcall_replica_usable", "Whether the replica answers and is not too old", multiprocess_mode="livemin"
)


class Reads(Protocol):
    """Where the read models are read."""

    def snapshot(self, account_id: UUID) -> AbstractContextManager[tuple[Any, int]]:
        """One state of what an account sees, and the last event that it includes. Raises `Unavailable`."""

    def ask(self, account_id: UUID, *questions: Question) -> tuple[list[list[Any]], int]:
        """The rows that answer each question, from one state, and the last event that it includes.

        For reads of little, whose queries are known beforehand. Raises `Unavailable`.
        """

    def positions(self, account_ids: Collection[UUID]) -> dict[UUID, int]:
        """The position up to which reads of each account include the log. Raises `Unavailable`."""

    def head(self) -> int:
        """The position of the last event in the log. Raises `Unavailable`."""

    def require(self, account_id: UUID, position: int) -> None:
        """From now on an older answer to the account is given only where there is no newer one."""


class PrimaryReads:
    """Reads of the one database that there is."""

    def __init__(self, database: Database, quick: Database | None = None) -> None:
        """`quick` are sessions for positions, which the reads cannot exhaust."""
        self._database = database
        self._quick = quick or database

    def snapshot(self, account_id: UUID) -> AbstractContextManager[tuple[Any, int]]:
        """See `Reads`."""
        return self._database.snapshot(account_id)

    def ask(self, account_id: UUID, *questions: Question) -> tuple[list[list[Any]], int]:
        """See `Reads`."""
        return self._database.ask(account_id, *questions)

    def positions(self, account_ids: Collection[UUID]) -> dict[UUID, int]:
        """See `Reads`."""
        return positions(self._quick, account_ids)

    def head(self) -> int:
        """See `Reads`."""
        return progress(self._quick)[1]

    def require(self, account_id: UUID, position: int) -> None:
        """The primary has no older answer than it gave before."""


class ReplicaReads:
    """Reads of a replica while it answers and is not too old, and of the primary otherwise, where that is allowed."""

    def __init__(
        self, replica: Database, quick_replica: Database, primary: Database, quick_primary: Database, *,
        fall_back: bool, lag_limit: float,
    ) -> None:  # fmt: skip
        """`lag_limit`: seconds that the replica may be behind. The `quick` sessions are for its supervision alone."""
        self._replica, self._quick_replica = replica, quick_replica
        self._primary, self._quick_primary = primary, quick_primary
        self.fall_back = fall_back
        self._lag_limit = lag_limit
        self._required: dict[UUID, int] = {}
        # When the primary was at which position, oldest first.
        self._primary_was: deque[tuple[float, int]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replica", daemon=True)
        self._looked_at = 0.0
        self._reason: str | None = None

    @property
    def unusable_because(self) -> str | None:
        """Why the replica is not read from now, if it is not."""
        if time.monotonic() - self._looked_at > PATIENCE:
            return "it does not answer"
        return self._reason

    def start(self) -> None:
        """Look at the replica now, and from time to time from here on."""
        self._look()
        self._thread.start()

    def close(self) -> None:
        """Stop looking at the replica."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @contextmanager
    def snapshot(self, account_id: UUID) -> Iterator[tuple[Any, int]]:
        """See `Reads`."""
        with ExitStack() as opened:
            state = self._replica_state(opened, account_id)
            if state is None:
                state = opened.enter_context(self._primary.snapshot(account_id))
                _reads.labels("primary").inc()
            self.require(account_id, state[1])
            yield state

    def ask(self, account_id: UUID, *questions: Question) -> tuple[list[list[Any]], int]:
        """See `Reads`."""
        answered = self._try_replica(account_id, lambda: self._replica.ask(account_id, *questions))
        if answered is None:
            answered = self._primary.ask(account_id, *questions)
            _reads.labels("primary").inc()
        self.require(account_id, answered[1])
        return answered

    def positions(self, account_ids: Collection[UUID]) -> dict[UUID, int]:
        """See `Reads`."""
        if self.unusable_because is None:
            return positions(self._quick_replica, account_ids)
        self._require_fallback()
        return positions(self._quick_primary, account_ids)

    def head(self) -> int:
        """See `Reads`."""
        return progress(self._quick_primary)[1]

    def require(self, account_id: UUID, position: int) -> None:
        """See `Reads`."""
        if position > self._required.get(account_id, 0):
            self._required[account_id] = position

    def _replica_state(self, opened: ExitStack, account_id: UUID) -> tuple[Any, int] | None:
        """A snapshot of the replica, or `None` where the primary is to answer."""
        with ExitStack() as trial:
            state = self._try_replica(account_id, lambda: trial.enter_context(self._replica.snapshot(account_id)))
            if state is not None:
                opened.push(trial.pop_all())
            return state

    def _try_replica(self, account_id: UUID, read: Callable[[], tuple[Found, int]]) -> tuple[Found, int] | None:
        """What a read of the replica found, with its position; `None` where it cannot answer, or is too old."""
        if self.unusable_because is not None:
            self._require_fallback()
            return None
        try:
            found, position = read()
        except Unavailable as unavailable:
            self._mark(unavailable.detail)
            self._require_fallback()
            return None
        if position < self._required.get(account_id, 0):
            # Newer answers were given while the primary stood in, or a write was not waited for to its end.
            self._require_fallback()
            return None
        _reads.labels("replica").inc()
        return found, position

    def _require_fallback(self) -> None:
        if not self.fall_back:
            because = self.unusable_because or "it is older than what was answered before"
            raise Unavailable("database_unavailable", f"the replica that answers reads cannot: {because}; try again")

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        try:
            self._primary_was.append((now, progress(self._quick_primary)[0]))
        except Unavailable:
            log.debug("primary_away", meaning="the replica is as good as it was")
        due = 0
        while self._primary_was and self._primary_was[0][0] <= now - self._lag_limit:
            due = self._primary_was.popleft()[1]
        try:
            position, _ = progress(self._quick_replica)
        except Unavailable as unavailable:
            self._mark(unavailable.detail)
        else:
            self._mark(f"it is more than {self._lag_limit:g} s behind" if position < due else None)

    def _mark(self, because: str | None) -> None:
        if because != self._reason or not self._looked_at:
            log.warning("replica_unusable", reason=because) if because else log.info("replica_usable")
        self._reason, self._looked_at = because, time.monotonic()
        _usable.set(because is None)
