"""Says in the database what a process that uses Kafka is doing: a thread of `ingest` and of `publish`.

The Health page and `/readyz` are answered by other processes, which know nothing of this one. What always holds: it
never stops the process that it reports on; while the database is away it says nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from domain.errors import Unavailable
from projections.postgres.database import Database
from projections.records import kafka_state
from projections.records.kafka_state import Waiting

INTERVAL_SECONDS = 2.0

log = structlog.get_logger(__name__)
Lags = Mapping[tuple[str, int], int]


class StateReporter:
    """Reports every two seconds until it is closed, what `waits_for` and `lags` return at that moment."""

    def __init__(
        self,
        database: Database,
        role: str,
        now: Callable[[], datetime],
        waits_for: Callable[[], tuple[str, str] | None],
        lags: Callable[[], Lags] = dict,
        accounts: Mapping[str, UUID] | None = None,
    ) -> None:
        self._database = database
        self._role = role
        self._now = now
        self._waits_for = waits_for
        self._lags = lags
        self._accounts = accounts or {}
        self._process = uuid4()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stops the thread, and takes the process off the list."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._unless_away(lambda: kafka_state.forget(self._database, self._process))

    def report(self) -> None:
        """Reports once. Raises `Unavailable`."""
        code, detail = self._waits_for() or (None, None)
        lags = {where: (self._accounts[where[0]], lag) for where, lag in self._lags().items()}
        kafka_state.save(self._database, self._process, Waiting(self._role, code, detail), lags, self._now())

    def _run(self) -> None:
        while True:
            self._unless_away(self.report)
            if self._stop.wait(INTERVAL_SECONDS):
                return

    def _unless_away(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Unavailable as away:
            log.debug("state_unknown", reason=str(away))
        except Exception:
            log.warning("state_unknown", exc_info=True)
