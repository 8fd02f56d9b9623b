"""Exponential backoff with jitter, so that many processes do not retry an unavailable database at the same instant.

Used by the ingest loop and by both publishers.
"""

from __future__ import annotations

import random
import threading

FIRST_SECONDS = 0.1
MAX_SECONDS = 5.0


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
