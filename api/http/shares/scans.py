"""A scan of every customer of an account: given up when its client goes away, as a browser does for a newer filter.

A handler makes one, waits for its place with it (`api.http.read_your_writes.wait_for_scan_place`), and names the
session that scans; `api.http.route` gives it up. So an account's next scan does not wait for answers that no one reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from domain.errors import Unavailable

CANCEL_SECONDS = 2.0


class Scan:
    """One scan; its session is cancelled as soon as it is given up, and where it did not begin it never does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: Any = None
        self._is_given_up = False

    @contextmanager
    def on(self, connection: Any) -> Iterator[None]:
        """What is done within is done on this session of the database. Raises `Unavailable` where it is given up."""
        with self._lock:
            if self._is_given_up:
                raise Unavailable("preview_too_slow", "its client went away")
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None

    def give_up(self) -> None:
        """Cancel it; called by another thread than the one that scans."""
        with self._lock:
            self._is_given_up = True
            if self._connection is not None:
                self._connection.cancel_safe(timeout=CANCEL_SECONDS)
