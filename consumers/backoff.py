"""Exponential backoff with jitter, so that many processes do not retry an unavailable database at the same instant.

Used by the ingest loop and by both publishers. Also what says in the log what a process waits for: once, not at each
attempt.
"""

from __future__ import annotations

import random
import threading
import time

import structlog

from domain.errors import Unavailable

FIRST_SECONDS = 0.1
MAX_SECONDS = 5.0
AGAIN_SECONDS = 60.0

log = structlog.get_logger(__name__)


class Backoff:
    """Waits longer each time, up to `MAX_SECONDS`; every wait ends at once when `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._span = FIRST_SECONDS

    def wait(self) -> None:
        """Waits for a random time between half of the current span and all of it, then doubles the span."""
        self._stop.wait(self._span * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._span = min(MAX_SECONDS, self._span * 2)

    def reset(self) -> None:
        """After a success: the next wait is short again."""
        self._span = FIRST_SECONDS


class WaitLog:
    """Logs what is waited for when it begins or changes, and again every minute."""

    def __init__(self) -> None:
        self._said = ""
        self._at = 0.0

    def waiting(self, error: Unavailable) -> None:
        """Called at each failed attempt."""
        now = time.monotonic()
        if error.detail != self._said or now - self._at >= AGAIN_SECONDS:
            self._said, self._at = error.detail, now
            log.warning("waiting", code=error.code, reason=error.detail)

    def over(self) -> None:
        """Called at each attempt that succeeds."""
        self._said = ""
