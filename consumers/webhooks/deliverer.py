"""Delivers webhooks: what the role `deliver` does.

The main thread leases webhooks that have something to deliver, and has a thread take a turn with each. Receivers that
are slow, or fail, have at most half of the places, so that they delay the others by no more than one another. While the
database is unavailable everything waits and retries; nothing waits for it. Any number of processes may run.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

import structlog

from consumers.backoff import Backoff
from consumers.webhooks.turn import Turns
from domain.errors import Unavailable
from projections.webhooks import deliveries
from projections.webhooks.leases import Holder, Lease

POLL_SECONDS = 0.2
UPKEEP_SECONDS = 600.0

log = structlog.get_logger(__name__)


class Deliverer:
    """Delivers webhooks until `stop` of its turns is set, `places` at once."""

    def __init__(self, turns: Turns, places: int) -> None:
        self._turns = turns
        self._places = places
        self._holder = Holder(turns.database)
        self._running: dict[UUID, tuple[Lease, Future[None]]] = {}
        self._upkeep_due = time.monotonic()
        self.waits_for: Unavailable | None = None
        """What is unavailable now, if anything. Safe to read from another thread."""

    def run(self) -> None:
        """Works until `stop` is set, finishing the messages at hand. Raises any error that waiting cannot cure."""
        stop = self._turns.stop
        backoff = Backoff(stop)
        try:
            with ThreadPoolExecutor(self._places, thread_name_prefix="deliver") as threads:
                try:
                    while not stop.wait(POLL_SECONDS):
                        try:
                            self._end_turns()
                            self._begin_turns(threads)
                        except Unavailable as error:
                            self.waits_for = error
                            log.warning("waiting", code=error.code, reason=error.detail)
                            backoff.wait()
                        else:
                            self.waits_for = None
                            backoff.reset()
                finally:
                    # Also where this thread fails: the others must not go on without it.
                    stop.set()
        finally:
            self._holder.close()
            self._turns.sender.close()

    def _begin_turns(self, threads: ThreadPoolExecutor) -> None:
        if time.monotonic() >= self._upkeep_due:
            deliveries.sweep(self._turns.database, self._turns.now())
            self._holder.pass_over_quiet()
            self._upkeep_due = time.monotonic() + UPKEEP_SECONDS
        places = self._places - len(self._running)
        slow_places = self._places // 2 - sum(lease.slow for lease, _ in self._running.values())
        if places <= 0:
            return
        leased = self._holder.lease(
            self._turns.now(), self._running.keys(), places=places, slow_places=max(0, slow_places)
        )
        for lease in leased:
            self._running[lease.webhook_id] = lease, threads.submit(self._turns.run, lease)

    def _end_turns(self) -> None:
        """Raises what ended a turn: `Unavailable`, or a bug."""
        ended = [(webhook_id, future) for webhook_id, (_, future) in self._running.items() if future.done()]
        for webhook_id, _ in ended:
            del self._running[webhook_id]
        for _, future in ended:
            future.result()
