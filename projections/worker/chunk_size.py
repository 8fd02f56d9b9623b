"""How many customers a chunk has, so that other changes wait a certain time for it. Used by the worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SECONDS = 0.08
LEAST, MOST = 2_000, 200_000


@dataclass(slots=True)
class ChunkSize:
    """A size that follows how long chunks take, or a `fixed` one."""

    fixed: int | None = None
    now: int = LEAST * 10

    def __post_init__(self) -> None:
        """A fixed size is there from the start."""
        self.now = self.fixed or self.now

    @contextmanager
    def measured(self) -> Iterator[int]:
        """The size of the next chunk, which is filled inside; how long that takes decides the size of the one after."""
        started = time.monotonic()
        yield self.now
        if self.fixed is None:
            seconds = max(time.monotonic() - started, 0.001)
            self.now = max(LEAST, min(MOST, int(self.now * min(2.0, SECONDS / seconds))))
