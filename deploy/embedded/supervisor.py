"""Keeps a set of services running: restarts those that died, with growing delays while they keep dying.

Used by `up`, from its main thread. Services stop in the reverse of their order, so that no service loses
one that it needs; the roles at the end of it are all asked at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import structlog

from deploy.embedded.supervised import StartupError

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
# Seconds after which a service has recovered: after its next death the delay is short again.
PROVEN = 30.0

log = structlog.stdlib.get_logger("rollcall.up")


class Service(Protocol):
    """Something that is started, may die, and is stopped."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    def start(self) -> None:
        """Start it, also again after it died."""

    def alive(self) -> bool:
        """Returns whether it needs no start."""

    def stop(self) -> None:
        """Stop it and wait for the end."""


@runtime_checkable
class Asked(Protocol):
    """A service that can be asked to stop without waiting for it."""

    def ask_to_stop(self) -> None:
        """Begin to stop."""


@runtime_checkable
class Tended(Protocol):
    """A service that looks after itself while it runs."""

    def tend(self) -> None:
        """Look, without waiting for anything."""


@dataclass
class _Watched:
    service: Service
    started: float
    delay: float = FIRST_DELAY
    due: float | None = None


class Supervisor:
    """The services that run, in the order in which they were started."""

    def __init__(self) -> None:
        self._watched: list[_Watched] = []

    def start(self, service: Service) -> None:
        """Start a service and watch over it from now on. Raises `StartupError`."""
        self._watched.append(_Watched(service, time.monotonic()))
        service.start()

    def tend(self) -> None:
        """Restart the services that died and whose delay is over, and let the others look after themselves."""
        for watched in self._watched:
            if not watched.service.alive():
                self._revive(watched)
            elif isinstance(watched.service, Tended):
                watched.service.tend()

    def stop(self) -> None:
        """Stop everything that was ever started."""
        for watched in self._watched:
            if isinstance(watched.service, Asked):
                watched.service.ask_to_stop()
        for watched in reversed(self._watched):
            watched.service.stop()

    def _revive(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.due is None:
            if now - watched.started > PROVEN:
                watched.delay = FIRST_DELAY
            watched.due = now + watched.delay
            log.error("died", service=watched.service.name, again_in_seconds=watched.delay)
            watched.delay = min(watched.delay * 2, LONGEST_DELAY)
        if now < watched.due:
            return
        watched.due, watched.started = None, now
        try:
            watched.service.start()
        except StartupError as error:
            log.error("start_failed", service=watched.service.name, reason=str(error))
