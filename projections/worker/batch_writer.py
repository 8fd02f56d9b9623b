"""Writes one batch of the projection worker while the next one is matched.

PostgreSQL writes for about as long as Python matches, so the two take turns on one batch and overlap over two. What
always holds: batches are written one at a time and in order, each in one transaction of its own; the first that fails
is the last that is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class BatchWriter:
    """A thread that executes what it is given, of which one may be unfinished."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch-writer")
        self._unfinished: Future[None] | None = None

    def start(self, write: Callable[[], None]) -> None:
        """Wait for what was started before, then start `write`. Raises the error of the one before."""
        self.finish()
        self._unfinished = self._thread.submit(write)

    def finish(self) -> None:
        """Wait for what was started. Raises its error."""
        unfinished, self._unfinished = self._unfinished, None
        if unfinished is not None:
            unfinished.result()
