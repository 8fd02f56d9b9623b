"""Counts over time: token buckets for requests and lines in a second, and the instants of what failed lately.

Used by `api.http.shares.limits`. Threads and the event loop share a bucket.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

BURST_SECONDS = 5


class Bucket:
    """Tokens that come at `rate` per second, at most `burst` of them."""

    def __init__(self, rate: float, burst: float | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = rate * BURST_SECONDS if burst is None else burst
        self._now = now
        self._tokens = self.burst
        self._at = now()
        self._lock = threading.Lock()

    def take(self, tokens: float = 1, *, on_credit: bool = False) -> float:
        """Takes tokens. Returns 0, or, having taken none, the seconds until there are enough.

        With `on_credit` one token is enough to take any number: what is missing has to come before the next.
        """
        with self._lock:
            self._refill()
            needed = min(tokens, 1) if on_credit else tokens
            if self._tokens >= needed:
                self._tokens -= tokens
                return 0
            return (needed - self._tokens) / self.rate

    @property
    def remaining(self) -> int:
        """How many tokens there are now."""
        with self._lock:
            self._refill()
            return max(0, int(self._tokens))

    @property
    def is_full(self) -> bool:
        """Whether no token was taken that has not come back: the bucket says nothing then."""
        with self._lock:
            self._refill()
            return self._tokens >= self.burst

    @property
    def window(self) -> int:
        """The seconds in which an empty bucket is full again."""
        return max(1, math.ceil(self.burst / self.rate))

    def _refill(self) -> None:
        now = self._now()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now


class Recent:
    """The last instants, at most `most` of them, at which something happened."""

    def __init__(self, most: int) -> None:
        self._instants: deque[datetime] = deque(maxlen=most)
        self._lock = threading.Lock()

    def add(self, at: datetime) -> None:
        """Adds an instant."""
        with self._lock:
            self._instants.append(at)

    def remove(self, at: datetime) -> None:
        """Removes an instant, where it is still there."""
        with self._lock, suppress(ValueError):
            self._instants.remove(at)

    def since(self, start: datetime) -> int:
        """Returns how many of them are later than `start`."""
        with self._lock:
            return sum(at > start for at in self._instants)
