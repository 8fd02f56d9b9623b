"""How long to wait for something that is away, so that many waiting processes do not come back at once."""

from __future__ import annotations

import random
import threading

FIRST = 0.1
LONGEST = 5.0


class Backoff:
    """Waits longer each time, up to five seconds, at random; ends at once when `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._next = FIRST

    def wait(self) -> None:
        """Wait for half to all of the present span, then double the span."""
        self._stop.wait(self._next * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._next = min(LONGEST, self._next * 2)

    def reset(self) -> None:
        """It answered: begin with short waits again."""
        self._next = FIRST
